"""How many rows go through the model at once, and whether activations are computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.train.batches import micro_batches

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Bytes of activations that training keeps for each token, layer and hidden unit, without and with
# gradient checkpointing; after Korthikanti et al. (2022), 34 in 16 bits, twice that in 32.
_KEPT, _KEPT_CHECKPOINTED = {"bfloat16": 34, "float32": 68}, 4
# Of the free memory: a machine runs other things too, a GPU mostly does not.
_SHARES = {"cpu": 0.5, "cuda": 0.8}


@dataclass(frozen=True, slots=True)
class Fit:
    """Rows in one forward pass, and gradient checkpointing."""

    micro_batch: int
    checkpointing: bool


def candidates(
    batch_size: int, micro_batch: int | Literal["auto"], checkpointing: bool | Literal["auto"]
) -> list[Fit]:
    """Return what to try, the fastest first.

    Fewer and bigger micro-batches mean fewer kernel launches, which bind a LoRA step on a GPU.
    Checkpointing costs a third of the arithmetic again, less than halving the batch twice does.
    """
    sizes = [micro_batch] if isinstance(micro_batch, int) else [
        size for size in range(batch_size, 0, -1) if batch_size % size == 0]  # fmt: skip
    if isinstance(checkpointing, bool):
        return [Fit(size, checkpointing) for size in sizes]
    plain = [Fit(size, False) for size in sizes if size * 4 > batch_size] or [Fit(sizes[0], False)]
    return [*plain, *(Fit(size, True) for size in sizes)]


def heaviest(steps: Sequence[Sequence[int]], lengths: Sequence[int], size: int) -> list[int]:
    """Return the rows of the micro-batch with the most tokens, padded to its longest row."""
    every = (rows for step in steps for rows in micro_batches(step, size))
    return max(every, key=lambda rows: len(rows) * max(lengths[row] for row in rows))


def bytes_needed(
    config: PretrainedConfig, tokens: int, trained: int, *, checkpointing: bool, dtype: str
) -> int:
    """Return roughly how many bytes a forward and backward pass holds beside the weights.

    Args:
        config: Of the text model.
        tokens: In the micro-batch, padding included.
        trained: Those of them with logits.
        checkpointing: Whether activations are computed twice.
        dtype: `bfloat16` or `float32`: that of the activations.
    """
    each = _KEPT_CHECKPOINTED if checkpointing else _KEPT[dtype]
    layers, hidden = int(config.num_hidden_layers), int(config.hidden_size)
    return tokens * layers * hidden * each + 3 * 4 * trained * int(config.vocab_size)


def fits_in_memory(need: int, device: str) -> bool:
    """Return whether so many bytes should fit in the free memory of this machine's device."""
    if device == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info()
        return need < _SHARES[device] * int(free)
    import psutil

    return need < _SHARES[device] * psutil.virtual_memory().available
