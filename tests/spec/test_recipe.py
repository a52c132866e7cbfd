"""Recipes as YAML, and the mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.spec.load import load_recipe
from harness.spec.recipe import Range

ROOT = Path(__file__).parents[2]
BASE = "base: {source: 'file:model'}\ndata: {source: 'file:d.jsonl'}\n"


def load(tmp_path, text):
    path = tmp_path / "recipes/r.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_recipe(path, root=tmp_path)[0]


def test_the_defaults_are_those_of_the_8b_recipe(tmp_path):
    recipe = load(tmp_path, BASE)
    lora, training = recipe.lora, recipe.training
    assert (lora.r, lora.dropout, lora.rslora, lora.bias) == (16, 0.0, False, "none")
    assert set(lora.target_modules) == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"
    }  # fmt: skip
    assert (training.max_steps, training.batch_size, training.learning_rate) == (100, 8, 2e-4)
    assert (training.warmup_steps, training.weight_decay, training.seed) == (5, 0.01, 3407)
    assert (training.optimizer, training.schedule) == ("adamw_8bit", "linear")
    assert (training.max_length, training.micro_batch) == (2048, "auto")
    assert recipe.base.chat_template == "llama-3"


def test_filters_are_one_key_each_and_keep_their_order(tmp_path):
    text = BASE.replace("d.jsonl'}", "d.jsonl', filters: [{language: Russian}, {turns: "
                        "{at_most: 1}}, {without: code}, {complexity: [easy, hard]}]}")  # fmt: skip
    filters = load(tmp_path, text).data.filters
    assert [spec.name for spec in filters] == ["language", "turns", "without", "complexity"]
    assert filters[0].language == ["Russian"]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("lora: {rank: 4}", "recipes/r.yaml:3: lora.rank: unknown key"),
        ("lora: {target_modules: [lm_head]}", "recipes/r.yaml:3: lora.target_modules: names the"),
        ("lora: {target_modules: []}", "recipes/r.yaml:3: lora.target_modules: is empty"),
        ("training: {learning_rate: 2e-4}",
         "recipes/r.yaml:3: training.learning_rate: '2e-4' is read as text; write it as a decimal"),
        ("training:\n  batch_size: 8\n  micro_batch: 3",
         "recipes/r.yaml:3: training: micro_batch 3 does not divide batch_size 8"),
        ("final_loss: {at_least: 2, at_most: 1}",
         "recipes/r.yaml:3: final_loss: at_least 2 is above at_most 1"),
        ("final_loss: {}", "recipes/r.yaml:3: final_loss: needs at_least or at_most"),
        ("backend: axolotl", "recipes/r.yaml:3: backend: 'axolotl' is not one of auto, trl"),
    ],
)  # fmt: skip
def test_mistakes_name_line_key_and_fix(tmp_path, more, line):
    with pytest.raises(SpecError) as caught:
        load(tmp_path, BASE + more + "\n")
    assert str(caught.value).startswith(line)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{language: Russian, without: code}", "a filter is one key with its value"),
        ("{}", "a filter is one key with its value"),
        ("{language: }", "a filter is one key with its value"),
        ("{langauge: Russian}", "unknown key; did you mean 'language'?"),
        ("{topics: {keep: [a], drop: [b]}}", "needs either 'keep' or 'drop'"),
        ("{topics: {}}", "needs either 'keep' or 'drop'"),
        ("{size: {at_least: 9, at_most: 8}}", "at_least 9 is above at_most 8"),
        ("{without: emoji}", "'emoji' is not one of code, links"),
        ("{near_duplicates: {similarity: 1.5}}", "less than 1"),
    ],
)
def test_mistakes_in_filters(tmp_path, entry, problem):
    text = f"base: {{source: 'file:m'}}\ndata:\n  source: file:d.jsonl\n  filters:\n    - {entry}\n"
    with pytest.raises(SpecError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith("recipes/r.yaml:5: data.filters[0]")
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_template_file_must_be_there(tmp_path):
    text = BASE.replace("model'", "model', chat_template: chat/none.j2")
    with pytest.raises(
        SpecError, match=r"r\.yaml:1: base\.chat_template: no chat template prompts"
    ):
        load(tmp_path, text)


def test_an_empty_recipe_points_to_its_page(tmp_path):
    with pytest.raises(SpecError, match=r"docs/recipes\.md"):
        load(tmp_path, "")


def test_ranges_include_their_ends_and_say_what_they_are():
    assert 1.0 in Range(at_least=1.0, at_most=2.0)
    assert 2.0 in Range(at_least=1.0, at_most=2.0)
    assert 2.1 not in Range(at_least=1.0, at_most=2.0)
    assert 0.9 not in Range(at_least=1.0)
    texts = [str(Range(at_least=1)), str(Range(at_most=2)), str(Range(at_least=1, at_most=2)),
             str(Range(at_least=3, at_most=3))]  # fmt: skip
    assert texts == ["at least 1", "at most 2", "1 to 2", "3"]
