"""The numbers that the plots show, apart from any drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.analysis.cell_findings import CellRef
from harness.figures.measures import proportion
from harness.records import Figure, Result
from harness.stats import Floats, batch_calibrate

PROBABILITY_BINS = 10
_LENGTH_BINS = 5
# Below this many samples a bin's interval is wider than any trend along the lengths.
_LENGTH_BIN_SAMPLES = 15
_Groups = Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Bin:
    """A proportion within a span of some quantity.

    Attributes:
        low: Where the span begins.
        high: Where it ends.
        middle: The mean of the quantity over the bin's samples.
        share: The proportion with the interval of an accuracy and its n, at least 1.
    """

    low: float
    high: float
    middle: float
    share: Figure

    @property
    def off(self) -> bool:
        """Whether the interval leaves out the bin's middle: probabilities that are not reliable."""
        return not self.share.low <= self.middle <= self.share.high


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far stated probabilities agree with what came true, before and after calibration.

    Attributes:
        label: Whose probability it is with two labels; None is that of the answer, whichever.
    """

    label: str | None
    raw: tuple[Bin, ...]
    calibrated: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class CellBins:
    """The numbers of a cell that plots show.

    Attributes:
        confusion: Scored samples by target, in them by answer, without the pairs that no sample
            has.
        lengths: The accuracy `length_figure` over the length of the text in characters, empty
            where lengths are unknown or tell nothing apart.
        length_spans: The inclusive spans of all cells of the eval set, shortest first.
    """

    row: CellRef
    reliability: Reliability | None
    confusion: Mapping[str, Mapping[str, int]]
    length_figure: str
    length_spans: tuple[tuple[int, int], ...]
    lengths: tuple[Bin, ...]


def by_cell(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    """Return the results of each cell, in their order."""
    cells: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        cells.setdefault((result.evalset, result.cell), []).append(result)
    return cells


def hit(result: Result, figure: str) -> bool | None:
    """Return whether a sample counts as right for an accuracy; None if it does not count."""
    if figure == "calibrated_accuracy":
        return None if result.calibrated is None else result.calibrated == result.target
    return result.correct


def reliability(results: Sequence[Result], labels: Sequence[str]) -> Reliability | None:
    """Return the reliability of a cell's label probabilities, normalised over the labels.

    Args:
        results: Of one cell.
        labels: The set's labels; with two, the first one's probability is judged.

    Returns:
        None where no sample has calibrated log-probabilities of all labels.
    """
    # Equally probable labels have no answer, but probabilities.
    scored = [
        one for one in results if one.calibrated is not None and one.logprobs.keys() == set(labels)
    ]
    if len(labels) < 2 or not scored:
        return None
    logs = np.array([[one.logprobs[label] for label in labels] for one in scored])
    targets = np.array([labels.index(one.target) for one in scored])
    raw = logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)
    after = batch_calibrate(logs)
    after = after - np.logaddexp.reduce(after, axis=1, keepdims=True)
    groups = _groups(scored)
    bins = [_probability_bins(np.exp(side), targets, groups) for side in (raw, after)]
    return Reliability(labels[0] if len(labels) == 2 else None, bins[0], bins[1])


def _probability_bins(
    probabilities: Floats, targets: np.ndarray, groups: _Groups
) -> tuple[Bin, ...]:
    """Bin probabilities of shape [n, labels] into tenths; empty bins are left out."""
    if probabilities.shape[1] == 2:
        stated, came = probabilities[:, 0], targets == 0
    else:
        stated, came = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    edges = np.arange(PROBABILITY_BINS + 1) / PROBABILITY_BINS
    places = np.clip(np.digitize(stated, edges) - 1, 0, PROBABILITY_BINS - 1)
    return _bins(stated, came, places, list(pairwise(edges.tolist())), groups)


def length_spans(results: Sequence[Result]) -> list[tuple[int, int]]:
    """Return spans of text length in characters that hold about equally many samples each.

    Args:
        results: Of one eval set; the samples of several cells count once.

    Returns:
        Inclusive spans, shortest first; none where lengths are unknown or tell nothing apart.
    """
    lengths = sorted({one.sample: one.length for one in results if one.length > 0}.values())
    count = min(_LENGTH_BINS, len(lengths) // _LENGTH_BIN_SAMPLES)
    if count < 2:
        return []
    ends = sorted({lengths[round(len(lengths) * i / count) - 1] for i in range(1, count + 1)})
    starts = [lengths[0], *(end + 1 for end in ends[:-1])]
    return list(zip(starts, ends, strict=True)) if len(ends) > 1 else []


def over_length(
    results: Sequence[Result], spans: Sequence[tuple[int, int]], figure: str
) -> list[Bin]:
    """Return an accuracy within each span of length; spans without a counting sample left out."""
    counted = [one for one in results if one.length > 0 and hit(one, figure) is not None]
    if not counted:
        return []
    lengths = np.array([one.length for one in counted])
    right = np.array([hit(one, figure) for one in counted])
    places = np.searchsorted([end for _, end in spans], lengths)
    return list(_bins(lengths, right, places, spans, _groups(counted)))


def _groups(results: Sequence[Result]) -> _Groups:
    """Return the cluster of each sample, None where they have none."""
    return [one.cluster for one in results] if any(one.cluster for one in results) else None


def _bins(
    values: np.ndarray,
    came: np.ndarray,
    places: np.ndarray,
    spans: Sequence[tuple[float, float]],
    groups: _Groups,
) -> tuple[Bin, ...]:
    found: list[Bin] = []
    for place, (low, high) in enumerate(spans):
        inside = places == place
        if inside.any():
            own = groups and [groups[at] for at in np.flatnonzero(inside)]
            share = proportion(came[inside], own)
            found.append(Bin(low, high, float(values[inside].mean()), share))
    return tuple(found)


def confusion(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Return counts of the scored samples by target, and in each by answer."""
    counts: dict[str, dict[str, int]] = {}
    pairs = Counter((one.target, one.answer) for one in results if one.correct is not None)
    for (target, answer), count in pairs.items():
        counts.setdefault(target, {})[answer or ""] = count
    return counts
