"""What a setting of `thinking` makes of a chat template: its variables, and where answers begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from harness.errors import PromptError
from harness.prompts.end_marks import mark_ids
from harness.prompts.rendering import Rendering
from harness.prompts.thoughtformat import (
    ANSWER,
    Render,
    State,
    ThoughtFormat,
    Turns,
    Variables,
    answer_turn,
    text_before,
    text_behind_question,
    thought_format,
    user_turn,
)
from harness.records import Message, Thinking, ThoughtPlace

_PLACES: dict[ThoughtPlace, str] = {
    "none": "no thought",
    "absent": "no thought",
    "empty": "behind an empty thought",
    "before": "where a thought would begin",
    "behind": "behind a thought",
}


@dataclass(frozen=True, slots=True)
class Start:
    """Where an answer begins.

    Attributes:
        text: What stands before the answer or its prefill, in place of what `over` says; None
            leaves both to the template.
        over: The end of the generation prompt that it replaces: a thought that is begun there.
        place: What answers stand behind.
    """

    text: str | None
    place: ThoughtPlace
    over: str = ""

    def behind(self, prompt: str) -> str:
        """Return a generation prompt with the beginning of the answer.

        Raises:
            PromptError: The prompt does not end as the template's do.
        """
        if not prompt.endswith(self.over):
            raise PromptError(f"the chat template ends one prompt in {self.over!r} and another one "
                              "otherwise; give another chat_template in models.yaml")  # fmt: skip
        return prompt[: len(prompt) - len(self.over)] + (self.text or "")


@dataclass(frozen=True, slots=True)
class ThoughtPlan:
    """What a setting of `thinking` makes of a template.

    Attributes:
        format: How the template writes a thought.
        thinking: The setting, None for none.
        variables: What the template is given for it.
        opener: Begins a thought behind the generation prompt; None where the model is not to think.
        opened: Whether the template itself begins a thought, and nothing ends it.
        bare: Where answers begin that are scored or held to a form; with thinking on, behind the
            thought and its closing.
        filled: Likewise where the answer has a prefill.
        end_id: The token that ends a thought, None where its mark is spelt in several.
        hidden: Whether an engine leaves the marks out of a completion's text.
    """

    format: ThoughtFormat
    thinking: Thinking | None
    variables: Variables
    opener: str | None
    opened: bool
    bare: Start
    filled: Start
    end_id: int | None = None
    hidden: bool = False

    def start(self, *, filled: bool) -> Start:
        """Return where an answer begins, with a prefill or without."""
        return self.filled if filled else self.bare


def open_plan(
    where: str, rendering: Rendering | None, thinking: Thinking | None
) -> ThoughtPlan | None:
    """Return how a model thinks, None where its template knows no thought.

    Args:
        where: Names its entry in errors, such as `models.yaml: tiny`.
        rendering: Its template with the variables of the entry; None for plain text.
        thinking: The setting, None for none.

    Raises:
        PromptError: The model is to think, and its template does not know how; or the entry's
            variables say otherwise.
    """
    found = thought_format(rendering.template, partial(_write, rendering)) if rendering else None
    if rendering is None or found is None:
        if thinking is None or not thinking.on:
            return None
        raise PromptError(f"{where}: its chat template knows no thought, so thinking cannot be "
                          f"{thinking.name}; remove it, or set chat_template")  # fmt: skip
    for name in _switches(found, thinking):
        if name in rendering.variables:
            raise PromptError(f"{where}: template.{name} and thinking both switch the model's "
                              "thought; remove one of them")  # fmt: skip
    tokenizer = rendering.tokenizer
    ids = mark_ids(tokenizer, found.stop)
    single = len(ids) == 1 and ids[0] != tokenizer.unk_token_id
    shown = tokenizer.decode(mark_ids(tokenizer, found.marks.end), skip_special_tokens=True)
    write = partial(_write, rendering)
    try:
        plan = plan_thinking(found, thinking, write, partial(write, fill=True))
    except ValueError as error:
        said = thinking.name if thinking else "left to it"
        raise PromptError(f"{where}: its chat template does not take thinking {said}: {error}; set "
                          "chat_template") from error  # fmt: skip
    hidden = found.marks.end not in str(shown)
    return replace(plan, end_id=ids[0] if single else None, hidden=hidden)


def _switches(found: ThoughtFormat, thinking: Thinking | None) -> Variables:
    """Return the variables by which a template is told the setting."""
    if thinking is None:
        return {}
    return found.on if thinking.on else found.off


def _write(
    rendering: Rendering, turns: Turns, variables: Variables, *, fill: bool = False
) -> str | None:
    """Return a conversation as text, with an answer asked for; None where it is refused."""
    answered = turns[-1]["role"] == "assistant"
    try:
        (text,) = rendering.given(variables).texts(
            [[cast(Message, turn) for turn in turns]], ask=not answered, go_on=answered and fill
        )
    except PromptError:
        return None
    return text


def plan_name(plan: ThoughtPlan | None, *, filled: bool = False) -> str:
    """Return how a plan has answers asked, in words; empty for as the template does by itself.

    Args:
        plan: None for a template that knows no thought.
        filled: Whether the answers have a prefill.
    """
    if plan is None:
        return ""
    start = plan.start(filled=filled)
    if plan.thinking is None and start.text is None:
        return ""
    return f"{plan.thinking.name if plan.thinking else 'not set'}, {_PLACES[start.place]}"


def plan_thinking(
    found: ThoughtFormat, thinking: Thinking | None, render: Render, fill: Render
) -> ThoughtPlan:
    """Return what a setting makes of a template.

    Args:
        found: How the template writes a thought.
        thinking: The setting, None for none.
        render: Renders by the template.
        fill: Likewise, with the last turn left open for its continuation.

    Raises:
        ValueError: The template refuses the switch, or ends the thought that it is to begin.
    """
    variables = _switches(found, thinking)
    tail = text_behind_question(render([user_turn()], variables))
    if tail is None:
        raise ValueError("it cannot be rendered so")
    state = found.state(tail)
    if thinking is not None and thinking.on:
        if state == "closed":
            raise ValueError("its prompts end the thought all the same")
        opener = "" if state == "open" else found.marks.opening
        behind = Start(found.marks.closing, "behind")
        return ThoughtPlan(found, thinking, variables, opener, False, behind, behind)
    if thinking is not None:
        start = _off(found, state, tail)
        return ThoughtPlan(found, thinking, variables, None, False, start, start)
    unasked: ThoughtPlace = "absent" if _is_off(found, render) else "before"
    bare = filled = Start(None, "empty" if state == "closed" else unasked)
    if state == "open":
        bare = filled = _off(found, state, tail)
    given = text_before(text_behind_question(fill([user_turn(), answer_turn()], variables)), ANSWER)
    # A template that opens a thought even before a prefill is treated as without one.
    if given is not None and found.state(given) != "open":
        filled = Start(None, "empty" if found.state(given) == "closed" else unasked)
    return ThoughtPlan(found, None, variables, None, state == "open", bare, filled)


def _off(found: ThoughtFormat, state: State, tail: str) -> Start:
    """Return where an answer begins that has no thought before it."""
    begin = found.marks.begin
    over = tail[tail.rfind(begin) :] if begin in tail else ""
    empty = found.empty[found.empty.find(begin) :]
    # Some prompts lack the white space that stands between an empty thought and its answer.
    if state == "open" or (over and "".join(over.split()) == "".join(empty.split())):
        return Start(empty, "empty", over)
    if state == "closed":
        return Start("", "empty")
    return Start("", "absent") if found.switched else Start(found.empty, "empty")


def _is_off(found: ThoughtFormat, render: Render) -> bool:
    """Return whether a template that is told nothing has thinking switched off."""
    return found.switched and render([user_turn()], {}) == render([user_turn()], found.off)
