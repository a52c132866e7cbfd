"""The pytest plugin: options, collection, one run; without eval sets it does nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.plugin import hookspecs
from harness.plugin.evalsets import SUFFIXES, is_evalset, misplaced
from harness.plugin.hooks import Hooks
from harness.plugin.options import add_options, check_baseline_options, options_of
from harness.plugin.tally import RUN_ID, WORKER_KEY, new_run_id

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler.protocol import Scheduling
    from xdist.workermanage import WorkerController

    from harness.plugin.evalfile import EvalFile

_MARKS = (
    "zeroshot: cells without shots",
    "fewshot: cells with shots",
    "trained: cells of classifiers trained on the shot pool",
    "encoder: cells of encoders",
    "given: cells whose answers another program gave",
    "probe: questions of judge sets",
    "gpu: cells of models that need CUDA",
    "gate: requirements on cells",
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which others register scorers, selectors, figures and engines."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that items bear, and the hooks that follow a run."""
    options_of(config)  # a wrong value ends the session here
    check_baseline_options(config)
    if config.getoption("--eval-plan") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--eval-plan with -n: a plan is made in one process; leave one of "
                                "them out")  # fmt: skip
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    config.pluginmanager.register(Hooks(config), "harness.plugin.hooks")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> EvalFile | None:
    """Collect the YAML files under a folder `evalsets`."""
    if file_path.suffix not in SUFFIXES:
        return None
    root = parent.config.rootpath
    # Taken as if all of its path counted, it says what is wrong with the root.
    if not is_evalset(file_path, Path("/") if misplaced(parent.config) else root):
        return None
    from harness.plugin.evalfile import EvalFile

    file: EvalFile = EvalFile.from_parent(parent, path=file_path)
    return file


def pytest_report_collectionfinish(start_path: Path, items: Sequence[pytest.Item]) -> list[str]:
    """Say how to begin in a folder that has nothing yet."""
    if items or any(not one.name.startswith(".") for one in start_path.iterdir()):
        return []
    from harness.errors import INIT

    return [f"{start_path} is empty; what writes a first project of eval sets: {INIT}"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell an xdist worker which run it is a part of."""
    node.workerinput[WORKER_KEY] = node.config.stash.setdefault(RUN_ID, new_run_id())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Keep the cells of one engine, and those that gates compare, on one xdist worker."""
    from harness.plugin.distributed import make_scheduler

    return make_scheduler(config, log)
