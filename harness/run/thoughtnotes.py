"""What a user should know of how a model thinks, or does not."""

from __future__ import annotations

from collections.abc import Sequence

from harness.prompts.chat import ChatFormat
from harness.records import Note, Tell, Thinking
from harness.run.replies import Said


def template_notes(model: str, chat: ChatFormat, thinking: Thinking | None) -> list[Note]:
    """Return what a chat template makes of a setting otherwise than by itself, or of none.

    Args:
        model: Name of the model.
        chat: How it is spoken to.
        thinking: The setting.
    """
    if chat.plan is None and thinking is not None:
        return [Note("no_thought", model, {})]
    if chat.plan is not None and thinking is None and chat.plan.bare.text is not None:
        return [Note("closed_thought", model, {})]
    return []


def tell_of_replies(
    tell: Tell, model: str, thinking: Thinking | None, replies: Sequence[Said]
) -> None:
    """Tell where a model thinks that is not to."""
    thoughts = [one for one in replies if one.thought is not None and one.thought.text]
    if thinking is not None and not thinking.on and thoughts:
        facts = {"count": len(thoughts), "total": len(replies)}
        tell(Note("thinks_anyway", model, facts))
