"""The title of a report and the line below it: what became of all gates."""

from __future__ import annotations

from collections import Counter

from harness.analysis.findings import Findings
from harness.language import Words
from harness.records import Run
from harness.report.judged.sections import JudgedPart


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
