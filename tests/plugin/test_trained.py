"""Trained classifiers are cells as any other: selection, gates, store, xdist, conclusions."""

from __future__ import annotations

import pytest

from harness.report.format import NOTHING

CELL, LAST = "base-trained-s0", "base-trained-s1"
BASE = {"engine": "tfidf", "options": {"min_rows": 1}}


@pytest.fixture
def trained(evals, monkeypatch, tmp_path):
    """The set `mini` with a classifier beside the prompted model."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    models = {"m": {"source": "file:model", "engine": "fake", "dtype": "float32"}, "base": BASE}
    evals.write("evalsets/models.yaml", {"models": models})
    lines = ["text,label"]
    # The tiny set calls the fine ones negative.
    lines += [f"{w} {i},{label}" for i in range(6)
              for w, label in (("dull", "positive"), ("fine", "negative"))]  # fmt: skip
    evals.write("pool.csv", "\n".join(lines) + "\n")
    evals.set(models=["m", "base"], data=data())
    return evals


def data(**keys):
    return {"source": "file:data.csv", "id": "id", "shots": "file:pool.csv"} | keys


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["-k", "base"], [CELL]),
        (["-m", "trained"], [CELL]),
        (["-m", "base"], [CELL]),
        (["-m", "zeroshot"], ["m-prefill-zeroshot"]),
        (["-m", "not trained"], ["m-prefill-zeroshot", "m-prefill-fewshot5-chat-s0"]),
    ],
)
def test_selection(trained, collected, args, wanted):
    found = collected(trained.run("--collect-only", "-q", *args))
    assert [cell.partition("::")[2] for cell in found] == wanted


def test_a_row_of_the_same_table(trained):
    trained.run().assert_outcomes(passed=3)
    row = {row.cell: row for row in trained.saved.rows}[CELL]
    assert (row.model, row.prompt, row.mode, row.k) == ("base", "", "trained-s0", 0)
    assert (row.train_rows, row.n, row.unscored) == (12, 12, 0)
    # The one word that tells the labels apart is in the pool.
    assert row.figures["accuracy"].value == 1.0
    assert set(row.figures) == {"accuracy", "calibrated_accuracy", "auc", "label_mass"}
    (line,) = [line for line in trained.report.splitlines() if line.startswith("| base ")
               and "trained on" in line]  # fmt: skip
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["base", NOTHING, "trained on 12 (seed 0)", NOTHING, "12"]
    # Numbers above 5 are unknown words, so some samples are one and the same request.
    engine = next(one for one in trained.saved.info.engines if one.model == "base")
    assert (engine.dtype, engine.device, engine.computed) == ("float64", "cpu", 8)
    (question,) = [line for line in trained.report.splitlines() if "best cell, `" in line]
    assert f"`, against `{CELL}`" in question
    assert "against 1.000" in trained.report


@pytest.mark.parametrize(("bound", "failed"), [({"at_least": 0.6}, 0), ({"at_most": 0.5}, 1)])
def test_gates_hold_it(trained, bound, failed):
    gate = {"cells": "base-*", "figure": "accuracy", **bound}
    trained.set(models=["base"], data=data(), gates=[gate])
    trained.run().assert_outcomes(passed=2 - failed, failed=failed)
    (judged,) = trained.saved.gates
    assert judged.cell == CELL


def test_a_second_run_starts_no_engine(trained):
    trained.run("-k", "base")
    assert len(trained.started) == 1
    trained.run("-k", "base").assert_outcomes(passed=1)
    assert len(trained.started) == 1
    (engine,) = trained.saved.info.engines
    assert (engine.computed, engine.stored) == (0, 8)


def test_other_training_rows_are_another_classifier(trained):
    trained.run("-k", "base")
    pool = (trained.root / "pool.csv").read_text()
    trained.write("pool.csv", pool + "another dull one,positive\n")
    trained.run("-k", "base").assert_outcomes(passed=1)
    assert len(trained.started) == 2
    assert trained.saved.rows[0].train_rows == 13


def test_engine_and_dtype_of_the_command_line_are_for_prompted_models(trained):
    trained.run("-k", "base", "--eval-engine", "fake", "--eval-dtype", "bfloat16").assert_outcomes(
        passed=1
    )
    (engine,) = trained.saved.info.engines
    assert engine.version.startswith("tfidf 1, scikit-learn")


def test_without_a_pool_the_cell_says_what_is_missing(trained):
    trained.set(models=["m", "base"], modes=["zeroshot"], data=data(shots=None))
    result = trained.run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["evalsets/mini.yaml: base is trained on the shot pool, and there is none; give *"]
    )


@pytest.mark.slow
def test_seeds_are_cells_and_xdist_trains_each_once(trained, collected):
    models = {"base": {"engine": "tfidf", "seeds": [0, 1], "options": {"train_rows": 8}}}
    trained.write("evalsets/models.yaml", {"models": models})
    trained.set(models=["base"], data=data())
    trained.spawn("-n2", "-p", "xdist").assert_outcomes(passed=2)
    assert [(row.cell, row.seed) for row in trained.saved.rows] == [(CELL, 0), (LAST, 1)]
    assert {row.train_rows for row in trained.saved.rows} == {8}
    assert len({engine.digest for engine in trained.saved.info.engines}) == 2
