"""The options of a run, and which files are eval sets; cheap to import in any session."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

FOLDER = "evalsets"
_MODELS = "models"
_NAMED = ("--eval-dataset", "--eval-shots")
_GATE = "gate-"


def add_options(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("harness", "evaluation of language models")
    group.addoption("--eval-engine", choices=["transformers", "vllm", "fake"],
                    help="engine for all models, instead of what models.yaml says")  # fmt: skip
    group.addoption("--eval-dtype", choices=["float32", "bfloat16", "float16"],
                    help="dtype for all models, instead of what models.yaml says")  # fmt: skip
    group.addoption("--eval-dataset", action="append", default=[], type=_named_file,
                    metavar="NAME=PATH",
                    help="read the samples of the eval set NAME from a file")  # fmt: skip
    group.addoption("--eval-shots", action="append", default=[], type=_named_file,
                    metavar="NAME=PATH",
                    help="read the shot pool of the eval set NAME from a file")  # fmt: skip
    group.addoption("--eval-write-baseline", action="store_true",
                    help="accept the results of this run: write them to baselines/")  # fmt: skip
    group.addoption("--eval-repeat-engine", action="store_true",
                    help="make every request twice and report how many labels flip")  # fmt: skip
    group.addoption("--eval-limit", type=_count, metavar="N",
                    help="run the first N samples of each set")  # fmt: skip
    group.addoption("--eval-store", metavar="FILE",
                    help="store of outputs (.harness/outputs.sqlite)")  # fmt: skip
    group.addoption("--eval-reports", metavar="DIR", help="folder of the reports (reports)")
    group.addoption("--eval-report-lang", choices=["en", "ru"], default="en",
                    help="language of the report")  # fmt: skip
    group.addoption("--eval-report-texts", choices=["full", "none"], default="full",
                    help="none leaves the samples' texts out of all that is written")  # fmt: skip
    group.addoption("--eval-report-plots", choices=["svg", "png", "none"], default="svg",
                    help="format of the report's plots, or none")  # fmt: skip
    group.addoption("--eval-start-timeout", type=_seconds, default=900.0, metavar="S",
                    help="seconds an engine may take to start (900)")  # fmt: skip
    group.addoption("--eval-stall-timeout", type=_seconds, default=600.0, metavar="S",
                    help="seconds of silence before an engine counts as hung (600)")  # fmt: skip


def check_baseline_options(config: pytest.Config) -> None:
    """Check that baselines are written from whole sets and real answers only.

    Raises:
        pytest.UsageError: `--eval-write-baseline` stands beside an option that makes them of less.
    """
    if not config.getoption("--eval-write-baseline"):
        return
    wrong = data_options(config)
    if config.getoption("--eval-engine") == "fake":
        wrong.append("--eval-engine fake")
    if wrong:
        raise pytest.UsageError(
            f"--eval-write-baseline with {' and '.join(wrong)} would replace baselines by results "
            "that are not the set's own; leave one of them out"
        )


def named_files(config: pytest.Config, option: str) -> dict[str, str]:
    """Return the absolute paths that an option of the kind NAME=PATH gives, by name of the set."""
    return dict(entry.split("=", 1) for entry in config.getoption(option))


def data_options(config: pytest.Config) -> list[str]:
    """Return those of `--eval-dataset`, `--eval-shots` and `--eval-limit` that are given."""
    return [option for option in (*_NAMED, "--eval-limit") if config.getoption(option)]


def check_names(config: pytest.Config, names: Iterable[str]) -> None:
    """Check that the options name only eval sets that are run.

    Args:
        config: Of the session.
        names: The eval sets of the selected cells.

    Raises:
        pytest.UsageError: One is not among them.
    """
    known = sorted(set(names))
    for option in _NAMED:
        named = [entry.partition("=")[0] for entry in config.getoption(option)]
        for name in dict.fromkeys(named):
            if named.count(name) > 1:
                raise pytest.UsageError(f"{option} {name}=...: given twice; leave one out")
            if known and name not in known:
                raise pytest.UsageError(
                    f"{option} {name}=...: no selected eval set has this name; "
                    f"there are {', '.join(known)}"
                )


def check_writable(config: pytest.Config) -> None:
    """Check before anything is computed that the report's and the store's folders can be written.

    Raises:
        pytest.UsageError: One is a file, or may not be written.
    """
    here, root = config.invocation_params.dir, config.rootpath
    store, reports = config.getoption("--eval-store"), config.getoption("--eval-reports")
    folders = {
        "--eval-store": (here / store if store else root / ".harness/outputs.sqlite").parent,
        "--eval-reports": here / reports if reports else root / "reports",
    }
    if store and (here / store).is_dir():
        raise pytest.UsageError(f"--eval-store {store} is a folder; give a file in it")
    for option, folder in folders.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise pytest.UsageError(f"{there} is no folder that may be written; give another place "
                                    f"by {option}")  # fmt: skip


def is_evalset(path: Path, root: Path) -> bool:
    """Return whether a file is an eval set: YAML in a folder `evalsets` of the project."""
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return (
        path.suffix in (".yaml", ".yml") and path.stem != _MODELS and FOLDER in inside.parent.parts
    )


def misplaced(config: pytest.Config) -> str | None:
    """Return what is wrong where pytest took a folder of eval sets itself for the project's root.

    Without a configuration file pytest's rootdir is the folder that all arguments share.
    """
    root = config.rootpath
    if config.inipath is not None or FOLDER not in root.parts or (root / FOLDER).is_dir():
        return None
    depth = len(root.parts) - root.parts[::-1].index(FOLDER) - 1
    project = Path(*root.parts[:depth])
    return (f"pytest's rootdir is {root}, and no project; run pytest in {project}, or put an "
            "empty pytest.ini there")  # fmt: skip


def is_gate(nodeid: str) -> bool:
    """Return whether the node id of an eval set's item is a gate's."""
    return nodeid.partition("::")[2].startswith(_GATE)


def _named_file(entry: str) -> str:
    name, _, path = entry.partition("=")
    full = Path.cwd() / Path(path).expanduser()
    if not name or not path or not full.is_file():
        raise argparse.ArgumentTypeError(f"{entry}: write NAME=PATH with a file that exists")
    return f"{name}={full}"


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: give a number of samples, at least 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # The comparison refuses NaN too.
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text}: give a number of seconds above 0")
    return seconds
