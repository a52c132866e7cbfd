"""What an engine is asked for: a cell, a probe or a judge, as far as the engine goes."""

from __future__ import annotations

from typing import Protocol

from harness.spec.modelspec import ModelSpec


class Served(Protocol):
    """What an engine is started for: a cell, a probe, or a judge."""

    @property
    def model(self) -> str:
        """Name of the model."""
        ...

    @property
    def spec(self) -> ModelSpec:
        """Its entry in models.yaml."""
        ...
