"""What the models and the judges of a judge set thought before they wrote."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import Thinkers
from harness.language import Words
from harness.markdown import escape
from harness.report.tables import table
from harness.report.thoughts import thought_line


def thought_table(thinkers: Sequence[Thinkers], t: Words) -> str:
    """Return one line for each model and judge of a set that thought, "" where none did."""
    lines = [
        {
            t["h_model"]: escape(one.who),
            t["h_thought_before"]: t[f"th_{one.of}"],
            **thought_line(one.thoughts, t),
        }
        for one in thinkers
    ]
    return table(lines, keep=set())
