from __future__ import annotations

import itertools
from collections import Counter
from typing import get_args

import pytest

from harness.errors import SpecError
from harness.records import SHOT_SELECTORS, Sample, ShotOrder
from harness.shots import ORDERS, SELECTORS, Draw, select_shots
from harness.shots.leaks import normal_text
from harness.spec.modespec import ModeSpec

LABELS = ["a", "b", "c"]
WORDS = "film plot score cast joke scene song fight love end".split()
POOL = [
    Sample(f"p{i}", f"{' '.join(pair)} number{i}", LABELS[i % 3])
    for i, pair in enumerate(itertools.combinations(WORDS, 3))
]
SAMPLES = [Sample(f"s{i}", f"a {word} of its own", "a") for i, word in enumerate(WORDS)]
WAYS = ModeSpec(mode="fewshot", k=[1], selector=list(SELECTORS)).ways()
WAYS += [(selector, order) for selector in SELECTORS for order in ORDERS]


def select(selector, k, seed=0, *, order=None, pool=POOL, samples=SAMPLES):
    order = order or SELECTORS[selector].own_order
    return select_shots(selector, order, Draw(pool, samples, LABELS, k, seed))


def test_the_tables_have_what_an_eval_set_can_name():
    assert set(SELECTORS) == set(SHOT_SELECTORS)
    own = {entry.own_order for entry in SELECTORS.values()}
    assert set(ORDERS) | own == set(get_args(ShotOrder))
    spec = ModeSpec(mode="fewshot", k=[1], selector=list(SELECTORS))
    assert {(name, entry.own_order) for name, entry in SELECTORS.items()} == set(spec.ways())


@pytest.mark.parametrize(("selector", "order"), sorted(set(WAYS)))
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_every_sample_gets_k_different_shots_of_the_pool(selector, order, k):
    found = select(selector, k, order=order)
    assert len(found) == len(SAMPLES)
    for shots in found:
        assert len({shot.id for shot in shots}) == len(shots) == k
        assert all(shot in POOL for shot in shots)
    assert (len({tuple(s.id for s in shots) for shots in found}) > 1) == (
        SELECTORS[selector].per_sample
    )


@pytest.mark.parametrize(("selector", "order"), sorted(set(WAYS)))
def test_a_seed_says_which_where_something_is_drawn(selector, order):
    one, again, *others = (select(selector, 6, seed, order=order) for seed in (1, 1, 2, 3))
    assert one == again
    assert all(other != one for other in others) == ModeSpec.draws(order)


@pytest.mark.parametrize(("selector", "order"), sorted(set(WAYS)))
def test_a_sample_is_never_its_own_shot(selector, order):
    """Each sample's text stands in the pool, too, in another form."""
    disguised = [
        Sample(f"leak{i}", f"{sample.text.upper()}<br />", "b") for i, sample in enumerate(SAMPLES)
    ]
    found = select(selector, 9, order=order, pool=disguised + POOL)
    texts = {normal_text(sample.text) for sample in SAMPLES}
    assert not {shot.id for shots in found for shot in shots} & {leak.id for leak in disguised}
    assert not {normal_text(shot.text) for shots in found for shot in shots} & texts


@pytest.mark.parametrize("selector", SELECTORS)
def test_shots_do_not_depend_on_the_other_samples(selector):
    """Else a limit or a dropped sample would call for new outputs of all the others."""
    for order in (None, "shuffled", "alternating"):
        whole = select(selector, 4, order=order)
        assert select(selector, 4, order=order, samples=SAMPLES[2:5]) == whole[2:5]
        assert select(selector, 4, order=order, samples=SAMPLES[:1]) == whole[:1]


def test_an_order_changes_no_choice():
    for selector, entry in SELECTORS.items():
        own = select(selector, 7)
        for order in ORDERS:
            other = select(selector, 7, order=order)
            for one, two in zip(own, other, strict=True):
                assert {shot.id for shot in one} == {shot.id for shot in two}
            assert (own == other) == (order == entry.own_order)


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_small_pool_is_one_line(selector):
    with pytest.raises(SpecError) as raised:
        select(selector, 3, pool=POOL[:2])
    assert str(raised.value) == (
        "the shot pool has 2 samples, 3 are wanted; lower k or give a larger pool"
    )


def test_no_pool_is_one_line():
    with pytest.raises(SpecError) as raised:
        select("balanced", 3, pool=[])
    assert str(raised.value) == (
        "the shot pool has 0 samples, 3 are wanted; give data.shots, data.split or "
        "--eval-shots NAME=PATH"
    )


def test_alternating_labels_take_turns():
    for seed in range(10):
        for shots in select("random", 12, seed, order="alternating"):
            labels = [shot.label for shot in shots]
            lasting = min(Counter(labels).values()) * 3
            assert all(
                len(set(labels[i : i + 3])) == 3 for i in range(0, lasting - 2, 3)
            ), labels  # fmt: skip


def test_alternating_draws_who_begins():
    begins = Counter(select("balanced", 6, s, order="alternating")[0][0].label for s in range(60))
    assert set(begins) == set(LABELS)
    assert min(begins.values()) >= 8


def test_alternating_keeps_the_nearest_of_a_label_last():
    for own, mixed in zip(select("nearest", 9), select("nearest", 9, order="alternating"),
                          strict=True):  # fmt: skip
        for label in LABELS:
            assert [s for s in own if s.label == label] == [s for s in mixed if s.label == label]
