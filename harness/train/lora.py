"""LoRA weights: their configuration, a beginning that depends on the seed alone, and their work."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from harness.errors import TrainError
from harness.spec.recipe import LoraSpec

if TYPE_CHECKING:
    import torch
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


def check_targets(model: PeftModel, targets: Sequence[str]) -> None:
    """Make sure that each name of `lora.target_modules` has LoRA; peft passes over others.

    Raises:
        TrainError: The model lacks one.
    """
    trained = {f".{name.partition('.lora_A')[0]}" for name, _ in model.named_parameters()
               if ".lora_A" in name}  # fmt: skip
    lacking = [one for one in targets if not any(name.endswith(f".{one}") for name in trained)]
    if not lacking:
        return
    ends = {id(model.get_input_embeddings()), id(model.get_output_embeddings())}
    known = {name.removesuffix(".base_layer").rpartition(".")[2]
             for name, module in model.get_base_model().named_modules()
             if id(module) not in ends and ".lora_" not in name
             and getattr(getattr(module, "weight", None), "ndim", 0) == 2}  # fmt: skip
    raise TrainError(f"lora.target_modules has {', '.join(lacking)}, and the base model does not: "
                     f"name modules that it has, such as {', '.join(sorted(known))}")  # fmt: skip


def seed_lora(model: PeftModel, seed: int) -> None:
    """Draw the A matrices anew, each from a stream of its own name and the seed; B is zero.

    So both backends, and every device, begin with the same weights.
    """
    import torch

    for name, weight in model.named_parameters():
        if "lora_A" not in name:
            continue
        # Names differ between backends in what stands before the layers.
        own = "layers" + name.partition("layers")[2]
        stream = torch.Generator().manual_seed(seed + zlib.crc32(own.encode()))
        fresh = torch.empty(weight.shape, dtype=torch.float32)
        # The bound of peft's own Kaiming initialisation with a = sqrt(5).
        bound = 1 / math.sqrt(weight.shape[1])
        fresh.uniform_(-bound, bound, generator=stream)
        with torch.no_grad():
            weight.copy_(fresh)


def base_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    """Return copies of the base's own weights that are trained: biases, where a recipe says so.

    Args:
        model: Before its training.
    """
    return {name: weight.detach().clone() for name, weight in model.named_parameters()
            if weight.requires_grad and "lora_" not in name}  # fmt: skip


@contextmanager
def without_adapter(model: PeftModel, before: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Make a model the base that it was before its training, within a `with` block.

    peft switches off what stands beside the base's weights; trained biases are among them.

    Args:
        model: After its training.
        before: The base's weights that were trained, see `base_weights`.
    """
    weights = {name: weight for name, weight in model.named_parameters() if name in before}
    after = {name: weight.data for name, weight in weights.items()}
    with ExitStack() as stack:
        with warnings.catch_warnings():
            # It says that biases stay, which they do not here.
            warnings.simplefilter("ignore", UserWarning)
            stack.enter_context(model.disable_adapter())
        try:
            for name, weight in weights.items():
                weight.data = before[name].to(weight.device)
            yield
        finally:
            for name, weight in weights.items():
                weight.data = after[name]


def probe_difference(
    model: PeftModel, ids: Sequence[int], before: Mapping[str, torch.Tensor]
) -> float:
    """Return the greatest difference that the adapter makes to the logits after a prompt.

    Args:
        model: After its training.
        ids: The prompt.
        before: The base's weights that were trained, see `base_weights`.

    Raises:
        TrainError: It is not finite, or nil: the adapter changes nothing.
    """
    import torch

    inputs = torch.tensor([list(ids)], device=model.device)
    with torch.no_grad():
        tuned = model(input_ids=inputs).logits[0, -1].float()
        with without_adapter(model, before):
            plain = model(input_ids=inputs).logits[0, -1].float()
    found = float((tuned - plain).abs().max())
    if not math.isfinite(found) or found == 0:
        what = "nothing" if found == 0 else "numbers that are not finite"
        raise TrainError(f"the trained adapter changes {what} in the base model's answer; lower or "
                         "raise training.learning_rate, and look at the loss")  # fmt: skip
    return found
