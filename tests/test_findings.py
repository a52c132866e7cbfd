"""Findings are outside of CI; that each is whole and listed is checked here."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


def test_there_are_findings_and_the_table_lists_them_all():
    listed = re.findall(r"^\| `(\w+\.sh)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert listed == [script.name for script in SCRIPTS]
    assert listed


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_finding_runs_by_itself(script):
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    assert "mktemp -d" in text
    assert re.search(r"\w==\d", text)
    assert "harness" not in text
