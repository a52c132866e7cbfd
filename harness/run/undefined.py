"""Notes on figures that a set asks for and its samples do not define."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.figures import UNSCORED, figure_kind
from harness.records import Note, Row
from harness.run.cells import Cell


def undefined_notes(cells: Mapping[tuple[str, str], Cell], rows: Sequence[Row]) -> Iterator[Note]:
    """Yield a note for each figure that some cells of a set lack, and each reason of it.

    Args:
        cells: By eval set and id, with all of the rows'.
        rows: Those of the cells that were scored.
    """
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        for name in _wanted(cells[row.evalset, row.cell]):
            if name not in row.figures:
                found.setdefault((row.evalset, name, _why(row, name)), []).append(row.cell)
    for (evalset, name, why), ids in found.items():
        yield Note("undefined", evalset, {"figure": name, "why": why, "cells": tuple(ids)})


def _wanted(cell: Cell) -> dict[str, None]:
    """Return the figures that a cell was asked for, each once."""
    evalset = cell.evalset
    contextual = evalset.scoring.contextual and cell.prompt is not None
    names = [*evalset.further, *(gate.figure for gate in evalset.gates), evalset.primary or ""]
    names.append("contextual_accuracy" if contextual else "")
    return dict.fromkeys(name for name in names if name not in ("", UNSCORED))


def _why(row: Row, name: str) -> str:
    """Return why a cell's samples do not define a figure, as the note words it."""
    kind, label = figure_kind(name)
    of_all = name in ("auc", "balanced_accuracy", "macro_f1", "mcc")
    if row.n == 0 and (kind.need == "answers" or "label_mass" not in row.figures):
        return "unscored"
    if (of_all and 0.0 in row.targets.values()) or (
        kind.name == "recall" and not row.targets[label]
    ):
        return "target"
    if kind.name == "precision" and not row.shares[label]:
        return "answer"
    if name == "mcc" and 1.0 in row.shares.values():
        return "same"
    return "cluster" if row.clusters == 1 else "samples"
