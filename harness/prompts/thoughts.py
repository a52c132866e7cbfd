"""Thoughts in a model's text: where one begins and ends, and what is left as the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records import Thought


@dataclass(frozen=True, slots=True)
class Marks:
    """How a thought stands in a model's text.

    Attributes:
        opening: What begins it, white space included: `<think>` and a line break.
        closing: What stands between it and its answer.
    """

    opening: str
    closing: str

    @property
    def begin(self) -> str:
        """What begins a thought, without white space around it."""
        return self.opening.strip()

    @property
    def end(self) -> str:
        """What ends a thought and begins the answer, likewise."""
        return self.closing.strip()


KNOWN = (
    Marks("<think>\n", "\n</think>\n\n"),
    Marks("<thinking>\n", "\n</thinking>\n\n"),
    Marks("<thought>\n", "\n</thought>\n\n"),
    Marks("<seed:think>", "</seed:think>"),
    Marks("<longcat_think>\n", "\n</longcat_think>\n"),
    Marks("[THINK]", "[/THINK]"),
    Marks("◁think▷", "◁/think▷"),
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks("<|begin_of_thought|>\n\n", "\n\n<|end_of_thought|>\n\n"),
    Marks("<|channel>thought\n", "\n<channel|>"),
    Marks("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
)
"""Marks of public models, for where a template does not show its own."""


def split_thought(
    text: str, marks: Sequence[Marks], *, opened: bool = False
) -> tuple[Thought | None, str]:
    """Return the thought that a completion begins with, or None, and the answer behind it.

    Args:
        text: The completion.
        marks: Those that its model may use.
        opened: Whether the prompt opened a thought, so that the completion begins within it.
    """
    bare = text.lstrip()
    for one in marks:
        begun = bare.startswith(one.begin)
        if not (begun or opened):
            continue
        inner = bare[len(one.begin) :] if begun else text
        thought, end, answer = inner.partition(one.end)
        if begun or end:
            return Thought(thought.strip(), end="closed" if end else "open"), answer.lstrip()
    return (Thought(text.strip(), end="open"), "") if opened else (None, text)


def split_served(text: str) -> tuple[Thought | None, str]:
    """Return what `split_thought` does for a model at an endpoint, whose template is not known.

    A text that ends a thought without beginning one goes on with what the server's template began.
    """
    usual = KNOWN[0]
    ends = usual.end in text and usual.begin not in text
    return split_thought(text, KNOWN, opened=ends)
