"""A run's figures, read by the tools that they are written for."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO
from pathlib import PurePosixPath

import pandas as pd
import pytest
import yaml
from builders import make_row
from exported import FEWSHOT, SET, engine, exported, run_of
from huggingface_hub import parse_eval_result_entries
from judged_builders import make_judged, make_judged_run

from harness.commands.export import _written
from harness.errors import HarnessError
from harness.export.hub import hub_files
from harness.export.shared import Files
from harness.export.table import COLUMNS, summary_csv
from harness.records import Note


def test_every_figure_is_a_line_that_pandas_reads(tmp_path):
    done = exported(tmp_path, run_of(make_row(), FEWSHOT))
    assert done.exit_code == 0, done.output
    frame = pd.read_csv(tmp_path / "out/summary.csv")
    assert tuple(frame.columns) == COLUMNS
    assert list(frame.figure) == ["accuracy", "auc", "accuracy"]
    last = frame.iloc[-1]
    assert (last.value, last.low, last.high, last.n, last.unscored) == (0.5, 0.4, 0.6, 100, 200)
    assert (last.k, last.placement, last.engine, last["dtype"]) == (5, "chat", "vllm", "float16")
    assert list(frame.primary) == [True, False, True]


def test_judged_models_have_lines_that_say_whether_they_are_trusted():
    run = make_judged_run(make_judged())
    frame = pd.read_csv(StringIO(summary_csv(run)))
    standings = {one.model: one for one in run.judged.standings}
    assert set(frame.model) == set(standings)
    for line in frame.itertuples():
        figure = standings[line.model].figures[line.figure]
        assert (line.value, line.n) == (pytest.approx(figure.value), figure.n)
        assert (line.trusted, line.void) == (standings[line.model].trusted, False)


def test_the_hub_reads_an_entry_for_each_cell(tmp_path):
    done = exported(tmp_path, run_of(make_row(), FEWSHOT), "--to", "hub")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out/smollm2-135m/.eval_results"
    zero, few = "mini-prefill-zeroshot.yaml", "mini-prefill-fewshot5-chat-s0.yaml"
    assert {one.name for one in folder.iterdir()} == {zero, few}
    (entry,) = parse_eval_result_entries(yaml.safe_load((folder / few).read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("owner/reviews", "mini", 0.5)
    assert (entry.dataset_revision, entry.date) == ("a" * 40, "2026-11-30")
    assert entry.notes == (
        "accuracy 0.5000, 95% interval 0.4000 to 0.6000; n = 100, without a verdict 200; "
        "5-shot (chat), prompt prefill, scoring logprobs"
    )


def test_cells_of_like_names_have_files_of_their_own(tmp_path):
    sets = [f"evalsets/{name}.yaml" for name in ("en/mini", "ru/mini", "a", "a-b")]
    names = ("c", "c", "b-c", "c")
    rows = [replace(make_row(cell=f"smollm2-135m-{name}-zeroshot"), evalset=path)
            for path, name in zip(sets, names, strict=True)]  # fmt: skip
    named = [word for path in sets for word in ("--dataset", f"{path}=owner/reviews")]
    done = exported(tmp_path, run_of(*rows), "--to", "hub", *named)
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").rglob("*.yaml")} == {
        "en-mini-c-zeroshot.yaml", "ru-mini-c-zeroshot.yaml", "a-b-c-zeroshot.yaml",
        "a-b-c-zeroshot-2.yaml",
    }  # fmt: skip


def test_given_answers_are_called_so():
    row = replace(make_row(), cell="smollm2-135m-given", mode="given", prompt="", placement=None)
    (text,) = hub_files(run_of(row), datasets={}).files.values()
    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert entry.notes.endswith("; answers given by another program, scoring logprobs")


def test_what_an_adapter_was_trained_on_is_told_with_its_accuracy():
    facts = {"model": "smollm2-135m", "count": 12, "total": 300}
    run, other = run_of(make_row()), {**facts, "model": "other"}
    notes = tuple(Note("trained_samples", SET, one) for one in (facts, other))
    made = hub_files(replace(run, info=replace(run.info, notes=notes)), datasets={})
    (text,) = made.files.values()
    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert entry.notes.endswith("; trained on 12 of the 300 samples")


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (run_of(make_row(), engines=("fake",)), "the engine fake made up its answers"),
        (run_of(make_row(), source="file:reviews.csv"),
         f"its samples are from no data set of the hub; name one: --dataset {SET}=OWNER/NAME"),
        (run_of(replace(make_row(), figures={}, n=0, unscored=300)), "no sample has a verdict"),
        (run_of(make_row(train_rows=8)),
         "a classifier that was trained here is no model of the hub"),
    ],
    ids=["fake", "file", "unscored", "classifier"],
)  # fmt: skip
def test_what_is_no_result_of_a_model_on_the_hub_is_left_out(tmp_path, run, why):
    done = exported(tmp_path, run, "--to", "hub")
    assert done.exit_code == 2
    assert f"{SET}::smollm2-135m-prefill-zeroshot: left out: {why}\n" in done.stderr
    assert not (tmp_path / "out").exists()


def test_sets_of_one_name_have_files_of_their_own(tmp_path):
    other = make_row(evalset="evalsets/ru/mini.yaml")
    named = ("--dataset", "evalsets/ru/mini.yaml=owner/ru")
    done = exported(tmp_path, run_of(make_row(), other), "--to", "hub", *named)
    assert done.exit_code == 0, done.output
    names = {one.name for one in (tmp_path / "out").rglob("*.yaml")}
    assert names == {"mini-prefill-zeroshot.yaml", "ru-mini-prefill-zeroshot.yaml"}


@pytest.mark.parametrize("name", ["../up", "..", "a/../../up", "/up", "nul\0"])
def test_a_model_whose_name_leads_out_of_the_folder_writes_nothing(tmp_path, name):
    name = f"{tmp_path}/up" if name == "/up" else name
    run = run_of(make_row(), make_row(model=name))
    run = replace(run, info=replace(run.info, engines=(*run.info.engines, engine(name))))
    done = exported(tmp_path, run, "--to", "model-card")
    assert done.exit_code == 2
    assert re.fullmatch(r"run\.json: '.*' is no name of a folder below --out, .*\n", done.stderr)
    assert [one.name for one in tmp_path.iterdir()] == ["run"]


def test_no_form_writes_where_a_name_leads(tmp_path):
    with pytest.raises(HarnessError, match=r"'\.\./up' is no name"):
        _written(Files({PurePosixPath("../up/a.json"): ""}), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [".", "", "/"])
def test_a_set_without_a_name_is_exported(tmp_path, name):
    for form in ("hub", "lm-eval"):
        assert exported(tmp_path, run_of(make_row(evalset=name)), "--to", form).exit_code in (0, 2)


def test_a_data_set_may_be_named(tmp_path):
    run = run_of(make_row(), source="file:reviews.csv")
    done = exported(tmp_path, run, "--to", "hub", "--dataset", f"{SET}=owner/reviews")
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "out").rglob("*.yaml")
    (entry,) = parse_eval_result_entries(yaml.safe_load(path.read_text()))
    assert (entry.dataset_id, entry.dataset_revision) == ("owner/reviews", None)


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("x", "--dataset x: write EVALSET=OWNER/NAME"),
        ("evalsets/none.yaml=a/b", "no such eval set"),
    ],
)
def test_a_wrong_data_set_is_one_line(tmp_path, named, why):
    done = exported(tmp_path, run_of(make_row()), "--to", "hub", "--dataset", named)
    assert done.exit_code == 2
    assert why in done.stderr


@pytest.mark.parametrize("form", ["csv", "lm-eval", "mlflow", "trackio"])
def test_a_data_set_that_a_form_does_not_name_is_refused(tmp_path, form):
    named = ("--dataset", f"{SET}=owner/reviews")
    done = exported(tmp_path, run_of(make_row()), "--to", form, *named)
    assert done.exit_code == 2
    told = "--dataset goes with --to hub, model-card, every-eval-ever; leave it out\n"
    assert done.stderr == told
