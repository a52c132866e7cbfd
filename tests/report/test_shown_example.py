"""The example report is what the present version writes of the run beside it."""

from __future__ import annotations

import os
from pathlib import Path

from harness.analysis.files import load_findings
from harness.report.runfiles import load_run
from harness.report.write import write_report

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "imdb-smollm2-h200"


def test_the_example_is_what_is_written_today(tmp_path):
    run, findings = load_run(EXAMPLE), load_findings(EXAMPLE)
    if os.environ.get("HARNESS_UPDATE_GOLDEN") == "1":
        write_report(EXAMPLE, run, findings, texts="none")
    path = write_report(tmp_path, run, findings, texts="none")
    assert path.read_text("utf-8") == (EXAMPLE / "report.md").read_text("utf-8")
    drawn = {one.name for one in (tmp_path / "plots").iterdir()}
    assert drawn == {one.name for one in (EXAMPLE / "plots").iterdir()}
