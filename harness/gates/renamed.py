"""Which baseline a cell is compared with: its own, or that of a cell by a former name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.run.cells import Cell
from harness.spec.yamlfile import YamlFile
from harness.suggest import did_you_mean, nearest


def former_cell(cell: Cell) -> str:
    """Return the id that a cell had before its set's `was` renamed it, or its own."""
    was = cell.evalset.was
    if cell.id in was:
        return was[cell.id]
    parts = [cell.model, *([cell.prompt.id] if cell.prompt else []), cell.mode.name]
    return "-".join(was.get(part, part) for part in parts)


def compared_cell(root: Path, cell: Cell) -> str:
    """Return the cell whose baseline a cell is compared with.

    That is itself where it has one of its own, which is the later one; else the cell that it was.
    """
    from harness.gates.baseline_fields import baseline_path

    if (root / baseline_path(cell.path, cell.id)).exists():
        return cell.id
    return former_cell(cell)


def check_renamed(cells: Sequence[Cell], file: YamlFile, root: Path) -> None:
    """Check what `was` of a set names.

    Args:
        cells: All cells of the set.
        file: The eval set, for the place of a mistake.
        root: The project.

    Raises:
        SpecError: A name is no model, prompt, mode or cell of the set, or is two of these, or
            no cell has a baseline by its former name.
    """
    was: Mapping[str, str] = cells[0].evalset.was
    if not was:
        return
    parts: dict[str, set[str]] = {
        "model": {cell.model for cell in cells},
        "prompt": {cell.prompt.id for cell in cells if cell.prompt},
        "mode": {cell.mode.name for cell in cells},
        "cell": {cell.id for cell in cells},
    }
    for new, old in was.items():
        kinds = [kind for kind, names in parts.items() if new in names]
        if not kinds:
            known = sorted(set().union(*parts.values()))
            raise file.error(f"'{new}' is not a model, prompt, mode or cell of this set; "
                             f"{did_you_mean(new, known, likeness=0)}", ("was", new))  # fmt: skip
        if len(kinds) > 1:
            raise file.error(f"'{new}' is a {kinds[0]} and a {kinds[1]}; name the cells, such as "
                             f"'{cells[0].id}'", ("was", new))  # fmt: skip
        own = [
            cell
            for cell in cells
            if new in (cell.id, cell.model, cell.prompt and cell.prompt.id, cell.mode.name)
        ]
        _check_baseline(own, (new, old), file, root)


def _check_baseline(
    cells: Sequence[Cell], names: tuple[str, str], file: YamlFile, root: Path
) -> None:
    """Raise SpecError if none of the renamed cells has a baseline, by whatever name."""
    from harness.gates.baseline_fields import baseline_path

    paths = [baseline_path(one.path, name) for one in cells for name in (one.id, former_cell(one))]
    if any((root / path).exists() for path in paths):
        return
    new, old = names
    wanted = baseline_path(cells[0].path, former_cell(cells[0]))
    there = baselines_of(root, cells[0].path)
    near = nearest(wanted.stem, there, likeness=0)
    hint = f"the nearest one there is '{near}'" if near else f"{wanted.parent} has none"
    raise file.error(f"'{old}': no baseline {wanted}; {hint}. Fix the name or remove the entry",
                     ("was", new))  # fmt: skip


def baselines_of(root: Path, evalset: str) -> list[str]:
    """Return the cells of an eval set that have a baseline."""
    from harness.gates.baseline_fields import baseline_path

    folder = root / baseline_path(evalset, "x").parent
    return sorted(path.stem for path in folder.glob("*.json"))
