"""`harness import lm-eval`: what a task becomes, and the line for what cannot be kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from shown import blocks
from typer.testing import CliRunner

from harness.cli import app
from harness.collect import load_cells
from harness.prompts.forms import plain_text
from harness.prompts.templates import load_prompt
from harness.sources.data import load_data

PAGE = (Path(__file__).parents[2] / "docs/lm-eval.md").read_text(encoding="utf-8")
MODELS = {"plain": {"source": "file:none", "chat_template": "plain"}}
TASK = {
    "task": "rte",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "rows.jsonl", "train": "more.jsonl"}},
    "output_type": "multiple_choice",
    "test_split": "test",
    "training_split": "train",
    "doc_to_text": "{{one}}\nQuestion: {{two}} True or False?\nAnswer:",
    "doc_to_target": "label",
    "doc_to_choice": ["True", "False"],
    "metric_list": [{"metric": "acc"}],
}
ROWS = [{"one": f"It rained {n} days. ", "two": f"It rained {n + n % 2}.", "label": n % 2}
        for n in range(6)]  # fmt: skip
MORE = [{"one": f"Snow {n}", "two": "It snowed.", "label": n % 2} for n in range(4)]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one model, and what imports a task of some keys into it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "evalsets").mkdir()
    (tmp_path / "evalsets/models.yaml").write_text(json.dumps({"models": MODELS}))
    for name, rows in (("rows", ROWS), ("more", MORE)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines)

    def run(*args, written=None, **keys):
        given = {k: v for k, v in {**TASK, **keys}.items() if v != "gone"}
        text = written or yaml.safe_dump(given, sort_keys=False)
        (tmp_path / "task.yaml").write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["import", "lm-eval", "task.yaml", *args])

    return run


def asked(root: Path, name: str = "rte"):
    """Return plain texts of the prompts, labels and words of the set that was written."""
    (cell,) = load_cells(root / f"evalsets/{name}.yaml", root)
    data = load_data(cell.name, cell.evalset, base=root)
    words = cell.evalset.targets(cell.prompt)
    prompt = load_prompt(cell.prompt.template, words, root=root)
    shots = [data.pool[: cell.mode.k]] * len(data.samples) if cell.mode.k else []
    found = prompt.conversations(data.samples, shots, cell.mode.placement)
    texts = [plain_text(one) + prompt.separator for one in found]
    return texts, [sample.label for sample in data.samples], cell


def test_a_task_without_shots(project, tmp_path):
    done = project()
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == ["evalsets/rte.yaml", "prompts/lm-eval/rte.j2",
                                        "data/lm-eval/rte.jsonl"]  # fmt: skip
    texts, labels, cell = asked(tmp_path)
    # As lm-evaluation-harness joins question, delimiter and choice, with the spaces of the data.
    assert texts == [f"{row['one']}\nQuestion: {row['two']} True or False?\nAnswer: "
                     for row in ROWS]  # fmt: skip
    assert labels == [("True", "False")[row["label"]] for row in ROWS]
    assert (cell.id, cell.scoring, list(cell.evalset.labels)) == (
        "plain-rte-zeroshot", "logprobs", ["True", "False"]
    )  # fmt: skip


def test_the_first_shots_and_a_description(project, tmp_path):
    done = project(num_fewshot=2, fewshot_config={"sampler": "first_n"},
                   description="Say True {or} False.\n\n", fewshot_split="train")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    texts, _, cell = asked(tmp_path)
    shots = "".join(f"{row['one']}\nQuestion: {row['two']} True or False?\nAnswer: {word}\n\n"
                    for row, word in zip(MORE, ("True", "False"), strict=False))  # fmt: skip
    assert texts[0] == (f"Say True {{or}} False.\n\n{shots}{ROWS[0]['one']}\nQuestion: "
                        f"{ROWS[0]['two']} True or False?\nAnswer: ")  # fmt: skip
    assert cell.mode.name == "fewshot2-chat-first-pool-s0" or "first" in cell.mode.name


def test_shots_that_are_drawn(project, tmp_path):
    done = project("--num-fewshot", "3")
    assert done.exit_code == 0, done.stderr
    assert "3 shots are drawn at random for all samples alike" in done.stderr
    (cell,) = load_cells(tmp_path / "evalsets/rte.yaml", tmp_path)
    assert (cell.mode.k, cell.mode.selector) == (3, "random")
    assert len(load_data("rte", cell.evalset, base=tmp_path).pool) == len(MORE)


@pytest.mark.parametrize("keys", [
    {"doc_to_target": "{{label}}"},
    {"doc_to_target": "{{['True', 'False'][label]}}"},
    {"doc_to_choice": {"yes": "True", "no": "False"}},
    {"doc_to_choice": "{{['True', 'False']}}"},
    {"doc_to_choice": [" True", " False"], "target_delimiter": ""},
    {"doc_to_text": "{{one}}\nQuestion: {{two}} True or False?\nAnswer: ", "target_delimiter": ""},
    {"doc_to_text": "{{one | regex_replace('x', 'y')}}\nQuestion: {{two}} True or False?\nAnswer:"},
    {"test_split": "gone", "validation_split": "test"},
    {"metadata": {"version": 1.0}, "tag": ["a"], "should_decontaminate": False},
])  # fmt: skip
def test_one_meaning_in_several_forms(project, tmp_path, keys):
    done = project(**keys)
    assert done.exit_code == 0, done.stderr
    texts, labels, _ = asked(tmp_path)
    assert texts[1] == "It rained 1 days. \nQuestion: It rained 2. True or False?\nAnswer: "
    assert labels[:2] == ["True", "False"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_other_files(project, tmp_path, form):
    import pandas as pd

    frame = pd.DataFrame(ROWS)
    path = tmp_path / f"rows.{form}"
    frame.to_csv(path, index=False) if form == "csv" else frame.to_parquet(path)
    done = project(dataset_path=form, dataset_kwargs={"data_files": {"test": [path.name]}})
    assert done.exit_code == 0, done.stderr
    assert asked(tmp_path)[0][0].startswith("It rained 0 days.")


def test_a_column_has_the_type_of_the_first_split(project, tmp_path):
    """As in lm-evaluation-harness, which reads all splits at once."""
    (tmp_path / "first.jsonl").write_text(json.dumps({**ROWS[0], "one": 0.5}) + "\n")
    (tmp_path / "then.jsonl").write_text(json.dumps({**ROWS[1], "one": 3}) + "\n")
    files = {"train": "first.jsonl", "test": "then.jsonl"}
    done = project(dataset_kwargs={"data_files": files})
    assert done.exit_code == 0, done.stderr
    assert asked(tmp_path)[0][0].startswith("3.0\n")
    files = dict(reversed(files.items()))
    done = project(dataset_kwargs={"data_files": files}, task="other")
    assert done.stderr.startswith("task.yaml: dataset_kwargs: then.jsonl, first.jsonl cannot be "
                                  "read: Float value 0.5")  # fmt: skip
    assert done.stderr.count("\n") == 1


def test_a_digit_that_is_no_number_is_a_text(project, tmp_path):
    done = project(doc_to_choice=["\u00b9", "\u00b2"],
                   doc_to_target="{{['\u00b9', '\u00b2'][label]}}")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert asked(tmp_path)[1][:2] == ["\u00b9", "\u00b2"]


def test_a_data_set_of_the_hub(project, tmp_path, monkeypatch):
    import datasets

    asked_for = []

    def load(path, name, *, split):
        asked_for.append((path, name, split))
        if path == "owner/none":
            raise ConnectionError("Couldn't reach the hub")
        return datasets.Dataset.from_list(ROWS)

    monkeypatch.setattr(datasets, "load_dataset", load)
    done = project(dataset_path="owner/name", dataset_name="rte", dataset_kwargs="gone")
    assert done.exit_code == 0, done.stderr
    assert asked_for == [("owner/name", "rte", "test")]
    assert len(asked(tmp_path)[0]) == len(ROWS)
    done = project(dataset_path="owner/none", dataset_kwargs="gone", task="other")
    assert done.exit_code == 2
    assert done.stderr == ("task.yaml: dataset_path: owner/none cannot be read: Couldn't reach the "
                           "hub; check the data\n")  # fmt: skip


def test_includes_that_grow_without_end_are_one_line(project, tmp_path):
    # Five files that each name the next one six times are 9,331 to read.
    for depth in range(5):
        names = ", ".join([f"{depth + 1}.yaml"] * 6)
        (tmp_path / f"{depth}.yaml").write_text(f"include: [{names}]\n")
    (tmp_path / "5.yaml").write_text("task: own\n")
    done = project(written="include: 0.yaml\n")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "include: the task includes more than 100 files; include each once" in done.stderr


def test_keys_of_included_files(project, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/base.yaml").write_text(yaml.safe_dump({**TASK, "task": "base"}))
    (tmp_path / "sub/middle.yaml").write_text("include: base.yaml\ntask: middle\n")
    done = project(written="include: sub/middle.yaml\ntask: own\n")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("evalsets/own.yaml\n")
    (tmp_path / "sub/middle.yaml").write_text("include: base.yaml\n\ntarget_delimiter: x\n")
    done = project(written="include: sub/middle.yaml\ntask: other\n")
    assert done.stderr.startswith("sub/middle.yaml:3: target_delimiter: between question and")


def test_metrics_that_are_figures_here_and_those_that_are_not(project, tmp_path):
    done = project(metric_list=[{"metric": name} for name in ("acc", "acc_norm", "mcc", "f1")])
    assert done.exit_code == 0
    assert yaml.safe_load((tmp_path / "evalsets/rte.yaml").read_text())["figures"] == ["mcc"]
    assert "acc_norm is left out: it divides" in done.stderr
    assert "left out, as they have no figure here: f1" in done.stderr


def test_choices_of_one_length_have_one_accuracy(project):
    done = project(doc_to_choice=["True", "Fals"], metric_list=[{"metric": "acc_norm"}])
    assert (done.exit_code, done.stderr) == (0, "")


TEXT = TASK["doc_to_text"]
FILES = TASK["dataset_kwargs"]
WRONG = [
    ({"output_type": "loglikelihood"}, ":11: output_type: 'loglikelihood' is not imported, only "
     "multiple_choice and generate_until, whose choices or answers become labels"),
    ({"doc_to_txt": "x"}, ": doc_to_txt: unknown key; did you mean 'doc_to_text'?"),
    ({"doc_to_target": "gone"}, ":1: missing key 'doc_to_target'; add it"),
    ({"test_split": "gone"}, ":1: missing key 'test_split' or 'validation_split'; add one"),
    ({"process_docs": "x"}, ": process_docs: is code, which is not run"),
    ({"gen_prefix": "x"}, ": gen_prefix: is not kept"),
    ({"filter_list": [{"name": "x"}]}, ": filter_list: belongs to generated answers"),
    ({"task": ["a", "b"]}, ":1: task: is a group of tasks"),
    ({"task": "a b"}, ":1: task: 'a b' cannot name an eval set"),
    ({"fewshot_delimiter": "\n"}, ": fewshot_delimiter: shots stand in paragraphs"),
    ({"num_fewshot": 2, "training_split": "gone"}, ": num_fewshot: shots would be samples of"),
    ({"num_fewshot": 2, "fewshot_split": "test"}, ": fewshot_split: shots would be samples of"),
    ({"num_fewshot": 9, "fewshot_split": "train"}, ": num_fewshot: wants 9 shots, and the split"),
    ({"num_fewshot": "x"}, ": num_fewshot: is a text; write a whole number"),
    ({"fewshot_config": {"samples": []}}, ": fewshot_config.samples: is not kept"),
    ({"fewshot_config": {"sampler": "best"}}, ": fewshot_config.sampler: 'best' is not one of"),
    ({"description": "Say it:"}, ": description: stands in a paragraph of its own"),
    ({"description": "{{one}}\n\n"}, ": description: a template that differs"),
    ({"doc_to_choice": [True, False]}, ": doc_to_choice[0]: is true or false, where a text"),
    ({"doc_to_choice": "{{[one, two]}}"}, ": doc_to_choice: row 1 has other choices than row 0"),
    ({"doc_to_choice": "one"}, ": doc_to_choice: makes no list of texts of the first row"),
    ({"doc_to_choice": ["a", "a"]}, ": doc_to_choice: needs two choices or more that differ"),
    ({"doc_to_target": 5}, ": doc_to_target: row 0 has the answer 5, and the choices are"),
    ({"doc_to_target": "{{[0, 1]}}"}, ": doc_to_target: row 0 has several right answers"),
    ({"doc_to_text": "{{three}}"}, ": doc_to_text: the template fails: 'three' is undefined; "
     "the columns are one, two, label"),
    ({"doc_to_text": "{% for a in range(10 ** 9) %}{% endfor %}"}, ": doc_to_text: the template f"),
    ({"doc_to_text": "label"}, ": doc_to_text: row 0 makes no text; a number there"),
    ({"doc_to_text": "{{one}} {{two}}"}, ": doc_to_text: must end in a line that is the same"),
    ({"doc_to_text": "{{one}}\n\nAnswer:"}, ": doc_to_text: before its last line, row 0 is empty"),
    ({"target_delimiter": "\n"}, ": target_delimiter: between question and choice must stand"),
    ({"dataset_kwargs": {"data_files": {"train": "more.jsonl"}}},
     ": dataset_kwargs.data_files: has no files of the split 'test'; there are train"),
    ({"dataset_kwargs": {"data_files": {"test": "none.jsonl"}}},
     ": dataset_kwargs.data_files.test: no file "),
    ({"dataset_kwargs": {"data_dir": "x"}}, ": dataset_kwargs.data_dir: is not kept"),
    ({"dataset_kwargs": {}}, ": dataset_path: 'json' needs files"),
    ({"dataset_path": "owner/name"}, ": dataset_kwargs.data_files: belongs to dataset_path json"),
    ({"metric_list": ["acc"]}, ": metric_list[0]: has no metric"),
    ({"include": "task.yaml"}, ": include: 'task.yaml' includes itself"),
    ({"include": "none.yaml"}, ": include: no file 'none.yaml'"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "said"), WRONG, ids=lambda one: str(one)[:40])
def test_what_cannot_be_kept_is_one_line(project, tmp_path, keys, said):
    done = project(**keys)
    assert done.exit_code == 2, done.stdout
    assert re.fullmatch(rf"task\.yaml(:\d+)?{re.escape(re.sub(r'^:[0-9]+', '', said))}.*\n",
                        done.stderr), done.stderr  # fmt: skip
    assert not (tmp_path / "data").exists()


def test_functions_are_refused_with_their_key(project):
    done = project(written="task: x\ndoc_to_text: !function utils.text\n")
    assert done.exit_code == 2
    assert done.stderr.startswith("task.yaml:2: doc_to_text: !function utils.text: is Python code")
    done = project(
        written="task: x\nmetric_list:\n  - metric: acc\n    aggregation: !function u.a\n"
    )
    assert done.stderr.startswith("task.yaml:4: metric_list[0].aggregation: !function u.a: is P")


def test_nothing_is_overwritten(project):
    assert project().exit_code == 0
    done = project()
    assert done.exit_code == 2
    assert done.stderr.startswith("evalsets/rte.yaml: is there already; remove it")


def test_what_pytest_would_refuse_leaves_no_file(project, tmp_path):
    (tmp_path / "more.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    done = project(num_fewshot=1, fewshot_config={"sampler": "first_n"})
    assert done.exit_code == 2
    assert "evalsets/rte.yaml" in done.stderr
    assert not list((tmp_path / "data/lm-eval").iterdir())


def test_the_model_is_named_where_there_are_several(project, tmp_path):
    several = {"a": MODELS["plain"], "b": {"source": "file:none"}, "tfidf": {"engine": "tfidf"}}
    (tmp_path / "evalsets/models.yaml").write_text(json.dumps({"models": several}))
    assert "name a model by --model: a, b" in project().stderr
    assert "--model tfidf: is no model" in project("--model", "tfidf").stderr
    done = project("--model", "b", "--model", "a")
    assert done.exit_code == 0
    assert "b is asked in its chat template" in done.stderr
    assert "a is asked" not in done.stderr


def test_the_page(project, tmp_path):
    """Its task becomes its eval set."""
    files = {one.file: one.text for one in blocks("docs/lm-eval.md") if one.file}
    for name in ("tasks/rain.yaml", "rows/test.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(files[name], encoding="utf-8")
    done = CliRunner().invoke(app, ["import", "lm-eval", "tasks/rain.yaml"])
    assert done.exit_code == 0, done.stderr
    (shown,) = re.findall(r"^\$ harness import lm-eval tasks/rain.yaml\n((?:.+\n)+)```", PAGE,
                          re.MULTILINE)  # fmt: skip
    assert done.stdout == shown
    for name in ("evalsets/rain.yaml", "data/lm-eval/rain.jsonl"):
        assert (tmp_path / name).read_text(encoding="utf-8") == files[name]


@pytest.mark.parametrize("template", [
    "{{ one.__class__.__mro__ }}\nAnswer:",
    "{{ 'x' * 3000000000 }}\nAnswer:",
    "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | regex_replace('(a+)+$', '') }}\nAnswer:",
])  # fmt: skip
def test_templates_are_held_to_limits(project, tmp_path, monkeypatch, template):
    monkeypatch.setattr("harness.prompts.limited.SECONDS", 0.5)
    done = project(doc_to_text=template)
    assert done.exit_code == 2
    assert re.fullmatch(r"task\.yaml:\d+: doc_to_text: the template fails: .+\n", done.stderr)
