"""Runs of any size, with log-probabilities that are drawn from a seed."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence

import pytest
from builders import LABELS, judged, make_cell
from reasoned import because

from harness.records import Result, Row, Run, RunInfo, Score
from harness.report.plots.canvas import Plot
from harness.report.plots.write_plots import Picture
from harness.spec.evalset import GateSpec

PLACEMENTS = (None, "system", "user", "chat")


def drawn_cell(
    *,
    model: str = "small",
    prompt: str = "plain",
    placement: str | None = None,
    k: int = 5,
    selector: str = "balanced",
    seed: int = 0,
    n: int = 120,
    skill: float = 1.5,
    shift: float = -0.5,
    labels: Sequence[str] = LABELS,
    unscored: int = 0,
    generated: bool = False,
    lengths: bool = True,
    evalset: str = "evalsets/mini.yaml",
) -> tuple[Row, list[Result]]:
    """A cell whose right label has log-odds that are normal around `skill`."""
    draw = random.Random(f"{model}-{prompt}-{k}-{placement}-{selector}-{seed}")
    targets = [labels[i % len(labels)] for i in range(n)]
    scores: list[Score] = []
    for i, target in enumerate(targets):
        odds = [draw.gauss(0, 1) + skill * (label == target) for label in labels]
        odds[0] += shift
        total = math.log(sum(math.exp(one) for one in odds)) + 0.2
        logprobs = () if generated else tuple(one - total for one in odds)
        answer = labels[odds.index(max(odds))]
        right = Score(float(answer == target), answer, None, logprobs)
        scores.append(Score(None, None, because("too long")) if i < unscored else right)
    return make_cell(
        scores,
        targets,
        evalset=evalset,
        model=model,
        prompt=prompt,
        placement=placement,
        k=k,
        selector=selector,
        seed=seed,
        labels=labels,
        texts=["a text that must not be shown"] * n,
        lengths=[(i * 37) % 1500 + 20 for i in range(n)] if lengths else (),
        scoring="generate" if generated else "logprobs",
    )


def make_run(*cells: tuple[Row, list[Result]], gates: Sequence[dict[str, object]] = ()) -> Run:
    """A run of cells, each judged by all gates."""
    specs = [GateSpec.model_validate(gate) for gate in gates]
    rows = tuple(row for row, _ in cells)
    return Run(
        RunInfo("r", "2026-01-02 03:04:05 UTC", 1.0, "pytest", {}, {}),
        rows,
        judged(rows, specs),
        tuple(one for _, results in cells for one in results),
    )


GATES = (
    {"figure": "accuracy", "at_least": 0.55},
    {"figure": "calibrated_accuracy", "at_least": 0.75},
    {"figure": "auc", "at_least": 0.95, "cells": "*-zeroshot"},
)


def sized(count: int, *, n: int = 120) -> Run:
    """A run of many cells: four modes of each prompt, five prompts of each model."""
    words = ("prefill", "plain", "role", "upper", "russian")
    cells = [
        drawn_cell(
            model=("smollm2-135m", "qwen2.5-3b", "llama-3.2-1b-instruct")[i // 20 % 3],
            prompt=words[i // 4 % 5],
            placement=PLACEMENTS[i % 4],
            shift=-1.5 + 0.1 * (i % 17),
            skill=0.5 + 0.1 * (i % 13),
            n=n,
        )
        for i in range(count)
    ]
    return make_run(*cells, gates=GATES)


@pytest.fixture(scope="session")
def cell() -> Callable[..., tuple[Row, list[Result]]]:
    """Return `drawn_cell`."""
    return drawn_cell


@pytest.fixture(scope="session")
def run_of() -> Callable[..., Run]:
    """Return `make_run`."""
    return make_run


@pytest.fixture(scope="session")
def run_sized() -> Callable[..., Run]:
    """Return `sized`."""
    return sized


def told(picture: Plot | Picture) -> str:
    """Return all that is said of a plot: its alt text, and its numbers without padding."""
    return re.sub("  +", " ", f"{picture.alt}\n{picture.numbers}")
