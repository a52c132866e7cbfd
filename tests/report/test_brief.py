"""The table that ends a session's output."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import make_row
from reports import findings_of

from harness.language import words
from harness.report.brief import brief


def test_cells_stand_for_themselves_where_nothing_was_compared():
    lines = brief(findings_of([make_row(cell="only")], []), words("en"))
    assert len(lines) == 2
    assert lines[1].split()[0].endswith("::only")


def test_no_cells_no_table():
    assert brief(findings_of([], []), words("en")) == []


@pytest.mark.parametrize(("cells", "lines", "left"), [(9, 10, None), (10, 10, 2), (25, 10, 17)])
def test_at_most_ten_lines(cells, lines, left):
    one = make_row(cell="c")
    rows = [replace(one, cell=f"c{n}", evalset=f"evalsets/{n}.yaml") for n in range(cells)]
    told = brief(findings_of(rows, []), words("en"))
    assert len(told) == lines
    assert told[-1] == (f"and {left} more in the report" if left else told[-1])
    assert (left is None) == (f"c{cells - 1}" in told[-1])


def test_names_are_on_one_line_and_no_markdown():
    row = make_row(cell="a`*b\nc")
    assert brief(findings_of([row], []), words("en"))[1].split("  ")[0].endswith("::a`*b c")
