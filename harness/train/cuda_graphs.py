"""A forward and backward pass as a CUDA graph: recorded once, replayed for every micro-batch.

A LoRA step launches thousands of kernels that are shorter than their launch. A replay launches
them all at once. Its shapes are fixed, so that rows are filled up to one of a few sizes; what is
filled up is a row of its own that no label is in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.train.loss import kept_loss, trained_places
from harness.train.template import MASKED

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

_SIZES = 4
_STEP = 64


@dataclass(frozen=True, slots=True)
class Largest:
    """The most of each that a micro-batch has: rows, tokens, and trained tokens."""

    rows: int
    tokens: int
    trained: int

    def size(self, tokens: int) -> int:
        """Return the number of tokens that a micro-batch is filled up to; at most four differ."""
        step = math.ceil(self.tokens / _SIZES / _STEP) * _STEP
        return max(1, math.ceil(tokens / step)) * step


@dataclass(slots=True)
class _Pass:
    """A recorded pass and the tensors that it reads; `loss` is what it writes."""

    graph: torch.cuda.CUDAGraph
    inputs: Mapping[str, torch.Tensor]
    loss: torch.Tensor


@dataclass(slots=True)
class Recorder:
    """Passes of one model, each recorded when its size is first met.

    Attributes:
        model: All of whose trainable weights take part in the loss.
        largest: Of all micro-batches to come.
        context: Under which the loss is computed (autocast).
    """

    model: PeftModel
    largest: Largest
    context: Callable[[], AbstractContextManager[None]]
    _passes: dict[int, _Pass] = field(default_factory=dict)
    _gradients: list[torch.Tensor] = field(default_factory=list)

    def step(self, inputs: Mapping[str, torch.Tensor], total: torch.Tensor | int) -> torch.Tensor:
        """Add a micro-batch's gradients to those of the weights, and return its loss.

        Args:
            inputs: Of `FlatCollator` with bounds, on the GPU.
            total: Trained tokens of the whole step.

        Raises:
            RuntimeError: The model does something that cannot be recorded.
        """
        import torch

        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        if not self._gradients:
            self._gradients = [torch.zeros_like(weight) for weight in weights]
        if weights[0].grad is None:
            torch._foreach_zero_(self._gradients)
            for weight, gradient in zip(weights, self._gradients, strict=True):
                weight.grad = gradient
        size = self.largest.size(inputs["input_ids"].shape[1])
        found = self._passes.get(size)
        tensors = found.inputs if found else self._buffers(size)
        _fill(tensors, inputs, total)
        if found is None:
            found = self._passes[size] = self._record(tensors)
        found.graph.replay()
        return found.loss.clone()

    def _buffers(self, size: int) -> dict[str, torch.Tensor]:
        import torch

        device, trained = self.model.device, min(size, self.largest.trained)
        return {
            "input_ids": torch.zeros(1, size, dtype=torch.long, device=device),
            "position_ids": torch.arange(size, device=device)[None].clone(),
            "cu_seq_lens_q": torch.zeros(self.largest.rows + 2, dtype=torch.int32, device=device),
            "keep": torch.zeros(trained, dtype=torch.long, device=device),
            "targets": torch.full((1, trained), MASKED, device=device),
            "total": torch.ones((), device=device),
        }

    def _record(self, tensors: Mapping[str, torch.Tensor]) -> _Pass:
        import torch

        graph = torch.cuda.CUDAGraph()
        pool = next((one.graph.pool() for one in self._passes.values()), None)
        names = ("input_ids", "position_ids", "cu_seq_lens_q")
        rest = {name: tensors[name] for name in names}
        longest = tensors["input_ids"].shape[1]
        # Other threads, which pin memory, may go on meanwhile.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            with self.context():
                loss = kept_loss(self.model, {**rest, "max_length_q": longest}, tensors["keep"],
                                 tensors["targets"], tensors["total"])  # fmt: skip
            loss.backward()
        return _Pass(graph, tensors, loss.detach())


def _fill(
    tensors: Mapping[str, torch.Tensor],
    inputs: Mapping[str, torch.Tensor],
    total: torch.Tensor | int,
) -> None:
    """Write a micro-batch into a pass's tensors, and what is left over into a row of its own."""
    import torch

    tokens, size = inputs["input_ids"].shape[1], tensors["input_ids"].shape[1]
    keep, targets = trained_places(inputs["labels"])
    tensors["input_ids"][:, tokens:] = 0
    tensors["position_ids"][0, tokens:] = torch.arange(size - tokens, device=keep.device)
    tensors["cu_seq_lens_q"].fill_(size)
    tensors["keep"].zero_()
    tensors["targets"].fill_(MASKED)
    for name in ("input_ids", "position_ids"):
        tensors[name][:, :tokens] = inputs[name]
    bounds = inputs["cu_seq_lens_q"]
    tensors["cu_seq_lens_q"][: len(bounds)] = bounds
    tensors["keep"][: len(keep)] = keep
    tensors["targets"][:, : len(keep)] = targets
    tensors["total"].copy_(torch.as_tensor(total))
