"""Pytest-style evaluation of language models: YAML eval sets, Jinja2 prompts, gated reports."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.records import Output, Request, Sample, Sampling, Score

__all__ = ["HarnessError", "Output", "Request", "Sample", "Sampling", "Score"]
__version__ = "0.1.0"

if not TYPE_CHECKING:
    # Every pytest session where this is installed imports it: what it names is loaded when asked.
    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from harness import errors, records

        return getattr(errors if name == "HarnessError" else records, name)
