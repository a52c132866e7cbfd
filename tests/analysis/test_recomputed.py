"""The table of questions of a report of eight cells, recomputed by code of its own.

Two wordings, each zero-shot and with shots in three places, all by AUC: pairs are counted one by
one, and the families' statistics are drawn with other random signs.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from drawn import PLACEMENTS, drawn_cell, make_run
from scipy.stats import chi2, norm

from harness.analysis.analyze import analyze

SKILLS = {"prefill": (2.2, 2.3, 2.1, 1.2), "plain": (1.5, 0.9, 0.8, 1.7)}
FLIPS = 20_000


@cache
def report():
    cells = [
        drawn_cell(prompt=prompt, placement=place, skill=skill, n=300)
        for prompt, skills in SKILLS.items()
        for place, skill in zip(PLACEMENTS, skills, strict=True)
    ]
    run = make_run(*cells)
    return run, analyze(run)


@cache
def area(prompt, place):
    """Return a cell's AUC by counting pairs, and what each sample moves it by."""
    run, _ = report()
    row = next(one for one in run.rows if (one.prompt, one.placement) == (prompt, place))
    own = [one for one in run.results if one.cell == row.cell]
    label, other = row.targets
    odds = np.array([one.logprobs[label] - one.logprobs[other] for one in own])
    first = np.array([one.target == label for one in own])
    above = np.sign(odds[first][:, None] - odds[~first][None, :]) / 2 + 0.5
    value, moves = above.mean(), np.zeros(len(own))
    for side, axis in ((first, 1), (~first, 0)):
        n = side.sum()
        moves[side] = (above.mean(axis=axis) - value) / np.sqrt(n * (n - 1))
    return float(value), moves


def difference(first, second):
    (a, before), (b, after) = area(*first), area(*second)
    return b - a, after - before


def family(pairs):
    """Return each pair's difference, its interval and p, all of them holding together."""
    values, columns = map(np.array, zip(*(difference(*pair) for pair in pairs), strict=True))
    errors = np.sqrt((columns**2).sum(axis=1))
    signs = np.random.default_rng(77).choice((-1.0, 1.0), (FLIPS, columns.shape[1]))
    top = np.abs(signs @ (columns / errors[:, None]).T).max(axis=1)
    wide = np.quantile(top, 0.95) * errors
    return values, values - wide, values + wide, [np.mean(top >= t) for t in abs(values / errors)]


def shots():
    return [((prompt, None), (prompt, place)) for prompt in SKILLS for place in PLACEMENTS[1:]]


def placements():
    return [((prompt, one), (prompt, other)) for prompt in SKILLS
            for one, other in combinations(PLACEMENTS[1:], 2)]  # fmt: skip


def wordings():
    """The better wording of each mode comes second."""
    pairs = [(("plain", place), ("prefill", place)) for place in PLACEMENTS]
    return [pair if difference(*pair)[0] > 0 else pair[::-1] for pair in pairs]


@pytest.mark.parametrize(("kind", "pairs"), [
    ("shots", shots), ("placement", placements), ("wording", wordings),
])  # fmt: skip
def test_the_comparisons_of_a_question(kind, pairs):
    _, found = report()
    own = {((c.first.prompt, c.first.placement), (c.second.prompt, c.second.placement)): c
           for c in found.comparisons if c.kind == kind and c.primary}  # fmt: skip
    assert own.keys() == set(pairs())
    for pair, value, low, high, p in zip(pairs(), *family(pairs()), strict=True):
        c = own[pair]
        assert c.figure == "auc"
        assert c.value == pytest.approx(value, abs=1e-9)
        assert (c.low, c.high) == pytest.approx((low, high), abs=0.003), pair
        assert c.adjusted == pytest.approx(p, abs=0.015), pair
        assert c.sign == (np.sign(value) if c.adjusted < 0.05 else 0)


QUESTIONS = {
    "shots": shots(),
    **{(one, other): [((prompt, one), (prompt, other)) for prompt in SKILLS]
       for one, other in combinations(PLACEMENTS[1:], 2)},
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_first_line_of_a_question(question):
    """The mean of its comparisons with its interval, and whether they differ beyond chance."""
    _, found = report()
    kind, pairs = "shots" if question == "shots" else "placement", QUESTIONS[question]
    (line,) = [
        one for one in found.questions
        if one.kind == kind and question in ("shots", (one.first.placement, one.second.placement))
    ]  # fmt: skip
    values, columns = map(np.array, zip(*(difference(*pair) for pair in pairs), strict=True))
    mean, error = values.mean(), np.sqrt((columns.mean(axis=0) ** 2).sum())
    assert line.value == pytest.approx(mean, abs=1e-9)
    half = norm.ppf(0.975) * error
    assert (line.low, line.high) == pytest.approx((mean - half, mean + half), abs=0.001)
    assert line.p == pytest.approx(2 * norm.sf(abs(mean) / error), abs=0.003)
    centred = np.eye(len(pairs))[:-1] - 1 / len(pairs)
    off, spread = centred @ values, centred @ (columns @ columns.T) @ centred.T
    chance = chi2.sf(off @ np.linalg.solve(spread, off), len(pairs) - 1)
    assert line.differ == pytest.approx(chance, abs=0.01)
    signs = [c.sign for c in found.comparisons if c.kind == kind and c.primary
             and ((c.first.prompt, c.first.placement), (c.second.prompt, c.second.placement))
             in pairs]  # fmt: skip
    assert (line.better, line.worse, line.open) == tuple(map(signs.count, (1, -1, 0)))
