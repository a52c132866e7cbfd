"""What a loaded model can be asked for at once, found by asking it.

Not every model of transformers counts positions by what it is told, nor keeps its state in the
cache that it is given; such a model takes both without a word and answers otherwise.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.engines.forward import forward, lend_prefix, new_cache, pad_rows
from harness.errors import EngineError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Tokens of the longest try, and of the longer and the shorter row in a batch.
_WHOLE, _LONG, _SHORT = 12, 10, 3
# Distances, as shares of the logits' spread, that rounding does not make: in bfloat16, passes of
# unlike shapes were up to 0.15 apart (Gemma-3-270M).
_EXACT, _ROUNDED = 1e-3, 0.35


@dataclass(frozen=True, slots=True)
class Able:
    """What may be done with a model.

    Attributes:
        cached: Completions go on from the state of the tokens before, else all are read again.
        shared: The state of a prefix may be lent to several rows.
        padded: Rows of different lengths may be completed in one batch.
        plain: Rows of different lengths may be read in one batch.
    """

    cached: bool = True
    shared: bool = True
    padded: bool = True
    plain: bool = True


def try_out(model: PreTrainedModel, *, window: int) -> Able:
    """Return what may be done with a model, without its answers being others.

    Args:
        model: In evaluation mode.
        window: Tokens that it may be given.

    Raises:
        EngineError: It is no causal language model.
    """
    import torch

    if model.get_output_embeddings() is None:
        raise EngineError(f"{type(model).__name__} has no output head; name a language model")
    whole = min(_WHOLE, window)
    if whole < _SHORT + 2:
        return Able()
    long = whole - _WHOLE + _LONG if whole > _SHORT + _WHOLE - _LONG else _SHORT + 1
    rows = int(model.get_input_embeddings().weight.shape[0])
    drawn = torch.randint(rows, (1, whole), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return _Trial(model, drawn, long).able()


class _Trial:
    """One sequence, whole and in parts."""

    def __init__(self, model: PreTrainedModel, ids: torch.Tensor, long: int) -> None:
        import torch

        self._model, self._ids, self._long = model, ids, long
        self._most = _EXACT if model.dtype == torch.float32 else _ROUNDED
        places = torch.tensor([long - 1, long, _SHORT])
        try:
            found = forward(model, ids.expand(3, -1), last=places, cache=None)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise EngineError(f"{type(model).__name__} cannot be asked for the next token by this "
                              f"engine: {' '.join(str(error).split())}") from error  # fmt: skip
        self._head, self._next_long, self._next_short = found

    def able(self) -> Able:
        """Return what may be done.

        Raises:
            EngineError: Tokens change what stands before them.
        """
        import torch

        # Of one shape with the first pass, so that rounding is the same.
        places = torch.tensor([self._long - 1, self._long, _SHORT])
        other = torch.cat([self._ids[:, : self._long], self._ids[:, : -self._long]], dim=1)
        changed = forward(self._model, other.expand(3, -1), last=places, cache=None)
        if not self._same(changed[0], self._head):
            raise EngineError(f"{type(self._model).__name__} is no causal language model: a token "
                              "changes the answers before it; name a model that is one"
                              )  # fmt: skip
        parameters = inspect.signature(self._model.forward).parameters
        if "past_key_values" not in parameters or not self._holds(self._goes_on):
            return Able(cached=False, shared=False, padded=False)
        return Able(shared=self._holds(self._lends), padded=self._holds(self._pads))

    def _holds(self, trial: Callable[[], bool]) -> bool:
        try:
            return trial()
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError):
            return False

    def _goes_on(self) -> bool:
        """Return whether a token behind the kept state of others is read as in the whole."""
        import torch

        cache, long = new_cache(self._model), self._long
        forward(self._model, self._ids[:, :long], last=torch.tensor([long - 1]), cache=cache)
        seen, place = torch.ones(1, long + 1, dtype=torch.bool), torch.tensor([[long]])
        found = forward(self._model, self._ids[:, long : long + 1], last=torch.tensor([0]),
                        cache=cache, seen=seen, positions=place)  # fmt: skip
        return self._same(found[0], self._next_long)

    def _lends(self) -> bool:
        import torch

        cache, long = new_cache(self._model), self._long
        forward(self._model, self._ids[:, :_SHORT], last=torch.tensor([_SHORT - 1]), cache=cache)
        lent = lend_prefix([(one.keys, one.values) for one in cache.layers], rows=2, keep=False)
        rest = self._ids[:, _SHORT : long + 1].expand(2, -1)
        last = torch.tensor([long - _SHORT, 0])
        found = forward(self._model, rest, last=last, cache=lent)
        return self._same(found[0], self._next_long) and self._same(found[1], self._next_short)

    def _pads(self) -> bool:
        import torch

        lengths = (self._long, _SHORT)
        row: list[int] = self._ids[0].tolist()
        ids, sizes = pad_rows([row[:length] for length in lengths])
        cache = new_cache(self._model)
        forward(self._model, ids, last=sizes - 1, cache=cache)
        seen = torch.arange(ids.shape[1])[None] < sizes[:, None]
        places = seen.sum(dim=1, keepdim=True)
        seen = torch.nn.functional.pad(seen, (0, 1), value=True)
        then = torch.tensor([[row[length]] for length in lengths])
        found = forward(self._model, then, last=torch.zeros(2, dtype=torch.long), cache=cache,
                        seen=seen, positions=places)  # fmt: skip
        return self._same(found[0], self._next_long) and self._same(found[1], self._next_short)

    def _same(self, one: torch.Tensor, other: torch.Tensor) -> bool:
        """Return whether two rows of logits differ by no more than rounding.

        What is not finite is told where it is used.
        """
        spread = float((other - other.mean()).square().mean().sqrt())
        apart = float((one - other).square().mean().sqrt())
        return not (math.isfinite(spread) and apart > self._most * spread)
