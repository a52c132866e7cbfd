"""The pytest plugin: options, collection, one run; without eval sets it does nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.tally import Tally

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler.protocol import Scheduling
    from xdist.workermanage import WorkerController

    from harness.items import EvalFile

FOLDER = "evalsets"
_MARKS = (
    "zeroshot: cells without shots",
    "fewshot: cells with shots",
    "gpu: cells of models that need CUDA",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("harness", "evaluation of language models")
    group.addoption("--engine", choices=["transformers", "vllm", "fake"],
                    help="engine for all models, instead of what models.yaml says")  # fmt: skip
    group.addoption("--dtype", choices=["float32", "bfloat16", "float16"],
                    help="dtype for all models, instead of what models.yaml says")  # fmt: skip
    group.addoption("--dataset", action="append", default=[], metavar="NAME=PATH",
                    help="read the samples of the eval set NAME from a file")  # fmt: skip
    group.addoption("--shots", action="append", default=[], metavar="NAME=PATH",
                    help="read the shot pool of the eval set NAME from a file")  # fmt: skip
    group.addoption("--limit", type=int, metavar="N", help="run the first N samples of each set")
    group.addoption("--store", metavar="FILE", help="store of outputs (.harness/outputs.sqlite)")
    group.addoption("--reports", metavar="DIR", help="folder of the reports (reports)")
    group.addoption("--report-lang", choices=["en", "ru"], default="en",
                    help="language of the report")  # fmt: skip
    group.addoption("--report-texts", choices=["full", "none"], default="full",
                    help="none leaves the samples' texts out of all that is written")  # fmt: skip
    group.addoption("--start-timeout", type=float, default=900, metavar="S",
                    help="seconds an engine may take to start (900)")  # fmt: skip
    group.addoption("--stall-timeout", type=float, default=600, metavar="S",
                    help="seconds an engine may be silent before it counts as hung (600)")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that items bear, and the tally that ends a run."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    config.pluginmanager.register(Tally(config), "harness.tally")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> EvalFile | None:
    """Collect the YAML files under a folder `evalsets`."""
    if file_path.suffix not in (".yaml", ".yml") or FOLDER not in file_path.parent.parts:
        return None
    if file_path.stem == "models":
        return None
    from harness.items import EvalFile

    file: EvalFile = EvalFile.from_parent(parent, path=file_path)
    return file


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell an xdist worker which run it is a part of."""
    from harness.tally import RUN_ID, WORKER_KEY, new_run_id

    node.workerinput[WORKER_KEY] = node.config.stash.setdefault(RUN_ID, new_run_id())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Keep the cells of one engine on one xdist worker."""
    from harness.distributed import make_scheduler

    return make_scheduler(config, log, FOLDER)
