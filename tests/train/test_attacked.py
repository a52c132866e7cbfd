"""No text of training data, models or recipes does anything in a file that a training writes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from attacks import ATTACKS, assert_inert, attack, attacking, hidden, uncovered

from harness.train.analyze import analyze
from harness.train.data_report import write_data_report
from harness.train.filters import Step
from harness.train.plots import plot_distributions, plot_funnel, plot_lengths
from harness.train.record import Record, write_record
from harness.train.report import write_card, write_training_report
from harness.train.rows import Dialogue, read_dialogues

SHIFTS = range(0, len(ATTACKS), 6)
RECORD = Record(
    name="r", backend="trl", recipe="lora: {r: 4}\n# a note\n", given={"data": "own.jsonl"},
    fingerprint="f", base={"source": "hub:a/b", "revision": "main", "digest": "d"},
    data={"source": "file:x", "revision": "one", "digest": "e" * 64, "read": 9, "malformed": 1,
          "kept": 8, "too_long": 1, "rows": 7, "tokens": 1234, "trained_tokens": 56},
    template="t", variables={}, weights="w", versions={"torch": "2"},
    settings={"device": "cpu", "gpu": "none"}, losses=[3.0, 1.0], final_loss=1.0,
    expected="0.7 to 1.4", as_expected=True, probe_difference=2.5,
    continuations=[{"question": "How is it?", "before": "so", "after": "fine"}],
)  # fmt: skip
# Counts, digests of ours and names of a fixed choice.
FIXED = ("backend", "fingerprint", "weights", "expected", "trained_rows")


def attacked_record(shift: int) -> Record:
    attacked = attacking(shift)
    keyed = {
        name: {
            key: one if key == "digest" else attack(one, attacked)
            for key, one in getattr(RECORD, name).items()
        }
        for name in ("given", "base", "data", "versions", "settings")
    }
    texts = {name: attacked(getattr(RECORD, name)) for name in ("name", "recipe", "template")}
    said = [{key: attacked(text) for key, text in one.items()} for one in RECORD.continuations]
    return replace(RECORD, **keyed, **texts, continuations=said)


def test_each_text_of_a_record_is_attacked():
    found = attacked_record(0)
    same = {name for name in RECORD.__dataclass_fields__
            if getattr(found, name) == getattr(RECORD, name)}  # fmt: skip
    assert same == {*FIXED, "variables", "losses", "final_loss", "as_expected", "probe_difference",
                    "system"}  # fmt: skip


@pytest.fixture
def no_loss_plot(monkeypatch):
    monkeypatch.setattr("harness.train.report.plot_loss", lambda *given, **named: None)


def test_the_training_report(tmp_path, no_loss_plot):
    def written(record, shift):
        steps = attack([Step("score", 9, 8)], attacking(shift)) if shift is not None else [
            Step("score", 9, 8)]  # fmt: skip
        path = write_training_report(tmp_path, record, steps, expected=(0.7, 1.4))
        return path.read_text(encoding="utf-8")

    like = written(RECORD, None)
    for shift in SHIFTS:
        assert_inert(written(attacked_record(shift), shift), like=like)


def test_the_card_and_the_record(tmp_path):
    write_card(tmp_path, RECORD)
    like = (tmp_path / "README.md").read_text(encoding="utf-8")
    for shift in SHIFTS:
        record = attacked_record(shift)
        write_card(tmp_path, record)
        text = (tmp_path / "README.md").read_text(encoding="utf-8")
        assert_inert(text, like=like)
        head = yaml.safe_load(text.split("---\n")[1])
        assert set(head) == {"base_model", "library_name", "tags"}
        whole = attack(record, lambda text: text.encode("utf-8", "replace").decode())
        write_record(whole, tmp_path)
        text = (tmp_path / "training.json").read_text(encoding="utf-8")
        assert not hidden(text) & {"\x1b", "\x9b", "\x7f", "\u202e", "\u200b", "\u2028"}
        assert json.loads(text)["recipe"] == whole.recipe


@pytest.fixture
def analysis(project, make_recipe, single):
    rows = [single(f"Question {i}?", "word " * (i + 1), opus_score=3 + i, sonnet_topic=f"topic {i}")
            for i in range(3)]  # fmt: skip
    recipe, file = make_recipe("  filters:\n    - score: {at_least: 4}\n", rows)
    read = read_dialogues(recipe.data, base=project.root, file=file)
    read = replace(read, malformed=("row 9: message 1 has role 'x'",))
    count = lambda texts: [len(text.split()) for text in texts]  # noqa: E731
    return analyze(recipe, read, count_tokens=count, file=file)


def attacked_analysis(analysis, shift):
    attacked = attacking(shift)
    values = {name: [attacked(one) for one in found] for name, found in analysis.values.items()}
    read = replace(
        analysis.read,
        dialogues=tuple(attack(one, attacked) if isinstance(one, str) else _told(one, attacked)
                        for one in analysis.read.dialogues),
        **{name: attack(getattr(analysis.read, name), attacked)
           for name in ("source", "revision", "malformed")},
    )  # fmt: skip
    return replace(analysis, read=read, values=values, steps=attack(analysis.steps, attacked))


def _told(dialogue: Dialogue, attacked) -> Dialogue:
    return replace(dialogue, meta={key: attacked(one) for key, one in dialogue.meta.items()})


def test_the_report_on_data(analysis, tmp_path, monkeypatch):
    for name in ("funnel", "distributions", "lengths"):
        monkeypatch.setattr(f"harness.train.plots.plot_{name}", lambda found, path: None)

    def written(found, name, tokenizer):
        path = write_data_report(tmp_path, name, found, tokenizer=tokenizer)
        return path.read_text(encoding="utf-8")

    like = written(analysis, "r", "hub:a/b")
    for shift in SHIFTS:
        attacked = attacking(shift)
        found = written(attacked_analysis(analysis, shift), attacked("r"), attacked("hub:a/b"))
        assert_inert(found, like=like)


def test_the_plots_take_any_text(analysis, tmp_path):
    odd = ("\x1b[31m\x07\u202ered", "a\n\tb $x_1$", "\u3164\ufffe" + "x" * 5000)
    attacked = attacked_analysis(analysis, 0)
    attacked = replace(attacked, values={**attacked.values, "topic": list(odd)})
    for plot in (plot_funnel, plot_distributions, plot_lengths):
        plot(attacked, tmp_path / f"{plot.__name__}.png")
    assert len(list(tmp_path.glob("plot_*.png"))) == 3


def test_all_that_a_training_writes_is_attacked(trained):
    job, report, _ = trained
    written = [path.relative_to(job.root) for folder in (report.parent, job.out)
               for path in folder.rglob("*") if path.is_file()]  # fmt: skip
    weights = r".*/adapters/r/(adapter_model\.safetensors|trained_rows\.safetensors|" \
              r"adapter_config\.json)|.*/(tokenizer\w*|" \
              r"special_tokens_map)\.json|.*/chat_template\.jinja"  # fmt: skip
    names = [job.root.name / path for path in written]
    assert len(written) > 4
    assert uncovered(names, but=weights) == []
