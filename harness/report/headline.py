"""What a report begins with: its title, what became of all gates, and the plot of all cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.analysis.findings import Findings
from harness.language import Words
from harness.reasons.kinds import ON_PURPOSE
from harness.records import Run
from harness.report.judged.sections import JudgedPart

if TYPE_CHECKING:
    from harness.report.plots.write_plots import Picture, PlotKind

_BASELESS = "no_baseline"
_LEADS = ("forest", "judged")


def verdict(run: Run, findings: Findings, judged: JudgedPart, t: Words) -> str:
    """Return the verdict on all gates, which the title ends with."""
    if any(gate.failed for gate in run.gates):
        said = _and_unjudged(t["failed"], run, t)
    elif run.info.lost:
        said = _and_unjudged(t["incomplete"], run, t)
    elif run.info.stopped:
        said = _and_unjudged("", run, t)
    elif not run.rows and not judged.sections:
        said = t["empty"]
    elif not run.gates:
        said = t["unjudged" if run.unjudged else "ungated"]
        if any(reason.kind == _BASELESS for _, reason in run.unjudged):
            said = _and_unjudged("", run, t)
    elif run.unjudged or any(gate.verdict != "pass" for gate in run.gates):
        said = _undecided(run, t)
    else:
        said = t["passed"]
    before = [t["made_up_title"]] if findings.made_up else []
    before += [t["partial"]] if run.info.stopped else []
    return ", ".join(one for one in (*before, said, judged.word) if one)


def _undecided(run: Run, t: Words) -> str:
    verdicts = Counter(gate.verdict for gate in run.gates)
    parts = [t.say("undecided_passed", count=verdicts["pass"])]
    if verdicts["inconclusive"]:
        parts.append(t.say("undecided_inconclusive", count=verdicts["inconclusive"]))
    return t.say("undecided", parts=", ".join([*parts, *_unjudged(run, t)]))


def _and_unjudged(said: str, run: Run, t: Words) -> str:
    return ", ".join(one for one in (said, *_unjudged(run, t)) if one)


def _unjudged(run: Run, t: Words) -> list[str]:
    """Return how many gates were not judged, and apart from them how many lack a baseline."""
    baseless = sum(reason.kind == _BASELESS for _, reason in run.unjudged)
    numbers = {"unjudged": len(run.unjudged) - baseless, "baseless": baseless}
    return [t.say(f"undecided_{key}", count=n) for key, n in numbers.items() if n]


def open_line(run: Run, more: int, t: Words) -> str:
    """Say what open gates mean, and a run in which none was judged; "" where there are neither.

    Args:
        run: The run.
        more: How many open gates are not shown beside it; may be negative.
        t: The words of the report's language.
    """
    if any(one.verdict == "inconclusive" and not one.failed for one in run.gates):
        return t.say("open_line", more=max(0, more))
    meant = any(reason.kind in ON_PURPOSE for _, reason in run.unjudged)
    none = run.unjudged and not run.gates and not run.info.lost and not meant
    return t["unjudged_line"] if none else ""


def counts(run: Run, t: Words, *, labelled: bool) -> str:
    """Return how many gates came to what, and how many cells or probes ran."""
    verdicts = Counter(gate.verdict for gate in run.gates)
    return t.say(
        "verdict" if labelled else "verdict_judged",
        passed=verdicts["pass"],
        failed=verdicts["fail"],
        open=verdicts["inconclusive"],
        unjudged=len(run.unjudged),
        cells=len(run.rows),
        skipped=len(run.skipped),
    )


def lead_plot(kinds: Sequence[PlotKind]) -> tuple[Picture | None, str, tuple[PlotKind, ...]]:
    """Return the forest plot that a report begins with, how to read it, and all other plots."""
    for kind in kinds:
        if kind.name in _LEADS and kind.pictures:
            rest = replace(kind, pictures=kind.pictures[1:])
            others = [one for one in kinds if one is not kind]
            kept = (rest,) if rest.pictures or rest.problem else ()
            return kind.pictures[0], kind.note, (*kept, *others)
    return None, "", tuple(kinds)
