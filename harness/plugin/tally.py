"""What a session's cells came to, and the names by which its parts find each other."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.reasons import Reason

RUN_ID = pytest.StashKey[str]()
SESSION = pytest.StashKey[pytest.Session]()
WORKER_KEY = "harness_run"
UNSAVED = "harness_unsaved"
"""Under which an xdist worker says why it could not save what it made."""
FOLDER_FILE = "HARNESS_RUN_FOLDER_FILE"
"""Variable with a file into which the session writes its run's folder, for what started it."""
CELL, GATE, ENGINE_ERROR, RUN_ERROR = "cell", "gate", "engine_error", "run_error"


def new_run_id() -> str:
    """Return an id that sorts by time, runs of one second too (to a quarter of a millisecond)."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{now.microsecond * 4096 // 1_000_000:03x}{uuid.uuid4().hex[:3]}"


@dataclass(slots=True)
class Tally:
    """What pytest reported of a session's cells, called by their node ids.

    Attributes:
        cells: The selected cells, in their order.
        skipped: Why cells were skipped.
        unjudged: Why gates were skipped.
        failed: Why cells have no figures, or gates no verdict.
        broken: Why eval sets could not be collected.
        ran: Cells that have figures.
        judged: Gates that were judged.
        kinds: Kinds of failure that were seen: `ENGINE_ERROR`, `RUN_ERROR`.
        started: When the session began, and `began` the same on the monotonic clock.
    """

    cells: list[str] = field(default_factory=list)
    skipped: dict[str, Reason] = field(default_factory=dict)
    unjudged: dict[str, Reason] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    @property
    def any(self) -> bool:
        """Whether anything became of any cell or gate."""
        return bool(self.ran or self.judged or self.skipped or self.unjudged or self.failed)
