"""What a report begins with: its title, what became of all gates, and the plot of all cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.analysis.findings import Findings
from harness.language import Words
from harness.records import Run
from harness.report.judged.sections import JudgedPart

if TYPE_CHECKING:
    from harness.report.plots.write_plots import Picture, PlotKind

_LEADS = ("forest", "judged")


def verdict(run: Run, findings: Findings, judged: JudgedPart, t: Words) -> str:
    """Return the verdict on all gates, which the title ends with."""
    if any(gate.failed for gate in run.gates):
        said = t["failed"]
    elif run.info.lost:
        said = t["incomplete"]
    elif not run.rows and not judged.sections:
        said = t["empty"]
    elif not run.gates:
        said = t["unjudged" if run.unjudged else "ungated"]
    elif run.unjudged or any(gate.verdict != "pass" for gate in run.gates):
        said = _undecided(run, t)
    else:
        said = t["passed"]
    before = [t["made_up_title"]] if findings.made_up else []
    return ", ".join([*before, said, *([judged.word] if judged.word else [])])


def _undecided(run: Run, t: Words) -> str:
    verdicts = Counter(gate.verdict for gate in run.gates)
    numbers = {"inconclusive": verdicts["inconclusive"], "unjudged": len(run.unjudged)}
    parts = [t.say("undecided_passed", count=verdicts["pass"])]
    parts += [t.say(f"undecided_{key}", count=n) for key, n in numbers.items() if n]
    return t.say("undecided", parts=", ".join(parts))


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
