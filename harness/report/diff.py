"""The differences of two runs as a table for a terminal."""

from __future__ import annotations

from harness.analysis.diff import CellDiff, diff_runs
from harness.markdown import plain
from harness.records import Row, Run
from harness.report.format import NOTHING, count, with_interval
from harness.run.provenance import extension_changes, template_changes


def diff_text(a: Run, b: Run) -> str:
    """Return the differences as a table for a terminal, those of chat templates, lone cells."""
    from tabulate import tabulate

    cells = [dict.fromkeys((r.evalset, r.cell) for r in run.results) for run in (a, b)]
    lines = [_line(one) for one in diff_runs(a, b)]
    parts = [tabulate(lines, headers="keys", tablefmt="github", disable_numparse=True)]
    parts += _settings(a, b)
    parts += [plain(line) for line in _templates(a, b)]
    parts += [plain(line) for line in extension_changes(_extensions(a), _extensions(b))]
    for name, own, other in (("A", *cells), ("B", *reversed(cells))):
        alone = [_name(*cell) for cell in own if cell not in other]
        if alone:
            parts.append(f"only in {name}: {', '.join(alone)}")
    return "\n".join(part for part in parts if part) or "neither run has a result"


def _settings(a: Run, b: Run) -> list[str]:
    """Name the cells that thought otherwise before their answers."""
    rows = {(row.evalset, row.cell): row for row in b.rows}
    pairs = [(row, rows[row.evalset, row.cell]) for row in a.rows
             if (row.evalset, row.cell) in rows]  # fmt: skip
    return [
        f"thinking differs: {_name(x.evalset, x.cell)}: {_thinking(x)} in A, {_thinking(y)} in B"
        for x, y in pairs
        # Runs of before thoughts were known have no place of their answers.
        if x.thinking != y.thinking or (x.place != y.place and "none" not in (x.place, y.place))
    ]


def _thinking(row: Row) -> str:
    return f"{row.thinking or 'not set'} ({row.place})"


def _templates(a: Run, b: Run) -> list[str]:
    """Return a line for each difference in the chat templates of both runs, with its cells."""
    first, second = ({(row.evalset, row.cell): row for row in run.rows} for run in (a, b))
    cells: dict[str, list[str]] = {}
    for key in first:
        if key in second:
            for change in template_changes(first[key].template, second[key].template):
                cells.setdefault(change, []).append(_name(*key))
    return [f"{change}: {', '.join(names)}" for change, names in cells.items()]


def _extensions(run: Run) -> dict[str, str]:
    return {f"{one.kind} {one.name}": one.shown for one in run.info.extensions}


def _line(one: CellDiff) -> dict[str, str]:
    return {
        "cell": _name(one.evalset, one.cell),
        "in both": count(one.both),
        "other data": count(one.changed),
        "only A / B": " / ".join(map(count, one.missing)),
        "flips": count(one.flips),
        "of n": count(one.share.n) if one.share else NOTHING,
        "share": with_interval(one.share) if one.share else NOTHING,
        "largest log-odds gap": f"{one.gap:.4g}" if one.gap is not None else NOTHING,
        "unscored A / B": " / ".join(map(count, one.unscored)),
    }


def _name(evalset: str, cell: str) -> str:
    return plain(f"{evalset}::{cell}")
