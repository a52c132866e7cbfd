"""What differs between a cell of run A and one of run B, and why two cannot be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.analysis.flips import Samples
from harness.reasons import Reason
from harness.records import EngineInfo, Provenance, Result, Row, Run, Treatment
from harness.run.provenance import told_changes, without_text
from harness.run.treatment import changed, treatment


@dataclass(frozen=True, slots=True)
class Differs:
    """The treatment of a pair; see `harness.analysis.run_findings.CellPair`."""

    treatment: tuple[Treatment, ...]
    changed: tuple[str, ...]
    known: bool


class Sides:
    """What the cells of one run rest on."""

    def __init__(self, run: Run) -> None:
        """Sort the run by cell."""
        self._kept = {(one.evalset, one.cell): one.provenance for one in run.provenances}
        self._engines: Mapping[str, EngineInfo] = {
            name: one for one in run.info.engines for name in one.model.split(", ")
        }

    def kept(self, row: Row) -> Provenance | None:
        """Return what the run says of a cell, None where an earlier version saved it."""
        return self._kept.get((row.evalset, row.cell))

    def told(self, row: Row) -> Provenance:
        """Return what the run's tables say of a cell, names in place of digests."""
        engine = self._engines.get(row.model)
        return Provenance(
            data="",
            wording=row.prompt,
            prompts=f"{row.prompt} {row.mode}",
            scoring=row.scoring,
            model=engine.digest if engine else row.model,
            adapter="",
            engine=f"{engine.engine} {engine.version}" if engine else "",
            numbers=f"{engine.dtype}, {engine.device}" if engine else "",
            # Runs of before thoughts were known have no place of their answers.
            thinking="" if row.place == "none" else f"{row.thinking or 'not set'} ({row.place})",
            template=without_text(row.template),
        )


def differences(first: Row, second: Row, a: Sides, b: Sides) -> Differs:
    """Return what differs between two cells that can be compared."""
    before, now = a.kept(first), b.kept(second)
    known = before is not None and now is not None
    if before is None or now is None:
        before, now = a.told(first), b.told(second)
        if "" in (before.thinking, now.thinking):
            before, now = replace(before, thinking=""), replace(now, thinking="")
    named = told_changes([
        ("model", first.model, second.model),
        ("prompt", first.prompt, second.prompt),
        ("mode", first.mode, second.mode),
    ])  # fmt: skip
    return Differs(treatment(before, now), named + changed(before, now), known)


def refusal(
    first: Row, second: Row, results: tuple[Samples, Samples], a: Sides, b: Sides
) -> Reason | None:
    """Return why two cells cannot be compared, None where they can.

    Args:
        first: Of run A.
        second: Of run B.
        results: Of both, by sample.
        a: What run A rests on.
        b: Likewise run B.
    """
    mine, theirs = results
    shared = mine.keys() & theirs.keys()
    if len(shared) < max(len(mine), len(theirs)):
        same = sum(_same(mine[name], theirs[name]) for name in shared)
        return Reason("pair_samples", {"first": len(mine), "second": len(theirs), "shared": same})
    pairs = [(mine[name], theirs[name]) for name in shared]
    if other := sum(x.target != y.target for x, y in pairs):
        return Reason("pair_targets", {"other": other, "total": len(pairs)})
    if list(first.targets) != list(second.targets):
        return Reason("pair_labels", {"first": _listed(first), "second": _listed(second)})
    if other := sum(_other_text(x, y) for x, y in pairs):
        return Reason("pair_texts", {"other": other, "total": len(pairs)})
    before, now = a.kept(first), b.kept(second)
    untold = any(not (x.text and y.text) for x, y in pairs)
    if before and now and untold and before.data != now.data:
        return Reason("pair_data")
    if first.scoring != second.scoring:
        return Reason("pair_scoring", {"first": first.scoring, "second": second.scoring})
    if before and now and before.scoring != now.scoring:
        return Reason("pair_scoring", {"first": before.scoring, "second": now.scoring})
    return None


def _same(first: Result, second: Result) -> bool:
    return first.target == second.target and not _other_text(first, second)


def _other_text(first: Result, second: Result) -> bool:
    """Return whether two texts differ; a run that was saved without texts says nothing of them."""
    return bool(first.text and second.text) and first.text != second.text


def _listed(row: Row) -> str:
    return ", ".join(row.targets)
