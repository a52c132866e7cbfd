"""Cells whose answers or log-odds a test gives, so that it can count by itself what differs."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from builders import LABELS, make_cell
from reasoned import because

from harness.records import Result, Row, Score

TARGETS = tuple(LABELS[i % 2] for i in range(200))


def cell(
    answers: list[str] | None = None,
    *,
    odds: list[float] | None = None,
    prompt: str = "plain",
    placement: str | None = None,
    unscored: int = 0,
    seed: int = 0,
    model: str = "small",
    evalset: str = "evalsets/mini.yaml",
) -> tuple[Row, list[Result]]:
    """A cell of given answers (generated) or given log-odds."""
    scores: list[Score] = []
    for i, target in enumerate(TARGETS):
        if i < unscored:
            scores.append(Score(None, None, because("too long")))
        elif odds is not None:
            answer = LABELS[0] if odds[i] > 0 else LABELS[1]
            logprobs = (odds[i] / 2 - 10, -odds[i] / 2 - 10)
            value = float(answer == target) if odds[i] else None
            scores.append(Score(value, answer if odds[i] else None, None, logprobs))
        else:
            scores.append(Score(float(answers[i] == target), answers[i]))
    return make_cell(
        scores,
        TARGETS,
        evalset=evalset,
        model=model,
        prompt=prompt,
        placement=placement,
        seed=seed,
        scoring="logprobs" if odds else "generate",
    )


def trained(*args, rows: int = 900, seed: int = 0, **kwargs) -> tuple[Row, list[Result]]:
    """A cell of a trained classifier; arguments as for `cell`."""
    row, results = cell(*args, model="base", **kwargs)
    mode = f"trained-s{seed}"
    name = f"base-{mode}"
    row = replace(row, cell=name, prompt="", mode=mode, seed=seed, train_rows=rows)
    return row, [replace(one, cell=name) for one in results]


def right(count: int) -> list[str]:
    """Answers of which the first `count` are right."""
    return right_but(range(count, len(TARGETS)))


def right_but(wrong: Iterable[int]) -> list[str]:
    """Answers that are right but for the samples at some places."""
    other, places = {LABELS[0]: LABELS[1], LABELS[1]: LABELS[0]}, set(wrong)
    return [other[t] if i in places else t for i, t in enumerate(TARGETS)]


def drawn(skill: float, shift: float, seed: int = 0) -> list[float]:
    """Log-odds around half the skill, of the right label's sign, all moved by a shift."""
    draw = random.Random(seed)
    sign = {LABELS[0]: 0.5, LABELS[1]: -0.5}
    return [sign[t] * skill + draw.gauss(0, 1) + shift for t in TARGETS]


def join(*cells: tuple[Row, list[Result]]) -> tuple[list[Row], list[Result]]:
    """The rows and the results of several cells."""
    return [row for row, _ in cells], [one for _, results in cells for one in results]
