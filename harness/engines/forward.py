"""Forward passes of a causal language model over shared prefixes, made fast on CPU."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel
    from transformers.cache_utils import Cache, CacheLayerMixin

KeyValue = tuple["torch.Tensor", "torch.Tensor"]
_FOLDED = "harness_folded_sdpa"
# Rows of an output head that are made float32 at once on CPU.
_HEAD_ROWS = 16384
# Parameters of mallopt(3), by their numbers in malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def forward(
    model: PreTrainedModel,
    ids: torch.Tensor,
    *,
    last: torch.Tensor,
    cache: Cache | None,
    seen: torch.Tensor | None = None,
    positions: torch.Tensor | None = None,
) -> torch.Tensor:
    """Run the model and return float32 logits (rows, vocabulary) at one position per row.

    Args:
        model: In evaluation mode.
        ids: Shape (rows, tokens), on any device.
        last: Position among `ids` at which each row's logits are wanted, shape (rows,).
        cache: Attention state before `ids`, extended in place; None to keep none.
        seen: Which of all tokens, those of the cache included, count; None for all.
        positions: Shape (rows, tokens); None to count on from the cache.
    """
    import torch

    device = model.device
    rows, last = torch.arange(len(ids), device=device), last.to(device)

    def choose(_: torch.nn.Module, states: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (states[0][rows, last][:, None],)

    # A hook, since `logits_to_keep` takes the same positions for all rows, and what a model
    # does to its logits after the head must still be done.
    hook = model.get_output_embeddings().register_forward_pre_hook(choose)
    try:
        answer = model(
            input_ids=ids.to(device),
            attention_mask=None if seen is None else seen.to(device),
            position_ids=None if positions is None else positions.to(device),
            past_key_values=cache,
            use_cache=cache is not None,
        )
    finally:
        hook.remove()
    logits: torch.Tensor = answer.logits[:, 0].float()
    return logits


def widen_head(model: PreTrainedModel) -> None:
    """Make a model of half precision compute its logits in float32.

    Rounded to bfloat16, logits near 16 lie 1/8 apart, and those of two label words are often
    equal. Weights and states stay as they are: their products are exact in float32.
    """
    import torch

    head = model.get_output_embeddings()
    # Quantized heads have classes of their own.
    if type(head) is torch.nn.Linear and head.weight.dtype != torch.float32:
        head.forward = partial(_project, head)


def _project(head: torch.nn.Linear, states: torch.Tensor) -> torch.Tensor:
    """Return the head's logits in float32, shape (..., vocabulary)."""
    import torch

    flat = states.reshape(-1, states.shape[-1])
    if flat.is_cuda:
        logits = torch.mm(flat, head.weight.t(), out_dtype=torch.float32)
    else:
        # A part at a time: the whole of it in float32 may be gigabytes.
        parts = head.weight.split(_HEAD_ROWS)
        logits = torch.cat([flat.float() @ part.float().t() for part in parts], dim=-1)
    if head.bias is not None:
        logits += head.bias
    return logits.reshape(*states.shape[:-1], -1)


def pad_rows(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids padded on the right, (rows, tokens), and the rows' lengths."""
    import torch

    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
    return ids, lengths


def pick_logprobs(logits: torch.Tensor, ids: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return each row's log-probabilities of its own ids, with one transfer for all rows."""
    wanted = sorted({token for row in ids for token in row})
    table = (logits[:, wanted] - logits.logsumexp(dim=-1, keepdim=True)).tolist()
    column = {token: number for number, token in enumerate(wanted)}
    return [[row[column[token]] for token in own] for row, own in zip(table, ids, strict=True)]


def plain_window(config: PretrainedConfig) -> int | None:
    """Return up to how many tokens every layer attends to all tokens before.

    Within that length prefixes can be shared and rows padded. 0 for a model with layers of
    another kind (state spaces, compressed caches), None for no bound.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    # A local attention of which the cache knows nothing.
    bounds = [config.window_size] if config.model_type == "gpt_neo" else []
    for layer in DynamicCache(config=config).layers:
        if type(layer) is DynamicSlidingWindowLayer:
            bounds.append(int(layer.sliding_window))
        elif type(layer) is not DynamicLayer:
            return 0
    return min(bounds, default=None)


def new_cache(model: PreTrainedModel) -> Cache:
    """Return an empty cache of the kinds of layers that the model has."""
    from transformers.cache_utils import DynamicCache

    return DynamicCache(config=model.config)


def lend_prefix(prefix: Sequence[KeyValue], *, rows: int, keep: bool) -> Cache:
    """Return a cache in which all rows of a batch stand on the same prefix.

    Args:
        prefix: Keys and values per layer, each (1, heads, prefix tokens, head size); no copy.
        rows: Batch size.
        keep: Whether the states of the tokens to come are kept for a next forward pass. If not,
            a layer's joined states are freed as soon as the layer is done.
    """
    from transformers.cache_utils import Cache, DynamicLayer

    layers = []
    for keys, values in prefix:
        layer = DynamicLayer()
        layer.lazy_initialization(keys, values)
        layer.keys = keys.expand(rows, -1, -1, -1)
        layer.values = values.expand(rows, -1, -1, -1)
        if not keep:
            layer.update = partial(_join, layer)
        layers.append(layer)
    return Cache(layers=layers)


def _join(
    layer: CacheLayerMixin, keys: torch.Tensor, values: torch.Tensor, *_: object, **__: object
) -> KeyValue:
    """Return a layer's states followed by new ones, and keep neither."""
    import torch

    return torch.cat([layer.keys, keys], dim=-2), torch.cat([layer.values, values], dim=-2)


def fold_attention(model: PreTrainedModel) -> None:
    """Make a model with grouped key heads attend without copying each key head per query head.

    transformers repeats the keys when there is a mask, and a batch on a shared prefix has one.
    On 2 cores, SmolLM2 with 35 tokens on a prefix of 250 was 1.1 times as fast without that.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    # The private name is the only place that says which attention a loaded model uses.
    if model.config._attn_implementation != "sdpa":
        return
    AttentionInterface.register(_FOLDED, folded_sdpa)
    AttentionMaskInterface.register(_FOLDED, sdpa_mask)
    model.set_attn_implementation(_FOLDED)


def folded_sdpa(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    position_bias: torch.Tensor | None = None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Attend as `sdpa` does, the query heads of one key head stood in a row of queries.

    Shapes: query (rows, heads, q, size), key and value (rows, key heads, k, size), mask
    (rows, 1, q, k), or (rows, heads, q, k) of models that mask each head by itself; returns
    (rows, q, heads, size).
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, width, size = query.shape
    groups = heads // key.shape[1]
    own_masks = attention_mask is not None and attention_mask.shape[1] > 1
    if attention_mask is None or own_masks or groups == 1 or position_bias is not None:
        attended, _ = sdpa_attention_forward(
            module,
            query,
            key,
            value,
            attention_mask,
            scaling=scaling,
            position_bias=position_bias,
            **kwargs,
        )
        return attended, None
    if attention_mask.stride(0) == 0:
        attention_mask = attention_mask[:1]
    attended = torch.nn.functional.scaled_dot_product_attention(
        query.reshape(rows, key.shape[1], groups * width, size),
        key,
        value,
        attn_mask=attention_mask.repeat(1, 1, groups, 1),
        scale=scaling,
    )
    return attended.reshape(rows, heads, width, size).transpose(1, 2).contiguous(), None


def keep_freed_memory() -> None:
    """Make glibc's malloc hold on to freed memory instead of giving it back to the system.

    A forward pass frees and takes the same megabytes for every operation, and each fresh page is
    a fault: SmolLM2 on 2 cores made 1.4 times the tokens per second. Elsewhere than on Linux, or
    with another C library, nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    try:
        mallopt = libc.mallopt
    except AttributeError:
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
