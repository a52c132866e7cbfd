"""The glossary explains what a report uses, and nothing else."""

from __future__ import annotations

import pytest
from builders import make_row
from reports import findings_of

from harness.language import words
from harness.records import Figure, Run, RunInfo
from harness.report.glossary import glossary

INFO = RunInfo("r", "now", 1.0, "pytest", {}, {})


def told(*figures: str, **changes: object) -> str:
    row = make_row(figures={name: Figure(0.5, 0.4, 0.6, 100) for name in figures}, **changes)
    return glossary(Run(INFO, rows=(row,)), findings_of([row], []), words("en"))


@pytest.mark.parametrize(
    ("figure", "word"),
    [("auc", "*AUC*"), ("calibrated_accuracy", "*Calibrated*"), ("label_mass", "*Label mass*")],
)
def test_a_figure_is_explained_where_a_cell_has_it(figure, word):
    assert word in told("accuracy", figure)
    assert word not in told("accuracy")


def test_classifiers_and_gates_are_explained_where_there_are_any():
    assert "*trained*" in told("accuracy", train_rows=10)
    assert "*trained*" not in told("accuracy")
    assert "*inconclusive*" not in told("accuracy")


def test_each_line_is_an_item():
    lines = told("accuracy", "auc").splitlines()
    assert all(line.startswith(("- ", "  ")) for line in lines)
