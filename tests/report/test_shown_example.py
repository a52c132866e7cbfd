"""The example reports are what the present version writes of the runs beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.analysis.files import load_findings
from harness.report.runfiles import Texts, load_run
from harness.report.write import write_report

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
# The page beside them is left out for its size.
PAGE = "report.html"


@pytest.mark.parametrize(
    ("name", "texts"),
    [("imdb-smollm2-h200", "none"), ("probes-smollm2-cpu", "full"), ("probes-gemma-h200", "full")],
)
def test_the_example_is_what_is_written_today(tmp_path, name, texts: Texts):
    example = EXAMPLES / name
    run, findings = load_run(example), load_findings(example)
    if os.environ.get("HARNESS_UPDATE_GOLDEN") == "1":
        write_report(example, run, findings, texts=texts)
        (example / PAGE).unlink()
    path = write_report(tmp_path, run, findings, texts=texts)
    assert path.read_text("utf-8") == (example / "report.md").read_text("utf-8")
    drawn = {one.name for one in (tmp_path / "plots").glob("*")}
    assert drawn == {one.name for one in (example / "plots").glob("*")}
