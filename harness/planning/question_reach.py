"""What each question of a report could show, before there are samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.findings import Comparison, Kind, Question
from harness.analysis.pairings import Pairing, pairings
from harness.analysis.ranking import grouped
from harness.gates.threshold import half_width_detectable
from harness.planning.earlier import EarlierRun
from harness.planning.gate_reach import (
    ASSUMED_AUC,
    ASSUMED_CORRELATION,
    ASSUMED_DISCORDANT,
    assumed_auc,
)
from harness.planning.size import Size
from harness.records import Row
from harness.run.cells import Cell
from harness.stats import mde_paired
from harness.stats.planned_auc import mde_paired_auc

_ALPHA = 0.05
# Calibration compares a cell with itself: what an assumed share of pairs says does not fit it.
_KINDS: tuple[Kind, ...] = ("shots", "placement", "wording", "selector", "order", "thinking",
                            "model", "trained")  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuestionReach:
    """What the comparisons of one question could show by the primary figure.

    Attributes:
        comparisons: How many the set has.
        tests: Comparisons of the question over all sets, which are tested together.
        far: True difference that one of them shows in 80%; infinity where none is.
        mean: True mean difference that is shown in 80%, None where no run says it.
        basis: On what these rest, in words.
    """

    evalset: str
    kind: Kind
    figure: str
    comparisons: int
    tests: int
    far: float
    mean: float | None
    basis: str


def question_reaches(
    cells: Sequence[Cell], sizes: Mapping[str, Size], last: Mapping[str, EarlierRun | None]
) -> list[QuestionReach]:
    """Return what each question of each set could show.

    Args:
        cells: Those that would run, of all sets.
        sizes: Samples of each set.
        last: The last run of each set.
    """
    rows = [planned_row(cell) for cell in cells]
    every = _counted([one for one in pairings(rows) if one.kind in _KINDS])
    strict = any(row.family == "report" for row in rows)
    found: list[QuestionReach] = []
    for own in grouped(rows, lambda row: row.evalset):
        evalset = own[0].evalset
        size = sizes[evalset]
        if not size.n:
            continue
        for kind in _KINDS:
            mine = [one for one in every if one.evalset == evalset and one.kind == kind]
            tests = len(every) if strict else sum(one.kind == kind for one in every)
            if mine:
                found.append(_reach(evalset, kind, own[0].primary, (len(mine), tests), size,
                                    last[evalset]))  # fmt: skip
    return found


def planned_row(cell: Cell) -> Row:
    """Return the row of a cell that has not run: what it is, without any figure."""
    mode, labels = cell.mode, list(cell.evalset.labels)
    return Row(
        evalset=cell.path,
        cell=cell.id,
        model=cell.model,
        prompt=cell.prompt.id if cell.prompt else "",
        mode=mode.name,
        k=mode.k,
        placement=mode.placement,
        selector=mode.selector,
        seed=mode.seed,
        scoring=cell.scoring,
        n=0,
        unscored=0,
        reasons={},
        figures={},
        shares={},
        targets=dict.fromkeys(labels, 1 / len(labels)),
        prompt_tokens=0.0,
        order=mode.order if mode.k else None,
        train_rows=1 if mode.trained else 0,
        encoder=mode.encoder or "",
        thinking=mode.thinking.name if mode.thinking else "",
        primary=_primary(cell),
        family=cell.evalset.family,
        wordings=cell.evalset.wordings,
    )


def _primary(cell: Cell) -> str:
    """Return the figure that verdicts on a set go by, as its cells can have it."""
    if cell.evalset.primary:
        return cell.evalset.primary
    if cell.evalset.scoring.asks != "logprobs":
        return "accuracy"
    return "auc" if len(cell.evalset.labels) == 2 else "calibrated_accuracy"


def _counted(found: Sequence[Pairing]) -> list[Pairing]:
    """Return the pairings that are tested: of wordings, only the nearest rivals of a mode."""
    seen: set[object] = set()
    kept: list[Pairing] = []
    for one in found:
        if one.kind == "wording":
            if one.one_of in seen:
                continue
            seen.add(one.one_of)
        kept.append(one)
    return kept


def _reach(
    evalset: str,
    kind: Kind,
    figure: str,
    counts: tuple[int, int],
    size: Size,
    last: EarlierRun | None,
) -> QuestionReach:
    comparisons, tests = counts
    findings = last.findings if last else None
    known: list[Comparison] = [
        c for c in (findings.comparisons if findings else ())
        if c.kind == kind and c.primary and c.figure == figure and c.second.evalset == evalset
    ]  # fmt: skip
    if known:
        means: list[Question] = [
            q for q in (findings.questions if findings else ())
            if q.kind == kind and q.evalset == evalset and q.comparisons > 1
        ]  # fmt: skip
        n = max(c.difference.n for c in known)
        far = max(_scaled(c.low, c.high, n, size) for c in known)
        mean = max((_scaled(q.low, q.high, n, size) for q in means), default=None)
        return QuestionReach(evalset, kind, figure, comparisons, tests, far, mean,
                             "by the intervals of the last run")  # fmt: skip
    alpha = _ALPHA / tests
    if figure == "auc":
        far = mde_paired_auc(size.first, size.n - size.first, ASSUMED_AUC, ASSUMED_CORRELATION,
                             alpha=alpha)  # fmt: skip
        basis = assumed_auc()
    else:
        far = mde_paired(size.n, ASSUMED_DISCORDANT, alpha=alpha)
        basis = f"{ASSUMED_DISCORDANT:.0%} of pairs differ, assumed"
    return QuestionReach(evalset, kind, figure, comparisons, tests, far, None, basis)


def _scaled(low: float, high: float, n: int, size: Size) -> float:
    """Return what an interval of n samples says of so many others."""
    scale = math.sqrt(n / size.n)
    return half_width_detectable(low * scale, high * scale, most=1.0)
