"""Tasks of generated answers: what an eval set keeps of them, and how it reads answers."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app
from harness.collect import load_cells

TASK = {
    "task": "rain",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "rows.jsonl", "train": "more.jsonl"}},
    "output_type": "generate_until",
    "test_split": "test",
    "training_split": "train",
    "doc_to_text": "{{one}}\nDid it rain?\nAnswer:",
    "doc_to_target": "{{said}}",
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
}
ROWS = [{"one": f"Day {n}", "said": ("yes", "no")[n % 2], "label": n % 2} for n in range(6)]
REGEX = {"function": "regex", "regex_pattern": r"\b(yes|no)\b"}
FIRST = {"function": "take_first"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one model, and what imports a task of some keys into it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "evalsets").mkdir()
    models = {"plain": {"source": "file:none", "chat_template": "plain"}}
    (tmp_path / "evalsets/models.yaml").write_text(json.dumps({"models": models}))
    more = [row | {"one": f"Then {row['one']}"} for row in ROWS]
    for name, rows in (("rows", ROWS), ("more", more)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines)

    def run(*args, rows=None, **keys):
        if rows:
            lines = "".join(json.dumps(row | {"label": 0}) + "\n" for row in rows)
            (tmp_path / "rows.jsonl").write_text(lines)
        given = {key: value for key, value in {**TASK, **keys}.items() if value != "gone"}
        (tmp_path / "task.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
        return CliRunner().invoke(app, ["import", "lm-eval", "task.yaml", *args])

    run.root = tmp_path
    return run


def scoring(project):
    text = (project.root / "evalsets/rain.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["scoring"]


def test_what_answers_end_at_and_how_they_are_read(project):
    done = project(
        generation_kwargs={"until": ["\n", "Q:"], "max_gen_toks": 32, "do_sample": False,
                           "temperature": 0.0},
        metric_list=[{"metric": "exact_match", "ignore_case": True, "ignore_punctuation": True,
                      "regexes_to_ignore": [r"\.$"]}, {"metric": "bleu"}],
        filter_list=[{"name": "get", "filter": [REGEX, {"function": "remove_whitespace"}, FIRST]}],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "counts as unscored, where exact_match counts it as wrong" in done.stderr
    assert "left out, as they have no figure here: bleu" in done.stderr
    assert scoring(project) == {
        "method": "generate", "max_tokens": 32, "until": ["\n", "Q:"],
        "read": {"find": [r"\b(yes|no)\b", "(?s).+"], "drop": [r"\.$"],
                 "ignore": ["case", "punctuation"]},
    }  # fmt: skip
    (cell,) = load_cells(project.root / "evalsets/rain.yaml", project.root)
    assert list(cell.evalset.labels) == ["yes", "no"]
    assert cell.evalset.scoring.read.ignore == ["case", "punctuation"]


@pytest.mark.parametrize(("keys", "read", "until"), [
    ({}, {}, ["\n\n"]),
    ({"output_type": "gone"}, {}, ["\n\n"]),
    ({"generation_kwargs": {"until": "\n"}}, {}, ["\n"]),
    ({"doc_to_target": "said"}, {}, ["\n\n"]),
    ({"doc_to_target": " {{said}}", "target_delimiter": ""}, {"lead": " "}, ["\n\n"]),
    ({"doc_to_target": "label", "doc_to_choice": ["yes", "no"]}, {}, ["\n\n"]),
    ({"doc_to_target": "{{label}}"}, {}, ["\n\n"]),
    ({"doc_to_target": "label", "doc_to_choice": [" yes", " no"], "target_delimiter": ""},
     {"lead": " "}, ["\n\n"]),
    ({"filter_list": [{"name": "a", "filter": [FIRST]}]}, {}, ["\n\n"]),
    ({"filter_list": [{"name": "a", "filter": [REGEX | {"group_select": -1}, FIRST]}]},
     {"find": [{"regex": r"\b(yes|no)\b", "match": -1}]}, ["\n\n"]),
])  # fmt: skip
def test_one_meaning_in_several_forms(project, keys, read, until):
    done = project(**keys)
    assert done.exit_code == 0, done.stderr
    assert scoring(project) == {"method": "generate", "max_tokens": 256, "until": until,
                                "read": read}  # fmt: skip


def test_one_of_several_filters(project):
    filters = [{"name": "strict", "filter": [FIRST]}, {"name": "any", "filter": [REGEX, FIRST]}]
    said = project(filter_list=filters).stderr
    assert said.startswith("task.yaml:")
    assert "name one by --filter: strict, any" in said
    done = project("--filter", "any", filter_list=filters)
    assert done.exit_code == 0, done.stderr
    assert scoring(project)["read"] == {"find": [r"\b(yes|no)\b"]}


def test_shots_stand_behind_a_space(project):
    done = project("--num-fewshot", "2", fewshot_config={"sampler": "first_n"})
    assert done.exit_code == 0, done.stderr
    (cell,) = load_cells(project.root / "evalsets/rain.yaml", project.root)
    assert (cell.mode.k, cell.mode.selector) == (2, "first")


WRONG = [
    ({"metric_list": [{"metric": "bleu"}]}, "metric_list: has no exact_match"),
    ({"metric_list": "gone"}, "metric_list: has no exact_match"),
    ({"metric_list": [{"metric": "exact_match", "ignore_numbers": True}]},
     "metric_list[0].ignore_numbers: is not kept"),
    ({"metric_list": [{"metric": "exact_match", "aggregation": "median"}]},
     "metric_list[0].aggregation: is not kept: accuracy is a mean"),
    ({"metric_list": [{"metric": "exact_match", "higher_is_better": False}]},
     "metric_list[0].higher_is_better: is not kept"),
    ({"metric_list": [{"metric": "exact_match", "regexes_to_ignore": "x"}]},
     "metric_list[0].regexes_to_ignore: write a list"),
    ({"metric_list": [{"metric": "exact_match", "regexes_to_ignore": ["("]}]},
     "evalsets/rain.yaml"),
    ({"generation_kwargs": {"do_sample": True}}, "generation_kwargs.do_sample: True: answers are"),
    ({"generation_kwargs": {"temperature": 0.7}}, "generation_kwargs.temperature: 0.7: answers"),
    ({"generation_kwargs": {"stop_token": "x"}}, "generation_kwargs.stop_token: is not kept"),
    ({"generation_kwargs": {"max_gen_toks": 0}}, "generation_kwargs.max_gen_toks: 0 is no number"),
    ({"generation_kwargs": {"until": 5}}, "generation_kwargs.until: write a list of texts"),
    ({"filter_list": [{"name": "a", "filter": [{"function": "majority_vote"}]}]},
     "filter_list[0].filter[0]: 'majority_vote' is not kept"),
    ({"filter_list": [{"name": "a", "filter": [REGEX | {"fallback": "no"}]}]},
     "filter_list[0].filter[0].fallback: is not kept"),
    ({"filter_list": [{"name": "a"}]}, "filter_list[0].filter: write a list of {function}"),
    ({"repeats": 4}, "repeats: the most probable answer is the same each time"),
    ({"doc_to_text": "{{one}}"}, "doc_to_text: must end in a line that is the same"),
    ({"doc_to_text": "{{one}}\nAnswer: "}, "doc_to_text: ends with white space"),
    ({"rows": [{"one": f"Day {n}", "said": f"it was {n}"} for n in range(60)]},
     "doc_to_target: has 60 different answers in 60 rows"),
    ({"rows": [{"one": f"Day {n}", "said": "yes"} for n in range(3)]},
     "doc_to_target: needs two choices or more"),
    ({"rows": [{"one": "a", "said": " yes"}, {"one": "b", "said": "no"}]},
     "doc_to_target: the answers differ in the white space"),
    ({"doc_to_target": " {{said}}", "filter_list": [{"name": "a", "filter": [REGEX]}]},
     "doc_to_target: the answers begin with white space, which the filter takes away"),
    ({"gen_prefix": "It"}, "gen_prefix: is not kept"),
    ({"output_type": "loglikelihood"}, "output_type: 'loglikelihood' is not imported"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "said"), WRONG, ids=lambda one: str(one)[:40])
def test_what_cannot_be_kept_is_one_line(project, keys, said):
    done = project(**keys)
    assert done.exit_code == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert re.match(rf"(task\.yaml(:\d+)?: )?{re.escape(said)}", done.stderr), done.stderr
    assert not list(project.root.glob("data/lm-eval/*"))


def test_choices_have_no_filters(project):
    keys = {"output_type": "multiple_choice", "doc_to_choice": ["yes", "no"],
            "doc_to_target": "label", "metric_list": [{"metric": "acc"}]}  # fmt: skip
    assert "--filter a: choices have no filters" in project("--filter", "a", **keys).stderr
    done = project(filter_list=[{"name": "a", "filter": [FIRST]}], **keys)
    assert "filter_list: belongs to generated answers; remove it" in done.stderr
    assert "--filter b: is no filter of the task, which has none" in project("--filter", "b").stderr
