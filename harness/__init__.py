"""Pytest-style evaluation of language models: YAML eval sets, Jinja2 prompts, gated reports."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.contracts import Draw, Scorer, Sheet, ShotSelector, Trial
    from harness.engines import Engine
    from harness.errors import HarnessError
    from harness.notebook import Run, load_run, run_evals
    from harness.records import EngineConfig, Figure, Output, Request, Sample, Sampling, Score
    from harness.registry import Registry
    from harness.stats import Difference

_PLACES = {
    "Difference": "stats",
    "Draw": "contracts",
    "Engine": "engines",
    "EngineConfig": "records",
    "Figure": "records",
    "HarnessError": "errors",
    "Output": "records",
    "Registry": "registry",
    "Request": "records",
    "Sample": "records",
    "Sampling": "records",
    "Score": "records",
    "Scorer": "contracts",
    "Sheet": "contracts",
    "ShotSelector": "contracts",
    "Run": "notebook",
    "Trial": "contracts",
    "load_run": "notebook",
    "run_evals": "notebook",
}
__all__ = [
    "Difference",
    "Draw",
    "Engine",
    "EngineConfig",
    "Figure",
    "HarnessError",
    "Output",
    "Registry",
    "Request",
    "Run",
    "Sample",
    "Sampling",
    "Score",
    "Scorer",
    "Sheet",
    "ShotSelector",
    "Trial",
    "load_run",
    "run_evals",
]
__version__ = "0.2.0"

if not TYPE_CHECKING:
    # Every pytest session where this is installed imports it: what it names is loaded when asked.
    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"harness.{_PLACES[name]}"), name)
