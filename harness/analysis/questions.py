"""One estimate a question: the mean of its comparisons, over draws of shots if there are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from harness.analysis.cell_findings import ALPHA, Comparison, Kind
from harness.analysis.pairings import Pairing, level, pairings
from harness.analysis.question_findings import Question, Singles
from harness.analysis.ranking import primaries
from harness.analysis.tested import CALIBRATED, Cells, stacked
from harness.figures.columns import Column
from harness.figures.pairs import pair_scores
from harness.records import Row
from harness.stats import Difference
from harness.stats.pooled import FEWEST_WORDINGS, Pooled, averaged, differ, pooled

_POOLED: tuple[Kind, ...] = ("shots", "selector", "order", "thinking", "placement", "wording",
                             "model", "calibration", "contextual")  # fmt: skip
_KINDS = (*_POOLED, "trained")
# In these, a side that is drawn anew is drawn for both sides, or for the only one with shots.
_DRAWN = ("shots", "placement", "selector", "order")
# Of two draws, an interval for others held the truth in as few as 86% of studies.
_FEWEST = 3


def questions(rows: Sequence[Row], cells: Cells, compared: Sequence[Comparison]) -> list[Question]:
    """Return an answer to each question of each model, from its comparisons by the primary figure.

    Args:
        rows: All cells.
        cells: Their results.
        compared: What `compare` found of them; a question with one of them only is answered by it.
    """
    primary_by_set = primaries(rows)
    groups: dict[Hashable, list[Pairing]] = {}
    for one in pairings(rows):
        if one.kind in _POOLED:
            groups.setdefault(_key(one.kind, one.first[0], one.second[0]), []).append(one)
    shown: dict[Hashable, list[Comparison]] = {}
    for c in compared:
        if c.primary and c.kind != "best":
            shown.setdefault(_key(c.kind, c.first, c.second), []).append(c)
    found: dict[Hashable, Question] = {}
    for key, own in groups.items():
        mean = _mean(own, primary_by_set[own[0].evalset], cells, shown.get(key, []))
        if mean is not None:
            found[key] = mean
    for key, singles in shown.items():
        if key not in found:
            found[key] = _single(singles[0])
    models = list(dict.fromkeys((row.evalset, row.model) for row in rows))

    def place(one: Question) -> tuple[int, int]:
        return models.index((one.evalset, one.model)), _KINDS.index(one.kind)

    return sorted(found.values(), key=place)


def _key(kind: Kind, first: Row, second: Row) -> Hashable:
    return kind, second.evalset, second.model, level(kind, first, second)


def _single(c: Comparison) -> Question:
    return Question(
        kind=c.kind,
        evalset=c.second.evalset,
        model=c.second.model,
        first=c.first,
        second=c.second,
        figure=c.figure,
        value=c.value,
        low=c.low,
        high=c.high,
        p=c.adjusted,
        comparisons=1,
        draws=1 if c.first.k or c.second.k else 0,
        differ=None,
        better=int(c.sign > 0),
        worse=int(c.sign < 0),
        open=int(c.sign == 0),
    )


def _mean(
    own: Sequence[Pairing], primary: str, cells: Cells, shown: Sequence[Comparison]
) -> Question | None:
    kind = own[0].kind
    figure, before = CALIBRATED.get(kind, primary), "accuracy" if kind in CALIBRATED else ""
    table: dict[Hashable, dict[int | None, Column]] = {}
    for pairing in own:
        for seed, first, second in _by_draw(pairing):
            column = cells.column(first, second, figure, before)
            if column is not None:
                table.setdefault(_cell(pairing), {})[seed] = column
    if not table:
        return None
    # Only cells that all draws have can be averaged draw by draw; else all count as one draw.
    seeds = [set(draws) for draws in table.values()]
    whole = all(one == seeds[0] for one in seeds) and None not in seeds[0]
    drawn = kind in _DRAWN and whole and len(seeds[0]) >= _FEWEST
    columns = [one for draws in table.values() for one in draws.values()]
    evalset, model = own[0].evalset, own[0].model
    values = np.array([one.value for one in columns])
    influences = stacked([(evalset, one.units, one.influence) for one in columns])
    of_draw = [seed for draws in table.values() for seed in draws] if drawn else [0] * len(columns)
    estimate = pooled(values, influences, draws=of_draw, wordings=_random(own, table))
    if estimate is None and len(columns) > 1:
        mean = float(averaged(values, influences, of_draw)[0].mean())
        estimate = unmoved(mean, len(set(of_draw)), own, figure, before, cells)
    places = [at for at, draws in enumerate(table.values()) for _ in draws]
    if estimate is None or len(columns) < 2:
        return None
    # The best wording of a mode stands second there, whichever it is.
    turned = [kind == "wording" and c.second.prompt == own[0].first[0].prompt for c in shown]
    signs = [-c.sign if back else c.sign for c, back in zip(shown, turned, strict=True)]
    judged = [c.first if back else c.second for c, back in zip(shown, turned, strict=True)]
    rows = {(row.evalset, row.cell): row for one in own for row in (*one.first, *one.second)}
    guesses = {place for place, row in rows.items() if primary == "auc" and not _above(row)}
    able = [
        sign
        for sign, c in zip(signs, shown, strict=True)
        if not guesses & {(side.evalset, side.cell) for side in (c.first, c.second)}
    ]
    shots = any(row.k for pairing in own for row in (*pairing.first, *pairing.second))
    return Question(
        kind=kind,
        evalset=evalset,
        model=model,
        first=own[0].first[0],
        second=own[0].second[0],
        figure="accuracy" if before else figure,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p=estimate.p,
        comparisons=len(table),
        draws=estimate.draws if shots else 0,
        differ=differ(*averaged(values, influences, places)),
        better=signs.count(1),
        worse=signs.count(-1),
        open=signs.count(0),
        guessing=len({_cell(one) for one in own if _sides(one) & guesses} & table.keys()),
        able=None if len(able) == len(signs) else Singles(*map(able.count, (1, -1, 0))),
        wordings=estimate.wordings,
        up=tuple(row for row, sign in zip(judged, signs, strict=True) if sign > 0),
        down=tuple(row for row, sign in zip(judged, signs, strict=True) if sign < 0),
    )


def _random(
    own: Sequence[Pairing], table: Mapping[Hashable, Mapping[int | None, Column]]
) -> list[str] | None:
    """Return the prompt of each difference where prompts stand for others like them, else None.

    A run of some cells alone may lack some of a prompt's, so that no mean over prompts is there.
    """
    if own[0].kind == "wording" or own[0].second[0].wordings != "random":
        return None
    prompts = {_cell(one): one.second[0].prompt for one in own}
    cells: dict[str, set[Hashable]] = {}
    for one in own:
        key = _cell(one)
        for seed in table.get(key, ()):
            cells.setdefault(one.second[0].prompt, set()).add((_beside_prompt(one), seed))
    if len(cells) < FEWEST_WORDINGS or len(set(map(frozenset, cells.values()))) > 1:
        return None
    return [prompts[key] for key, draws in table.items() for _ in draws]


def _above(row: Row) -> bool:
    """Return whether a cell is shown to rank better than guessing."""
    auc = row.figures.get("auc")
    return auc is not None and auc.low > 0.5


def _sides(pairing: Pairing) -> set[tuple[str, str]]:
    return {(row.evalset, row.cell) for row in (*pairing.first, *pairing.second)}


def unmoved(
    mean: float, draws: int, own: Sequence[Pairing], figure: str, before: str, cells: Cells
) -> Pooled | None:
    """Return a mean that no unit moves, as where no answer differs, known as its comparisons are.

    The units then tell nothing of the spread. The interval is the widest of the comparisons', and p
    the largest.
    """
    known: list[Difference] = []
    for one in own:
        sides = cells.scores(one.first), cells.scores(one.second)
        positive = next(iter(one.first[0].targets), "")
        paired = pair_scores(*sides, figure, positive=positive, before=before)
        if paired is not None:
            known.append(paired[0])
    if not known:
        return None
    p, low, high = max(d.p for d in known), min(d.low for d in known), max(d.high for d in known)
    if p >= ALPHA:
        low, high = min(low, 0.0), max(high, 0.0)
    return Pooled(mean, low, high, p, draws, min(d.n for d in known))


def _by_draw(pairing: Pairing) -> list[tuple[int | None, list[Row], list[Row]]]:
    """Return the two sides of a pairing draw by draw, or as they are where these do not fit."""
    first, second = pairing.first, pairing.second
    if len(first) == len(second) == 1:
        return [(second[0].seed if second[0].k else None, list(first), list(second))]
    by_seed = {row.seed: row for row in first}
    if {row.seed for row in second} == by_seed.keys():
        return [(row.seed, [by_seed[row.seed]], [row]) for row in second]
    return [(None, list(first), list(second))]


def _cell(pairing: Pairing) -> Hashable:
    """Return what tells a comparison from others of its question, but for the draw."""
    return pairing.second[0].prompt, _beside_prompt(pairing), pairing.first[0].prompt


def _beside_prompt(pairing: Pairing) -> Hashable:
    row = pairing.second[0]
    return row.regime, (row.k, row.placement, row.selector, row.order)
