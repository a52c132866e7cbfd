"""Notes of a run in words: for a report in markdown, for a terminal as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from harness.language import Words, words
from harness.markdown import code, plain
from harness.records import Note
from harness.records.notes import Fact
from harness.report.format import count
from harness.report.names import some


def note_lines(notes: Sequence[Note], t: Words) -> list[str]:
    """Return a line of inert markdown for each note."""
    return [_line(note, t, code) for note in notes]


def plain_note(note: Note) -> str:
    """Return a note as a line for a terminal, in English."""
    return _line(note, words("en"), plain)


def _line(note: Note, t: Words, show: Callable[[str], str]) -> str:
    spelled = partial(_spelled, t=t, show=show)
    # `why` is not shown: it chooses what the phrase says.
    facts = {name: fact if name == "why" else spelled(fact) for name, fact in note.facts.items()}
    return t.say(f"note_{note.kind}", about=show(note.about), **facts)


def _spelled(fact: Fact, t: Words, show: Callable[[str], str]) -> str:
    if isinstance(fact, int):
        return count(fact)
    return show(fact) if isinstance(fact, str) else some([show(one) for one in fact], t)
