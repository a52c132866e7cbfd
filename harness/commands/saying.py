"""What a command says of data and models that can be used all the same."""

from __future__ import annotations

import typer

from harness.characters import one_line
from harness.records import Note


def warn(note: Note) -> None:
    """Print a note, apart from what the command is asked for."""
    from harness.report.notes import plain_note

    typer.echo(f"warning: {plain_note(note)}", err=True)


def say(what: str | Note, *, err: bool = False) -> None:
    """Print lines about what is being done or what is wrong, or a note."""
    if isinstance(what, Note):
        warn(what)
    else:
        typer.echo("\n".join(map(one_line, what.split("\n"))), err=err)
