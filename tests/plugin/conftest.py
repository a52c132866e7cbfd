"""Tiny projects that an inner pytest runs, with the fake engine."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import harness
from harness.records import Run
from harness.report.runfiles import load_run

SET = {
    "data": {
        "source": "file:data.csv",
        "id": "id",
        "samples": {"n": 6, "balanced": True},
        "shots": [
            {"text": f"a {label} shot {i}", "label": label}
            for i in range(3)
            for label in ("positive", "negative")
        ],
    },
    "labels": ["positive", "negative"],
    "models": ["m"],
    "prompts": ["prefill.j2"],
    "modes": ["zeroshot", {"mode": "fewshot", "k": 5, "placement": ["chat"]}],
}
_MODULES = (
    "harness.plugin.evalfile",
    "scipy.optimize",
    "harness.plugin.reporting",
    "scipy.stats",
    "sklearn.feature_extraction.text",
    "statsmodels.stats.multitest",
    "statsmodels.stats.proportion",
    "tabulate",
    "transformers.models.auto.tokenization_auto",
)
INI = """\
[pytest]
testpaths = evalsets
addopts = --strict-markers --strict-config --eval-report-plots none
filterwarnings = error
"""


class Evals:
    """A project in the working folder, whose YAML is written from plain values."""

    def __init__(self, root: Path, pytester: pytest.Pytester) -> None:
        self.root = root
        self._pytester = pytester

    def models(self, **models: Mapping[str, object]) -> None:
        """Write models.yaml: options of the fake engine by model name."""
        specs = {
            name: {"source": "file:model", "engine": "fake", "dtype": "float32", **spec}
            for name, spec in models.items()
        }
        self.write("evalsets/models.yaml", {"models": specs})

    def set(self, name: str = "mini", **keys: object) -> None:
        """Write an eval set: `SET` with some keys changed."""
        self.write(f"evalsets/{name}.yaml", {**SET, **keys})

    def write(self, name: str, content: object) -> Path:
        """Write a file; what is not text is written as JSON, which YAML reads."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *args: str) -> pytest.RunResult:
        """Run pytest in this process."""
        return self._pytester.runpytest_inprocess("-p", "no:xdist", *args)

    def spawn(self, *args: str) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self._pytester.runpytest_subprocess(*args, timeout=240)

    @property
    def latest(self) -> Path:
        """Folder of the last run."""
        return self.root / "reports/latest"

    @property
    def report(self) -> str:
        """The last report."""
        return (self.latest / "report.md").read_text(encoding="utf-8")

    @property
    def saved(self) -> Run:
        """The last run."""
        return load_run(self.latest)

    @property
    def started(self) -> list[str]:
        """Logs of all engines that ever started, by model."""
        return sorted(log.name for log in (self.root / ".harness/logs").rglob("*.log"))


@pytest.fixture(scope="session")
def _imported(tiny_folder) -> None:
    """Import what an inner run imports: one that does it itself forgets it at its end."""
    for name in _MODULES:
        importlib.import_module(name)


@pytest.fixture
def evals(model_project, pytester, monkeypatch, _imported) -> Evals:
    """A project with the set `mini`: model `m`, zero-shot and 5-shot; the working folder."""
    root = model_project.root
    monkeypatch.chdir(root)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    for name in ("WORKER", "WORKER_COUNT", "TESTRUNUID"):  # of the session that runs this test
        monkeypatch.delenv(f"PYTEST_XDIST_{name}", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parents[1]))
    (root / "evalsets/set.yaml").unlink()
    made = Evals(root, pytester)
    made.write("pytest.ini", INI)
    made.write("conftest.py", 'pytest_plugins = ["harness.plugin"]\n')
    made.models(m={})
    made.set()
    return made


def cells(result: pytest.RunResult) -> Sequence[str]:
    """Return the node ids that `--collect-only -q` printed."""
    return [line for line in result.outlines if "::" in line]


@pytest.fixture(scope="session")
def collected():
    """Return `cells`."""
    return cells
