"""Outputs -> replies: the answer by itself, the thought before it, or why there is no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.prompts.chat import ChatFormat
from harness.prompts.thoughts import split_served
from harness.prompts.thoughttokens import cut_thought
from harness.reasons import Reason
from harness.records import Output, Thinking, Thought


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said.

    Attributes:
        output: What the engine answered, its text without a thought; an error where there is no
            answer.
        thought: What stood before the answer, None without one.
    """

    output: Output
    thought: Thought | None = None


def said(output: Output, chat: ChatFormat | None, *, room: int, fix: Reason) -> Said:
    """Return what a model said in one completion, which it wrote freely.

    Args:
        output: Of its engine.
        chat: How it is spoken to, None at an endpoint.
        room: Tokens that the completion had, for thought and answer together.
        fix: What gives it more, for the reason why there is no answer.
    """
    if chat is None:
        return _at_endpoint(output, room=room, fix=fix)
    thought, rest = cut_thought(chat, output)
    if thought is None or thought.end != "open":
        return Said(rest, thought)
    return Said(failed(output, unclosed(output, room=room, fix=fix)), thought)


def unclosed(output: Output, *, room: int, fix: Reason) -> Reason:
    """Return why a thought has no end."""
    if output.finish_reason != "length":
        return Reason("thought_ended_turn")
    return Reason("thought_not_closed", {"room": room}, (fix,))


def unfinished(output: Output, thinking: Thinking, *, room: int) -> Reason:
    """Return why a thought that was asked for has no end, and what would give it one.

    Args:
        output: The thought.
        thinking: How long it might have been.
        room: How long the window let it be, in tokens.
    """
    if room < thinking.limit and output.finish_reason == "length":
        return Reason("thought_without_window")
    fix = Reason("raise_thinking_limit", {"limit": thinking.limit})
    return unclosed(output, room=room, fix=fix)


def failed(output: Output, problem: Reason) -> Output:
    """Return an output that counts as none, with the tokens that it took."""
    return replace(output, text="", finish_reason="error", error=problem)


def _at_endpoint(output: Output, *, room: int, fix: Reason) -> Said:
    if output.error is not None:
        return Said(output)
    thought, text = split_served(output.text)
    if output.thought:
        thought = Thought(output.thought.strip(), output.thought_tokens)
    if text.strip() or output.finish_reason != "length":
        if thought is not None and thought.end == "open":
            return Said(failed(output, unclosed(output, room=room, fix=fix)), thought)
        return Said(replace(output, text=text), thought)
    kind = "budget_without_answer"
    if thought is not None or output.thought_tokens:
        thought = replace(thought or Thought(""), end="open")
        kind = "budget_spent_on_thought"
    return Said(failed(output, Reason(kind, {"room": room}, (fix,))), thought)
