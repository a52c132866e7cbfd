"""What is to be said of the samples and the shot pool of an eval set that can be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.records import Note, Sample
from harness.shots.leaks import normal_text
from harness.sources.drawing import Drawn
from harness.spec.evalset import EvalSet


def data_notes(name: str, spec: EvalSet, drawn: Drawn) -> Iterator[Note]:
    """Yield the notes on what was drawn from a set's sources.

    Args:
        name: How notes name the eval set.
        spec: The eval set.
        drawn: All that was drawn, and what was passed over.
    """
    samples, wanted = drawn.samples, spec.data.samples.n
    if wanted is not None and len(samples) < wanted:
        yield Note("fewer", name, {"drawn": len(samples), "wanted": wanted})
    if drawn.repeats:
        named = tuple(f"{later.id} = {first.id}" for later, first in drawn.repeats)
        texts = len({first.id for _, first in drawn.repeats})
        yield Note("repeated", name, {"count": len(named), "texts": texts, "pairs": named})
    if drawn.conflicts:
        named = tuple(" = ".join(_one_a_label(group)) for group in drawn.conflicts)
        count = sum(map(len, drawn.conflicts))
        yield Note("conflicting", name, {"count": count, "texts": len(named), "pairs": named})
    if alike := _alike(samples):
        yield Note("alike", name, {"count": len(alike), "pairs": tuple(alike)})


def _one_a_label(group: Sequence[Sample]) -> list[str]:
    """Return the first sample of each label, as id and label."""
    firsts: dict[str, str] = {}
    for sample in group:
        firsts.setdefault(sample.label, f"{sample.id} {sample.label}")
    return list(firsts.values())


def _alike(samples: Sequence[Sample]) -> list[str]:
    """Return the samples that differ from an earlier one in their form alone."""
    known: dict[str, str] = {}
    pairs = [(one.id, known.setdefault(normal_text(one.text), one.id)) for one in samples]
    return [f"{later} = {first}" for later, first in pairs if later != first]
