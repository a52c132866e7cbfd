"""A part of a model card, read by `huggingface_hub`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from builders import make_row
from exported import FEWSHOT, SET, exported, run_of
from huggingface_hub import ModelCard
from judged_builders import FAILED, make_judged, make_judged_run

from harness.export.every_eval_ever import every_eval_ever_files
from harness.export.lm_eval import lm_eval_files
from harness.export.model_card import model_card_files
from harness.export.tracked import tracked_runs
from harness.reasons import Reason
from harness.records import Note, Run

CARD = PurePosixPath("smollm2-135m/README.md")


def test_the_index_has_figures_with_interval_n_and_unscored(tmp_path: Path):
    done = exported(tmp_path, run_of(make_row(), FEWSHOT), "--to", "model-card")
    assert done.exit_code == 0, done.output
    card = ModelCard.load(tmp_path / "out" / CARD)
    assert card.data.model_name == "smollm2-135m"
    names = [one.metric_name for one in card.data.eval_results]
    assert names == [
        "accuracy (mini-prefill-zeroshot)", "auc (mini-prefill-zeroshot)",
        "accuracy (mini-prefill-fewshot5-chat-s0)",
    ]  # fmt: skip
    last = card.data.eval_results[-1]
    assert (last.dataset_type, last.dataset_config, last.dataset_revision) == (
        "owner/reviews", "plain", "a" * 40)  # fmt: skip
    assert (last.metric_type, last.metric_value) == ("accuracy", 0.5)
    assert last.metric_args == {
        "interval_95": [0.4, 0.6], "n": 100, "unscored": 200, "shots": 5, "scoring": "logprobs",
        "date": "2026-11-30", "prompt": "prefill",
    }  # fmt: skip
    assert card.data.eval_results[1].metric_type == "roc_auc"
    line = next(line for line in card.text.splitlines() if "fewshot5" in line)
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        SET, "mini-prefill-fewshot5-chat-s0", "accuracy", "0.500 [0.40, 0.60]", "100", "200",
    ]  # fmt: skip


def test_a_set_of_no_data_set_of_the_hub_is_in_the_table_alone(tmp_path: Path):
    run = run_of(make_row(), source="file:reviews.csv")
    done = exported(tmp_path, run, "--to", "model-card")
    assert "left out: of the model-index: its samples are from no data set" in done.stderr
    card = ModelCard.load(tmp_path / "out" / CARD)
    assert card.data.eval_results is None
    assert "0.843 [0.80, 0.88]" in card.text
    named = model_card_files(run, datasets={SET: "owner/other"}).files[CARD]
    (first, _) = ModelCard(named).data.eval_results
    assert (first.dataset_type, first.dataset_config, first.dataset_revision) == (
        "owner/other", None, None)  # fmt: skip


def test_judged_models_have_a_table_where_trusted_judges_stand_behind_them():
    made = model_card_files(make_judged_run(make_judged()), datasets={})
    assert {path.parts[0] for path in made.files} == {"base", "ru-a", "ru-b"}
    assert all("| judged" in text for text in made.files.values())
    for changes in ({"check": FAILED}, {"void": Reason("judge_silent")}):
        made = model_card_files(make_judged_run(make_judged(**changes)), datasets={})
        assert (made.files, len(made.left_out)) == ({}, 3)


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (run_of(make_row(), engines=("fake",)), "the engine fake made up its answers"),
        (run_of(make_row(train_rows=8)), "a classifier that was trained here"),
        (run_of(make_row(figures={}, n=0, unscored=300)), "no sample has a verdict"),
    ],
    ids=["fake", "classifier", "unscored"],
)
def test_what_is_no_result_of_a_model_is_left_out(tmp_path: Path, run: Run, why: str):
    done = exported(tmp_path, run, "--to", "model-card")
    assert done.exit_code == 2
    assert f": left out: {why}" in done.stderr


def test_every_form_says_what_an_adapter_was_trained_on():
    facts = {"model": "smollm2-135m", "count": 12, "total": 300}
    run = run_of(make_row())
    notes = (Note("trained_samples", SET, facts),)
    run = replace(run, info=replace(run.info, notes=notes))
    said = "trained on 12 of the 300 samples"
    card = model_card_files(run, datasets={}).files[CARD]
    assert ModelCard(card).data.eval_results[0].metric_args["remark"] == said
    assert f"- smollm2-135m-prefill-zeroshot: {said}" in card
    for made in (lm_eval_files(run), every_eval_ever_files(run, datasets={})):
        assert said in "".join(made.files.values())
    (one,), _ = tracked_runs(run)
    assert one.settings["remarks"] == said
