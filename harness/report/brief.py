"""What a run shows, in ten lines for a terminal."""

from __future__ import annotations

from harness.analysis.findings import Findings
from harness.analysis.ranking import primaries
from harness.language import Words
from harness.markdown import plain
from harness.report.format import with_interval
from harness.report.questions import ordered, question_lines

_LINES = 10


def brief(findings: Findings, t: Words) -> list[str]:
    """Return a table of at most ten lines, the last of which counts what is left out.

    Args:
        findings: Of a run with at least one cell, else the table is empty.
        t: The words of its language.

    Returns:
        A line for each question that the run answers; where nothing was compared, one for each
        cell with the primary figure of its set.
    """
    from tabulate import tabulate

    asked = question_lines(ordered(findings), t, show=plain, show_cell=plain)
    rows = [{name: cell for name, cell in one.items() if name != t["h_single"]} for one in asked]
    rows = rows or _cells(findings, t)
    if not rows:
        return []
    shown = rows if len(rows) < _LINES else rows[: _LINES - 2]
    names = [name for name in rows[0] if any(one[name] for one in shown)]
    cells = [[one[name].replace("**", "") for name in names] for one in shown]
    lines = tabulate(cells, headers=names, tablefmt="plain", disable_numparse=True).splitlines()
    left_out = len(rows) - len(shown)
    return [*lines, t.say("more_lines", count=left_out)] if left_out else lines


def _cells(findings: Findings, t: Words) -> list[dict[str, str]]:
    primary = primaries(findings.rows)
    return [
        {
            t["h_cell"]: plain(f"{row.evalset}::{row.cell}"),
            t["h_n"]: str(row.n),
            t["h_by"]: t[f"f_{name}"],
            t["h_value"]: with_interval(figure),
        }
        for row in findings.rows
        if (figure := row.figures.get(name := primary[row.evalset]))
    ]
