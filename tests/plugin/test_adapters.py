"""Adapters of several kinds in one session: who shares an engine, and whose figures are whose."""

from __future__ import annotations

import itertools
import json
import shutil

import pytest
from lora_adapters import configure, make_adapter, make_base

SAMPLES = [{"text": text, "label": label} for text, label in (
    ("a fine film", "positive"), ("a dull film", "negative"), ("great fun", "positive"),
    ("a mess from end to end", "negative"))]  # fmt: skip
PLAIN = ("plain1", "plain2", "plain3")
CHANGING = ("pissa", "bias_all", "whole_head")


@pytest.fixture(scope="module")
def made(tmp_path_factory, tokenizers):
    """A base model, three adapters that are one and the same, and three that change the base."""
    folder = tmp_path_factory.mktemp("made")
    base = make_base(tokenizers(folder / "base", words=True))
    make_adapter(folder / "plain1", base, "plain")
    for name in PLAIN[1:]:
        # Another digest, and so another place in the order in which they are loaded.
        shutil.copytree(folder / "plain1", folder / name)
        configure(folder / name, revision=name)
    for name in CHANGING:
        make_adapter(folder / name, base, name)
    return folder


@pytest.fixture
def adapters(evals, made, tmp_path, monkeypatch):
    """A project with one model for the base and for each adapter."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def adapters(engine="fake"):
        shutil.rmtree(evals.root / "model", ignore_errors=True)
        (evals.root / "model").unlink(missing_ok=True)
        shutil.copytree(made / "base", evals.root / "model")
        specs = {"m": {"engine": engine}}
        for name in (*PLAIN, *CHANGING):
            shutil.copytree(made / name, evals.root / "adapters" / name)
            specs[name] = {"engine": engine, "adapter": f"adapters/{name}"}
        evals.models(**specs)
        for name, models in (("alone", ("m", *PLAIN)), ("mini", (*CHANGING, "m", *PLAIN))):
            evals.set(name, models=list(models), modes=["zeroshot"], data={"rows": SAMPLES})
        return evals

    return adapters


def engines(evals):
    return sorted(one.model for one in evals.saved.info.engines)


def scores(evals):
    """Return each model's log-odds, from the file of results."""
    lines = (evals.latest / "results.jsonl").read_text().splitlines()
    rows = sorted(map(json.loads, lines), key=lambda row: (row["cell"], row["sample"]))
    return {cell.partition("-")[0]: [row["log_odds"] for row in own]
            for cell, own in itertools.groupby(rows, key=lambda row: row["cell"])}  # fmt: skip


@pytest.mark.parametrize("options", [[], pytest.param(["-n2"], marks=pytest.mark.slow)])
def test_what_changes_the_base_has_an_engine_of_its_own(adapters, options):
    evals = adapters()
    if options:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    result = (evals.spawn if options else evals.run)("evalsets/mini.yaml", *options)
    result.assert_outcomes(passed=7)
    assert engines(evals) == sorted([", ".join(("m", *PLAIN)), *CHANGING])


def test_an_adapter_that_does_not_fit_fails_alone_and_before_any_engine(adapters):
    evals = adapters()
    configure(evals.root / "adapters/plain2", target_modules=["q_proj"])
    result = evals.run("evalsets/mini.yaml")
    result.assert_outcomes(passed=6, errors=1)
    (line,) = [line for line in result.outlines if line.startswith("plain2: ")]
    assert "4 of its 8 tensors belong to no module that adapter_config.json claims" in line
    assert scores(evals).keys() == {"m", "plain1", "plain3", *CHANGING}


@pytest.mark.slow
def test_neighbours_change_no_figure_and_leave_none_in_the_store(adapters):
    """On the real engine, in every order of loading that digests happen to give."""
    evals = adapters("transformers")
    evals.run("evalsets/alone.yaml", "--eval-store", "a.sqlite").assert_outcomes(passed=4)
    right = scores(evals)
    assert right["plain1"] == right["plain2"] == right["plain3"] != right["m"]
    evals.run("evalsets/mini.yaml", "--eval-store", "b.sqlite").assert_outcomes(passed=7)
    together = scores(evals)
    assert {name: together[name] for name in right} == right
    assert all(together[name] != right["m"] for name in CHANGING)
    evals.run("evalsets/alone.yaml", "--eval-store", "b.sqlite", "--eval-repeat-engine")
    assert scores(evals) == right
    assert all(row.figures["label_flips"].value == 0 for row in evals.saved.rows)
    assert all(one.stored == len(SAMPLES) * 4 for one in evals.saved.info.engines)
