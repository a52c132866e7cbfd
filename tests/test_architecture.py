"""Holds what docs/architecture.md says of imports."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harness"

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


def walk(node: ast.AST, *, everywhere: bool, types: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield imports: with `everywhere` those in functions, with `types` those for types."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            body = [*child.body, *child.orelse] if types else child.orelse
            yield from walk(ast.Module(body, []), everywhere=everywhere, types=types)
        elif everywhere or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from walk(child, everywhere=everywhere, types=types)


def imported(path: Path, *, everywhere: bool, types: bool = False) -> set[str]:
    """Return the full names of all that a file imports."""
    found: set[str] = set()
    for node in walk(
        ast.parse(path.read_text(encoding="utf-8")), everywhere=everywhere, types=types
    ):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(path: Path) -> str:
    """Return the package or the single module right under `harness` that a file belongs to."""
    return ".".join(name_of(path).split(".")[:2])


def graph(named: Callable[[Path], str]) -> dict[str, set[str]]:
    """Return what each module or package imports of this project, for types alone too."""
    paths = {name_of(path): path for path in MODULES}
    found: dict[str, set[str]] = {named(path): set() for path in MODULES}
    for path in MODULES:
        for target in imported(path, everywhere=True, types=True):
            if target.split(".")[0] != "harness":
                continue
            module = target if target in paths else target.rpartition(".")[0]
            if paths[module] != path:
                found[named(path)].add(named(paths[module]))
    return {name: targets - {name} for name, targets in found.items()}


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one node."""
    names = sorted(edges)
    at = {name: number for number, name in enumerate(names)}
    pairs = [(at[one], at[other]) for one in names for other in edges[one]]
    matrix = csr_matrix((np.ones(len(pairs)), tuple(np.array(pairs).T)), (len(names), len(names)))
    count, labels = connected_components(matrix, connection="strong")
    found = [[name for name in names if labels[at[name]] == label] for label in range(count)]
    return [component for component in found if len(component) > 1]


def documented() -> list[set[str]]:
    """Return the groups of packages that docs/architecture.md puts in order, lowest first."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("`{characters")]
    return [set(re.findall(r"\w+", group)) for group in line.split("<-")]


def test_there_are_modules():
    assert len(MODULES) > 20


def test_no_module_imports_itself_in_a_circle():
    assert circles(graph(name_of)) == []


def test_no_package_imports_itself_in_a_circle():
    assert circles(graph(room_of)) == []


def test_the_order_of_packages_is_that_of_the_documentation():
    """Each imports from its own group and those left of it alone; none is left out."""
    groups = documented()
    place = {name: number for number, names in enumerate(groups) for name in names}
    assert len(place) == sum(map(len, groups)), "a package stands there twice"
    rooms = graph(room_of)
    assert set(place) == {room.removeprefix("harness.") for room in rooms} - {"harness"}
    for room, targets in rooms.items():
        for target in targets - {"harness"}:
            own = place.get(room.removeprefix("harness."), len(groups))
            assert place[target.removeprefix("harness.")] <= own, f"{room} imports {target}"


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d", "a"}}) == [["b", "c"]]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_heavy_libraries_are_imported_inside_functions(path):
    tops = {target.split(".")[0] for target in imported(path, everywhere=False)}
    assert not tops & HEAVY


def test_modules_are_small():
    lines = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > 300} == {}


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
    assert importers("harness.scorers") == {"harness.run.score_cell", "harness.run.given"}


def test_one_module_looks_for_near_names():
    found = {name_of(path) for path in MODULES if any(
        name.startswith("difflib") for name in imported(path, everywhere=True))}  # fmt: skip
    assert {"harness.suggest"} <= found <= {"harness.suggest", "harness.engines.vllm_options"}


def test_a_report_computes_nothing():
    """What is tested and estimated is a finding before a report is written."""
    allowed = ("harness.analysis.findings", "harness.analysis.ranking", "harness.analysis.verdicts",
               "harness.analysis.cautions", "harness.analysis.bins.PROBABILITY_BINS",
               "harness.analysis.judged_sets", "harness.analysis.run_findings")  # fmt: skip
    for path in (PACKAGE / "report").rglob("*.py"):
        found = imported(path, everywhere=True)
        computing = {name for name in found if name.startswith(("harness.stats", "scipy", "numpy"))}
        analysing = {name for name in found if name.startswith("harness.analysis")}
        assert not computing, path
        assert all(name.startswith(allowed) for name in analysing), path


_SPY = """
import sys
def pytest_unconfigure(config):
    print("OURS " + " ".join(sorted(name for name in sys.modules if "harness." in name)))
    print("SEEN " + " ".join(sorted(name for name in sys.modules if "." not in name)))
"""


def test_every_loader_says_whether_code_is_run_and_takes_no_pickles():
    """Without a word transformers asks on a terminal, and takes pickles where it finds nothing."""
    loaders = 0
    for path in MODULES:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if not re.fullmatch(r"(Auto|Fast)\w+\.from_(pretrained|config)", name):
                continue
            loaders += 1
            given = {one.arg: ast.unparse(one.value) for one in call.keywords}
            assert given.get("trust_remote_code") in ("False", "code"), f"{path}:{call.lineno}"
            if re.match(r"AutoModel\w+\.from_pretrained", name) and "gguf_file" not in given:
                assert given.get("use_safetensors") == "True", f"{path}:{call.lineno}"
    assert loaders > 8


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
    assert "harness.collect" in ours
    late = {
        "harness.report",
        "harness.analysis",
        "harness.run.runner",
        "harness.sources.data",
        "harness.train",
    }
    assert not ours & late, "collecting imports what only a run needs"


def test_a_session_without_eval_sets_imports_next_to_nothing(project):
    project.write("tests/test_x.py", "def test_x():\n    pass\n")
    done = collect_only(project, "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    seen = set(done.stdout.partition("SEEN ")[2].split())
    assert not seen & (HEAVY | {"numpy", "pydantic", "jinja2", "yaml", "rich"})
