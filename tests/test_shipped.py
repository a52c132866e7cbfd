"""Everything that ships as YAML or template is loaded."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest

from harness.collect import collect_evalset, load_cells
from harness.gates.baseline_fields import baseline_path
from harness.gates.baseline_file import load_baseline
from harness.prompts.templates import load_prompt
from harness.records import Sample
from harness.spec import load_models, load_recipe

ROOT = Path(__file__).parents[1]
FILES = sorted(path for path in (ROOT / "evalsets").rglob("*.y*ml") if path.stem != "models")
# Judge sets are loaded in tests/spec/test_judgeset.py.
EVALSETS = [path for path in FILES if not path.stem.startswith("probes_")]
MODELS = sorted((ROOT / "evalsets").rglob("models.yaml"))
RECIPES = sorted(path for folder in ("recipes", "benchmarks/recipes")
                 for path in (ROOT / folder).rglob("*.y*ml"))  # fmt: skip
PROMPTS = sorted(path.relative_to(ROOT / "prompts").as_posix()
                 for path in (ROOT / "prompts/sentiment").rglob("*.j2"))  # fmt: skip
WORDS = {"positive": "positive", "negative": "negative"}
SHOTS = [
    Sample("s1", "first shot {{ 7*7 }}", "positive"),
    Sample("s2", "second shot", "negative"),
    Sample("s3", "third shot", "negative"),
]
SAMPLE = Sample("x", "the text under test", "positive")


def test_something_ships():
    assert len(EVALSETS) > 0
    assert len(MODELS) > 0
    assert len(PROMPTS) >= 4
    assert len(RECIPES) >= 3


@pytest.mark.parametrize("path", EVALSETS, ids=lambda path: path.stem)
def test_eval_sets(path):
    cells = load_cells(path, ROOT)
    assert len(cells) > 0
    if path.stem == "smoke":
        # Adapters and their base share one engine start.
        assert len({cell.group for cell in cells}) == 1
        assert {cell.spec.adapter for cell in cells} == {
            None, "adapters/smoke", "adapters/smoke-unsloth"
        }  # fmt: skip
        return
    placements = {cell.mode.placement for cell in cells}
    assert placements == {None, "chat"} | ({"system", "user"} if path.stem != "shots" else set())
    assert len({cell.group for cell in cells}) <= len({cell.model for cell in cells})
    # A study of models has a classifier beside them that was trained on the same set.
    assert any(cell.spec.trained for cell in cells) == (path.stem != "shots")


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.name)
def test_models(path):
    models = load_models(path, root=ROOT)
    assert len(models) > 0
    # What is fetched from an index is pinned, and what is downloaded by the gigabyte is for GPUs.
    for name, spec in models.items():
        assert spec.gpu or not (spec.source or "").startswith("hub:"), name


@pytest.mark.parametrize("template", PROMPTS)
def test_prompts_show_the_same_shots_everywhere(template):
    prompt = load_prompt(template, WORDS, root=ROOT)
    ((*_, last),) = prompt.conversations([SAMPLE], [], None)
    assert last["role"] == ("assistant" if prompt.prefill else "user")
    for placement in ("system", "user", "chat"):
        (turns,) = prompt.conversations([SAMPLE], [SHOTS], placement)
        text = "\n".join(turn["content"] for turn in turns)
        places = [text.index(shot.text) for shot in SHOTS]
        assert places == sorted(places)
        assert all(text.count(shot.text) == 1 for shot in SHOTS)
        assert text.count(SAMPLE.text) == 1
        for place, shot in zip(places, SHOTS, strict=True):
            ends = [p for p in [*places, text.index(SAMPLE.text)] if p > place]
            assert WORDS[shot.label] in text[place : min(ends)]


@pytest.mark.parametrize("template", PROMPTS)
def test_prompts_say_what_the_words_are(template):
    prompt = load_prompt(template, {"positive": "ZZZ", "negative": "QQQ"}, root=ROOT)
    (turns,) = prompt.conversations([SAMPLE], [], None)
    text = "\n".join(turn["content"] for turn in turns)
    assert "ZZZ" in text
    assert "QQQ" in text


@pytest.mark.parametrize("template", PROMPTS)
def test_zero_shot_prompts_show_no_trace_of_shots(template):
    prompt = load_prompt(template, WORDS, root=ROOT)
    (turns,) = prompt.conversations([SAMPLE], [], None)
    for turn in turns:
        assert "example" not in turn["content"].lower()
        assert "пример" not in turn["content"].lower()
        assert turn["content"] == turn["content"].strip()
        assert "\n\n\n" not in turn["content"]


@pytest.mark.parametrize("folder", ["evalsets", "prompts", "recipes"])
def test_no_data_ships(folder):
    kinds = {path.suffix for path in (ROOT / folder).rglob("*") if path.is_file()}
    # The rows of the smoke recipe and the gold pairs were written for this project.
    own = {".jsonl"} if folder in ("recipes", "evalsets") else set()
    assert kinds <= {".yaml", ".yml", ".j2", ".gitkeep", "", *own}


def test_the_only_answers_that_ship_are_gold():
    found = sorted((ROOT / "evalsets").rglob("*.jsonl"))
    assert found == [ROOT / f"evalsets/gold/ru_{name}.jsonl" for name in ("pairs", "points")]


def test_the_only_rows_that_ship_are_those_of_the_smoke_recipe():
    found = list((ROOT / "recipes").rglob("*.jsonl"))
    assert found == [ROOT / "recipes/data/smoke.jsonl"]
    rows = [json.loads(line) for line in found[0].read_text(encoding="utf-8").splitlines()]
    assert 60 <= len(rows) <= 100
    assert {row["source"] for row in rows} == {"harness"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes(path):
    recipe, _ = load_recipe(path, root=ROOT)
    assert recipe.description
    assert recipe.final_loss is not None
    assert recipe.samples
    assert recipe.data.filters[-1].name == "size"


@pytest.mark.parametrize("path", EVALSETS, ids=lambda path: path.stem)
def test_no_set_holds_samples_of_a_data_set(path):
    for cell in load_cells(path, ROOT):
        assert cell.evalset.data.source is not None
        assert cell.evalset.data.rows is None
        assert not isinstance(cell.evalset.data.shots, list)


def test_baselines_are_of_cells_that_ship_and_gates_have_theirs():
    known = {}
    for path in EVALSETS:
        collected = collect_evalset(path, ROOT)
        known |= {baseline_path(cell.path, cell.id): cell for cell in collected.cells}
        for gate in collected.gates:
            if gate.against == "baseline":
                assert load_baseline(ROOT, gate.cell.path, gate.cell.id) is not None, gate.id
    files = sorted((ROOT / "baselines").rglob("*.json"))
    assert len(files) > 0
    for path in files:
        cell = known[PurePosixPath(path.relative_to(ROOT).as_posix())]
        baseline = load_baseline(ROOT, cell.path, cell.id)
        assert baseline.cell == cell.id
        assert len(baseline.samples) == cell.evalset.data.samples.n
        assert baseline.labels == list(cell.evalset.labels)
