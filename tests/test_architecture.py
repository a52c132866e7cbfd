"""Holds what docs/architecture.md says of imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harness"

# From the bottom up: a module may import from its own layer and from those above it in this table,
# never from those below. A package stands for all that is in it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("characters",),
    ("errors", "jsontext", "markdown"),
    ("records",),
    ("stats",),
    ("figures",),
    ("spec",),
    ("hardware", "paths", "sources", "prompts", "shots"),
    ("engines", "scorers", "judge", "train"),
    ("workers",),
    ("run",),
    ("report",),
    ("plugin", "commands", "cli"),
    ("__main__",),
)
# Inside a package, again from the bottom up; what is not named stands above all that is.
INSIDE: dict[str, tuple[str, ...]] = {
    "harness.spec": ("base", "dataspec", "gatespec", "judgeset", "thinkingspec",
                     "evalset", "trainspec", "endpointspec", "enginespec", "modelspec", "recipe",
                     "yamlfile", "problems", "load"),
    "harness.sources": ("network", "cache", "archives", "cells", "encoded", "arrow", "separated",
                        "loaded",
                        "objects", "rows",
                        "labels", "labelling", "inline", "hub", "packages", "gguf_tokenizer",
                        "gguf_check", "gguf_folder", "assets", "stand_in", "adapters", "pools",
                        "splits", "drawing", "doubts", "data"),
    "harness.stats": ("arrays", "resampling", "intervals", "ranking", "agreement", "clusters",
                      "bradley_terry", "calibration", "hypothesis", "judged", "power", "paired",
                      "confusion", "probabilities", "pooled", "draws"),
    "harness.figures": ("pairs", "sheet", "measures", "table"),
    "harness.judge": ("fence", "rubric", "verdict", "canaries", "pairs", "gold", "measures",
                      "passport", "erring", "trusting"),
    "harness.train": ("rows", "duplicates", "filters", "lengths", "plots", "analyze", "base",
                      "template", "batches", "job", "record", "features", "served", "brought",
                      "preflight", "lora", "trl", "unsloth", "machine", "fit", "checkpoints",
                      "failures", "progress", "fused", "packed", "recorded", "setup", "trainer",
                      "samples", "artifacts", "report", "run"),
    "harness.workers": ("child", "worker", "store"),
    "harness.run": ("plan", "gateplan", "probeplan", "collect", "prepare", "replies", "training",
                    "provenance", "figures", "gates", "contrasts", "scoring", "baselines",
                    "judging", "precision", "serving", "session", "asking", "thinking",
                    "thoughtnotes", "servednotes", "repeats", "runner", "speaking", "jury",
                    "rounds", "standings", "judgedgates", "sitting", "probeasks", "probing",
                    "certify"),
    "harness.report": ("format", "texts", "notes", "thoughts", "modes", "redacting",
                       "runfiles", "diff", "ranking", "compare", "sentences", "cautions",
                       "chattemplates", "ways", "trained", "mistakes", "gatelines", "baseline",
                       "draws", "conclusions", "tables", "judged", "plots", "write", "summary",
                       "passport"),
    "harness.plugin": ("options", "terminal", "tally", "joining", "reporting", "items",
                       "gate_items", "evalfile", "hooks", "distributed"),
}  # fmt: skip
HEAVY = {
    "torch", "transformers", "vllm", "peft", "trl", "unsloth", "ray", "sklearn", "matplotlib",
    "datasets", "scipy", "statsmodels", "pandas", "pyarrow", "gguf", "accelerate", "safetensors",
    "tokenizers", "datasketch", "openai", "tenacity",
    "llguidance",
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a file's module: `harness.engines.vllm`, `harness` for its own __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> int | None:
    """Return the number of a module's layer; the public face `harness` has none."""
    top = module.split(".")[1]
    return next((number for number, names in enumerate(LAYERS) if top in names), None)


def step(module: str, package: str) -> int:
    """Return a module's place inside a package; a name that stands nowhere is above all."""
    own = INSIDE[package]
    name = module.removeprefix(package).strip(".").split(".")[0]
    return own.index(name) if name in own else len(own)


def walk(node: ast.AST, *, everywhere: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield imports that run; those inside functions only with `everywhere`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from walk(ast.Module(child.orelse, []), everywhere=everywhere)
        elif everywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from walk(child, everywhere=everywhere)


def imported(path: Path, *, everywhere: bool) -> set[str]:
    """Return the full names of all that a file imports."""
    found: set[str] = set()
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), everywhere=everywhere):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_there_are_modules():
    assert len(MODULES) > 20


def test_a_name_stands_in_one_layer():
    names = [name for names in LAYERS for name in names]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path):
    module = name_of(path)
    own = len(LAYERS) if module == "harness" else layer(module)
    assert own is not None, f"{module} stands in no layer of this test's table"
    for target in imported(path, everywhere=True):
        if target.split(".")[0] == "harness":
            other = layer(target)
            assert other is not None, f"{module} imports {target}, which stands in no layer"
            assert other <= own, f"{module} imports {target}, which stands above it"
        package = ".".join(module.split(".")[:2])
        if package in INSIDE and target.startswith(package + "."):
            assert step(target, package) <= step(module, package), (
                f"{module} imports {target}, which stands above it"
            )


def test_the_places_inside_packages_are_modules():
    for package, names in INSIDE.items():
        folder = PACKAGE / package.split(".")[1]
        found = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        found |= {path.parent.name for path in folder.glob("*/__init__.py")}
        assert set(names) == found, package


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_are_imported_inside_functions(path):
    tops = {target.split(".")[0] for target in imported(path, everywhere=False)}
    assert not tops & HEAVY


def test_the_test_sees_what_it_must(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import ray\n"
        "try:\n    from scipy.stats import norm\nexcept ImportError:\n    norm = None\n"
        "class A:\n    import vllm\n"
        "def f():\n    import peft\n"
    )
    tops = {name.split(".")[0] for name in imported(path, everywhere=False)}
    assert tops == {"typing", "ray", "scipy", "vllm"}
    assert imported(path, everywhere=True) - imported(path, everywhere=False) == {"peft"}


def importers(target: str) -> set[str]:
    """Return the modules outside a package that import from it."""
    package = ".".join(target.split(".")[:2])
    return {
        name_of(path)
        for path in MODULES
        if any(name.startswith(target) for name in imported(path, everywhere=True))
        and not name_of(path).startswith(package)
    }


def test_only_the_runner_sees_engine_and_scorer():
    assert importers("harness.workers.worker") == {"harness.run.session"}
    assert importers("harness.scorers") == {"harness.run.scoring"}


_SPY = """
import sys
def pytest_unconfigure(config):
    print("OURS " + " ".join(sorted(name for name in sys.modules if "harness." in name)))
    print("SEEN " + " ".join(sorted(name for name in sys.modules if "." not in name)))
"""


def collect_only(project, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `pytest --collect-only -q` on a project, and print what was imported."""
    project.write("conftest.py", _SPY)
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "--collect-only", "-q"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "-s", *options],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )


def test_collecting_imports_nothing_heavy(project):
    done = collect_only(project, "evalsets")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "evalsets/set.yaml::tiny-prefill-fewshot2-chat-s0" in done.stdout
    seen = set(done.stdout.partition("SEEN ")[2].split())
    assert "harness" in seen
    assert not seen & HEAVY
    ours = set(done.stdout.partition("OURS ")[2].partition("\nSEEN ")[0].split())
    assert "harness.run.collect" in ours
    late = {"harness.report", "harness.run.runner", "harness.sources.data", "harness.train"}
    assert not ours & late, "collecting imports what only a run needs"


def test_a_session_without_eval_sets_imports_next_to_nothing(project):
    project.write("tests/test_x.py", "def test_x():\n    pass\n")
    done = collect_only(project, "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    seen = set(done.stdout.partition("SEEN ")[2].split())
    assert not seen & (HEAVY | {"numpy", "pydantic", "jinja2", "yaml", "rich"})
