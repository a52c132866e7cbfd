"""Random adapters of each kind on a tiny random model, made and asked by peft alone."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

VOCABULARY = 100
PROMPT = (9, 8, 7, 6, 5, 40, 41)
_QV: Mapping[str, Any] = {"target_modules": ["q_proj", "v_proj"]}
# What stands beside the base's weights: one engine serves many of them, and the base.
BESIDE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "plain": _QV,
        "all": {"target_modules": "all-linear"},
        "rslora": {**_QV, "use_rslora": True},
        "dora": {**_QV, "use_dora": True},
        "lora_bias": {**_QV, "lora_bias": True},
        "gaussian": {**_QV, "init_lora_weights": "gaussian"},
        "orthogonal": {**_QV, "init_lora_weights": "orthogonal"},
        "mica": {**_QV, "init_lora_weights": "mica"},
        "eva": {**_QV, "init_lora_weights": "eva"},
        "last_layer": {**_QV, "layers_to_transform": [1]},
        "pattern": {"target_modules": r".*layers\.1\.self_attn\.(q|o)_proj"},
        "excluded": {**_QV, "exclude_modules": ["layers.0.self_attn.v_proj"]},
        "patterns": {
            **_QV,
            "rank_pattern": {"layers.0.self_attn.q_proj": 2},
            "alpha_pattern": {r"layers\.1\..*": 32},
        },
    }
)
# What changes the base's weights, or takes the place of modules: an engine of its own.
ALONE: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "pissa": {**_QV, "init_lora_weights": "pissa"},
        "olora": {**_QV, "init_lora_weights": "olora"},
        "bias_all": {**_QV, "bias": "all"},
        "bias_lora_only": {**_QV, "bias": "lora_only"},
        "head": {"target_modules": ["q_proj", "lm_head"]},
        "embeddings": {"target_modules": ["q_proj", "embed_tokens"]},
        "both_ends": {"target_modules": ["q_proj", "embed_tokens", "lm_head"]},
        "whole_head": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        "whole_ends": {
            "target_modules": ["q_proj"],
            "modules_to_save": ["lm_head", "embed_tokens"],
        },
        "norms": {"target_modules": ["q_proj"], "modules_to_save": ["norm"]},
        "tokens": {"target_modules": ["q_proj"], "trainable_token_indices": [7, 9, 50]},
    }
)
KINDS = {**BESIDE, **ALONE}


def make_base(folder: Path, *, tied: bool = False, **changes: Any) -> Path:
    """Write a random Llama of two layers with biases, and return its folder.

    A tokenizer that lies there already says how many tokens there are.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    known = folder / "config.json"
    rows = json.loads(known.read_text())["vocab_size"] if known.is_file() else VOCABULARY
    config = LlamaConfig(
        **{
            "vocab_size": rows,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 128,
            "attention_bias": True,
            "tie_word_embeddings": tied,
            "initializer_range": 0.3,
            **changes,
        }
    )
    model = LlamaForCausalLM(config)
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(folder)
    return folder


def make_adapter(folder: Path, base: Path, kind: str, *, seed: int = 1, **changes: Any) -> Path:
    """Write an adapter of a kind whose weights have all been moved, and return its folder."""
    from peft import LoraConfig, get_peft_model

    options = {"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM", **KINDS[kind], **changes}
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Its EVA start would be computed from data.
        config = LoraConfig(**{**options, "init_lora_weights": True} if kind == "eva" else options)
        model = get_peft_model(load(base), config)
        generator = torch.Generator().manual_seed(seed)
        for name, weight in model.named_parameters():
            if weight.requires_grad or "lora_B" in name:
                weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
        model.save_pretrained(folder)
    if kind == "eva":
        configure(folder, init_lora_weights="eva")
    return folder


def write_adapter(folder: Path, *, hidden: int = 4096, **changes: Any) -> Path:
    """Write an adapter of one layer by hand, and return its folder.

    It fits a Llama of that width, such as that of a configuration that says nothing of widths.
    """
    from safetensors.torch import save_file

    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 8, "target_modules": ["q_proj"],
              "layers_to_transform": [0], **changes}  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file({f"{layer}.lora_A.weight": torch.ones(8, hidden),
               f"{layer}.lora_B.weight": torch.ones(hidden, 8)},
              folder / "adapter_model.safetensors")  # fmt: skip
    return folder


def configure(folder: Path, **changes: Any) -> None:
    """Change an adapter's configuration."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def load(base: Path) -> Any:
    """Return a base model in float32."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()


def asked_by_peft(
    base: Path, adapter: Path | None, ids: Sequence[int], prompt: Sequence[int] = PROMPT
) -> list[float]:
    """Return the log-probabilities of tokens after a prompt, with one adapter and nothing else."""
    from peft import PeftModel

    model = load(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if adapter is not None:
            model = PeftModel.from_pretrained(model, adapter).eval()
        with torch.inference_mode():
            logits = model(torch.tensor([list(prompt)])).logits[0, -1]
    found: list[float] = logits.double().log_softmax(dim=-1)[list(ids)].tolist()
    return found
