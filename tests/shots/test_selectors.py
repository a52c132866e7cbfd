from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from harness.errors import SpecError
from harness.records import Sample
from harness.shots import Draw, select_shots

LABELS = ["a", "b", "c"]
POOL = [Sample(f"p{i}", f"text {i}", LABELS[i % 3]) for i in range(60)]
ASKED = [Sample("s", "the sample under test", "a")]


def select(selector, k, seed=0, *, pool=POOL, samples=ASKED, order="shuffled") -> list[Sample]:
    (shots, *_) = select_shots(selector, order, Draw(pool, samples, LABELS, k, seed))
    return shots


def test_draws_of_earlier_versions_stay():
    """Ids of cells and stored outputs rest on them."""
    assert [s.id for s in select("balanced", 5, 0)] == ["p33", "p48", "p22", "p32", "p59"]
    assert [s.id for s in select("random", 5, 3)] == ["p22", "p0", "p3", "p38", "p37"]


@pytest.mark.parametrize("k", range(1, 13))
@pytest.mark.parametrize("seed", range(5))
def test_balanced_counts_differ_by_at_most_one(k, seed):
    counts = Counter(shot.label for shot in select("balanced", k, seed))
    full = [counts[label] for label in LABELS]
    assert max(full) - min(full) <= 1


def test_balanced_draws_who_gets_the_odd_shot_and_the_order():
    drawn = [select("balanced", 4, seed) for seed in range(60)]
    odd = Counter(Counter(s.label for s in shots).most_common(1)[0][0] for shots in drawn)
    last = Counter(shots[-1].label for shots in drawn)
    assert set(odd) == set(last) == set(LABELS)
    assert min(odd.values()) >= 8
    assert min(last.values()) >= 8


def test_balanced_does_not_follow_the_pool():
    skewed = POOL[:3] + [Sample(f"q{i}", f"x {i}", "a") for i in range(500)]
    counts = Counter(shot.label for shot in select("balanced", 3, pool=skewed))
    assert counts == {"a": 1, "b": 1, "c": 1}


def test_random_follows_the_pool():
    skewed = POOL[:3] + [Sample(f"q{i}", f"x {i}", "a") for i in range(500)]
    drawn = [s.label for seed in range(20) for s in select("random", 5, seed, pool=skewed)]
    assert Counter(drawn)["a"] > 90


def test_a_pool_that_lacks_a_label_is_one_line():
    pool = [sample for sample in POOL if sample.label != "b"]
    with pytest.raises(SpecError) as raised:
        select("balanced", 6, pool=pool)
    assert str(raised.value) == (
        "the shot pool has 0 samples of label 'b', 2 are wanted; lower k or give a larger pool"
    )


def test_the_whole_pool_may_be_drawn():
    shots = select("random", len(POOL), 3)
    assert sorted(shot.id for shot in shots) == sorted(sample.id for sample in POOL)
    assert shots != POOL


def test_first_takes_the_pool_as_it_comes():
    assert select("first", 4, order="pool") == POOL[:4]


def words(rng: random.Random, topic: str, count: int = 6) -> str:
    return " ".join(f"{topic}{rng.randrange(30)}" for _ in range(count))


def test_nearest_is_what_brute_force_finds():
    rng = random.Random(0)
    pool = [Sample(f"p{i}", words(rng, "w", 8), "a") for i in range(300)]
    samples = [Sample(f"s{i}", words(rng, "w", 8), "a") for i in range(40)]
    found = select_shots("nearest", "nearest_last", Draw(pool, samples, LABELS, 5, 0))
    terms = {
        term: sum(term in p.text.split() for p in pool) for p in pool for term in p.text.split()
    }
    weight = {term: 1 + np.log((1 + len(pool)) / (1 + df)) for term, df in terms.items()}

    def vector(text: str) -> dict[str, float]:
        counts = Counter(text.split())
        return {t: (1 + np.log(c)) * weight[t] for t, c in counts.items() if t in weight}

    def cosine(one: dict[str, float], two: dict[str, float]) -> float:
        norm = np.sqrt(sum(v * v for v in one.values()) * sum(v * v for v in two.values()))
        return sum(v * two.get(t, 0.0) for t, v in one.items()) / norm

    vectors = {p.id: vector(p.text) for p in pool}
    for sample, shots in zip(samples, found, strict=True):
        near = sorted((cosine(vector(sample.text), vectors[p.id]) for p in pool), reverse=True)
        mine = [cosine(vector(sample.text), vectors[shot.id]) for shot in shots]
        assert mine == sorted(mine)
        assert mine[::-1] == pytest.approx(near[:5], abs=1e-5)


def test_nearest_passes_over_near_copies_of_the_sample():
    sample = Sample("s", "one two three four five six seven eight nine ten", "a")
    near = Sample("near", "one two three four five six seven eight ten nine", "b")
    pool = [*POOL[:5], near, Sample("q", "one two three", "c")]
    assert select("nearest", 1, pool=pool, samples=[sample], order="nearest_last")[0].id == "q"
    with pytest.raises(SpecError, match="fewer than 2 texts that are no near copy of sample 's'"):
        select("nearest", 2, pool=[near, pool[-1]], samples=[sample])


@pytest.mark.parametrize("selector", ["nearest", "diverse", "random", "first"])
def test_repeated_texts_of_the_pool_count_once(selector):
    pool = [Sample(f"p{i}", f"Word{i % 4} common", "a") for i in range(40)]
    sample = [Sample("s", "word1 alone", "a")]
    found = select(selector, 4, pool=pool, samples=sample)
    assert len({shot.text.lower() for shot in found}) == 4
    with pytest.raises(SpecError, match="has 4 different texts, 5 are wanted; lower k"):
        select(selector, 5, pool=pool, samples=sample)


@pytest.mark.parametrize("seed", range(5))
def test_a_balanced_draw_shows_no_text_twice_nor_under_two_labels(seed):
    repeated = [Sample(f"p{i}", f"word {i % 4}", "a") for i in range(8)]
    both = [Sample(f"q{i}", f"Word {i}", "b") for i in range(6)]
    pool = [*repeated, *both, *POOL[2:9:3]]
    found = select("balanced", 5, seed, pool=pool)
    assert len({shot.text.lower() for shot in found}) == 5
    with pytest.raises(SpecError, match="lower k"):
        select("balanced", 12, seed, pool=[*repeated, *both, *POOL[2::3]])


@pytest.mark.parametrize("selector", ["nearest", "diverse"])
def test_texts_without_words_are_one_line(selector):
    pool = [Sample(f"p{i}", "!" * (i + 1), "a") for i in range(9)]
    with pytest.raises(SpecError, match="no text of the shot pool has a word to compare; take"):
        select(selector, 2, pool=pool)


def test_a_sample_without_a_known_word_gets_shots_all_the_same():
    found = select("nearest", 3, samples=[Sample("s", "unheard of", "a")])
    assert len({shot.id for shot in found}) == 3


@pytest.mark.parametrize("seed", range(5))
def test_diverse_takes_one_of_each_kind(seed):
    rng = random.Random(seed)
    pool = [Sample(f"p{i}", words(rng, "xyzuv"[i % 5]), "a") for i in range(200)]
    found = select("diverse", 5, seed, pool=pool)
    assert {shot.text[0] for shot in found} == set("xyzuv")
    kinds = [{s.text[0] for s in select("random", 5, s, pool=pool)} for s in range(20)]
    assert sum(len(kind) == 5 for kind in kinds) < 10


@pytest.mark.parametrize("size", [2, 3, 4])
def test_diverse_of_a_tiny_pool(size):
    found = select("diverse", size, pool=POOL[:size])
    assert {shot.id for shot in found} == {shot.id for shot in POOL[:size]}


def test_two_thousand_samples_are_quick():
    rng = random.Random(0)
    vocabulary = [f"w{min(int(rng.paretovariate(0.7)), 20000)}" for _ in range(50000)]
    texts = [" ".join(rng.sample(vocabulary, 60)) for _ in range(10000)]
    pool = [Sample(f"p{i}", text, "a") for i, text in enumerate(texts[:8000])]
    samples = [Sample(f"s{i}", text, "a") for i, text in enumerate(texts[8000:])]
    began = time.process_time()
    found = select_shots("nearest", "nearest_last", Draw(pool, samples, LABELS, 5, 0))
    assert len(found) == 2000
    # About 4 s; one sample at a time it is minutes.
    assert time.process_time() - began < 30


def test_threads_do_not_change_the_choice():
    code = (
        "import random; from harness.records import Sample; from harness.shots import *\n"
        "r = random.Random(0)\n"
        "pool = [Sample(str(i), ' '.join(str(r.randrange(99)) for _ in range(9)), 'a') "
        "for i in range(900)]\n"
        "found = select_shots('diverse', 'shuffled', Draw(pool, "
        "[Sample('s', 'x', 'a')], ['a'], 9, 0))\n"
        "print([s.id for s in found[0]])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"OMP_NUM_THREADS": threads, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for threads in ("1", "2")
    }
    assert len(told) == 1
