"""The samples of labelled sets, column by column: 44,000 outputs in a few megabytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.reasons import Reason
from harness.records import BaselineCheck, Json, Result, Run
from harness.report.page.texts import Texts

_MARKS = {True: "1", False: "0", None: "u"}


def sample_sets(run: Run, texts: Texts, said: Callable[[Reason], str]) -> list[Json]:
    """Return each labelled set with its samples and what became of them in each cell.

    Args:
        run: Whose results.
        texts: Takes the texts.
        said: A reason in the words of the page's language.
    """
    sets: dict[str, dict[str, list[Result]]] = {}
    for one in run.results:
        sets.setdefault(one.evalset, {}).setdefault(one.cell, []).append(one)
    checks = {(one.evalset, one.cell): one for one in run.baselines if one.refused is None}
    return [_set(name, cells, checks, texts, said) for name, cells in sets.items()]


def _set(
    name: str,
    cells: Mapping[str, Sequence[Result]],
    checks: Mapping[tuple[str, str], BaselineCheck],
    texts: Texts,
    said: Callable[[Reason], str],
) -> Json:
    firsts: dict[str, Result] = {}
    for results in cells.values():
        for one in results:
            firsts.setdefault(one.sample, one)
    places = {sample: place for place, sample in enumerate(firsts)}
    labels: dict[str, int] = {}
    for one in firsts.values():
        labels.setdefault(one.target, len(labels))
    # All texts of samples before any answer, which may be many more.
    shown: list[Json] = [texts.place(one.text) for one in firsts.values()]
    found: list[Json] = [
        _cell(cell, results, places, labels, checks.get((name, cell)), texts, said)
        for cell, results in cells.items()
    ]
    return {
        "name": name,
        "ids": list(firsts),
        "texts": shown,
        "lengths": [one.length or len(one.text) for one in firsts.values()],
        "targets": [labels[one.target] for one in firsts.values()],
        "slices": _slices(list(firsts.values())),
        "cells": found,
        "labels": list(labels),
    }


def _slices(firsts: Sequence[Result]) -> Json:
    """Return the values of each column, and for each sample which of them it has."""
    columns = dict.fromkeys(column for one in firsts for column in one.slices)
    found: dict[str, Json] = {}
    for column in columns:
        values: dict[str, int] = {}
        of: list[Json] = [
            values.setdefault(one.slices.get(column, ""), len(values)) for one in firsts
        ]
        found[column] = {"values": list(values), "of": of}
    return found


def _cell(
    name: str,
    results: Sequence[Result],
    places: Mapping[str, int],
    labels: dict[str, int],
    check: BaselineCheck | None,
    texts: Texts,
    said: Callable[[Reason], str],
) -> Json:
    """Return what became of each sample in one cell.

    `right` has a letter a sample: right 1, wrong 0, unscored u, not asked a full stop. Columns that
    hold nothing are left out.
    """
    right = ["."] * len(places)
    columns: dict[str, list[Json]] = {
        column: [None] * len(places)
        for column in ("answers", "calibrated", "odds", "said", "thoughts", "reasons")
    }
    for one in results:
        place = places[one.sample]
        right[place] = _MARKS[one.correct]
        told: dict[str, Json] = {
            "answers": _label(one.answer, labels),
            "calibrated": _label(one.calibrated, labels),
            "odds": None if one.log_odds is None else round(one.log_odds, 2),
            "said": texts.place(one.completion) or None,
            "thoughts": (texts.place(one.thought.text) or None) if one.thought else None,
            "reasons": texts.place(said(one.reason)) if one.reason else None,
        }
        for column, value in told.items():
            columns[column][place] = value
    filled: dict[str, Json] = {
        column: values
        for column, values in columns.items()
        if any(value is not None for value in values)
    }
    return {"name": name, "right": "".join(right), **filled, **_flips(check, places, labels)}


def _flips(
    check: BaselineCheck | None, places: Mapping[str, int], labels: dict[str, int]
) -> dict[str, Json]:
    """Return the samples that were lost and won since the baseline, with their former answers."""
    if check is None:
        return {}
    sides = {"lost": check.lost, "won": check.won}
    return {
        side: [
            [places[flip.sample], _label(flip.before, labels)]
            for flip in flips
            if flip.sample in places
        ]
        for side, flips in sides.items()
    }


def _label(label: str | None, labels: dict[str, int]) -> int | None:
    return None if label is None else labels.setdefault(label, len(labels))
