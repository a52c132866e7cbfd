"""When flat rows need no mask, and that attention is switched back."""

from __future__ import annotations

import pytest
from peft import LoraConfig, get_peft_model
from transformers import Gemma2Config, LlamaConfig, LlamaForCausalLM

from harness.train.packed import can_pack, packed_attention

SIZE = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "device", "dtype", "packs"),
    [
        (LlamaConfig(**SIZE), "cuda", "bfloat16", True),
        (LlamaConfig(**SIZE), "cpu", "bfloat16", False),
        (LlamaConfig(**SIZE), "cuda", "float32", False),
        (LlamaConfig(**SIZE, attention_dropout=0.1), "cuda", "bfloat16", False),
        (LlamaConfig(**SIZE, head_dim=320), "cuda", "bfloat16", False),
        (LlamaConfig(**SIZE, head_dim=12), "cuda", "bfloat16", False),
        (Gemma2Config(**SIZE), "cuda", "bfloat16", False),  # caps its scores
    ],
)
def test_flash_attention_takes_what_it_can_compute(config, device, dtype, packs):
    assert can_pack(config, device=device, dtype=dtype) is packs


def test_attention_is_switched_back():
    base = LlamaForCausalLM(LlamaConfig(**SIZE))
    model = get_peft_model(base, LoraConfig(target_modules=["q_proj"]))
    before = base.config._attn_implementation
    with packed_attention(model):
        assert base.config._attn_implementation != before
        assert base.model.config._attn_implementation != before
    assert base.config._attn_implementation == before
