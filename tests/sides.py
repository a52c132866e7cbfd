"""Cells of a binary set by what is right in them, for gates that compare two of them."""

from __future__ import annotations

from harness.figures import by_sample
from harness.records import Figure, Result, Row
from harness.stats import wilson_interval

LABELS = ("positive", "negative")


def side(right, *, cell: str = "m-p-zeroshot") -> tuple[Row, dict[str, Result]]:
    """A cell of a binary set whose answers are right, wrong or (None) missing."""
    results = []
    for i, one in enumerate(right):
        target = LABELS[i % 2]
        answer = None if one is None else target if one else LABELS[1 - i % 2]
        odds = None if answer is None else (1.0 if answer == "positive" else -1.0)
        results.append(
            Result("evalsets/e.yaml", cell, f"s{i}", "", "", target, answer, answer, one,
                   None if one is not None else "no verdict", {}, odds)
        )  # fmt: skip
    scored = [one for one in right if one is not None]
    figures = {}
    if scored:
        low, high = wilson_interval(sum(scored), len(scored))
        figure = Figure(sum(scored) / len(scored), low, high, len(scored))
        figures = {"accuracy": figure, "auc": figure, "calibrated_accuracy": figure}
    row = Row("evalsets/e.yaml", cell, "m", "p", "zeroshot", 0, None, None, None, "logprobs",
              len(scored), len(right) - len(scored), {}, figures, dict.fromkeys(LABELS, 0.5),
              dict.fromkeys(LABELS, 0.5), 9.0)  # fmt: skip
    return row, by_sample(results)
