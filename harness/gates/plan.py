"""The gates of an eval set, one by one: which cell each judges and which one it compares with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.figures import figure_kind
from harness.run.cells import Cell
from harness.spec.gatespec import BASELINE, GateSpec, OtherCell
from harness.spec.yamlfile import YamlFile
from harness.suggest import did_you_mean

GATE_PREFIX = "gate-"


@dataclass(frozen=True, slots=True)
class PlannedGate:
    """One gate on one cell: one pytest item.

    Attributes:
        id: Such as `gate-auc-smollm2-135m-prefill-fewshot5-chat-s0-vs-zeroshot`.
        other: The cell that is compared with, None for a threshold or the baseline.
    """

    id: str
    spec: GateSpec
    cell: Cell
    other: Cell | None = None

    @property
    def against(self) -> str:
        """The other side's name: a cell's id, `baseline`, or nothing for a threshold."""
        if self.other is not None:
            return self.other.id
        return BASELINE if self.spec.other is not None else ""

    @property
    def needs(self) -> tuple[Cell, ...]:
        """The cells without whose outcomes there is nothing to judge."""
        return (self.cell,) if self.other is None else (self.cell, self.other)


def plan_gates(
    specs: Sequence[GateSpec], cells: Sequence[Cell], file: YamlFile
) -> list[PlannedGate]:
    """Return the gates of a set's cells, in the order of the file.

    Args:
        specs: As the eval set has them.
        cells: All cells of the set.
        file: The eval set, for the place of a mistake.

    Raises:
        SpecError: A pattern matches no cell, a cell is compared with none or with itself, or can
            never have the figure.
    """
    planned: list[PlannedGate] = []
    taken: dict[str, int] = {}
    for index, spec in enumerate(specs):
        found = [cell for cell in cells if fnmatchcase(cell.id, spec.cells)]
        if not found:
            raise file.error(f"'{spec.cells}' matches no cell; cells are such as '{cells[0].id}'",
                             ("gates", index, "cells"))  # fmt: skip
        for cell in found:
            other = _other(spec, cell, cells, file, index)
            for one in filter(None, (cell, other)):
                if problem := _lacks(spec.figure, one):
                    raise file.error(problem, ("gates", index, "figure"))
            name = _name(spec, cell, other)
            taken[name] = taken.get(name, 0) + 1
            gate_id = name if taken[name] == 1 else f"{name}-{taken[name]}"
            planned.append(PlannedGate(gate_id, spec, cell, other))
    return planned


def _other(
    spec: GateSpec, cell: Cell, cells: Sequence[Cell], file: YamlFile, index: int
) -> Cell | None:
    wanted = spec.other
    if wanted is None or wanted == BASELINE:
        return None
    where = ("gates", index, spec.bound)
    if isinstance(wanted, OtherCell):
        model, prompt, mode = _parts(cell)
        parts = (wanted.model or model, wanted.prompt or prompt, wanted.mode or mode)
        if any(c.model == wanted.model and not c.spec.writes for c in cells):
            # A classifier has one cell, whatever the prompt and mode of the cell beside it.
            parts = next(_parts(c) for c in cells if c.model == wanted.model)
        # A mode may be named without the setting of thinking, which then is the gated cell's own.
        thinking = f"-{cell.mode.thinking.suffix}" if cell.mode.thinking else ""
        tried = [parts, (*parts[:2], parts[2] + thinking)]
        name = "-".join(filter(None, parts))
        other = next((c for one in tried for c in cells if _parts(c) == one), None)
    else:
        name = wanted
        other = next((c for c in cells if c.id == wanted), None)
    if other is None:
        fix = did_you_mean(name, [c.id for c in cells], likeness=0)
        raise file.error(f"'{cell.id}' is to be compared with '{name}', which is not a cell of "
                         f"this set; {fix}", where)  # fmt: skip
    if other.id == cell.id:
        raise file.error(f"'{cell.id}' is compared with itself; narrow 'cells', which is "
                         f"'{spec.cells}'", where)  # fmt: skip
    return other


def _lacks(figure: str, cell: Cell) -> str:
    """Say why a cell has no such figure whatever its samples, or return an empty string."""
    kind, _ = figure_kind(figure)
    if kind.need in ("", "answers"):
        return ""
    if kind.need == "two labels" and (count := len(cell.evalset.labels)) != 2:
        return f"{figure} is of two labels, and the set has {count}; gate another figure"
    if cell.asks != "logprobs" and cell.mode.given:
        return (f"'{cell.id}' has no probabilities, without which there is no {figure}; give them "
                "with the answers, or gate accuracy")  # fmt: skip
    if cell.asks != "logprobs":
        return (f"'{cell.id}' is scored by {cell.scoring}, which gives no {figure}; gate accuracy, "
                "or score by logprobs")  # fmt: skip
    if kind.need != "contextual":
        return ""
    if not cell.evalset.scoring.contextual:
        return "there is no contextual_accuracy without scoring.contextual; set it to true"
    if cell.prompt is None:
        what = "answered by another program" if cell.mode.given else "a classifier"
        return f"'{cell.id}' is {what}, which has no {figure}; narrow 'cells'"
    return ""


def _name(spec: GateSpec, cell: Cell, other: Cell | None) -> str:
    figure = re.sub(r"[^\w.]+", "-", spec.figure)
    part = re.sub(r"[^\w.]+", "-", f"-slice-{spec.slice}").rstrip("-") if spec.slice else ""
    name = f"{GATE_PREFIX}{figure}-{cell.id}{part}"
    if other is None:
        return name if spec.other is None else f"{name}-vs-{BASELINE}"
    pairs = zip(_parts(cell), _parts(other), strict=True)
    changed = [theirs for own, theirs in pairs if own != theirs and theirs]
    return f"{name}-vs-{'-'.join(changed)}"


def _parts(cell: Cell) -> tuple[str, str, str]:
    return cell.model, cell.prompt.id if cell.prompt else "", cell.mode.name
