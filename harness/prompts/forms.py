"""What a chat template shows of a conversation, tried with texts of our own once for each form.

A form is all that templates look at besides the texts: the order of the roles and how the last turn
ends. Templates leave out system texts in some of them only (Mistral's beside a prefill), drop the
history, refuse roles, cut or repeat. What a form shows is found out before its first conversation
is rendered, so that it costs nothing per sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from typing import Literal

from harness.errors import PromptError
from harness.prompts.long_text import LONG_TEXT
from harness.prompts.rendering import Rendering
from harness.reasons import Reason
from harness.records import Message, SystemPlace

Conversation = list[Message]
_FIX = "give another chat_template in models.yaml"
# A name of its own for every turn, in both cases, which no template writes by itself.
_NAME = "Qz{role}{number:03}xB"


@dataclass(frozen=True, slots=True)
class Form:
    """What conversations that a template treats alike have in common.

    Attributes:
        roles: Of all turns.
        blank: Whether the system turn has no text.
        ask: Whether the beginning of an assistant's turn follows.
        go_on: Whether the last turn is left open.
    """

    roles: tuple[str, ...]
    blank: bool
    ask: bool
    go_on: bool

    def __str__(self) -> str:
        *turns, last = self.roles
        named = [*turns, "prefill" if self.go_on else last]
        rest = [name for name in named if name != "system"]
        pairs = list(zip_longest(rest[::2], rest[1::2]))
        parts = ["system"] if "system" in named else []
        for pair, same in groupby(pairs):
            count, text = len(list(same)), ", ".join(filter(None, pair))
            parts.append(f"{count} x ({text})" if count > 1 else text)
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Shown:
    """How a template shows the conversations of one form.

    Attributes:
        system: Where their system text stands.
        own: System text that the template writes by itself in its place, empty for none.
    """

    system: SystemPlace
    own: str = ""


class Forms:
    """Renders conversations so that all of their texts are shown, once and in order.

    Attributes:
        system: System text of conversations that have none, empty for a turn without text; None
            leaves it to the template.

    Args:
        rendering: The chat template.
        system_role: Whether the template has a system role; `auto` folds the system text into the
            first user turn where a form does not show it otherwise.
        system: See above.
    """

    def __init__(
        self,
        rendering: Rendering,
        *,
        system_role: bool | Literal["auto"] = "auto",
        system: str | None = None,
    ) -> None:
        self._rendering = rendering
        self._folds = {"auto": (False, True), True: (False,), False: (True,)}[system_role]
        self.system = system
        self._tried: dict[Form, Shown] = {}

    def texts(
        self, conversations: Sequence[Conversation], *, ask: bool = False, go_on: bool = False
    ) -> list[str]:
        """Return conversations as text; see `Rendering.texts`.

        Raises:
            PromptError: The template refuses one, or does not show all of its texts.
        """
        turns = []
        for conversation in conversations:
            whole = self._whole(conversation)
            shown = self._shown(_form(whole, ask=ask, go_on=go_on))
            turns.append(fold(whole) if shown.system == "folded" else whole)
        return self._rendering.texts(turns, ask=ask, go_on=go_on)

    def shown(self, conversation: Conversation, *, ask: bool = False, go_on: bool = False) -> Shown:
        """Return how a conversation is shown.

        Raises:
            PromptError: The template refuses it, or does not show all of its texts.
        """
        return self._shown(_form(self._whole(conversation), ask=ask, go_on=go_on))

    def _whole(self, conversation: Conversation) -> Conversation:
        if self.system is None or conversation[0]["role"] == "system":
            return conversation
        return [{"role": "system", "content": self.system}, *conversation]

    def _shown(self, form: Form) -> Shown:
        if form not in self._tried:
            self._tried[form] = self._try(form)
        return self._tried[form]

    def _try(self, form: Form) -> Shown:
        """Render a form, folded or not; return the first way that shows all of it."""
        problem, ways = "", self._folds if "system" in form.roles else (False,)
        for folds in ways:
            turns = _trial(form)
            if folds:
                turns = fold(turns)
            try:
                (text,) = self._rendering.texts([turns], ask=form.ask, go_on=form.go_on)
            except PromptError as error:
                problem = str(error)
                continue
            told = _problem(turns, text, go_on=form.go_on)
            if told is None:
                own = self._own(form, turns, text)
                has = "system" in form.roles and not (folds and form.blank)
                place: SystemPlace = "folded" if folds else "empty" if form.blank else "turn"
                return Shown(place if has else "none", own)
            fix = _FIX if ways[-1] or "system" not in form.roles else (
                f"set system_role to auto, or {_FIX}")  # fmt: skip
            problem = f"the chat template {told} in a conversation of {form}; {fix}"
        raise PromptError(problem)

    def _own(self, form: Form, turns: Conversation, text: str) -> str:
        """Return the system text that a template writes by itself, as far as it can be told.

        That is what a rendering without system text has before its first turn, and one with a
        system text lacks there; of a template that takes no system text, what it does not write
        before a later turn.
        """
        if turns[0]["role"] == "system" and not form.blank:
            return ""
        own = [turn for turn in turns if turn["role"] != "system"]
        before = text[: text.index(own[0]["content"])]
        roles = ("system", *(turn["role"] for turn in own))
        system, *asked = _trial(replace(form, roles=roles, blank=False))
        if (other := self._shows([system, *asked], form)) is not None:
            given = other[: other.index(asked[0]["content"])].replace(system["content"], "")
            return _more(before, given).strip()
        dialogue = _trial(Form(("user", "assistant", "user"), False, ask=True, go_on=False))
        if (other := self._shows(dialogue, replace(form, ask=True, go_on=False))) is None:
            return ""
        between = other.partition(dialogue[1]["content"])[2].partition(dialogue[2]["content"])[0]
        special = sorted(map(str, self._rendering.tokenizer.all_special_tokens), key=len)
        written = _more("|" + before, between)[1:]
        for token in reversed(special):
            written = written.strip().removeprefix(token).removesuffix(token)
        written = written.strip()
        return written if any(letter.isalnum() for letter in written) else ""

    def _shows(self, turns: Conversation, form: Form) -> str | None:
        """Return a conversation as text, None where not all of it is shown."""
        try:
            (text,) = self._rendering.texts([turns], ask=form.ask, go_on=form.go_on)
        except PromptError:
            return None
        return None if _problem(turns, text, go_on=form.go_on) else text


def fold(conversation: Conversation) -> Conversation:
    """Return a conversation with its system text at the beginning of the first user turn."""
    if conversation[0]["role"] != "system":
        return conversation
    system, first, *rest = conversation
    joined = "\n\n".join(text for text in (system["content"], first["content"]) if text)
    return [{"role": first["role"], "content": joined}, *rest]


def plain_text(conversation: Conversation) -> str:
    """Return a conversation as text: each turn a paragraph, each answer under its question."""
    *turns, last = conversation
    parts = [m["content"] + ("\n" if m["role"] == "user" else "\n\n") for m in turns]
    return "".join(parts) + last["content"] + ("\n" if last["role"] == "user" else "")


def lost_texts(
    conversations: Sequence[Sequence[Message]], texts: Sequence[str]
) -> Iterator[tuple[int, Reason]]:
    """Yield the number of each conversation that is not shown as it is, and what is lost of it.

    Templates look at texts too: some cut an answer at `</think>`. White space around a text is no
    part of it.
    """
    for number, (conversation, text) in enumerate(zip(conversations, texts, strict=True)):
        at = 0
        for place, turn in enumerate(conversation):
            content = turn["content"].strip()
            at = text.find(content, at)
            if at < 0:
                yield number, _left_out(conversation, place)
                break
            at += len(content)


def _left_out(conversation: Sequence[Message], place: int) -> Reason:
    role = conversation[place]["role"]
    if role == "system":
        return Reason("system_left_out")
    number = sum(turn["role"] == role for turn in conversation[: place + 1])
    return Reason("user_left_out" if role == "user" else "assistant_left_out", {"turn": number})


def _form(conversation: Conversation, *, ask: bool, go_on: bool) -> Form:
    first = conversation[0]
    blank = first["role"] == "system" and not first["content"]
    return Form(tuple([turn["role"] for turn in conversation]), blank, ask, go_on)


def _trial(form: Form) -> Conversation:
    """Return a conversation of a form, its texts easily told apart and some of them long.

    Long are the first and the last turn of each role, so that what is cut of either is missed.
    """
    roles, turns = form.roles, Conversation()
    for number, role in enumerate(roles):
        # A system turn before them changes no name of the others.
        name = _NAME.format(role=role[0].upper(), number=roles[:number].count(role))
        ends = role not in roles[:number] or role not in roles[number + 1 :]
        text = f"{name} {LONG_TEXT} {name[::-1]}" if ends else f"{name} {name[::-1]}"
        if role == "system":
            turns.append({"role": "system", "content": "" if form.blank else text})
        elif role == "user":
            turns.append({"role": "user", "content": text})
        else:
            turns.append({"role": "assistant", "content": text})
    return turns


def _problem(turns: Conversation, text: str, *, go_on: bool) -> str | None:
    """Return what a template does not show of a trial as it should, or None."""
    before = 0
    for place, turn in enumerate(turns):
        content, name = turn["content"], _turn(turns, place, go_on=go_on)
        if not content:
            continue
        at, begin = text.find(content), content.partition(" ")[0]
        if at < 0:
            begins = begin.lower() in text.lower()
            return f"{'changes or cuts' if begins else 'leaves out'} {name}"
        if text.count(begin) > 1:
            return f"writes {name} more than once"
        if at < before:
            return f"writes {name} before what stands before it"
        before = at + len(content)
    if go_on and before != len(text):
        return "writes on behind the prefill"
    return None


def _turn(turns: Sequence[Message], place: int, *, go_on: bool) -> str:
    role = turns[place]["role"]
    if role == "system":
        return "the system text"
    if go_on and place == len(turns) - 1:
        return "the prefill"
    number = sum(turn["role"] == role for turn in turns[: place + 1])
    return f"{'user' if role == 'user' else 'assistant'} turn {number}"


def _more(text: str, other: str) -> str:
    """Return what a text has between what it shares with another at either end."""
    start = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b),
                 min(len(text), len(other)))  # fmt: skip
    text, other = text[start:], other[start:]
    end = next((i for i, (a, b) in enumerate(zip(text[::-1], other[::-1], strict=False)) if a != b),
               min(len(text), len(other)))  # fmt: skip
    return text[: len(text) - end]
