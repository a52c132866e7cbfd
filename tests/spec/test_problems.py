"""What is said where a value has another shape than is wanted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from harness.errors import SpecError
from harness.records import Json
from harness.spec.base import Strict
from harness.spec.load import load_evalset, load_judgeset, load_models, load_recipe

ROOT = Path(__file__).parents[2]
RECIPE = "base: {source: 'file:model'}\ndata:\n  source: file:d.jsonl\n"
JUDGESET = """\
kind: judge
models: [tiny]
probes:
  - {id: one, kind: fact, question: One, points: [It is one.]}
judge:
  models: [tiny]
  rubric: judge/absolute.en.j2
"""


def recipe_problem(tmp_path, more: str) -> str:
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE + more)
    with pytest.raises(SpecError) as raised:
        load_recipe(path, root=tmp_path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            "  filters: [{score: 8}]",
            "4: data.filters[0].score: a mapping is wanted, such as {at_least: 8}",
        ),
        (
            "  filters: {language: Russian, without: code}",
            "4: data.filters: a list is wanted, such as [{language: Russian}]",
        ),
        (
            "  filters: [Russian]",
            "4: data.filters[0]: a filter is one key with its value, such as 'language: Russian'; "
            "write each filter as a list entry of its own",
        ),
        (
            "training: {report_to: tensorboard}",
            "4: training.report_to: a list is wanted, such as [tensorboard]",
        ),
        ("training: {report_to: }", "4: training.report_to: is left empty; a list is wanted, such "
         "as [a, b]"),
        ("lora:", "4: lora: is left empty; a mapping is wanted, such as {r: 16}"),
        (
            "training: {max_steps: }",
            "4: training.max_steps: is left empty; write a whole number, or remove the key",
        ),
        ("backend:", "4: backend: is left empty; write one of auto, trl, unsloth"),
        ("description:", "4: description: is left empty; write a text, or remove the key"),
        ("description: [a]", "4: description: input should be a valid string, not a list"),
    ],
)  # fmt: skip
def test_another_shape_in_a_recipe(tmp_path, more, line):
    assert recipe_problem(tmp_path, more + "\n") == f"r.yaml:{line}"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "  rubric:",
            "  passport:\n  rubric:",
            "7: judge.passport: is left empty; a mapping is wanted, such as {min_accuracy: 0.7}",
        ),
        (
            "{id: one, kind: fact, question: One, points: [It is one.]}",
            "One",
            "4: probes[0]: a mapping is wanted, such as {id: ..., kind: ..., question: ..., "
            "points: ...}",
        ),
        ("models: [tiny]", "models: tiny", "2: models: a list is wanted, such as [tiny]"),
        ("[It is one.]", "", "4: probes[0].points: is left empty; a list is wanted, such as "
         "[a, b]"),
        ("question: One", "question: '  '", "4: probes[0].question: is only white space; write a "
         "text"),
        ("[It is one.]", "['a', ' ']", "4: probes[0].points[1]: is only white space; write a text"),
        ("[It is one.]", "['']", "4: probes[0].points[0]: is empty; write a text"),
    ],
)  # fmt: skip
def test_another_shape_in_a_judge_set(project, old, new, line):
    assert old in JUDGESET
    path = project.evalset(JUDGESET.replace(old, new, 1))
    with pytest.raises(SpecError) as raised:
        load_judgeset(path, root=project.root)
    assert str(raised.value) == f"evalsets/set.yaml:{line}"


def test_one_judge_under_two_names_is_no_jury(project):
    remote = "source: 'openai:j', options: {api_key_env: null, base_url: 'http://%s/v1'}"
    project.models(
        "models:\n  tiny: {source: 'file:m'}\n"
        f"  a: {{{remote % 'one'}}}\n  b: {{{remote % 'one'}}}\n  c: {{{remote % 'two'}}}\n"
        "  t2: {source: 'file:m', dtype: float16}\n  lora: {source: 'file:m', adapter: x}\n"
    )
    project.write("prompts/judge/absolute.en.j2", "")
    jury = JUDGESET.replace("  models: [tiny]", "  models: [a, c, tiny, lora]")
    load_judgeset(project.evalset(jury), root=project.root)
    for names, twin in (("a, c, b", "'b' is the same model as 'a'"),
                        ("tiny, a, t2", "'t2' is the same model as 'tiny'")):  # fmt: skip
        path = project.evalset(JUDGESET.replace("  models: [tiny]", f"  models: [{names}]"))
        with pytest.raises(SpecError) as raised:
            load_judgeset(path, root=project.root)
        assert str(raised.value) == (f"evalsets/set.yaml:6: judge.models[2]: {twin}, and one "
                                     "judge twice is not a jury; remove one")  # fmt: skip


def places(data: Json, where: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    entries = data.items() if isinstance(data, dict) else (
        enumerate(data) if isinstance(data, list) else ())  # fmt: skip
    for key, value in entries:
        yield (*where, key)
        yield from places(value, (*where, key))


def classes(model: type[Strict] = Strict) -> Iterator[str]:
    for below in model.__subclasses__():
        yield below.__name__
        yield from classes(below)


FILES = [
    ("evalsets/probes_smoke.yaml", load_judgeset),
    ("evalsets/models.yaml", load_models),
    *((f"recipes/{path.name}", load_recipe) for path in sorted((ROOT / "recipes").glob("*.yaml"))),
    *(
        (f"evalsets/{path.name}", load_evalset)
        for path in sorted((ROOT / "evalsets").glob("imdb*"))
    ),
]


@pytest.mark.parametrize(("name", "loader"), FILES, ids=[name for name, _ in FILES])
def test_no_message_names_a_class_of_ours(tmp_path, name, loader):
    (tmp_path / "evalsets").mkdir()
    shutil.copy(ROOT / "evalsets/models.yaml", tmp_path / "evalsets")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    whole = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    found: list[str] = []
    values: tuple[Json, ...] = (None, 8, True, "text", " ", [], [3], {}, {"zzz": 1})
    for number, where in enumerate(places(whole)):
        data = deepcopy(whole)
        place = data
        for key in where[:-1]:
            place = place[key]
        place[where[-1]] = values[number % len(values)]
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        try:
            loader(path, root=tmp_path)
        except SpecError as error:
            found += str(error).splitlines()
    assert len(found) > 10
    names = [*classes(), "instance of", "NoneType", "mapping_wanted"]
    assert [line for line in found for word in names if word in line.split(": ", 1)[1]] == []


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ("llama3", "did you mean 'llama-3'?"),
        ("chat/none.jinja", "write own, llama-3, plain, or a file under prompts/"),
    ],
)
def test_a_chat_template_that_is_not_there(project, given, fix):
    models = project.root / "evalsets/models.yaml"
    models.write_text(f"models:\n  tiny:\n    source: file:m\n    chat_template: {given}\n")
    with pytest.raises(SpecError) as raised:
        load_models(project.root / "evalsets/set.yaml", root=project.root)
    start = f"evalsets/models.yaml:4: models.tiny.chat_template: no chat template prompts/{given}; "
    assert str(raised.value) == start + fix


def test_a_project_without_prompts(project):
    path = project.root / "evalsets/set.yaml"
    shutil.rmtree(project.root / "prompts")
    with pytest.raises(SpecError, match=r"nor a folder .*/prompts; run in the project.s folder"):
        load_evalset(path, root=project.root)
