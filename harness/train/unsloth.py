"""The backend unsloth: its own kernels on a GPU, plain PyTorch on a CPU."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.spec.recipe import Recipe

if TYPE_CHECKING:
    from peft import PeftModel
    from trl import SFTTrainer


def prepare() -> None:
    """Import unsloth, which must patch the other libraries before they are used.

    It would load vLLM's compiled parts to see whether they work. Training needs none of them, and
    those of the CPU build kill the process where the CPU lacks AVX-512.
    """
    hidden = "vllm" not in sys.modules
    if hidden:
        sys.modules["vllm"] = None  # type: ignore[assignment]  # how Python marks what is not there
    try:
        import unsloth  # noqa: F401
    finally:
        if hidden:
            del sys.modules["vllm"]


def load(folder: Path, recipe: Recipe, *, device: str, dtype: str, four_bit: bool) -> PeftModel:
    """Return a base model with fresh LoRA weights; see `harness.train.trl.load`."""
    import torch
    from unsloth import FastLanguageModel

    lora, training = recipe.lora, recipe.training
    model, _ = FastLanguageModel.from_pretrained(
        model_name=str(folder),
        max_seq_length=training.max_length,
        dtype=torch.bfloat16 if dtype == "bfloat16" else torch.float32,
        load_in_4bit=four_bit,
        trust_remote_code=False,
    )
    return FastLanguageModel.get_peft_model(
        model,
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        bias=lora.bias,
        target_modules=list(lora.target_modules),
        random_state=training.seed,
        use_gradient_checkpointing=False,
        max_seq_length=training.max_length,
    )


def trainer_class() -> type[SFTTrainer]:
    """Return the trainer as unsloth has patched it, with its own fused loss."""
    from trl import SFTTrainer

    found: type[SFTTrainer] = SFTTrainer
    return found
