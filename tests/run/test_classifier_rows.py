from __future__ import annotations

import pytest

from harness.engines.classifiers.rows import load_training
from harness.errors import SpecError
from harness.reasons import Reason
from harness.records import Sample
from harness.run.cells import cells
from harness.run.classifier_rows import build_training, draw_rows, prepare_trained
from harness.spec.evalset import EvalSet
from harness.spec.modelspec import ModelSpec

LABELS = ["good", "bad"]
POOL = [
    Sample(f"p{i}", f"word{i} and {'fine' if i % 3 else 'dull'}", LABELS[i % 3 == 0])
    for i in range(30)
]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))


def cell(*, seed=0, engine="tfidf", labels=None, scoring="logprobs", **options):
    evalset = EvalSet.model_validate(
        {
            "data": {"rows": [{"text": "x", "label": "good"}]},
            "labels": labels or LABELS,
            "models": ["base"],
            "prompts": ["p.j2"],
            "modes": ["zeroshot"],
            "scoring": scoring,
        }
    )
    spec = ModelSpec.model_validate({"engine": engine, "seed": seed, "options": options})
    (found,) = cells("evalsets/a.yaml", "a", evalset, {"base": spec})
    return found


def test_a_pool_becomes_rows_labels_and_words():
    training = build_training(cell(), POOL)
    found = load_training(training.path)
    assert training.rows == len(found.labels) == 30
    assert [LABELS[i] for i in found.labels] == [sample.label for sample in POOL]
    ids = training.words.ids
    assert found.rows()[1].tolist() == [ids["word1"], ids["and"], ids["fine"]]
    assert (found.words, found.classes) == (len(ids) + 2, 2)
    assert found.digest == training.digest


def test_the_digest_follows_rows_seed_and_label_order():
    def digest(**changes) -> str:
        return build_training(cell(**changes), POOL).digest

    assert digest() == digest() == digest(train_rows=30) == digest(train_rows=999)
    few = {digest(train_rows=20, seed=seed) for seed in range(5)}
    assert len(few) == 5
    assert digest(labels=LABELS[::-1]) != digest()
    assert digest(vocabulary=5) != digest()


def test_rows_without_a_word_are_no_training_rows():
    training = build_training(cell(), [*POOL, Sample("none", "?!", "good")])
    assert training.rows == 30


@pytest.mark.parametrize("n", [1, 7, 20, 30, 100, None])
def test_rows_are_drawn_once_each(n):
    drawn = draw_rows(POOL, LABELS, n, balanced=False, seed=3)
    ids = [sample.id for sample in drawn]
    assert len(set(ids)) == len(ids) == min(30, n or 30)
    assert ids == [sample.id for sample in POOL if sample.id in ids]


@pytest.mark.parametrize(("n", "each"), [(4, 2), (5, 2), (20, 10), (28, 10), (None, 10)])
def test_balanced_rows_have_as_many_of_each_label(n, each):
    drawn = draw_rows(POOL, LABELS, n, balanced=True, seed=3)
    assert [sum(s.label == label for s in drawn) for label in LABELS] == [each, each]
    assert drawn != draw_rows(POOL, LABELS, n, balanced=True, seed=4) or n in (28, None)


@pytest.mark.parametrize(
    ("pool", "problem"),
    [
        ([], "evalsets/a.yaml: base is trained on the shot pool, and there is none; give "
             "data.split, data.shots or --eval-shots a=PATH"),
        ([s for s in POOL if s.label == "good"],
         "evalsets/a.yaml: base has no training row of label 'bad'; give a larger shot pool or "
         "raise train_rows"),
    ],
)  # fmt: skip
def test_a_pool_that_teaches_nothing_is_refused(pool, problem):
    with pytest.raises(SpecError) as raised:
        build_training(cell(), pool)
    assert str(raised.value) == problem


def test_samples_become_requests_for_the_labels():
    own = cell(engine="rnn", max_tokens=2, scoring="generate")
    training = build_training(own, POOL)
    samples = [
        Sample("a", "fine and word1", "good"),
        Sample("b", "?!", "bad"),
        Sample("c", "fine and word1", "bad"),
    ]
    prepared = prepare_trained(own, samples, training, shared="engine")
    (asked,), none, (again,) = prepared.requests
    ids = training.words.ids
    assert asked.prompt_ids == (ids["fine"], ids["word1"])
    assert asked.sampling.score_ids == (0, 1)
    assert asked.key == again.key
    assert none == ()
    assert prepared.errors == {1: Reason("no_known_word")}
    assert prepared.tree.logprobs([(-0.1, -2.3)]) == (-0.1, -2.3)
    assert (prepared.train_rows, prepared.window) == (30, 3)
    assert prepared.prompt_tokens == pytest.approx(4 / 3)
    other = prepare_trained(own, samples, training, shared="another engine")
    assert other.requests[0][0].key != asked.key
