"""The backend TRL + PEFT: how the base model comes to have LoRA weights, and its loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import TrainError
from harness.sources.loaded import attention_of, weights_problem
from harness.spec.recipe import Recipe
from harness.train.lora import lora_config
from harness.train.loss import trained_loss

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel
    from trl import SFTTrainer

    from harness.train.cuda_graphs import Recorder


def load(folder: Path, recipe: Recipe, *, device: str, dtype: str, four_bit: bool) -> PeftModel:
    """Return a base model with fresh LoRA weights.

    Args:
        folder: Its weights.
        recipe: The recipe.
        device: `cpu` or `cuda`.
        dtype: `float32` or `bfloat16`: that of the base weights.
        four_bit: Load the base weights as NF4.

    Raises:
        TrainError: The model has none of the target modules.
    """
    import torch
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    kind = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    quantization = None
    if four_bit:
        quantization = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=kind,
            bnb_4bit_use_double_quant=True,
        )
    model, told = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=kind,
        quantization_config=quantization,
        device_map={"": 0} if device == "cuda" else None,
        attn_implementation=attention_of(folder),
        output_loading_info=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    modules = {name for name, _ in model.named_modules()}
    if problem := weights_problem(told["missing_keys"], told["unexpected_keys"], modules):
        raise TrainError(f"the base model {folder} cannot be trained: {problem}")
    try:
        return get_peft_model(model, lora_config(recipe.lora))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise TrainError(f"LoRA cannot be put on the base model: {first}; name modules that it has "
                         "in lora.target_modules") from error  # fmt: skip


def trainer_class() -> type[SFTTrainer]:
    """Return TRL's trainer with a loss that computes logits of trained positions alone.

    TRL 1.15 computes its loss by a Triton kernel, which a CPU does not have, and takes figures of
    each micro-batch that make a GPU wait. This one is the same mean on every device.
    """
    from trl import SFTTrainer

    class Trainer(SFTTrainer):  # type: ignore[misc]  # the library has no types here
        recorder: Recorder | None = None

        def training_step(
            self,
            model: PreTrainedModel,
            inputs: Mapping[str, torch.Tensor],
            num_items_in_batch: torch.Tensor | int | None = None,
        ) -> torch.Tensor:
            if self.recorder is not None and num_items_in_batch is not None:
                model.train()
                try:
                    return self.recorder.step(self._prepare_inputs(inputs), num_items_in_batch)
                except RuntimeError:
                    # What cannot be recorded is computed as it comes. While it is recorded nothing
                    # is computed, so that gradients are those of the step's earlier micro-batches.
                    self.recorder = None
            return super().training_step(model, inputs, num_items_in_batch)

        def compute_loss(
            self,
            model: PreTrainedModel,
            inputs: Mapping[str, torch.Tensor],
            return_outputs: bool = False,
            num_items_in_batch: torch.Tensor | int | None = None,
        ) -> torch.Tensor | tuple[torch.Tensor, dict[str, torch.Tensor]]:
            loss = trained_loss(model, inputs, num_items_in_batch)
            # The logits are of trained positions alone, so that none are handed on.
            return (loss, {}) if return_outputs else loss

    return Trainer
