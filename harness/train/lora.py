"""LoRA weights: their configuration, a beginning that depends on the seed alone, and their work."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import TrainError
from harness.spec.recipe import LoraSpec

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel


def lora_config(spec: LoraSpec) -> LoraConfig:
    """Return a recipe's LoRA in the terms of peft."""
    from peft import LoraConfig

    return LoraConfig(
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        use_rslora=spec.rslora,
        bias=spec.bias,
        target_modules=list(spec.target_modules),
        task_type="CAUSAL_LM",
    )


def lora_in_float32(model: PeftModel) -> None:
    """Keep LoRA weights in 32 bits, as small updates are lost in 16.

    On a quantized base TRL 1.15 makes them bfloat16 in its trainer's constructor
    (trl/trainer/sft_trainer.py), so that this comes after it.
    """
    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data = weight.data.float()


def seed_lora(model: PeftModel, seed: int) -> None:
    """Draw the A matrices anew, each from a stream of its own name and the seed; B is zero.

    So both backends, and every device, begin with the same weights.

    Raises:
        TrainError: The model has no LoRA weights, since no target module is in it.
    """
    import torch

    found = 0
    for name, weight in model.named_parameters():
        if "lora_A" not in name:
            continue
        found += 1
        # Names differ between backends in what stands before the layers.
        own = "layers" + name.partition("layers")[2]
        stream = torch.Generator().manual_seed(seed + zlib.crc32(own.encode()))
        fresh = torch.empty(weight.shape, dtype=torch.float32)
        # The bound of peft's own Kaiming initialisation with a = sqrt(5).
        bound = 1 / math.sqrt(weight.shape[1])
        fresh.uniform_(-bound, bound, generator=stream)
        with torch.no_grad():
            weight.copy_(fresh)
    if not found:
        raise TrainError("the base model has none of the modules in lora.target_modules; name "
                         "modules that it has")  # fmt: skip


def probe_difference(model: PeftModel, ids: Sequence[int]) -> float:
    """Return the greatest difference that the adapter makes to the logits after a prompt.

    Raises:
        TrainError: It is not finite, or nil: the adapter changes nothing.
    """
    import torch

    inputs = torch.tensor([list(ids)], device=model.device)
    with torch.no_grad():
        tuned = model(input_ids=inputs).logits[0, -1].float()
        with model.disable_adapter():
            plain = model(input_ids=inputs).logits[0, -1].float()
    found = float((tuned - plain).abs().max())
    if not math.isfinite(found) or found == 0:
        what = "nothing" if found == 0 else "numbers that are not finite"
        raise TrainError(f"the trained adapter changes {what} in the base model's answer; lower or "
                         "raise training.learning_rate, and look at the loss")  # fmt: skip
    return found
