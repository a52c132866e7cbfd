"""The report on a recipe's data."""

from __future__ import annotations

import pytest
from PIL import Image

from harness.train.analyze import analyze
from harness.train.data_report import write_data_report
from harness.train.rows import read_dialogues


def count(texts):
    return [len(text.split()) for text in texts]


@pytest.fixture
def rows(single):
    """Twelve rows, a third of them Russian, with topics in Russian."""
    return [
        single(f"Вопрос {i}?", "слово " * (i + 1), language="Russian", sonnet_topic="кино и театр")
        if i % 3 == 0
        else single(f"Question {i}?", "word " * (i + 1), opus_score=3 + i % 7,
                    sonnet_topic="$x_1$ | films")
        for i in range(12)
    ]  # fmt: skip


@pytest.fixture
def analysis(project, make_recipe, rows):
    recipe, file = make_recipe(
        "  filters:\n    - score: {at_least: 5}\n    - size: {at_most: 5}\n", rows
    )
    read = read_dialogues(recipe.data, base=project.root, file=file)
    return analyze(recipe, read, count_tokens=count, file=file)


def test_groups_and_counts(analysis):
    assert {name: len(at) for name, at in analysis.groups.items()} == {
        "all": 12, "Russian": 4, "kept": 5
    }  # fmt: skip
    counts = analysis.counts("language")
    assert list(counts) == ["English", "Russian"]
    assert counts["Russian"][:2] == [4, 4]
    assert counts["English"][2] + counts["Russian"][2] == 5
    scores = [float(value) for value in analysis.counts("score")]
    assert scores == sorted(scores)


def test_scores_that_are_spelled_differently_are_one_row(project, make_recipe, single):
    recipe, file = make_recipe("", [single("q", "a", opus_score=one) for one in (8, 8.0, 7.5)])
    read = read_dialogues(recipe.data, base=project.root, file=file)
    found = analyze(recipe, read, count_tokens=count, file=file)
    assert found.counts("score") == {"7.5": [1, 1], "8": [2, 2]}


def test_the_report_has_all_tables(analysis, tmp_path):
    path = write_data_report(tmp_path / "out", "r_1", analysis, tokenizer="file:model")
    text = path.read_text()
    assert text.startswith("# Data of r_1\n\n12 dialogues from file:data.jsonl")
    for heading in ("language", "topic", "complexity", "score", "source", "turns"):
        assert f"| {heading}" in text
    assert "| 1. score at least 5 |" in text
    assert "answer, tokens: Russian" in text
    assert "кино и театр" in text
    assert "\\$x_1\\$ \\| films" in text
    for plot in ("funnel.png", "distributions.png", "lengths.png"):
        assert f"({plot})" in text
        with Image.open(path.parent / plot) as image:
            assert min(image.size) > 200


def test_properties_without_a_column_are_left_out(project, make_recipe, single, tmp_path):
    bare = {"messages": single("a", "b")["messages"]}
    recipe, file = make_recipe(given=[bare, bare])
    read = read_dialogues(recipe.data, base=project.root, file=file)
    found = analyze(recipe, read, count_tokens=count, file=file)
    assert list(found.values) == ["turns"]
    assert list(found.groups) == ["all", "kept"]
    text = write_data_report(tmp_path, "r", found, tokenizer="t").read_text()
    assert "Russian" not in text


def test_many_values_are_summed_up(project, make_recipe, single, tmp_path):
    recipe, file = make_recipe(given=[single("a", "b", sonnet_topic=f"t{i}") for i in range(20)])
    read = read_dialogues(recipe.data, base=project.root, file=file)
    found = analyze(recipe, read, count_tokens=count, file=file)
    text = write_data_report(tmp_path, "r", found, tokenizer="t").read_text()
    assert "| 5 others |" in text
    assert "5 (25.0%)" in text
