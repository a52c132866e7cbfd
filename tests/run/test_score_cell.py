from __future__ import annotations

import math
from dataclasses import replace

import pytest
from reasoned import because, numbers, told

from harness.prompts.label_words import label_tree
from harness.records import EngineInfo, Output, Request, Sample, Sampling
from harness.run.cells import cells
from harness.run.prepared import Prepared
from harness.run.score_cell import Outcome, score_cell
from harness.spec.evalset import EvalSet
from harness.spec.modelspec import ModelSpec

LABELS = ["positive", "negative"]
TARGETS = ["positive", "negative", "positive", "negative"]
ENGINE = EngineInfo(
    "m", "file:m", "sha256:ab", "fake", "1", "float32", "cpu", 0.0, 0.0, 0, 0, 0, 0, 0
)


def prepared(method="logprobs", *, tree=None, errors=None, data=None) -> Prepared:
    evalset = EvalSet.model_validate(
        {
            "data": data or {"rows": [{"text": "x", "label": label} for label in LABELS]},
            "labels": LABELS,
            "models": ["m"],
            "prompts": ["p.j2"],
            "modes": ["zeroshot", {"mode": "fewshot", "k": 2, "placement": "user"}],
            "scoring": method,
        }
    )
    cell = cells("evalsets/e.yaml", "e", evalset, {"m": ModelSpec(source="file:model")})[1]
    if method == "logprobs":
        tree = tree or label_tree([(2,), (1,)], end_ids=())
    questions = tree.questions if tree else [((), ())]
    errors = errors or {}
    requests = tuple(
        ()
        if i in errors
        else tuple(Request(f"k{i}.{q}", (7, i, *path), Sampling(score_ids=tuple(ids)))
                   for q, (path, ids) in enumerate(questions))
        for i in range(len(TARGETS))
    )  # fmt: skip
    samples = tuple(Sample(f"s{i}", f"text {i}", target) for i, target in enumerate(TARGETS))
    words = {label: label for label in LABELS}
    return Prepared(cell, samples, words, tree, requests, errors, 12.5, 64)


def score(prepared: Prepared, outputs: dict[str, Output]) -> Outcome:
    return score_cell(prepared, outputs, ENGINE)


def logprobs(*rows) -> dict[str, Output]:
    return {f"k{i}.0": Output(f"k{i}.0", logprobs=row) for i, row in enumerate(rows)}


TEXTS = {f"k{i}.0": Output(f"k{i}.0", text="positive") for i in range(4)}
# The question's ids are 1 (negative) and 2 (positive).
RIGHT = [(-3.0, -0.5), (-0.5, -3.0), (-2.0, -1.0), (-1.0, -2.0)]


def test_a_cell_that_is_all_right():
    outcome = score(prepared(), logprobs(*RIGHT))
    row = outcome.row
    assert (row.n, row.unscored, row.reasons) == (4, 0, {})
    assert row.figures["accuracy"].value == 1.0
    assert row.figures["auc"].value == 1.0
    assert row.shares == {"positive": 0.5, "negative": 0.5}
    assert (row.evalset, row.cell) == ("evalsets/e.yaml", "m-p-fewshot2-user-s0")
    assert (row.model, row.prompt, row.mode) == ("m", "p", "fewshot2-user-s0")
    assert (row.k, row.placement, row.selector, row.seed) == (2, "user", "balanced", 0)
    assert (row.scoring, row.prompt_tokens) == ("logprobs", 12.5)


def test_results_hold_each_sample():
    outcome = score(prepared(), logprobs(RIGHT[0], (-3.0, -0.5), *RIGHT[2:]))
    assert [result.sample for result in outcome.results] == ["s0", "s1", "s2", "s3"]
    first, second = outcome.results[:2]
    assert (first.prompt_key, first.text, first.target) == ("k0.0", "text 0", "positive")
    assert first.length == len("text 0")
    assert (first.answer, first.correct, first.reason) == ("positive", True, None)
    assert first.logprobs == {"positive": -0.5, "negative": -3.0}
    assert first.log_odds == 2.5
    assert first.completion == ""
    assert (second.answer, second.correct) == ("positive", False)
    assert all(result.calibrated in LABELS for result in outcome.results)


def test_an_overlong_sample_is_unscored_with_its_reason():
    outputs = logprobs(*RIGHT)
    del outputs["k1.0"]
    outcome = score(prepared(errors={1: because("too long: 900")}), outputs)
    assert (outcome.row.n, outcome.row.unscored) == (3, 1)
    assert numbers(outcome.row.reasons) == {"too long: 900": 1}
    result = outcome.results[1]
    assert (result.answer, result.correct, result.calibrated) == (None, None, None)
    assert (told(result.reason), result.prompt_key, result.log_odds) == ("too long: 900", "", None)
    assert result.logprobs == {}


def test_engine_errors_and_bad_numbers_are_unscored():
    outputs = logprobs(*RIGHT) | {
        "k0.0": Output("k0.0", error="it broke"),
        "k1.0": Output("k1.0", logprobs=(math.nan, -1.0)),
        "k2.0": Output("k2.0", logprobs=(-1.0, -1.0)),
    }
    outcome = score(prepared(), outputs)
    assert (outcome.row.n, outcome.row.unscored) == (1, 3)
    assert set(numbers(outcome.row.reasons)) == {
        "it broke",
        "a label's log-probability is not finite",
        "two labels are equally probable",
    }
    assert [result.correct for result in outcome.results] == [None, None, None, True]


def test_a_cell_without_any_verdict_has_no_figures():
    outputs = {f"k{i}.0": Output(f"k{i}.0", error="it broke") for i in range(4)}
    outcome = score(prepared(), outputs)
    assert (outcome.row.n, outcome.row.unscored) == (0, 4)
    assert "accuracy" not in outcome.row.figures


def test_provenance_tells_what_a_comparison_needs():
    base = score(prepared(), logprobs(*RIGHT)).provenance
    assert (base.model, base.engine, base.numbers) == ("sha256:ab", "fake 1", "float32, cpu")
    assert score(prepared("generate"), TEXTS).provenance.scoring != base.scoring
    one = prepared()
    other = replace(one, samples=(replace(one.samples[0], text="new"), *one.samples[1:]))
    found = score(other, logprobs(*RIGHT)).provenance
    assert found.data != base.data
    assert replace(found, data=base.data) == base


def test_several_questions_are_added_up():
    tree = label_tree([(5, 2), (5, 1)], end_ids=())
    outputs: dict[str, Output] = {}
    for i, row in enumerate(RIGHT):
        outputs[f"k{i}.0"] = Output(f"k{i}.0", logprobs=(-0.25,))
        outputs[f"k{i}.1"] = Output(f"k{i}.1", logprobs=row)
    outcome = score(prepared(tree=tree), outputs)
    assert outcome.row.figures["accuracy"].value == 1.0
    assert outcome.results[0].logprobs == {"positive": -0.75, "negative": -3.25}
    assert outcome.results[0].prompt_key == "k0.0"


@pytest.mark.parametrize("method", ["generate", "choice"])
def test_text_is_kept_and_has_no_log_probabilities(method):
    texts = [" positive", "negative", "negative", "who knows"]
    outputs = {f"k{i}.0": Output(f"k{i}.0", text=text) for i, text in enumerate(texts)}
    outcome = score(prepared(method), outputs)
    assert [result.completion for result in outcome.results] == texts
    assert [result.correct for result in outcome.results] == [True, True, False, None]
    assert outcome.row.scoring == method
    assert (outcome.row.n, outcome.row.unscored) == (3, 1)
    assert outcome.row.figures.keys() == {"accuracy"}
    assert all(result.log_odds is None and not result.logprobs for result in outcome.results)


def bare(*rows) -> tuple[dict[str, Output], tuple[tuple[Request, ...], ...]]:
    outputs = {f"b{i}": Output(f"b{i}", logprobs=row) for i, row in enumerate(rows)}
    return outputs, tuple((Request(key, (9,), Sampling()),) for key in outputs)


def test_contextual_calibration_takes_the_bias_on_empty_texts_out():
    always = [(-1.0, -0.5), (-0.4, -0.5), (-1.0, -0.5), (-0.4, -0.5)]  # negative, positive
    outputs, requests = bare((-0.7, -0.4), (-0.7, -0.4))
    cell = replace(prepared(), bare=requests)
    row = score(cell, logprobs(*always) | outputs).row
    assert row.figures["accuracy"].value == 1.0
    assert row.figures["contextual_accuracy"].value == 1.0
    biased = [(first, second + 1) for first, second in always]
    outputs, _ = bare((-0.7, 0.6), (-0.7, 0.6))
    row = score(cell, logprobs(*biased) | outputs).row
    assert row.figures["accuracy"].value == 0.5
    assert row.figures["contextual_accuracy"].value == 1.0
    assert (row.figures["contextual_accuracy"].n, row.n) == (4, 4)


def test_a_failed_text_without_content_gives_no_contextual_figure():
    outputs, requests = bare((-0.7, -0.4), (-0.7, -0.4))
    outputs["b1"] = Output("b1", error="it broke")
    row = score(replace(prepared(), bare=requests), logprobs(*RIGHT) | outputs).row
    assert row.figures.keys() == {"accuracy", "calibrated_accuracy", "auc", "label_mass"}
    assert row.unscored == 0


def test_clusters_reach_the_intervals_and_the_row():
    plain = prepared()
    clustered = prepared(data={"source": "file:a.csv", "cluster": "film"})
    samples = tuple(
        replace(sample, cluster=film)
        for sample, film in zip(clustered.samples, ["a", "a", "b", "b"], strict=True)
    )
    wrong = [*RIGHT[:3], (-2.0, -1.0)]
    outcome = score(replace(clustered, samples=samples), logprobs(*wrong))
    bare = score(plain, logprobs(*wrong)).row
    assert (bare.clusters, outcome.row.clusters) == (None, 2)
    found, other = outcome.row.figures["accuracy"], bare.figures["accuracy"]
    assert found.value == other.value == 0.75
    assert found.high - found.low > other.high - other.low
