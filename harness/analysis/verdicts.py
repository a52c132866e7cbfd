"""What the comparisons of two cells, or of one model, say together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.analysis.findings import Comparison, Kind, ModelVerdict, Overall, PairVerdict, Verdict

_VERDICTS: dict[int, Verdict] = {1: "helps", -1: "hurts", 0: "same"}


def by_pair(compared: Sequence[Comparison], kind: Kind) -> list[list[Comparison]]:
    """Return the comparisons of one kind, those of the same two cells together."""
    groups: dict[tuple[str, str, str], list[Comparison]] = {}
    for c in compared:
        if c.kind == kind:
            groups.setdefault((c.first.evalset, c.first.cell, c.second.cell), []).append(c)
    return list(groups.values())


def decisive(group: Sequence[Comparison]) -> Comparison | None:
    """Return the comparison by the set's primary figure, None where there is none."""
    return next((c for c in group if c.primary), None)


def verdict(group: Sequence[Comparison]) -> Verdict:
    """Judge one cell against another by the set's primary figure, and by nothing else."""
    found = decisive(group)
    return "open" if found is None else _VERDICTS[found.sign]


def overall(groups: Iterable[Sequence[Comparison]]) -> Overall:
    """Sum up the verdicts on several pairs of cells."""
    found = {verdict(group) for group in groups} - {"open"}
    if {"helps", "hurts"} <= found:
        return "mixed"
    if "helps" in found:
        return "helps" if found == {"helps"} else "partly_helps"
    if "hurts" in found:
        return "hurts" if found == {"hurts"} else "partly_hurts"
    return "same"


def pair_verdicts(compared: Sequence[Comparison]) -> Iterable[PairVerdict]:
    """Yield the verdict on each two cells, for each kind of comparison."""
    for kind in dict.fromkeys(c.kind for c in compared):
        for group in by_pair(compared, kind):
            yield PairVerdict(kind, group[0].first, group[0].second, verdict(group))


def model_verdicts(compared: Sequence[Comparison]) -> Iterable[ModelVerdict]:
    """Yield for each model of each eval set what its shots and its selectors do."""
    for evalset, model in dict.fromkeys((c.second.evalset, c.second.model) for c in compared):
        own = [c for c in compared if (c.second.evalset, c.second.model) == (evalset, model)]
        if shots := by_pair(own, "shots"):
            yield ModelVerdict(evalset, model, "shots", "", overall(shots))
        for about, groups in by_selector(own).items():
            yield ModelVerdict(evalset, model, "selector", about, overall(groups))


def by_selector(compared: Sequence[Comparison]) -> dict[str, list[list[Comparison]]]:
    """Return the compared pairs of each way of choosing shots."""
    found: dict[str, list[list[Comparison]]] = {}
    for group in by_pair(compared, "selector"):
        found.setdefault(group[0].second.selector or "", []).append(group)
    return found
