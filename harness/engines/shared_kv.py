"""Attention state of shared prefixes for the transformers engine, and what makes it fast on CPU."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from transformers import DynamicCache, PretrainedConfig, PreTrainedModel

KeyValue = tuple["torch.Tensor", "torch.Tensor"]
FOLDED = "harness_folded_sdpa"


def plain_window(config: PretrainedConfig) -> int | None:
    """Return up to how many tokens the model attends to all that came before them.

    Below this length prefixes can be shared and rows padded on the right. 0 for models with
    layers that are no attention (state spaces, compressed caches), None for no bound.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    bounds = []
    for layer in DynamicCache(config=config).layers:
        if type(layer) is DynamicSlidingWindowLayer:
            bounds.append(int(layer.sliding_window))
        elif type(layer) is not DynamicLayer:
            return 0
    return min(bounds, default=None)


def lend_prefix(prefix: Sequence[KeyValue], *, rows: int, keep: bool) -> DynamicCache:
    """Return a cache in which every row of a batch stands on the same prefix, not copied.

    Args:
        prefix: Keys and values per layer, each (1, heads, prefix length, head size).
        rows: Batch size.
        keep: Whether the states of the tokens to come are kept, for a next forward pass.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer

    cache = DynamicCache()
    cache.layers = [
        _lent_layer(DynamicLayer(), keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1))
        if keep
        else _forgetful_layer(DynamicLayer(), keys, values)
        for keys, values in prefix
    ]
    return cache
