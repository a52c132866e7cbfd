"""What both trained classifiers share, and what each learns from rows that can be told apart."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines import engine_version, open_engine
from harness.engines.classifiers import engine as classifier
from harness.engines.classifiers.rows import save_training, training_set
from harness.errors import EngineError
from harness.records import Adapter, EngineConfig, Request, Sampling

WORDS, CLASSES = 40, 3
OPTIONS = {
    "rnn": {"hidden": 8, "embedding": 8, "epochs": 6, "batch": 8, "rate": 0.02, "threads": 1},
    "tfidf": {},
}


def texts(n: int, seed: int) -> tuple[list[tuple[int, ...]], list[int]]:
    """Return rows of noise in which one word out of three tells the label, and the labels."""
    drawn = random.Random(seed)
    labels = [i % CLASSES for i in range(n)]
    rows = []
    for label in labels:
        row = [drawn.randrange(2 + CLASSES, WORDS) for _ in range(drawn.randrange(4, 12))]
        row.insert(drawn.randrange(len(row)), 2 + label)
        rows.append(tuple(row))
    return rows, labels


@pytest.fixture(params=["rnn", "tfidf"])
def config(request, tmp_path, monkeypatch) -> EngineConfig:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    path = save_training(training_set(*texts(150, 0), words=WORDS, classes=CLASSES))
    return EngineConfig(
        engine=request.param,
        model_path=str(path),
        dtype="float32",
        device="cpu",
        max_model_len=50,
        options=OPTIONS[request.param],
    )


def ask(rows, **sampling):
    sampling = Sampling(**({"score_ids": tuple(range(CLASSES))} | sampling))
    return [Request(str(i), row, sampling) for i, row in enumerate(rows)]


def answer(engine, requests):
    return {output.key: output for output in engine.generate(requests)}


def weights() -> list[Path]:
    return sorted(Path(classifier.cache_folder("trained")).glob("*.safetensors"))


def test_it_learns_what_tells_the_labels_apart(config):
    rows, labels = texts(90, 1)
    found = answer(open_engine(config), ask(rows))
    answers = [found[str(i)].token_ids[0] for i in range(90)]
    assert sum(a == b for a, b in zip(answers, labels, strict=True)) >= 81
    for output in found.values():
        assert sum(map(math.exp, output.logprobs)) == pytest.approx(1, abs=1e-6)
        assert output.logprobs.index(max(output.logprobs)) == output.token_ids[0]


def test_an_unknown_word_tells_nothing_but_is_no_error(config):
    (output,) = answer(open_engine(config), ask([(1, 1)])).values()
    assert output.error is None
    assert sum(map(math.exp, output.logprobs)) == pytest.approx(1, abs=1e-6)


def test_training_twice_gives_the_same_weights(config):
    open_engine(config)
    (path,) = weights()
    first = path.read_bytes()
    path.unlink()
    open_engine(config)
    assert weights() == [path]
    assert path.read_bytes() == first


def test_weights_are_found_again_and_known_by_all_that_made_them(config, monkeypatch):
    open_engine(config)
    (path,) = weights()
    made = path.stat().st_mtime_ns
    open_engine(config)
    assert [path.stat().st_mtime_ns] == [one.stat().st_mtime_ns for one in weights()] == [made]
    open_engine(replace(config, seed=1))
    option = {"vocabulary": 30}
    open_engine(replace(config, options=config.options | option))
    other = save_training(training_set(*texts(60, 0), words=WORDS, classes=CLASSES))
    open_engine(replace(config, model_path=str(other)))
    assert len(weights()) == 4
    monkeypatch.setattr(classifier, "engine_version", lambda name: f"{name} of tomorrow")
    open_engine(config)
    assert len(weights()) == 5


def test_the_version_names_code_and_library(config):
    library = {"rnn": "torch ", "tfidf": "scikit-learn "}[config.engine]
    assert engine_version(config.engine).startswith(f"{config.engine} 1, {library}")


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (Request("r", (2, WORDS), Sampling(score_ids=(0,))), "word id"),
        (Request("r", (2, -1), Sampling(score_ids=(0,))), "word id"),
        (Request("r", (2,), Sampling(score_ids=(0, CLASSES))), "score id"),
        (Request("r", (2,), Sampling(max_tokens=2)), "writes no text"),
        (Request("r", (2,), Sampling(choices=("a", "b"))), "writes no text"),
        (Request("r", (2,), Sampling(), Adapter("a", "a", 1)), "no adapter"),
    ],
)
def test_what_it_cannot_answer_is_an_error_of_its_own(config, request_, problem):
    found = answer(open_engine(config), [*ask([(3, 4)]), request_])
    assert problem in found["r"].failure.text
    assert found["r"].finish_reason == "error"
    assert found["0"].error is None


@pytest.mark.parametrize("options", [{"epoch": 2}, {"train_rows": "many"}, {"vocabulary": 0}])
def test_a_wrong_option_is_named(config, options):
    (name,) = options
    with pytest.raises(EngineError, match=f"option '{name}'"):
        open_engine(replace(config, options=options))


def test_damaged_weights_are_named(config):
    open_engine(config)
    (path,) = weights()
    path.write_bytes(b"damaged")
    with pytest.raises(EngineError, match=r"cannot be read.*remove the file"):
        open_engine(config)


def test_a_training_that_fails_leaves_no_weights(config):
    def fail(training):
        raise RuntimeError("out of memory")

    spec = classifier.TrainSpec()
    with pytest.raises(RuntimeError, match="out of memory"):
        classifier.trained(config, spec, fail)
    assert weights() == []
