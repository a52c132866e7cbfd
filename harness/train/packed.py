"""Attention of rows that stand one after the other, each seeing itself alone, without a mask.

PyTorch's flash attention takes where each row begins in place of a mask, so that the work grows
with the rows' lengths, not with the square of all tokens. It needs CUDA and 16 bits; elsewhere
transformers makes a block-diagonal mask from the positions.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PretrainedConfig

_NAME = "harness_packed"
_WIDEST = 256  # head width of flash attention


def can_pack(config: PretrainedConfig, *, device: str, dtype: str) -> bool:
    """Return whether flash attention computes what a model's own attention does.

    Args:
        config: Of the text model.
        device: `cpu` or `cuda`.
        dtype: Of the base weights.
    """
    if device != "cuda" or dtype != "bfloat16":
        return False
    known = config.to_dict()
    width = known.get("head_dim") or config.hidden_size // config.num_attention_heads
    changed = any(known.get(key) for key in ("attn_logit_softcapping", "attention_dropout"))
    return not changed and width <= _WIDEST and width % 8 == 0


@contextmanager
def packed_attention(model: PeftModel) -> Iterator[None]:
    """Have a model attend by flash attention, within a `with` block; see `can_pack`."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)
    base = model.get_base_model()
    before = base.config.get_text_config()._attn_implementation
    base.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        base.set_attn_implementation(before)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Return attention of shape (1, tokens, heads, width) from (1, heads, tokens, width).

    Args:
        module: The attention layer.
        query: Its heads may be a multiple of those of `key` and `value`.
        key: Of shape (1, key heads, tokens, width).
        value: As `key`.
        attention_mask: Not used: none is made for attention that transformers does not know.
        cu_seq_lens_q: Where rows begin and the last one ends, int32.
        max_length_q: Tokens of the longest row, or more.
        scaling: Factor of the scores before softmax.
        sliding_window: How many tokens are seen, the own one included; None for all before.
    """
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = (states[0].transpose(0, 1) for states in (query, key, value))
    # torch 2.11 takes fewer key heads as they are; later versions want to be told.
    grouped = "enable_gqa" in inspect.signature(varlen_attn).parameters
    more = {"enable_gqa": True} if grouped else {}
    before = -1 if sliding_window is None else sliding_window - 1
    longest = max_length_q
    out = varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, longest, longest, scale=scaling,
                      window_size=(before, 0), **more)  # fmt: skip
    return out[None], None
