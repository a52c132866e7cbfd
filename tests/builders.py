"""Records that several test modules build; found by `pythonpath` in pyproject.toml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from harness.gates.threshold import judge_threshold
from harness.records import Figure, Gate, Result, Row, Score
from harness.run.cells import Mode
from harness.run.figures import summarize
from harness.spec import GateSpec

LABELS = ("positive", "negative")
_ROW = Row(
    evalset="evalsets/mini.yaml",
    cell="smollm2-135m-prefill-zeroshot",
    model="smollm2-135m",
    prompt="prefill",
    mode="zeroshot",
    k=0,
    placement=None,
    selector=None,
    seed=None,
    scoring="logprobs",
    n=300,
    unscored=0,
    reasons={},
    figures={"accuracy": Figure(0.843, 0.8, 0.88, 300), "auc": Figure(0.6, 0.5, 0.7, 300)},
    shares={"positive": 0.5, "negative": 0.5},
    targets={"positive": 0.5, "negative": 0.5},
    prompt_tokens=50.0,
)


def make_row(**changes: object) -> Row:
    """Return a scored zero-shot row with some attributes changed."""
    return replace(_ROW, **changes)


def make_cell(
    scores: Sequence[Score],
    targets: Sequence[str],
    *,
    evalset: str,
    model: str,
    prompt: str,
    placement: str | None = None,
    k: int = 5,
    selector: str = "balanced",
    seed: int = 0,
    labels: Sequence[str] = LABELS,
    texts: Sequence[str] = (),
    lengths: Sequence[int] = (),
    completions: Sequence[str] = (),
    scoring: str = "logprobs",
) -> tuple[Row, list[Result]]:
    """Return the row and the results that the scores of a zero-shot or few-shot cell come to."""
    few = placement is not None and k > 0
    summary = summarize(scores, targets, labels)
    mode = Mode(k, placement, selector, seed).name if few else "zeroshot"
    row = make_row(
        evalset=evalset,
        cell=f"{model}-{prompt}-{mode}",
        model=model,
        prompt=prompt,
        mode=mode,
        k=k if few else 0,
        placement=placement if few else None,
        selector=selector if few else None,
        seed=seed if few else None,
        scoring=scoring,
        n=summary.n,
        unscored=summary.unscored,
        reasons=summary.reasons,
        figures=summary.figures,
        shares=summary.shares,
        targets=summary.targets,
        prompt_tokens=42.0,
    )
    results = [
        Result(
            evalset=evalset,
            cell=row.cell,
            sample=f"s{i:03}",
            prompt_key=f"{i:064x}",
            text=texts[i] if texts else "",
            target=target,
            answer=score.answer,
            calibrated=calibrated,
            correct=None if score.value is None else score.value == 1.0,
            reason=score.reason,
            logprobs=dict(zip(labels, score.logprobs, strict=False)),
            log_odds=score.logprobs[0] - score.logprobs[1] if len(score.logprobs) == 2 else None,
            completion=completions[i] if completions else "",
            length=lengths[i] if lengths else 0,
        )
        for i, (score, target, calibrated) in enumerate(
            zip(scores, targets, summary.calibrated, strict=True)
        )
    ]
    return row, results


def judged(rows: Sequence[Row], specs: Sequence[GateSpec]) -> tuple[Gate, ...]:
    """Return the verdicts of all thresholds on the cells that they name."""
    return tuple(
        judge_threshold(row, spec)
        for row in rows
        for spec in specs
        if fnmatchcase(row.cell, spec.cells)
    )
