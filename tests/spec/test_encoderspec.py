"""What an entry of an encoder may say, and what one line tells of what it may not."""

from __future__ import annotations

import json

import pytest

from harness.errors import SpecError
from harness.spec.load import load_evalset, load_models

SOURCE = {"engine": "encoder", "source": "file:model"}
ZERO = SOURCE | {"task": "zero-shot"}


def load(project, entry):
    project.write("evalsets/models.yaml", f"models:\n  m:\n    {json.dumps(entry)}\n")
    return load_models(project.root / "evalsets/a.yaml", root=project.root)["m"]


def test_an_entry_and_its_defaults(project):
    spec = load(project, SOURCE)
    assert (spec.encoder, spec.writes, spec.trained, spec.hypothesis) == (
        "text-classification", False, False, None)  # fmt: skip
    spec = load(project, ZERO | {"labels": {"a": "an a", "b": "a b"}, "hypothesis": "It is {}."})
    assert spec.encoder == "zero-shot"
    assert spec.options_for("encoder") == {}
    spec = load(project, SOURCE | {"options": {"batch_tokens": 512}})
    assert spec.options_for("encoder") == {"batch_tokens": 512}
    spec = load(project, {"source": "file:model"})
    assert (spec.encoder, spec.writes) == (None, True)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"engine": "encoder"}, "missing key 'source'; add it"),
        (SOURCE | {"chat_template": "own", "base": True},
         "an encoder has no prompt and writes no text, and takes no base, chat_template; remove "
         "it"),
        ({"source": "file:model", "hypothesis": "{}"}, "'hypothesis' belongs to engine encoder; "
                                                       "remove it"),
        (SOURCE | {"hypothesis": "It is {}."},
         "'hypothesis' belongs to the task zero-shot; write task: zero-shot, or remove it"),
        (ZERO | {"hypothesis": "It is so."},
         "'hypothesis' has 0 places for a label; write {} where it stands, once, as in "
         "\"This example is {}.\""),
        (ZERO | {"labels": {"a": ["b", "c"]}},
         "'labels' gives 'a' several phrases, and a hypothesis has room for one; write one"),
        (SOURCE | {"labels": {"a": ["x", "y"], "b": "Y"}},
         "'labels' gives 'a' and 'b' the same, 'Y'; each needs its own"),
        (SOURCE | {"labels": {"a": []}},
         "'labels' gives 'a' nothing; name a class, or leave it out"),
        (SOURCE | {"source": "file:model.gguf"},
         "an encoder is a folder with safetensors, or a model of the hub; write source: "
         "file:FOLDER or hub:owner/name"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(project, entry, problem):
    with pytest.raises(SpecError) as caught:
        load(project, entry)
    assert str(caught.value) == f"evalsets/models.yaml:2: models.m: {problem}"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (SOURCE | {"task": "nli"}, "task: 'nli' is not one of"),
        (SOURCE | {"options": {"batch": 1}}, "options.batch: unknown key"),
        (SOURCE | {"options": {"vllm": {}}}, "options: a model of engine encoder never runs on "
                                             "vllm"),
    ],
)  # fmt: skip
def test_a_value_has_its_place(project, entry, problem):
    with pytest.raises(SpecError, match=f"models.m.{problem}"):
        load(project, entry)


def test_a_label_of_the_set_must_be_among_those_of_the_entry(project):
    load(project, SOURCE | {"labels": {"positive": "POSITIVE", "other": "NEGATIVE"}})
    path = project.evalset(json.dumps({
        "data": {"rows": [{"text": "x", "label": "positive"}]}, "labels": ["positive", "negative"],
        "models": ["m"], "prompts": ["plain.j2"], "modes": ["zeroshot"]}))  # fmt: skip
    with pytest.raises(SpecError) as caught:
        load_evalset(path, root=project.root)
    assert str(caught.value) == ("evalsets/models.yaml:3: models.m.labels: have nothing for "
                                 "'negative', a label of the set; add it")  # fmt: skip
