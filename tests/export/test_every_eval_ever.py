"""A run as records of Every Eval Ever 0.3.0: where they lie, how they hang together, what is told.

`benchmarks/exported_runs.py` has the collection's own validator read them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_row
from exported import FEWSHOT, SET, exported, run_of, run_with_texts
from judged_builders import FAILED, make_judged, make_judged_run

from harness.export.every_eval_ever import every_eval_ever_files
from harness.reasons import Reason
from harness.records import Figure, Run
from harness.report.runfiles import redact_run

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
KEYS = {
    "schema_version", "evaluation_id", "evaluation_timestamp", "retrieved_timestamp",
    "source_metadata", "eval_library", "model_info", "evaluation_results",
}  # fmt: skip


def records(run: Run) -> list[dict]:
    made = every_eval_ever_files(run, datasets={})
    return [json.loads(text) for path, text in made.files.items() if path.suffix == ".json"]


def on_the_hub(run: Run) -> Run:
    engines = tuple(replace(one, source="hub:owner/tiny@main") for one in run.info.engines)
    return replace(run, info=replace(run.info, engines=engines))


def test_a_record_holds_each_figure_with_interval_n_and_unscored(tmp_path: Path):
    done = exported(tmp_path, on_the_hub(run_with_texts()), "--to", "every-eval-ever")
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "out").rglob("*.json")
    assert re.fullmatch(f"data/mini/owner/tiny/{UUID}.json",
                        path.relative_to(tmp_path / "out").as_posix())  # fmt: skip
    record = json.loads(path.read_text())
    assert record.keys() == KEYS | {"detailed_evaluation_results"}
    assert record["evaluation_id"] == "mini/owner/tiny/1796040000"
    info = record["model_info"]
    assert (info["id"], info["name"], info["developer"]) == ("owner/tiny", "smollm2-135m", "owner")
    assert info["additional_details"]["model_availability"] == "open_weights"
    found = {one["metric_config"]["metric_id"]: one for one in record["evaluation_results"]}
    one = found["accuracy"]
    assert one["evaluation_result_id"] == "mini-prefill-zeroshot/accuracy"
    assert (one["source_data"]["hf_repo"], one["source_data"]["samples_number"]) == (
        "owner/reviews", 6)  # fmt: skip
    score = one["score_details"]
    assert (score["score"], score["uncertainty"]["num_samples"]) == (0.4, 5)
    assert score["details"] == {"unscored": "1", "unscored_reasons": '{"equal_labels": 1}'}
    bounds = score["uncertainty"]["confidence_interval"]
    assert bounds["lower"] < 0.4 < bounds["upper"]
    assert (one["metric_config"]["min_score"], one["metric_config"]["max_score"]) == (0.0, 1.0)
    assert found["pytest-evalsets.label_mass"]["score_details"]["uncertainty"]["num_samples"] == 6


def test_samples_with_a_verdict_stand_beside_their_record(tmp_path: Path):
    done = exported(tmp_path, run_with_texts(), "--to", "every-eval-ever")
    (path,) = (tmp_path / "out").rglob("*_samples.jsonl")
    record = json.loads(path.with_name(path.name.replace("_samples.jsonl", ".json")).read_text())
    detail = record["detailed_evaluation_results"]
    assert detail["file_path"] == path.relative_to(tmp_path / "out").as_posix()
    assert detail["checksum"] == hashlib.sha256(path.read_bytes()).hexdigest()
    lines = [json.loads(line) for line in path.read_text().splitlines()]  # as its validator does
    assert len(lines) == detail["total_rows"] == 5
    first = lines[0]
    assert (first["evaluation_id"], first["model_id"]) == (
        record["evaluation_id"], record["model_info"]["id"])  # fmt: skip
    assert first["model_id"] == "local/smollm2-135m"
    assert first["input"] == {"raw": "Text 1, é\u2028.", "reference": ["negative"],
                              "choices": ["positive", "negative"]}  # fmt: skip
    assert first["evaluation"] == {"score": 0.0, "is_correct": False}
    ids = {one["evaluation_result_id"] for one in record["evaluation_results"]}
    assert first["evaluation_result_id"] in ids
    assert "left out: 1 samples without a verdict, of the samples\n" in done.stderr


def test_without_texts_there_is_no_samples_file(tmp_path: Path):
    done = exported(tmp_path, redact_run(run_with_texts()), "--to", "every-eval-ever")
    assert done.exit_code == 0, done.output
    (path,) = (one for one in (tmp_path / "out").rglob("*") if one.is_file())
    assert json.loads(path.read_text()).keys() == KEYS
    assert "samples: left out: the run keeps no texts\n" in done.stderr


def test_cells_of_one_model_and_set_share_a_record_and_the_same_run_its_names():
    other = make_row(evalset="evalsets/data.yaml")
    run = run_of(make_row(), FEWSHOT, other)
    made = every_eval_ever_files(run, datasets={})
    assert made == every_eval_ever_files(run, datasets={})
    first, second = made.files
    assert (first.parts[:3], second.parts[:3]) == (
        ("data", "mini", "local"), ("data", "own-data", "local"))  # fmt: skip
    names = [one["evaluation_name"] for one in records(run)[0]["evaluation_results"]]
    assert names == ["mini-prefill-zeroshot"] * 2 + ["mini-prefill-fewshot5-chat-s0"]


def test_an_adapter_is_not_taken_for_its_base_model():
    run = on_the_hub(run_with_texts())
    adapted = replace(run.provenances[0].provenance, adapter="ab12")
    rested = (replace(run.provenances[0], provenance=adapted),)
    (record,) = records(replace(run, provenances=rested))
    assert record["model_info"]["id"] == "local/smollm2-135m"
    assert record["model_info"]["additional_details"]["adapter_digest"] == "ab12"


def test_a_figure_of_an_extension_that_is_not_here_has_no_bounds():
    row = make_row(figures={"accuracy": Figure(0.5, 0.4, 0.6, 9), "style": Figure(7, 6, 8, 9)})
    _, style = records(run_of(row))[0]["evaluation_results"]
    assert not {"score_type", "min_score", "max_score"} & style["metric_config"].keys()


def test_judged_figures_name_their_judges():
    run = make_judged_run(make_judged())
    for record in records(run):
        (standing,) = (one for one in run.judged.standings
                       if one.model == record["model_info"]["name"])  # fmt: skip
        score = next(one for one in record["evaluation_results"]
                     if one["metric_config"]["metric_name"] == "score")  # fmt: skip
        assert score["score_details"]["score"] == standing.figures["score"].value
        assert score["score_details"]["details"]["unscored"] == str(standing.unscored)
        assert (score["metric_config"]["min_score"], score["metric_config"]["max_score"]) == (1, 10)
        (judge,) = score["metric_config"]["llm_scoring"]["judges"]
        assert judge["model_info"]["name"] == "judge-7b"


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (run_of(make_row(), engines=("fake",)), "the engine fake made up its answers"),
        (run_of(make_row(train_rows=8)), "a classifier that was trained here"),
        (run_of(make_row(figures={}, n=0, unscored=300)), "no sample has a verdict"),
        (make_judged_run(make_judged(check=FAILED)), "no judge with a passport"),
        (make_judged_run(make_judged(void=Reason("judge_silent"))), "its judging is void: "),
    ],
    ids=["fake", "classifier", "unscored", "untrusted", "void"],
)
def test_what_is_no_result_is_left_out_with_a_line(run, why):
    made = every_eval_ever_files(run, datasets={})
    assert not made.files
    assert made.left_out
    assert all(f": left out: {why}" in line for line in made.left_out)


def test_a_data_set_may_be_named(tmp_path: Path):
    run = run_with_texts(source="file:reviews.csv")
    assert records(run)[0]["evaluation_results"][0]["source_data"]["source_type"] == "other"
    done = exported(tmp_path, run, "--to", "every-eval-ever", "--dataset", f"{SET}=owner/reviews")
    (path,) = (tmp_path / "out").rglob("*.json")
    source = json.loads(path.read_text())["evaluation_results"][0]["source_data"]
    assert (done.exit_code, source["hf_repo"]) == (0, "owner/reviews")


def test_answers_of_another_program_name_no_engine():
    run = run_with_texts(engines=("given",))
    given = tuple(replace(row, mode="given", prompt="") for row in run.rows)
    info = records(replace(run, rows=given))[0]["model_info"]
    assert "inference_engine" not in info
    assert info["additional_details"]["deployment_type"] == "unknown"
