"""How far a model is from the classifiers that stand beside it, in words."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import Comparison
from harness.analysis.verdicts import verdict
from harness.language import Words
from harness.markdown import code
from harness.report import sentences
from harness.report.format import count, fraction


def against_trained(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each classifier how far a model's best cells are from it."""
    found: list[str] = []
    for group in _by_trained(compared):
        row = group[0].first
        said = {
            c.figure: t.say(
                "c_trained_part",
                figure=t[f"f_{c.figure}"],
                cell=code(c.second.cell),
                value=fraction(c.difference.second),
                other=fraction(c.difference.first),
                detail=sentences.shown_detail(c, t),
            )
            for c in group
        }
        parts = sentences.ranked(group, said, t)
        if left := max(c.left_out for c in group):
            parts.append(t.say("c_left_out", count=left))
        found.append(
            t.say(
                "c_trained",
                trained=code(row.cell),
                rows="" if row.encoder else count(row.train_rows),
                verdict=t[f"c_b_{verdict(group)}"],
                figures="; ".join(parts),
            )
        )
        if (total := max(c.chosen_of for c in group)) > 1:
            found[-1] += t.say("c_trained_chosen", total=t.say("n_cells", count=total))
    return found


def _by_trained(compared: Sequence[Comparison]) -> list[list[Comparison]]:
    groups: dict[str, list[Comparison]] = {}
    for c in compared:
        if c.kind == "trained":
            groups.setdefault(c.first.cell, []).append(c)
    return list(groups.values())
