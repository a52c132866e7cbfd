"""Which requests may be computed together, by how long they are.

Some models compute the positions of all tokens otherwise once a sequence is longer than those that
they were pretrained on. What stands in one pass, or in a kept prefix, then decides by its longest
row or by its own length how the others are computed. No answer may depend on that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.engines.tryout import Able
from harness.reasons import Reason
from harness.records import Request
from harness.sources.loaded import rope_settings

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Kinds of rotary positions whose configuration names the length that they are stretched to.
_WITHIN = frozenset({"default", "longrope", "llama3"})


def window_problem(config: PretrainedConfig, window: int) -> str | None:
    """Return why a window is more than a model's positions reach, or None.

    Beyond them a model that learned its positions has none, and any other one was not trained. They
    reach further where they are stretched, and without bound where attention itself fades.
    """
    settings = config.get_text_config().to_dict()
    found = settings.get("max_position_embeddings") or settings.get("n_positions")
    if not isinstance(found, int) or settings.get("alibi"):
        return None
    reach = float(found)
    for rope in rope_settings(config):
        if rope.get("rope_type") not in _WITHIN:
            before = rope.get("original_max_position_embeddings") or found
            reach = max(reach, float(str(before)) * float(str(rope.get("factor") or 1)))
    if window <= reach:
        return None
    return (f"max_model_len {window} is more than the {reach:.0f} tokens that the positions of "
            "this model reach; lower it in models.yaml")  # fmt: skip


def turning_length(config: PretrainedConfig) -> int | None:
    """Return the longest sequence with the positions of short ones; None where all are alike."""
    lengths = [
        int(str(settings["original_max_position_embeddings"]))
        for settings in rope_settings(config)
        if settings.get("rope_type") == "longrope"
    ]
    return min(lengths, default=None)


def last_length(config: PretrainedConfig) -> int | None:
    """Return beyond which length positions depend on what was computed before; None for never.

    transformers lets the positions of the kind `dynamic` grow with the longest sequence so far.
    """
    if any(settings.get("rope_type") == "dynamic" for settings in rope_settings(config)):
        return int(config.get_text_config().max_position_embeddings)
    return None


def unsteady(request: Request, last: int | None) -> Reason | None:
    """Return why a request cannot be answered the same way whatever else is asked, or None."""
    reach = _reach(request)
    if last is None or reach <= last:
        return None
    return Reason("positions_vary", {"tokens": reach, "last": last})


def by_length(
    requests: Sequence[Request], able: Able, *, window: int | None, turn: int | None
) -> Iterator[tuple[Able, list[Request]]]:
    """Yield requests in parts that may be computed together, each with what may be done with it.

    Args:
        requests: At least one.
        able: What may be done with the model.
        window: Up to how many tokens every layer attends to all tokens before, None for no bound.
        turn: The longest sequence with the positions of short ones, None where all are alike.
    """
    parts: dict[int, list[Request]] = {}
    for request in requests:
        parts.setdefault(_side(request, turn), []).append(request)
    for side, part in sorted(parts.items()):
        reach = max(len(request.prompt_ids) for request in part)
        reach += max(request.sampling.max_tokens for request in part)
        plain = window is None or reach <= window
        found = replace(able, shared=able.shared and plain and side == 0, plain=plain)
        # What is read before the turn is of no use behind it.
        yield (replace(found, cached=False, padded=False) if side == 1 else found), part


def _side(request: Request, turn: int | None) -> int:
    """Return 0 for a request that stays below the turn, 1 for one that passes it, 2 beyond it."""
    if turn is None or _reach(request) <= turn:
        return 0
    return 1 if len(request.prompt_ids) <= turn else 2


def _reach(request: Request) -> int:
    """Return how many tokens are read; the last one is only written."""
    return len(request.prompt_ids) + request.sampling.max_tokens - 1
