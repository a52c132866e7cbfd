"""Evals from Python, for notebooks and scripts: run them, load them, look at them as a table."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import records
from harness.analysis.files import load_findings
from harness.analysis.findings import Findings
from harness.errors import EXIT_NOTHING_JUDGED, HarnessError
from harness.plugin.tally import FOLDER_FILE
from harness.report.runfiles import load_whole as load_saved

if TYPE_CHECKING:
    import pandas as pd

_PASSED, _GATE_FAILED = 0, 1
_LINES = 20

COLUMNS = (
    "evalset", "cell", "model", "prompt", "mode", "k", "placement", "selector", "order", "seed",
    "thinking", "scoring", "sample", "text", "target", "answer", "correct", "reason", "calibrated",
    "contextual", "log_odds", "logprobs", "completion", "cluster",
)  # fmt: skip
"""Columns of `Run.frame`."""
_OF_ROW = ("model", "prompt", "mode", "k", "placement", "selector", "order", "seed", "thinking",
           "scoring")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run.

    Attributes:
        folder: Where its files are.
        saved: All that they hold: cells, gates, results, judged answers.
        output: What pytest printed, "" of a run that was loaded.
    """

    folder: Path
    saved: records.Run
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether no gate failed."""
        return not any(gate.failed for gate in self.saved.gates)

    @property
    def rows(self) -> tuple[records.Row, ...]:
        """One for each cell, with its figures."""
        return self.saved.rows

    @property
    def gates(self) -> tuple[records.Gate, ...]:
        """All gates that were judged."""
        return self.saved.gates

    @property
    def report(self) -> str:
        """The report, in markdown."""
        return (self.folder / "report.md").read_text(encoding="utf-8")

    @property
    def findings(self) -> Findings:
        """What the results support: comparisons with intervals and p-values, cautions, duels.

        Raises:
            HarnessError: `findings.json` is missing, damaged or of another schema.
        """
        return load_findings(self.folder)

    def frame(self) -> pd.DataFrame:
        """Return the results of the labelled sets, a row for each cell and sample.

        Columns are those of `COLUMNS`; docs/notebooks.md says what each holds. `correct` is a
        nullable boolean: a sample without a verdict is missing in it, neither right nor wrong.
        """
        import pandas as pd

        rows = {(row.evalset, row.cell): row for row in self.saved.rows}
        lines = []
        for result in self.saved.results:
            row = rows[result.evalset, result.cell]
            line = {name: getattr(row, name) for name in _OF_ROW}
            line |= {name: getattr(result, name) for name in COLUMNS if name not in _OF_ROW}
            line["reason"] = result.reason.text if result.reason else None
            lines.append(line | {"logprobs": dict(result.logprobs)})
        found = pd.DataFrame(lines, columns=list(COLUMNS))
        kinds = {"k": "int64", "seed": "Int64", "correct": "boolean", "log_odds": "float64"}
        return found.astype(kinds)


def load_run(folder: Path | str) -> Run:
    """Return a run that was saved.

    Args:
        folder: Such as `reports/latest`.

    Raises:
        HarnessError: A file is missing, damaged, not whole or of another schema.
    """
    place = Path(folder).resolve()
    return Run(place, load_saved(place))


def run_evals(
    paths: Path | str | Sequence[Path | str],
    *,
    root: Path | str = ".",
    engine: str | None = None,
    limit: int | None = None,
    options: Sequence[str] = (),
) -> Run:
    """Run eval sets, as `pytest` does in a terminal, and return what it saved.

    pytest runs in a process of its own: figures, store and report are the same, nothing stays
    behind in this process, and a second call sees what was edited since the first.

    Args:
        paths: Eval sets, folders of them, or node ids of cells and gates, relative to `root`.
        root: The project.
        engine: Engine for all models, instead of what `models.yaml` says.
        limit: Samples of each set, at most.
        options: Further options of pytest, such as `["-k", "zeroshot"]`.

    Returns:
        The run, whose gates passed or failed, be it without any verdict.

    Raises:
        HarnessError: A file is wrong, an engine failed, something was not run; in pytest's words.
            What there is of such a run can be loaded from the folder that it names.
    """
    named = [paths] if isinstance(paths, Path | str) else list(paths)
    given = [*(["--eval-engine", engine] if engine else []),
             *(["--eval-limit", str(limit)] if limit is not None else []), *options]  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch) / "folder"
        command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", *given,
                   *map(str, named)]  # fmt: skip
        done = subprocess.run(
            command,
            cwd=root,
            env=_environment() | {FOLDER_FILE: str(told)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        folder = Path(told.read_text(encoding="utf-8")) if told.exists() else None
    if done.returncode not in (_PASSED, _GATE_FAILED, EXIT_NOTHING_JUDGED) or folder is None:
        raise HarnessError(*_problems(done.returncode, done.stdout, folder))
    return Run(folder, load_saved(folder), done.stdout)


def _environment() -> dict[str, str]:
    """Return what the session inherits: not that this one is itself within another."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTEST_XDIST_", "PYTEST_CURRENT_TEST"))}  # fmt: skip
    paths = [str(Path(__file__).resolve().parents[1]), kept.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _problems(code: int, said: str, folder: Path | None) -> list[str]:
    lines = [line for line in said.splitlines() if line.strip()]
    kept = f"; what there is of it is in {folder}" if folder else ""
    return [f"pytest ended with code {code}{kept}", *lines[-_LINES:]]
