"""What a session that ran to its end may not pass for: one in which something was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.plugin.tally import Tally
    from harness.reasons import Reason
    from harness.records import Run

# Gates that a run is not meant to judge: it writes their baselines, or its answers are made up.
_ON_PURPOSE = {"baseline_written", "made_up_answers"}
_NAMED = 5


def nothing_judged(run: Run | None, tally: Tally, *, fake: bool) -> str:
    """Return why a session has judged nothing; "" where it has, or was not meant to.

    Args:
        run: What was saved, None if nothing was.
        tally: What became of its cells and gates.
        fake: Whether it was asked for made-up answers.
    """
    if fake or any(one.kind in _ON_PURPOSE for one in tally.unjudged.values()):
        return ""
    if run is None:
        if reasons := list(tally.skipped.values()) or list(tally.unjudged.values()):
            what = "cells" if tally.skipped else "gates"
            return f"all {what} were skipped, most often: {_commonest(reasons)}"
        return ""
    if run.gates or run.info.lost:
        return ""
    if run.unjudged:
        reasons = [reason for _, reason in run.unjudged]
        return f"none of {len(reasons)} gates was judged, most often: {_commonest(reasons)}"
    return "" if _figures(run) else _without_figures(run)


def _figures(run: Run) -> bool:
    """Return whether a sample has a verdict, or a probe a score of judges that are trusted."""
    doubted = {one.evalset for one in run.judged.judges if not one.check.trusted or one.void}
    probes = (one for one in run.judged.probes if one.evalset not in doubted)
    return any(row.n for row in run.rows) or any(one.scores for one in probes)


def _without_figures(run: Run) -> str:
    if any(one.scores for one in run.judged.probes):
        names = ", ".join(dict.fromkeys(one.judge for one in run.judged.judges))
        return f"all scores are of judges that are not trusted or void ({names})"
    return "no sample and no probe has a verdict"


def _commonest(reasons: Sequence[Reason]) -> str:
    return Counter(reasons).most_common(1)[0][0].text


def left_open(run: Run | None, tally: Tally) -> Iterator[str]:
    """Yield what `--eval-strict` fails a session for, a line each."""
    yield from _named("skipped", list(tally.skipped))
    unjudged = [name for name, why in tally.unjudged.items() if why.kind != "baseline_written"]
    yield from _named("not judged", unjudged)
    if run is None:
        return
    gates = [f"{one.evalset}::{one.id}" for one in run.gates if one.verdict == "inconclusive"]
    yield from _named("inconclusive", gates)
    untrusted = [f"{one.evalset}: {one.judge}" for one in run.judged.judges
                 if not one.check.trusted]  # fmt: skip
    yield from _named("judges that are not trusted", untrusted)
    void = [f"{one.evalset}: {one.judge}" for one in run.judged.judges if one.void]
    yield from _named("judges whose canaries broke", void)


def _named(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"strict: {len(names)} {what}: {', '.join(names[:_NAMED])}{more}"
