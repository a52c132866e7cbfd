"""Which cells a plot shows, in which groups, and how it calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.findings import CellBins
from harness.analysis.ranking import lead
from harness.language import Words
from harness.markdown import cut, plain
from harness.records import GIVEN, Row

Bins = Mapping[tuple[str, str], CellBins]
"""The numbers of each cell, by eval set and id."""
Group = tuple[str, str, str]
"""Model, prompt, and scoring with the setting of thinking."""

# A small picture for each cell stays readable up to here; above, see `telling`.
MOST_PANELS = 24
TRAINED, ENCODER = "trained", "encoder"
_NAME = 120


def grouped(rows: Sequence[Row]) -> dict[Group, list[Row]]:
    """Return the cells of each model and prompt, in the order of the tables."""
    groups: dict[Group, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.prompt, " ".join(row.regime)), []).append(row)
    return groups


def group_name(row: Row) -> str:
    """Return `model · prompt`, or the model alone where it is not prompted."""
    return " · ".join(name(part) for part in (row.model, row.prompt) if part)


def panel_name(row: Row, mode: str) -> tuple[str, str, str]:
    """Return the title lines of a cell's own panel: model, prompt, mode."""
    return name(row.model), name(row.prompt), mode


def name(text: str) -> str:
    """Return foreign text as a picture can show it: one line, no control characters."""
    return cut(plain(text), _NAME)


def mode_names(rows: Sequence[Row], t: Words) -> dict[str, str]:
    """Return for each cell of an eval set its mode in words, as short as tells it apart.

    Selector and seed stand only where the set varies them; where that is not enough, the mode's
    own name is taken.
    """
    shown = [row for row in rows if row.k > 0]
    selectors = {row.selector for row in shown}
    seeds = {row.seed for row in shown}
    names: dict[str, str] = {}
    for group in grouped(rows).values():
        found = {row.cell: _mode(row, len(selectors) > 1, len(seeds) > 1, t) for row in group}
        said = list(found.values())
        names |= {
            row.cell: found[row.cell] if said.count(found[row.cell]) == 1 else name(row.mode)
            for row in group
        }
    return names


def _mode(row: Row, selector: bool, seed: bool, t: Words) -> str:
    if row.given:
        return t["given"]
    if row.k == 0:
        return t["zeroshot"] if row.mode == "zeroshot" else name(row.mode)
    parts = [t.say("fewshot", k=row.k), row.placement or ""]
    parts += [row.selector or ""] if selector else []
    parts += [f"s{row.seed}"] if seed and row.seed is not None else []
    return " ".join(part for part in parts if part)


def best(rows: Sequence[Row], figure: str) -> Row | None:
    """Return the cell with the highest figure, of equal ones the first; None if none has it."""
    having = [row for row in rows if figure in row.figures]
    return max(having, key=lambda row: row.figures[figure].value, default=None)


def telling(rows: Sequence[Row], limit: int = MOST_PANELS) -> list[Row]:
    """Return at most `limit` cells, all if they are no more.

    Else zero-shot and the best few-shot cell of each model and prompt, in the order of the tables.
    """
    if len(rows) <= limit:
        return list(rows)
    figure = lead(rows)
    kept: list[str] = []
    for group in grouped(rows).values():
        chosen = best([row for row in group if row.k > 0], figure)
        kept += [row.cell for row in group if row.k == 0 or row is chosen]
    return [row for row in rows if row.cell in kept][:limit]


def style_key(row: Row) -> str | None:
    """Return what a cell's colour and marker go by: its placement, None for zero-shot."""
    if row.classifier:
        return ENCODER if row.encoder else TRAINED
    return GIVEN if row.given else row.placement


def per_placement(rows: Sequence[Row], figure: str) -> list[Row]:
    """Return the cells of one group that a single panel can hold.

    The best of each placement, and of several trainings of a classifier.
    """
    styles = dict.fromkeys(style_key(row) for row in rows)
    found = [best([row for row in rows if style_key(row) == one], figure) for one in styles]
    return [row for row in found if row is not None]
