"""What is said where a value has another shape than is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.errors import SpecError
from harness.records import Json
from harness.spec.base import Strict
from harness.spec.evalset import EvalSet
from harness.spec.judgeset import JudgeSet, PassportSpec, ProbeSpec
from harness.spec.load import load_judgeset, load_recipe
from harness.spec.modelspec import ModelsFile
from harness.spec.problems import list_example, mapping_example, spec_lines
from harness.spec.recipe import Range, Recipe, Topics, TrainingSpec
from harness.spec.yamlfile import read_yaml

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
        ("[It is one.]", "['']", "4: probes[0].points[0]: string should have at least 1 "
         "character, not ''"),
    ],
)  # fmt: skip
def test_another_shape_in_a_judge_set(project, old, new, line):
    assert old in JUDGESET
    path = project.evalset(JUDGESET.replace(old, new, 1))
    with pytest.raises(SpecError) as raised:
        load_judgeset(path, root=project.root)
    assert str(raised.value) == f"evalsets/set.yaml:{line}"


def test_an_example_holds_what_was_given_where_it_fits():
    assert mapping_example(Range, 8) == "{at_least: 8}"
    assert mapping_example(Topics, "код") == "{keep: [код]}"
    assert mapping_example(TrainingSpec, "trackio") == "{report_to: [trackio]}"
    assert mapping_example(PassportSpec, 0.8) == "{min_accuracy: 0.8}"
    assert mapping_example(PassportSpec, 80) == "{min_accuracy: 0.7}"
    assert mapping_example(ProbeSpec, "x") == "{id: ..., kind: ..., question: ..., points: ...}"
    assert list_example(None) == "[a, b]"
    assert list_example("a: b") == "['a: b']"
    assert list_example({"a": 1, "b": 2}) == "[{a: 1}]"
    assert list_example("long " * 20) == "[...]"


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


FILES: list[tuple[Path, type[Strict]]] = [
    (ROOT / "evalsets/probes_smoke.yaml", JudgeSet),
    (ROOT / "evalsets/models.yaml", ModelsFile),
    *((path, Recipe) for path in sorted((ROOT / "recipes").glob("*.yaml"))[:2]),
    *((path, EvalSet) for path in sorted((ROOT / "evalsets").glob("imdb*.yaml"))[:2]),
]


@pytest.mark.parametrize(("path", "model"), FILES, ids=lambda value: getattr(value, "stem", ""))
def test_no_message_names_a_class_of_ours(path, model):
    file = read_yaml(path, path.relative_to(ROOT))
    found: list[str] = []
    values: tuple[Json, ...] = (None, 8, True, "text", " ", [], [3], {}, {"zzz": 1})
    for where in places(file.data):
        for value in values:
            data = deepcopy(file.data)
            place = data
            for key in where[:-1]:
                place = place[key]  # type: ignore[index,call-overload]
            place[where[-1]] = value  # type: ignore[index,call-overload]
            try:
                model.model_validate(data)
            except ValidationError as error:
                found += spec_lines(error.errors(), file)
    assert len(found) > 20
    names = [*classes(), "instance of", "NoneType", "mapping_wanted", "pydantic"]
    assert [line for line in found for name in names if name in line.split(": ", 1)[1]] == []
    assert all("\n" not in line and line.startswith(f"{file.path}:") for line in found)
