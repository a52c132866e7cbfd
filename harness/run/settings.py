"""What the command line says about a run, and whom its progress is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Progress = Callable[[str, int, int], None]
"""Progress callback: what is being done, how much of it is done, and of how much (0: unknown)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says about a run.

    Attributes:
        root: The project folder.
        store: File of stored outputs.
        logs: Folder for the engines' logs.
        engine: Engine for all models, instead of what models.yaml says.
        dtype: Likewise the dtype.
        limit: Samples a set, at most.
        datasets: Source by eval set name, instead of its own; `shots` likewise for the pool.
        start_timeout_s: How long an engine may take to start.
        stall_timeout_s: How long it may be silent before it counts as hung.
        repeat_engine: Whether every request is made twice, to see what the engine itself changes.
        runs: How many runs of each cell a baseline is to be made of; those after the first take
            nothing from the store.
        gpus: How many GPUs the session holds at once, at most; None for all.
        ahead: Whether groups of cells may run before pytest comes to them, where there are GPUs.
        stored_only: Whether no engine may start: what the store lacks is not asked.
    """

    root: Path
    store: Path
    logs: Path
    engine: str | None = None
    dtype: str | None = None
    limit: int | None = None
    datasets: Mapping[str, str] = field(default_factory=dict)
    shots: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 900.0
    stall_timeout_s: float = 600.0
    repeat_engine: bool = False
    runs: int = 1
    gpus: int | None = None
    ahead: bool = False
    stored_only: bool = False
