"""How a chat template writes a thought: its marks and its switch.

All of it is found by rendering, not by the model's name. A last turn with a thought in it shows
what stands before, between and behind; of the variables that a template reads, those are tried that
families switch thinking with. Where a template leaves a thought out, as R1's does, its marks are
those of a public model that it spells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.prompts.thoughts import KNOWN, Marks
from harness.records import Json

Variables = Mapping[str, Json]
Turns = Sequence[Mapping[str, str]]
Render = Callable[[Turns, Variables], str | None]
"""A conversation as text, with an answer asked for behind a question; None where it is refused."""
State = Literal["open", "closed", "free"]
"""What the end of a prompt leaves of a thought: begun and not ended, ended, or no word of it."""

ASK, ANSWER = "0b1e55ed", "51f2e6b8"
"""Stand for a question and its answer where a template is tried."""
_THOUGHT = "7d0c94aa"
# What templates call the thought of a turn.
_FIELDS = ("reasoning_content", "reasoning", "thinking", "thought")
# Variables that switch thinking, and those that say how much of it there is to be.
_SWITCHES = ("enable_thinking", "thinking")
_EFFORTS = ("reasoning_effort", "reasoning_strength")
_MARK = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]+\]|◁[^◁▷\s]+▷")
# From the mark that ends a thought to the one that begins it.
_PAIRED = (("</", "<"), ("[/", "["), ("◁/", "◁"), ("END_", "START_"), ("end_of_", "begin_of_"))


@dataclass(frozen=True, slots=True)
class ThoughtFormat:
    """How a template writes a thought.

    Attributes:
        marks: What stands before and behind it.
        empty: What stands before an answer without a thought: as the template writes it, or else a
            closed thought with nothing in it.
        on: Variables that switch thinking on, `off` likewise; both empty where there is no switch.
        switched: Whether `off` is enough; a lower effort is not.
    """

    marks: Marks
    empty: str
    on: Variables
    off: Variables
    switched: bool

    @property
    def stop(self) -> str:
        """The mark that a thought ends with: of several in a row the first."""
        found = _MARK.match(self.marks.end)
        return found.group() if found else self.marks.end

    def state(self, tail: str) -> State:
        """Return what the end of a prompt, from its last question on, leaves of a thought."""
        begun = tail.rfind(self.marks.begin)
        ended = max(tail.rfind(self.marks.end), tail.rfind(self.empty.strip()))
        if begun > ended:
            return "open"
        return "free" if ended < 0 else "closed"


def thought_format(template: str, render: Render) -> ThoughtFormat | None:
    """Return how a template writes a thought, None for one that knows no thought.

    Args:
        template: Its text.
        render: Renders by it.
    """
    on, off, switched = _switch(template, render)
    asked = text_behind_question(render([user_turn()], on))
    if asked is None:
        return None
    marks = _shown_marks(render, on, asked) or _spelled_marks(template, asked)
    if marks is None:
        return None
    plain = text_behind_question(render([user_turn()], {})) or ""
    answered = text_behind_question(render([user_turn(), answer_turn()], {}))
    lead = text_before(answered, ANSWER) or ""
    return ThoughtFormat(marks, _empty(marks, lead, plain), on, off, switched)


def _empty(marks: Marks, lead: str, plain: str) -> str:
    """Return what stands before an answer without a thought.

    Args:
        marks: Of a thought.
        lead: What the template writes between a question and such an answer.
        plain: What it writes behind a question where an answer is asked for.
    """
    if lead != plain and lead.startswith(plain) and marks.begin not in plain:
        return lead[len(plain) :]
    if marks.begin in lead and marks.end in lead:
        return lead[lead.rfind(marks.begin) :]
    return marks.opening + marks.closing


def _switch(template: str, render: Render) -> tuple[Variables, Variables, bool]:
    """Return the variables that switch thinking on and off, and whether off is off."""
    for name in _SWITCHES:
        if not _reads(template, name):
            continue
        shown = [render([user_turn()], {name: value}) for value in (True, False)]
        if None not in shown and shown[0] != shown[1]:
            return {name: True}, {name: False}, True
    for name in _EFFORTS:
        if _reads(template, name):
            return _effort(name, template, render)
    return {}, {}, False


def _effort(name: str, template: str, render: Render) -> tuple[Variables, Variables, bool]:
    """Return what `_switch` does where a variable says how much is to be thought."""

    def changes(value: str) -> bool:
        # Some write any word into the prompt, and their model knows only those that they name.
        if value != "low" and not re.search(rf"(['\"]){value}\1", template):
            return False
        return render([user_turn()], {name: value}) not in (None, plain)

    plain = render([user_turn()], {})
    if changes("none"):
        return {}, {name: "none"}, True
    if render([user_turn()], {name: "none"}) == plain:
        # Nothing is thought unless the template is told so.
        more = next((value for value in ("medium", "high") if changes(value)), None)
        return ({name: more} if more else {}), {name: "none"}, True
    return {}, {name: "low"} if changes("low") else {}, False


def _reads(template: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", template) is not None


def _shown_marks(render: Render, on: Variables, gen: str) -> Marks | None:
    """Return the marks around the thought of a last turn, None where the template leaves it out."""
    for field in _FIELDS:
        turn = {**answer_turn(), field: _THOUGHT}
        shown = text_behind_question(render([user_turn(), turn], on))
        head = text_before(shown, _THOUGHT)
        closing = text_before(_text_behind(shown, _THOUGHT), ANSWER)
        if head is None or not closing or not closing.strip():
            continue
        opening = _opening(head, closing, gen)
        if opening.strip():
            return Marks(opening, closing)
    return None


def _opening(head: str, closing: str, gen: str) -> str:
    """Return what begins a thought.

    Args:
        head: What stands between question and thought.
        closing: What stands behind the thought.
        gen: What stands between question and answer where one is asked for.
    """
    if head != gen and head.startswith(gen):
        return head[len(gen) :]
    end = _MARK.match(closing.strip())
    for ended, begun in _PAIRED:
        mark = end.group().replace(ended, begun, 1) if end and ended in end.group() else ""
        if mark and mark in head:
            return head[head.rfind(mark) :]
    return ""


def _spelled_marks(template: str, gen: str) -> Marks | None:
    """Return the marks of a public model that a template spells, or opens its prompts with."""
    for known in KNOWN:
        if known.begin in gen:
            opening = gen[gen.rfind(known.begin) :]
            # Where no line break follows the mark, none stands before its pair.
            closing = known.closing if opening == known.opening else known.end
            return Marks(opening, closing)
        if (known.begin in template or known.end in template) and known.end:
            return known
    return None


def user_turn() -> dict[str, str]:
    """Return a question that stands for any."""
    return {"role": "user", "content": ASK}


def answer_turn() -> dict[str, str]:
    """Return an answer that stands for any."""
    return {"role": "assistant", "content": ANSWER}


def text_behind_question(text: str | None) -> str | None:
    """Return what a template writes behind the question, None where it does not show it."""
    return _text_behind(text, ASK)


def text_before(text: str | None, mark: str) -> str | None:
    """Return what stands before a mark, None where it is not shown."""
    return text[: text.index(mark)] if text is not None and mark in text else None


def _text_behind(text: str | None, mark: str) -> str | None:
    return text.rpartition(mark)[2] if text is not None and mark in text else None
