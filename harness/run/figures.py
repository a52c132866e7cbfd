"""The figures of one cell, from the scores of its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.figures import Sheet, figure_kind
from harness.figures.measures import area, mean, proportion
from harness.reasons import Counts, Reason, count
from harness.records import Figure, Score
from harness.stats import (
    Floats,
    batch_calibrate,
    contextual_calibrate,
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a cell's scores amount to.

    Attributes:
        n: Scored samples.
        unscored: Samples without a verdict, counted by reason in `reasons`.
        figures: As in `Row.figures`; those of log-probabilities count a sample whose labels are
            equally probable, too, which has no verdict.
        shares: Fraction of the scored samples that were given each label.
        targets: Fraction of all samples whose target is each label.
        calibrated: Per sample the label after batch calibration, None where it has none.
        contextual: Likewise after contextual calibration; all None where it was not asked for.
        clusters: Groups of the scored samples, None where every sample is by itself.
    """

    n: int
    unscored: int
    reasons: Counts
    figures: Mapping[str, Figure]
    shares: Mapping[str, float]
    targets: Mapping[str, float]
    calibrated: tuple[str | None, ...]
    contextual: tuple[str | None, ...]
    clusters: int | None = None


def summarize(
    scores: Sequence[Score],
    targets: Sequence[str],
    labels: Sequence[str],
    *,
    clusters: Sequence[str] | None = None,
    bare: Sequence[Sequence[float]] = (),
    further: Sequence[str] = (),
    seed: int = 0,
) -> Summary:
    """Return the figures of a cell.

    Args:
        scores: One per sample.
        targets: The right label of each sample, in the same order.
        labels: The set's labels; the first is the positive class of the AUC.
        clusters: What each sample shares with others; by default every sample is by itself.
        bare: Log-probabilities of the labels for each text without content, in the order of
            `labels`; with none there is no contextual calibration.
        further: Figures that are computed only where they are asked for, by their full names; one
            that the samples do not define is left out.
        seed: Seed of the bootstrap intervals.

    Raises:
        ValueError: If lengths differ or a target is not among the labels.
    """
    if clusters is not None and len(clusters) != len(scores):
        raise ValueError(f"{len(scores)} scores, {len(clusters)} clusters")
    if len(scores) != len(targets) or not set(targets) <= set(labels):
        raise ValueError(f"{len(scores)} scores, {len(targets)} targets out of {sorted(labels)}")
    scored = [i for i, score in enumerate(scores) if score.value is not None]
    unscored = [one.reason or Reason("no_reason") for one in scores if one.value is None]
    figures: dict[str, Figure] = {}
    calibrated: list[str | None] = [None] * len(scores)
    contextual: list[str | None] = [None] * len(scores)
    groups = [clusters[i] for i in scored] if clusters is not None else None
    if scored:
        figures["accuracy"] = proportion([scores[i].value == 1.0 for i in scored], groups)
    rated = [i for i, score in enumerate(scores) if len(score.logprobs) == len(labels)]
    if rated and set(scored) <= set(rated):
        array = np.array([scores[i].logprobs for i in rated], dtype=np.float64)
        answers = _top_labels(batch_calibrate(array), labels)
        for i, answer in zip(rated, answers, strict=True):
            calibrated[i] = answer
        wanted = [targets[i] for i in rated]
        own = [clusters[i] for i in rated] if clusters is not None else None
        figures |= _logprob_figures(array, wanted, answers, labels, own, seed)
        if bare:
            best = _top_labels(contextual_calibrate(array, bare), labels)
            for i, answer in zip(rated, best, strict=True):
                contextual[i] = answer
            figures |= _accuracy("contextual_accuracy", best, wanted, own)
    if further:
        figures |= _further(further, _sheet(scores, targets, labels, clusters))
    given = Counter(scores[i].answer for i in scored)
    asked = Counter(targets)
    return Summary(
        n=len(scored),
        unscored=len(scores) - len(scored),
        reasons=count(unscored),
        figures=figures,
        shares={label: given[label] / len(scored) for label in labels} if scored else {},
        targets={label: asked[label] / len(scores) for label in labels} if scores else {},
        calibrated=tuple(calibrated),
        contextual=tuple(contextual),
        clusters=len(set(groups)) if groups is not None else None,
    )


def _sheet(
    scores: Sequence[Score],
    targets: Sequence[str],
    labels: Sequence[str],
    clusters: Sequence[str] | None,
) -> Sheet:
    places = {label: place for place, label in enumerate(labels)}
    none = [np.nan] * len(labels)
    return Sheet(
        labels=tuple(labels),
        targets=np.array([places[one] for one in targets], dtype=np.intp),
        answers=np.array(
            [-1 if s.value is None else places[s.answer or ""] for s in scores], dtype=np.intp
        ),
        logprobs=np.array(
            [s.logprobs if len(s.logprobs) == len(labels) else none for s in scores],
            dtype=np.float64,
        ),
        clusters=None if clusters is None else tuple(clusters),
    )


def _further(names: Sequence[str], sheet: Sheet) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for name in names:
        kind, argument = figure_kind(name)
        figure = kind.measure(sheet, argument) if kind.measure else None
        if figure is not None:
            found[name] = figure
    return found


def _top_labels(array: Floats, labels: Sequence[str]) -> list[str | None]:
    """Return the best label of each row of scores [n, labels], None where two share the top."""
    unique = (array == array.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return [labels[j] if one else None for j, one in zip(array.argmax(axis=1), unique, strict=True)]


def _logprob_figures(
    array: Floats,
    targets: Sequence[str],
    answers: Sequence[str | None],
    labels: Sequence[str],
    groups: Sequence[str] | None,
    seed: int,
) -> dict[str, Figure]:
    """Return the figures that need log-probabilities, of shape [n, labels]."""
    figures = _accuracy("calibrated_accuracy", answers, targets, groups)
    positives = [target == labels[0] for target in targets]
    if len(labels) == 2 and (found := area(array[:, 0] - array[:, 1], positives, groups)):
        figures["auc"] = found
    mass = np.minimum(np.exp(array).sum(axis=1), 1.0)
    figures["label_mass"] = mean(mass, groups, seed=seed)
    return figures


def _accuracy(
    name: str,
    answers: Sequence[str | None],
    targets: Sequence[str],
    groups: Sequence[str] | None,
) -> dict[str, Figure]:
    """Return the figure of the samples that have an answer; nothing if none has one."""
    answered = [i for i, answer in enumerate(answers) if answer is not None]
    if not answered:
        return {}
    right = [answers[i] == targets[i] for i in answered]
    own = [groups[i] for i in answered] if groups is not None else None
    return {name: proportion(right, own)}
