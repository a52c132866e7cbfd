"""The key `thinking`, as users write it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import SpecError
from harness.records import THOUGHT_TOKENS, Thinking
from harness.spec.load import load_evalset
from harness.spec.modelspec import ModelSpec
from harness.spec.thinkingspec import ThinkingAxis, ThinkingSpec, setting
from harness.spec.yamlfile import read_yaml


class Keys(BaseModel):
    model_config = ConfigDict(strict=True)

    one: ThinkingSpec | None = None
    axis: ThinkingAxis = []


@pytest.mark.parametrize(
    ("written", "found", "name", "suffix"),
    [
        ("off", Thinking(0), "off", "nothink"),
        ("on", Thinking(THOUGHT_TOKENS), "on", "think"),
        ({"budget": 256}, Thinking(256, budgeted=True), "budget 256", "think256"),
        ({"limit": 9000}, Thinking(9000), "limit 9000", "think"),
        (None, None, "", ""),
    ],
)
def test_settings(written, found, name, suffix):
    read = setting(Keys(one=written).one)
    assert read == found
    if read is not None:
        assert (read.name, read.suffix, read.on) == (name, suffix, written != "off")
        assert setting(Keys(axis=written).axis[0]) == found


@pytest.mark.parametrize(
    "wrong",
    [True, False, "maybe", 256, {"budget": 0}, {"budget": 9, "limit": 9}, {}, {"tokens": 9}],
)
def test_what_is_no_setting(wrong):
    with pytest.raises(ValidationError):
        Keys(one=wrong)


@pytest.mark.parametrize("word", ["on", "off", '"on"', "'off'"])
def test_yaml_reads_the_words_as_they_are_written(tmp_path, word):
    path = tmp_path / "a.yaml"
    path.write_text(f"thinking: {word}\nmodes: [{{thinking: [{word}]}}]\n")
    bare = word.strip("\"'")
    assert read_yaml(path).data == {"thinking": bare, "modes": [{"thinking": [bare]}]}


@pytest.mark.parametrize("line", ["other: on", "thinking: yes", "thinking: {budget: on}",
                                  "thinking: On"])  # fmt: skip
def test_yaml_words_are_refused_elsewhere(tmp_path, line):
    path = tmp_path / "a.yaml"
    path.write_text(line)
    with pytest.raises(SpecError, match="YAML reads"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("thinking: perhaps", "modes[0].thinking: 'perhaps' is not one of off, on"),
        ("thinking: true", "modes[0].thinking: 'True' is not one of off, on"),
        ("thinking: [off, off]", "modes[0]: 'thinking' is empty or names one value twice"),
        ("thinking: []", "modes[0]: 'thinking' is empty or names one value twice"),
        (
            "thinking: {budgets: 9}",
            "modes[0].thinking.budgets: unknown key; did you mean 'budget'?",
        ),
        ("thinking: {}", "modes[0].thinking: needs exactly one of budget and limit, in tokens"),
    ],
)
def test_mistakes_are_one_line(project, line, said):
    text = (project.root / "evalsets/set.yaml").read_text()
    path = project.evalset(text.replace("  - zeroshot\n", f"  - {{mode: zeroshot, {line}}}\n"))
    with pytest.raises(SpecError) as error:
        load_evalset(path, root=project.root)
    assert str(error.value) == f"evalsets/set.yaml:12: {said}"


def test_a_model_may_have_the_key(project):
    project.models("models:\n  tiny: {source: file:model, engine: fake, thinking: off}\n")
    _, models = load_evalset(project.root / "evalsets/set.yaml", root=project.root)
    assert setting(models["tiny"].thinking) == Thinking()


def test_an_endpoint_cannot_cut_a_thought():
    remote = {"source": "openai:m", "options": {"base_url": "http://x/v1"}}
    for fine in ("off", "on", {"limit": 9}):
        ModelSpec.model_validate({**remote, "thinking": fine})
    with pytest.raises(ValidationError, match="a thought cannot be cut at an endpoint"):
        ModelSpec.model_validate({**remote, "thinking": {"budget": 9}})


def test_a_classifier_does_not_think():
    with pytest.raises(ValidationError, match="takes no thinking"):
        ModelSpec.model_validate({"engine": "tfidf", "thinking": "on"})
