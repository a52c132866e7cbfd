"""What a report begins with: its title, what became of all gates, and the plot of all cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.analysis.findings import Findings
from harness.gates.alarms import alarms
from harness.language import Words
from harness.markdown import code
from harness.reasons.kinds import ON_PURPOSE
from harness.records import TIERS, Gate, Run
from harness.report.judged.sections import JudgedPart

if TYPE_CHECKING:
    from harness.report.plots.write_plots import Picture, PlotKind

_BASELESS = "no_baseline"
# A gate that fails more often than one by a 95% interval should is named.
_GRAVE = 0.03
_LEADS = ("forest", "judged")


def verdict(run: Run, findings: Findings, judged: JudgedPart, t: Words) -> str:
    """Return the verdict on all gates, which the title ends with: by the critical ones alone."""
    critical = [gate for gate in run.gates if gate.tier == "critical"]
    if any(gate.failed for gate in run.gates):
        said = _and_unjudged(t["failed"], run, t)
    elif run.info.lost:
        said = _and_unjudged(t["incomplete"], run, t)
    elif run.info.stopped:
        said = _and_unjudged("", run, t)
    elif not run.rows and not judged.sections:
        said = t["empty"]
    elif not critical:
        said = t["unjudged" if run.unjudged else "only_advisory" if run.gates else "ungated"]
        if any(reason.kind == _BASELESS for _, reason in run.unjudged):
            said = _and_unjudged("", run, t)
    elif run.unjudged or any(gate.verdict != "pass" for gate in critical):
        said = _undecided(run, t)
    else:
        said = t["passed"]
    before = [t["made_up_title"]] if findings.made_up else []
    before += [t["partial"]] if run.info.stopped else []
    unmet = sum(gate.verdict == "fail" for gate in run.gates if gate.tier == "advisory")
    after = t.say("advisory_unmet", count=unmet) if unmet else ""
    return ", ".join(one for one in (*before, said, after, judged.word) if one)


def _undecided(run: Run, t: Words) -> str:
    verdicts = Counter(gate.verdict for gate in run.gates if gate.tier == "critical")
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


def left_open(gates: Sequence[Gate]) -> list[Gate]:
    """Return the gates that do not pass and fail nothing: advisory ones that are not met first."""
    left = [gate for gate in gates if gate.verdict != "pass" and not gate.failed]
    return sorted(left, key=lambda gate: gate.verdict != "fail")


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
    critical, advisory = (
        Counter(gate.verdict for gate in run.gates if gate.tier == tier) for tier in TIERS
    )
    told = {"passed": advisory["pass"], "failed": advisory["fail"],
            "open": advisory["inconclusive"]}  # fmt: skip
    return t.say(
        "verdict" if labelled else "verdict_judged",
        passed=critical["pass"],
        failed=critical["fail"],
        open=critical["inconclusive"],
        advisory=t.say("advisory_counts", **told) if advisory else "",
        unjudged=len(run.unjudged),
        cells=len(run.rows),
        trained=sum(row.train_rows > 0 for row in run.rows),
        skipped=len(run.skipped),
    )


def alarm_line(run: Run, t: Words) -> str:
    """Say how often the critical gates fail where nothing has become worse; "" without any."""
    found = alarms(run)
    if found is None or not found.gates:
        return ""
    grave = found.worst is not None and found.of_worst > _GRAVE
    return t.say(
        "alarm_line",
        gates=found.gates,
        chance=_chance(found.chance),
        worst=code(found.worst.id) if found.worst and grave else "",
        of_worst=_chance(found.of_worst),
        unknown=found.unknown,
    )


def _chance(value: float) -> str:
    return "<0.1%" if value < 0.001 else f"{value:.1%}"


def lead_plot(kinds: Sequence[PlotKind]) -> tuple[Picture | None, str, tuple[PlotKind, ...]]:
    """Return the forest plot that a report begins with, how to read it, and all other plots."""
    for kind in kinds:
        if kind.name in _LEADS and kind.pictures:
            rest = replace(kind, pictures=kind.pictures[1:])
            others = [one for one in kinds if one is not kind]
            kept = (rest,) if rest.pictures or rest.problem else ()
            return kind.pictures[0], kind.note, (*kept, *others)
    return None, "", tuple(kinds)
