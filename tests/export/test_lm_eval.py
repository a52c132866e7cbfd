"""A run in the shape of lm-evaluation-harness 0.4.13: names, keys and types of its own files.

`benchmarks/exported_runs.py` has lm-evaluation-harness itself read them.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_row
from exported import FEWSHOT, SET, exported, run_of, run_with_texts
from judged_builders import FAILED, make_judged, make_judged_run

from harness.export.lm_eval import lm_eval_files
from harness.reasons import Reason
from harness.records import Figure
from harness.report.runfiles import redact_run

TIME = "2026-11-30T12-00-00"
TASK = "mini-prefill-zeroshot"
KEYS = {
    "results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples",
    "config", "date", "task_hashes", "model_source", "model_name", "model_name_sanitized",
}  # fmt: skip


def document(files, model: str = "smollm2-135m") -> dict:
    (path,) = (one for one in files.files if one.name.startswith("results_"))
    assert path.as_posix().startswith(f"{model}/")
    return json.loads(files.files[path])


def test_a_cell_is_a_task_with_its_error_interval_and_counts(tmp_path):
    done = exported(tmp_path, run_with_texts(), "--to", "lm-eval")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / f"out/smollm2-135m/results_{TIME}.json").read_text())
    assert found.keys() == KEYS
    metrics = found["results"][TASK]
    assert (metrics["alias"], metrics["sample_len"]) == (TASK, 5)
    assert metrics["acc,none"] == 0.4
    assert metrics["acc_stderr,none"] == pytest.approx(math.sqrt(0.4 * 0.6 / 4))
    assert metrics["label_mass_stderr,none"] == "N/A"
    assert found["n-samples"][TASK] == {"original": 6, "effective": 5}
    assert found["higher_is_better"][TASK]["acc"] is True
    metadata = found["configs"][TASK]["metadata"]
    assert (metadata["unscored"], metadata["unscored_reasons"]) == (1, {"equal_labels": 1})
    assert metadata["intervals"]["acc"]["n"] == 5
    assert metadata["intervals"]["label_mass"]["n"] == 6
    assert metadata["intervals"]["acc"]["low"] < 0.4 < metadata["intervals"]["acc"]["high"]
    assert found["configs"][TASK]["dataset_path"] == "owner/reviews"
    assert found["date"] == 1796040000.0


def test_samples_hold_choices_and_only_those_with_a_verdict(tmp_path):
    done = exported(tmp_path, run_with_texts(), "--to", "lm-eval")
    path = tmp_path / f"out/smollm2-135m/samples_{TASK}_{TIME}.jsonl"
    lines = [json.loads(line) for line in path.read_text().split("\n") if line]
    assert [one["doc_id"] for one in lines] == [1, 2, 3, 4, 5]
    assert [one["acc"] for one in lines] == [0.0, 1.0, 0.0, 1.0, 0.0]
    first = lines[0]
    assert first["arguments"]["gen_args_1"] == {"arg_0": "Text 1, é\u2028.", "arg_1": "negative"}
    assert first["filtered_resps"] == [["-0.5"], ["-1.5"]]
    assert (first["target"], first["metrics"], first["filter"]) == ("negative", ["acc"], "none")
    why = f"left out: 1 samples without a verdict, of {path.name}"
    assert f"{SET}::smollm2-135m-prefill-zeroshot: {why}\n" in done.stderr


def test_without_texts_there_are_figures_alone(tmp_path):
    done = exported(tmp_path, redact_run(run_with_texts()), "--to", "lm-eval")
    assert done.exit_code == 0, done.output
    (only,) = (tmp_path / "out/smollm2-135m").iterdir()
    assert only.name == f"results_{TIME}.json"
    assert "samples_*.jsonl: left out: the run keeps no texts\n" in done.stderr
    assert json.loads(only.read_text())["task_hashes"] == {}


def test_generated_answers_are_texts():
    run = run_with_texts(unscored=0)
    results = tuple(replace(one, logprobs={}, completion="It is positive.") for one in run.results)
    rows = tuple(replace(one, scoring="match") for one in run.rows)
    files = lm_eval_files(replace(run, rows=rows, results=results))
    (lines,) = (text for path, text in files.files.items() if path.suffix == ".jsonl")
    first = json.loads(lines.split("\n")[0])
    assert first["arguments"] == {"gen_args_0": {"arg_0": "Text 0, é\u2028."}}
    assert (first["resps"], first["filtered_resps"]) == ([["It is positive."]], ["positive"])
    assert document(files)["configs"][TASK]["output_type"] == "generate_until"


def test_a_missing_figure_and_an_error_that_does_not_hold_are_no_numbers():
    few = replace(FEWSHOT, clusters=7, figures={**FEWSHOT.figures,
                  "log_loss": Figure(math.inf, 1.0, math.inf, 100)})  # fmt: skip
    none = replace(make_row(), figures={}, n=0, unscored=300)
    files = lm_eval_files(run_of(few, none))
    (metrics,) = document(files)["results"].values()
    assert metrics["acc_stderr,none"] == "N/A"
    assert "log_loss,none" not in metrics
    assert f"{SET}::{none.cell}: left out: no sample has a verdict" in files.left_out


def test_cells_whose_names_come_to_the_same_are_tasks_of_their_own():
    sets = ("evalsets/a.yaml", "evalsets/a-b.yaml")
    rows = [replace(make_row(cell=f"smollm2-135m-{cell}"), evalset=path)
            for path, cell in zip(sets, ("b-c", "c"), strict=True)]  # fmt: skip
    assert document(lm_eval_files(run_of(*rows)))["results"].keys() == {"a-b-c", "a-b-c-2"}


def test_judged_models_are_tasks_where_trusted_judges_stand_behind_them():
    run = make_judged_run(make_judged())
    files = lm_eval_files(run)
    assert files.left_out == ()
    for path, text in files.files.items():
        (standing,) = (one for one in run.judged.standings if one.model == path.parts[0])
        found = json.loads(text)
        assert found["results"]["probes"]["score,none"] == standing.figures["score"].value
        assert found["n-samples"]["probes"]["effective"] == standing.n


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"check": FAILED}, "no judge with a passport stands behind its figures"),
        ({"void": Reason("judge_silent")}, "its judging is void: "),
    ],
    ids=["untrusted", "void"],
)
def test_judged_figures_that_cannot_stand_alone_are_left_out(tmp_path: Path, changes, why):
    run = make_judged_run(make_judged(**changes))
    done = exported(tmp_path, run, "--to", "lm-eval")
    assert done.exit_code == 2
    for model in ("base", "ru-a", "ru-b"):
        assert f"evalsets/probes.yaml::{model}: left out: {why}" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_that_does_not_say_when_it_was_is_one_line(tmp_path: Path):
    run = run_of(make_row())
    broken = replace(run, info=replace(run.info, started="today"))
    done = exported(tmp_path, replace(broken, rows=()), "--to", "lm-eval")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "run.json: info.started 'today' is no time" in done.stderr
