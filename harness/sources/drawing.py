"""Candidates -> the samples of a set: drawn with a seed, each text once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.characters import one_form
from harness.errors import SpecError
from harness.records import Sample
from harness.spec.dataspec import DrawSpec


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, and what was passed over.

    Equal texts get equal answers, so that the second one tells nothing; and a text that stands
    under several labels has no right answer.

    Attributes:
        samples: Different texts, each under one label only.
        repeats: Samples that were passed over, each with the one whose text it has.
        conflicts: For each text under several labels that was passed over, all of its samples.
    """

    samples: list[Sample]
    repeats: list[tuple[Sample, Sample]] = field(default_factory=list)
    conflicts: list[list[Sample]] = field(default_factory=list)


def draw(
    name: str,
    candidates: Sequence[Sample],
    labels: Sequence[str],
    spec: DrawSpec,
    *,
    lenient: bool,
    source: Sequence[Sample] = (),
) -> Drawn:
    """Draw samples, a smaller `n` a prefix of a greater one.

    Fewer than `n` are drawn where repeats are passed over and nothing is left in their place.

    Args:
        name: The eval set, for errors.
        candidates: Labelled samples, in the order of their source.
        labels: The set's labels; balanced draws let them take turns in this order.
        spec: How many, and how.
        lenient: Take what there is where `n` is more, as of data from the command line.
        source: All samples of the candidates' source, where a split keeps some for the shot pool:
            a text may have another label there.

    Raises:
        SpecError: There are not enough candidates, or none with one label.
    """
    _check_enough(name, candidates, labels, spec, lenient=lenient)
    rng = np.random.default_rng(spec.seed)
    if spec.balanced:
        groups = [[one for one in candidates if one.label == label] for label in labels]
    else:
        groups = [list(candidates)]
    if spec.balanced or spec.n is not None:
        groups = [[group[row] for row in rng.permutation(len(group))] for group in groups]
    same = _by_text(source or candidates)
    drawn = _taken([_Queue(group, same) for group in groups], same, spec.n)
    if not drawn.samples:
        ids = " and ".join(f"{one.id} ({one.label})" for one in drawn.conflicts[0][:2])
        raise SpecError(f"{name}: no sample is left to draw: the same texts stand under several "
                        f"labels, such as {ids}; fix the labels, or give more data")  # fmt: skip
    return drawn


def text_key(sample: Sample) -> str:
    """Return what two samples share that are the same to a model."""
    return one_form(sample.text.strip())


def _by_text(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(text_key(sample), []).append(sample)
    return found


class _Queue:
    """Samples in the order of their draw, of which each text is taken once."""

    def __init__(self, samples: Sequence[Sample], same: Mapping[str, Sequence[Sample]]) -> None:
        self._left = iter(samples)
        self._same = same
        self.first: dict[str, Sample] = {}
        self.repeats: list[tuple[Sample, Sample]] = []
        self.conflicts: dict[str, None] = {}

    def take(self) -> Sample | None:
        """Return the next sample with a text of its own and one label, None at the end."""
        for sample in self._left:
            key = text_key(sample)
            if len({one.label for one in self._same[key]}) > 1:
                self.conflicts[key] = None
            elif self.first.setdefault(key, sample) is sample:
                return sample
            else:
                self.repeats.append((sample, self.first[key]))
        return None


def _taken(queues: Sequence[_Queue], same: Mapping[str, list[Sample]], n: int | None) -> Drawn:
    """Let the queues take turns until there are `n`, or one of them has no more."""
    samples: list[Sample] = []
    while n is None or len(samples) < n:
        taken = queues[len(samples) % len(queues)].take()
        if taken is None:
            # What is left over after whole turns would favour the first labels.
            del samples[len(samples) - len(samples) % len(queues) :]
            break
        samples.append(taken)
    return Drawn(
        samples,
        [pair for queue in queues for pair in queue.repeats],
        [same[key] for key in dict.fromkeys(key for queue in queues for key in queue.conflicts)],
    )


def _check_enough(
    name: str, candidates: Sequence[Sample], labels: Sequence[str], spec: DrawSpec, *, lenient: bool
) -> None:
    counts = Counter(sample.label for sample in candidates)
    fewest = min(labels, key=lambda label: counts[label])
    most = len(labels) * counts[fewest] if spec.balanced else len(candidates)
    n = most if spec.n is None else spec.n
    if spec.balanced:
        # What is left over after division goes to the first labels, one each.
        quotas = {label: (n + len(labels) - 1 - turn) // len(labels)
                  for turn, label in enumerate(labels)}  # fmt: skip
        short = [label for label, quota in quotas.items() if counts[label] < quota]
        lack = "".join(f"label '{label}' has only {counts[label]}" for label in short[:1])
    else:
        lack = f"there are only {len(candidates)}" if len(candidates) < n else ""
    if most == 0:
        lack = f"label '{fewest}' has none" if spec.balanced else "no row has a label"
    if lack and not (lenient and most):
        fix = "lower data.samples.n, or give" if most else "fix 'labels' or data.split, or give"
        raise SpecError(f"{name}: {n or 'some'} samples wanted, but {lack} to draw from; {fix} "
                        "more data")  # fmt: skip
