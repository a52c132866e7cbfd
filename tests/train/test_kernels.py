"""LoRA in few steps against PEFT's own."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from harness.train.kernels import fused_lora

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
IDS = torch.tensor([[3, 4, 5, 6, 7, 8, 9, 10, 11]])


def build(**lora):
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2)  # fmt: skip
    options = {"r": 4, "lora_alpha": 8, "target_modules": TARGETS, **lora}
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(**options))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    return model


def passes(model, amp=False):
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        loss = model(input_ids=IDS, labels=IDS).loss
    loss.backward()
    return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters()
                         if p.grad is not None}  # fmt: skip


@pytest.mark.parametrize("lora", [{}, {"lora_alpha": 4}, {"use_rslora": True}, {"bias": "all"}])
def test_loss_and_gradients_are_those_of_peft(lora):
    model = build(**lora)
    loss, gradients = passes(model)
    with fused_lora(model) as layers:
        ours, found = passes(model)
    assert layers == 14
    assert ours == pytest.approx(loss, rel=1e-6)
    assert found.keys() == gradients.keys()
    assert len(found) >= 28
    for name, gradient in gradients.items():
        assert torch.allclose(found[name], gradient, atol=1e-5), name


def test_in_16_bits_it_differs_by_rounding_alone():
    model = build()
    for name, weight in model.named_parameters():
        if "lora" not in name:
            weight.data = weight.data.bfloat16()
    loss, gradients = passes(model, amp=True)
    with fused_lora(model):
        ours, found = passes(model, amp=True)
    assert ours == pytest.approx(loss, rel=2e-3)
    for name, gradient in gradients.items():
        assert found[name].dtype == torch.float32
        assert torch.allclose(found[name], gradient, atol=0.1, rtol=0.1), name


def test_it_ends_with_the_block():
    model = build()
    with fused_lora(model):
        changed = passes(model)
    with torch.no_grad(), model.disable_adapter():
        plain = model(input_ids=IDS, labels=IDS).loss.item()
    assert plain != pytest.approx(changed[0], rel=1e-6)
    assert "forward" not in vars(model.get_base_model().model.layers[0].self_attn.q_proj)


@pytest.mark.parametrize("lora", [{"lora_dropout": 0.1}, {"use_dora": True}])
def test_what_is_not_plain_is_left_to_peft(lora):
    with fused_lora(build(**lora)) as layers:
        assert layers == 0
