"""Encoders are cells as any other: selection, gates, store, conclusions."""

from __future__ import annotations

import pytest
from encoders import NLI, make_encoder

from harness.report.format import NOTHING

OWN, ZERO = "own-encoder", "nli-encoder"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A classifier of sentiment and a model for NLI, of random weights."""
    own, nli = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("nli")
    return make_encoder(own), make_encoder(nli, "roberta", classes=NLI, length=18)


@pytest.fixture
def encoders(evals, folders):
    """The set `mini` with two encoders beside the prompted model."""
    evals.write("evalsets/models.yaml", {"models": entries(folders)})
    evals.set(models=["m", "own", "nli"])
    return evals


def entries(folders, **nli):
    own, other = folders
    return {
        "m": {"source": "file:model", "engine": "fake", "dtype": "float32"},
        "own": {"engine": "encoder", "source": f"file:{own}"},
        "nli": {"engine": "encoder", "source": f"file:{other}", "task": "zero-shot", **nli},
    }


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["-m", "encoder"], [OWN, ZERO]),
        (["-k", "nli"], [ZERO]),
        (["-m", "zeroshot"], ["m-prefill-zeroshot"]),
    ],
)
def test_selection(encoders, collected, args, wanted):
    found = collected(encoders.run("--collect-only", "-q", *args))
    assert [cell.partition("::")[2] for cell in found] == wanted


@pytest.mark.slow
def test_rows_gates_and_conclusions_whatever_the_order_of_labels(encoders):
    gates = [
        {"cells": "own-*", "figure": "unscored", "at_most": 0.02},
        {"cells": "m-*-zeroshot", "figure": "auc", "no_worse_than": {"model": "nli"}, "by": 1},
    ]
    # All rows: which are drawn depends on the order of the labels.
    keys = {"models": ["m", "own", "nli"], "gates": gates, "modes": ["zeroshot"],
            "data": {"source": "file:data.csv", "id": "id"}}  # fmt: skip
    encoders.set(**keys)
    encoders.run()
    found = encoders.saved
    assert {(gate.cell, gate.against) for gate in found.gates} == {
        (OWN, ""), ("m-prefill-zeroshot", ZERO)}  # fmt: skip
    rows = {row.cell: row for row in found.rows}
    row = rows[ZERO]
    assert (row.model, row.prompt, row.mode, row.encoder, row.train_rows) == (
        "nli", "", "encoder", "zero-shot", 0)  # fmt: skip
    assert (row.n, row.unscored) == (12, 0)
    assert set(row.figures) == {"accuracy", "calibrated_accuracy", "auc", "label_mass"}
    assert row.classes["positive"] == "This example is positive."
    assert rows[OWN].figures["label_mass"].value == pytest.approx(1)
    engines = {one.model: one for one in found.info.engines}
    assert (engines["nli"].dtype, engines["nli"].computed) == ("float32", 24)
    assert engines["nli"].version.startswith("encoder 1, transformers ")
    lines = [line for line in encoders.report.splitlines() if "| encoder, " in line]
    cells = [cell.strip() for cell in lines[0].strip("|").split("|")]
    assert cells[:4] == ["own", NOTHING, "encoder, own classes", "12"]
    (question,) = [line for line in encoders.report.splitlines()
                   if "best cell, `" in line and ZERO in line]  # fmt: skip
    assert f"against `{ZERO}`" in question
    assert f"Against `{ZERO}`, an encoder: " in encoders.report
    assert "`nli`: zero-shot, by how far a text entails a sentence: positive “This example is " in (
        encoders.report)  # fmt: skip
    before = {(one.cell, one.sample): dict(one.logprobs) for one in found.results}
    started = encoders.started
    encoders.set(**keys, labels=["negative", "positive"])
    encoders.run("-m", "encoder")
    results = encoders.saved.results
    assert {one.cell for one in results} == {OWN, ZERO}
    assert all(list(one.logprobs) == ["negative", "positive"] for one in results)
    assert all(dict(one.logprobs) == before[one.cell, one.sample] for one in results)
    assert [one.computed for one in encoders.saved.info.engines] == [0, 0]
    assert encoders.started == started


@pytest.mark.slow
def test_entries_of_one_model_share_an_engine_start(encoders, folders):
    models = entries(folders)
    models["told"] = models["nli"] | {"hypothesis": "this is a {} review"}
    encoders.write("evalsets/models.yaml", {"models": models})
    encoders.set(models=["nli", "told"])
    # What is for models that write is nothing to an encoder.
    changed = encoders.run("--eval-engine", "vllm", "--eval-dtype", "bfloat16")
    changed.assert_outcomes(passed=2)
    assert len(encoders.started) == 1
    assert [one.dtype for one in encoders.saved.info.engines] == ["float32"]
    first, second = (
        [one.log_odds for one in encoders.saved.results if one.cell == cell]
        for cell in (ZERO, "told-encoder")
    )
    assert first != second


def test_made_up_answers_need_no_model(encoders, folders):
    models = entries(folders)
    models["own"]["source"] = "hub:nobody/has-this"
    models["nli"]["source"] = "file:nowhere"
    encoders.write("evalsets/models.yaml", {"models": models})
    gate = {"cells": "nli-*", "figure": "accuracy", "at_least": 0.5}
    encoders.set(models=["m", "own", "nli"], gates=[gate])
    encoders.run("--eval-engine", "fake").assert_outcomes(passed=4, skipped=1)
    assert {row.unscored for row in encoders.saved.rows} == {0}
    assert {one.version.partition(",")[0] for one in encoders.saved.info.engines} == {"fake 1"}


def test_a_plan_counts_pairs(encoders):
    result = encoders.run("--eval-plan")
    result.stdout.fnmatch_lines(["*own: 6 requests, about * prompt tokens",
                                 "*nli: 12 requests, about * prompt tokens"])  # fmt: skip


def test_labels_that_are_no_classes_are_one_line(encoders):
    encoders.set(models=["own"], labels={"positive": ["positive"], "bad": ["negative"]})
    result = encoders.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["evalsets/models.yaml:*: models.own.labels: label 'bad' is no "
                                 "class of *, which has NEGATIVE, POSITIVE; say which is which, as "
                                 "in labels: {positive: NEGATIVE, bad: POSITIVE}"])  # fmt: skip
