"""Which solved samples a few-shot prompt shows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.contracts import Draw, ShotSelector
from harness.errors import SpecError
from harness.records import Sample, ShotOrder
from harness.registry import Table, current
from harness.shots.leaks import NEAR, normal_text
from harness.shots.registered import chosen
from harness.shots.tfidf import similarities, tfidf

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Dimensions in which the texts of a pool are clustered.
_TOPICS = 50


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector.

    Attributes:
        choose: The function that chooses.
        own_order: The order in which its shots come, None where that of the mode is made.
        per_sample: Whether each sample gets shots of its own.
    """

    choose: ShotSelector
    own_order: ShotOrder | None
    per_sample: bool = False


def first(draw: Draw) -> list[list[Sample]]:
    """Return the first k samples of the pool, each text once."""
    return [_once(draw.pool, draw.k)]


def random(draw: Draw) -> list[list[Sample]]:
    """Return k samples of the pool, no text of them twice, whatever their labels."""
    rows = np.random.default_rng(draw.seed).permutation(len(draw.pool))
    return [_once([draw.pool[row] for row in rows], draw.k)]


def balanced(draw: Draw) -> list[list[Sample]]:
    """Return k samples with label counts that differ by at most one, in a seeded order.

    Which labels get the odd shots is drawn too. No text is shown twice, under whichever labels.
    """
    generator = np.random.default_rng(draw.seed)
    labels = draw.labels
    order = [labels[i] for i in generator.permutation(len(labels))]
    chosen: list[Sample] = []
    for rank, label in enumerate(order):
        wanted = draw.k // len(labels) + (rank < draw.k % len(labels))
        of_label = [sample for sample in draw.pool if sample.label == label]
        if len(of_label) < wanted:
            raise SpecError(f"the shot pool has {len(of_label)} samples of label '{label}', "
                            f"{wanted} are wanted; lower k or give a larger pool")  # fmt: skip
        drawn = [of_label[row] for row in generator.permutation(len(of_label))]
        chosen += _once(drawn, wanted, beside=chosen, label=label)
    return [[chosen[row] for row in generator.permutation(len(chosen))]]


def nearest(draw: Draw) -> list[list[Sample]]:
    """Return for each sample the k pool entries with the closest texts, the closest last.

    Closeness is the cosine of TF-IDF over words, weighted by the pool alone, so that a sample's
    shots do not depend on the other samples. A near copy of the sample is passed over.

    Source: Liu et al. (2022), What Makes Good In-Context Examples for GPT-3?, arXiv 2101.06804.
    """
    pool = _distinct(draw)
    vectors, queries = _vectors(pool, draw.samples)
    found: list[list[Sample]] = []
    for start, block in similarities(queries, vectors):
        near = block >= NEAR
        block[near] = -1.0
        ranked = _largest(block, draw.k)[:, ::-1]
        for row, columns in enumerate(ranked):
            if near[row, columns].any():
                raise SpecError(f"the shot pool has fewer than {draw.k} texts that are no near "
                                f"copy of sample '{draw.samples[start + row].id}'; lower k or give "
                                "a larger pool")  # fmt: skip
            found.append([pool[column] for column in columns])
    return found


def diverse(draw: Draw) -> list[list[Sample]]:
    """Return the most central text of each of k clusters of the pool, in a seeded order.

    Clusters are k-means' over the pool's TF-IDF, reduced to at most 50 dimensions.

    Source: Zhang et al. (2023), Automatic Chain of Thought Prompting, arXiv 2210.03493, sec. 4.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits

    pool = _distinct(draw)
    vectors, _ = _vectors(pool, ())
    # Threads add numbers in an order of their own, and the shots must not depend on it.
    with threadpool_limits(1), warnings.catch_warnings():
        # Texts of the same words may leave a cluster empty, which the loop below makes good.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if min(vectors.shape) > _TOPICS:
            reduced = TruncatedSVD(_TOPICS, random_state=draw.seed).fit_transform(vectors)
            reduced = normalize(reduced)
        else:
            reduced = vectors.toarray()
        means = KMeans(draw.k, n_init=4, random_state=draw.seed)
        distances = means.fit_transform(reduced)
    chosen: list[int] = []
    for column in distances.T:
        ranked = np.argsort(column, kind="stable")
        chosen.append(next(int(row) for row in ranked if row not in chosen))
    order = np.random.default_rng(draw.seed).permutation(draw.k)
    return [[pool[chosen[place]] for place in order]]


def _once(
    entries: Sequence[Sample], count: int, *, beside: Sequence[Sample] = (), label: str = ""
) -> list[Sample]:
    """Return the first entries of which none repeats the text of another.

    Args:
        entries: In the order in which they are taken.
        count: How many are wanted.
        beside: What was taken before, which they do not repeat either.
        label: Of all entries, for errors; empty where they have several.

    Raises:
        SpecError: There are fewer.
    """
    taken = {normal_text(sample.text) for sample in beside}
    found: list[Sample] = []
    for sample in entries:
        if len(found) == count:
            break
        if (text := normal_text(sample.text)) not in taken:
            taken.add(text)
            found.append(sample)
    if len(found) < count:
        raise _too_few(len(found), count, label)
    return found


def _too_few(found: int, wanted: int, label: str = "") -> SpecError:
    more = f" of label '{label}' beside those that stand under another one" if label else ""
    return SpecError(f"the shot pool has {found} different texts{more}, {wanted} are wanted; "
                     "lower k or give a larger pool")  # fmt: skip


def _distinct(draw: Draw) -> list[Sample]:
    """Return the pool without entries that repeat an earlier one.

    Raises:
        SpecError: Fewer than k are left.
    """
    first: dict[str, Sample] = {}
    for sample in draw.pool:
        first.setdefault(normal_text(sample.text), sample)
    if len(first) < draw.k:
        raise _too_few(len(first), draw.k)
    return list(first.values())


def _vectors(pool: Sequence[Sample], samples: Sequence[Sample]) -> tuple[csr_matrix, csr_matrix]:
    known, queries = (tuple(normal_text(one.text) for one in part) for part in (pool, samples))
    vectors, others = tfidf(known, queries)
    if vectors.shape[1] == 0:
        raise SpecError("no text of the shot pool has a word to compare; take selector balanced, "
                        "random or first")  # fmt: skip
    return vectors, others


def _largest(block: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the columns of each row's k largest values, the largest first, shape [rows, k]."""
    count = block.shape[1]
    some = np.argpartition(block, count - k, axis=1)[:, count - k :]
    values = np.take_along_axis(block, some, axis=1)
    # Equal values go by column.
    order = np.lexsort((some, -values), axis=1)
    return np.take_along_axis(some, order, axis=1)


def registered_selectors() -> dict[str, Selector]:
    """Return those that are registered."""
    return {
        name: Selector(partial(chosen, name, entry), None, entry.per_sample)
        for name, entry in current().selectors.items()
    }


SELECTORS: Table[Selector] = Table({
    "balanced": Selector(balanced, "shuffled"),
    "random": Selector(random, "shuffled"),
    "first": Selector(first, "pool"),
    "nearest": Selector(nearest, "nearest_last", per_sample=True),
    "diverse": Selector(diverse, "shuffled"),
}, registered_selectors)  # fmt: skip
"""Selectors by name, registered ones included."""
