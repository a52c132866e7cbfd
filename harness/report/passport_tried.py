"""What a passport's page says of the rubrics that were tried on its gold."""

from __future__ import annotations

from harness.judge.passport import Passport
from harness.judge.tried import rubrics_tried
from harness.language import Words
from harness.markdown import code


def tried_lines(passport: Passport, t: Words) -> list[str]:
    """Say of each gold set by how many rubrics the judge was measured on it."""
    sets = {one.name: one.digest for one in passport.sets}
    if passport.points:
        sets |= {one.name: one.digest for one in passport.points.sets}
    tried = {name: rubrics_tried(passport, digest) for name, digest in sets.items()}
    return [
        t.say("pass_tried", set=code(name), count=k, level=f"{100 - 5 / k:.4g}")
        for name, k in tried.items()
        if k > 1
    ]
