"""LoRA added to a linear layer in few steps.

PEFT casts the input to the type of the LoRA weights, multiplies twice, scales and adds, each a
kernel of its own with tensors of its own. On short rows launching them takes longer than they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer

_ADAPTER = "default"


@contextmanager
def fused_lora(model: PeftModel) -> Iterator[int]:
    """Have a model's plain LoRA layers add their part in few steps, within a `with` block.

    Layers with dropout, a bias of their own or another variant of LoRA are left to PEFT. Yields
    how many layers were changed. The adapter is always on inside the block.
    """
    from peft.tuners.lora import LoraLayer

    layers = [m for m in model.modules() if isinstance(m, LoraLayer) and _is_plain(m)]
    for layer in layers:
        layer.forward = _forward_of(layer)
    try:
        yield len(layers)
    finally:
        for layer in layers:
            del layer.forward


def _is_plain(layer: LoraLayer) -> bool:
    from torch.nn import Identity, Linear

    return (
        isinstance(layer.get_base_layer(), Linear)
        and list(layer.lora_A) == [_ADAPTER]
        and isinstance(layer.lora_dropout[_ADAPTER], Identity)
        and not layer.lora_variant
        and not layer.lora_bias[_ADAPTER]
        and not layer.merged
    )


def _forward_of(layer: LoraLayer) -> Callable[[torch.Tensor], torch.Tensor]:
    from torch.nn import Linear

    base, scale = layer.get_base_layer(), float(layer.scaling[_ADAPTER])
    a, b = layer.lora_A[_ADAPTER].weight, layer.lora_B[_ADAPTER].weight
    # A quantized layer may hand out a view, into which nothing may be added.
    fresh, add = type(base) is Linear, _add_lora()

    def forward(x: torch.Tensor) -> torch.Tensor:
        out = base(x)
        return add(out if fresh else out.clone(), x, a, b, scale)

    return forward


@cache
def _add_lora() -> Callable[..., torch.Tensor]:
    """Return a function that adds scale * x A^T B^T to a layer's output, in place.

    Shapes: output (..., out), x (..., in), A (rank, in), B (out, rank).
    """
    import torch

    class AddLora(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
        @staticmethod
        def forward(
            ctx: torch.autograd.function.FunctionCtx,
            out: torch.Tensor,
            x: torch.Tensor,
            a: torch.Tensor,
            b: torch.Tensor,
            scale: float,
        ) -> torch.Tensor:
            rows = x.flatten(0, -2).to(out.dtype)
            a, b = a.to(out.dtype), b.to(out.dtype)
            low = rows @ a.t()
            if scale != 1:
                low *= scale
            out.flatten(0, -2).addmm_(low, b.t())
            ctx.mark_dirty(out)
            ctx.save_for_backward(rows, low, a, b)
            ctx.scale, ctx.shape, ctx.kind = scale, x.shape, x.dtype
            return out

        @staticmethod
        def backward(
            ctx: torch.autograd.function.FunctionCtx, grad: torch.Tensor
        ) -> tuple[torch.Tensor | None, ...]:
            rows, low, a, b = ctx.saved_tensors
            flat = grad.flatten(0, -2)
            down = flat @ b
            if ctx.scale != 1:
                down *= ctx.scale
            grad_x = (down @ a).view(ctx.shape).to(ctx.kind) if ctx.needs_input_grad[1] else None
            return grad, grad_x, (down.t() @ rows).float(), (flat.t() @ low).float(), None

    add: Callable[..., torch.Tensor] = AddLora.apply
    return add
