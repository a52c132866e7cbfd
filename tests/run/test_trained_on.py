"""Samples and probes that an adapter was trained on are named once."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from harness.collect import collect_evalset, load_cells
from harness.judge.runner import Probing
from harness.planning.of_project import set_lines
from harness.records import Note
from harness.run.materials import Materials
from harness.run.settings import Settings
from harness.train.record import RECORD
from harness.train.trained_rows import TRAINED_ROWS, trained_rows, write_trained_rows

ADAPTER = "adapters/a"


@pytest.fixture
def adapter(project):
    """A project whose model is an adapter, and a function that writes what it was trained on."""
    project.models(f"models:\n  tiny:\n    source: file:model\n    adapter: {ADAPTER}\n")
    folder = project.root / ADAPTER
    folder.mkdir(parents=True)

    def adapter(*turns):
        (folder / RECORD).write_text("{}")
        rows = [(n, ({"role": "user", "content": text},)) for n, text in enumerate(turns, 1)]
        write_trained_rows(trained_rows(rows), folder)
        return folder

    return adapter


def settings(project):
    root = project.root
    return Settings(root=root, store=root / ".harness/o.sqlite", logs=root / "logs")


@pytest.fixture
def noted(project):
    """Return a function that looks through a set's adapters, twice, and returns its notes."""

    def noted():
        told = []
        materials = Materials(settings(project), lambda *_: None, told.append, {})
        cells = load_cells(project.root / "evalsets/set.yaml", project.root)
        for _ in range(2):
            materials.look_for_copies(cells)
        return told, materials.load(cells[0]).samples

    return noted


def test_samples_are_named_with_their_rows_before_a_run_and_in_it(adapter, noted, project):
    _, samples = noted()
    adapter("Hm?", samples[1].text.upper())
    told, _ = noted()
    facts = {"model": "tiny", "count": 1, "total": len(samples), "exact": 1,
             "ids": (samples[1].id,), "rows": ("2",)}  # fmt: skip
    assert told == [Note("trained_samples", "evalsets/set.yaml", facts)]
    path = project.root / "evalsets/set.yaml"
    (line,) = [one for one in set_lines(collect_evalset(path, project.root), project.root)
               if "was trained on" in one]  # fmt: skip
    assert line.startswith("warning: evalsets/set.yaml: tiny was trained on 1 of ")


def test_what_cannot_be_checked_is_said_once(adapter, noted):
    # Of an adapter without a record the check of its base says it.
    assert noted()[0] == []
    folder = adapter("Hm?")
    assert noted()[0] == []
    (folder / TRAINED_ROWS).unlink()
    facts = {"folder": str(folder), "file": TRAINED_ROWS}
    assert noted()[0] == [Note("no_trained_rows", "tiny", facts)]


def test_probes_are_named_by_question_or_point(adapter, project):
    probes = [
        {
            "id": one,
            "kind": "fact",
            "question": f"What of {one}?",
            "points": [f"The {one} is good."],
        }
        for one in ("bread", "salt", "water")
    ]
    # A dialogue is known by what is said in it alone.
    talks = {"talk": ["Hm?", "What is baked here today?"], "chat": ["Hello there.", "Hm?"]}
    probes += [
        {"id": one, "kind": "talk", "turns": [said, {"user": more, "assistant": "Yes."}, f"{one}?"],
         "points": ["It says."]}
        for one, (said, more) in talks.items()
    ]  # fmt: skip
    project.write("prompts/judge/a.j2", RUBRIC)
    spec = {"kind": "judge", "models": ["tiny"], "probes": probes,
            "judge": {"models": ["tiny"], "rubric": "judge/a.j2"}}  # fmt: skip
    path = project.write("evalsets/probes.yaml", json.dumps(spec))
    adapter("the SALT is good", "What of bread", "Hello there.", "Hm?", "what is baked here today")
    cells = list(collect_evalset(path, project.root).cells)
    probing = Probing(settings(project), cells, lambda *_: None)
    assert probing._fits(SimpleNamespace(check_adapter=lambda cell: None), cells[0], cells)
    facts = {"model": "tiny", "count": 3, "total": 5, "exact": 3,
             "ids": ("bread", "salt", "talk"), "rows": ("2", "1", "5")}  # fmt: skip
    assert probing.notes == [Note("trained_probes", "evalsets/probes.yaml", facts)]
    lines = list(set_lines(collect_evalset(path, project.root), project.root))
    assert sum("question or a point of 3 of 5 probes" in line for line in lines) == 1


RUBRIC = """\
{% macro system() %}Judge.{% endmacro %}
{% macro user(question, points, answer) %}{{ question }}
{% for point in points %}{{ point }}
{% endfor %}{{ answer }}{% endmacro %}
"""
