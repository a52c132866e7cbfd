"""What a session says at its end, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.records import Gate, Run


def closing_lines(run: Run, report: Path, config: pytest.Config) -> Iterator[str]:
    """Yield which gates want a look, what to know of a run, what it lacks and what it wrote."""
    for gate in run.gates:
        if gate.failed:
            yield f"{gate.evalset}::{gate.id}: {gate.line}"
        elif _warns(gate):
            yield f"warning: {gate.evalset}::{gate.id}: {gate.line}"
    yield from (*_notes(run), *_doubts(run))
    yield from (f"lost: {one.text}" for one in run.info.lost)
    yield from (f"partial: {one.text}" for one in run.info.stopped)
    if config.getoption("--eval-write-baseline"):
        from harness.plugin.accepting import accepted_lines

        yield from accepted_lines(run, config, kept=report.parent)
    here = config.invocation_params.dir
    yield f"report: {report.relative_to(here) if report.is_relative_to(here) else report}"


def _warns(gate: Gate) -> bool:
    """Return whether a gate that does not fail is told: an advisory one wherever it is not met."""
    if gate.tier == "advisory":
        return gate.verdict == "fail" or (
            gate.verdict == "inconclusive" and gate.on_inconclusive != "pass"
        )
    return gate.verdict == "inconclusive" and gate.on_inconclusive == "warn"


def _notes(run: Run) -> list[str]:
    from harness.report.notes import plain_note

    return [f"warning: {plain_note(note)}" for note in run.info.notes]


def _doubts(run: Run) -> list[str]:
    """Say which figures are of no model or no sample, and which judges gate nothing."""
    from harness.analysis.cautions import made_up

    lines = [f"warning: the engine fake made up the answers of {name}; its figures say nothing"
             for name in made_up(run.info.engines)]  # fmt: skip
    for row in run.rows:
        if row.unscored and not row.n:
            # Each prompt that is too long has a reason of its own: the commonest stands for all.
            reason = max(row.reasons, key=lambda one: row.reasons[one], default=None)
            said = reason.text if reason else ""
            lines.append(f"warning: {row.evalset}::{row.cell}: none of {row.unscored} samples has "
                         f"a verdict, most often: {' '.join(said.split())}")  # fmt: skip
    for judge in run.judged.judges:
        if not judge.check.trusted:
            lines.append(f"untrusted: {judge.evalset}: {judge.judge} gates nothing: "
                         f"{judge.check.problem.text if judge.check.problem else ''}")  # fmt: skip
        if judge.void:
            lines.append(f"void: {judge.evalset}: {judge.void.text}")
    return lines
