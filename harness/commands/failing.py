"""How a command ends that cannot do what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from harness.commands.saying import say
from harness.errors import EngineError, HarnessError

MENDABLE, ENGINE_FAILED, NOTHING_JUDGED = 2, 10, 11


@contextmanager
def failing() -> Iterator[None]:
    """Turn what a user can fix into one line and exit code 2, an engine's failure into 10."""
    try:
        yield
    except (HarnessError, OSError) as error:
        say(str(error), err=True)
        code = ENGINE_FAILED if isinstance(error, EngineError) else MENDABLE
        raise typer.Exit(code) from error
