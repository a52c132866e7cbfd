"""How a command ends that cannot do what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from harness.commands.saying import say
from harness.errors import EXIT_ENGINE, EXIT_FIXABLE, EngineError, HarnessError

# As shells give it for SIGINT.
_INTERRUPTED = 130


@contextmanager
def interruptible(further: str) -> Iterator[None]:
    """End at Ctrl-C and SIGTERM with one line.

    Args:
        further: What becomes of what was done, and how to go on.
    """
    from harness.plugin.stopping import heeding_sigterm

    try:
        with heeding_sigterm():
            yield
    except KeyboardInterrupt as error:
        say(f"interrupted; {further}", err=True)
        raise typer.Exit(_INTERRUPTED) from error


@contextmanager
def failing() -> Iterator[None]:
    """Turn what a user can fix into one line and exit code 2, an engine's failure into 10."""
    try:
        yield
    except (HarnessError, OSError) as error:
        say(str(error), err=True)
        code = EXIT_ENGINE if isinstance(error, EngineError) else EXIT_FIXABLE
        raise typer.Exit(code) from error
