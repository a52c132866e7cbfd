"""Pytest-style evaluation of language models: YAML eval sets, Jinja2 prompts, gated reports."""

from harness.errors import HarnessError
from harness.records import Output, Request, Sample, Sampling, Score

__all__ = ["HarnessError", "Output", "Request", "Sample", "Sampling", "Score"]
__version__ = "0.1.0"
