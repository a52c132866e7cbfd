"""What a user should know of who answered at an endpoint."""

from __future__ import annotations

from collections.abc import Sequence

from harness.engines.openai_names import other_model
from harness.records import Note, Tell
from harness.records.notes import Fact
from harness.run.replies import Said


def tell_of_servers(tell: Tell, model: str, asked: str, replies: Sequence[Said]) -> None:
    """Tell where responses name another model than was asked, as those of a fallback do.

    And where they do not say how many tokens they took.

    Args:
        tell: Told the note.
        model: Name in models.yaml.
        asked: Name of the model at its endpoint; empty for a model that is run here.
        replies: What it said.
    """
    names = [one.output.served_by for one in replies if other_model(asked, one.output.served_by)]
    if asked and names:
        facts: dict[str, Fact] = {"asked": asked, "count": len(names), "total": len(replies),
                 "told": tuple(sorted(set(names)))}  # fmt: skip
        tell(Note("other_model", model, facts))
    if asked and (untold := uncounted(replies)):
        tell(Note("uncounted", model, {"count": untold, "total": len(replies)}))


def uncounted(replies: Sequence[Said]) -> int:
    """Return how many answers of an endpoint came without a count of their tokens."""
    answers = [one.output for one in replies if one.output.error is None]
    return sum(not (one.prompt_tokens and (one.completion_tokens or not one.text))
               for one in answers)  # fmt: skip


def served_names(replies: Sequence[Said]) -> str:
    """Return the names that responses had of the model, in order of the alphabet."""
    return ", ".join(sorted({one.output.served_by for one in replies} - {""}))
