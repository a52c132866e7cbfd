"""LoRA weights: the same beginning everywhere, and whether they do something."""

from __future__ import annotations

import math

import pytest
import torch
from peft import get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from harness.errors import TrainError
from harness.spec.recipe import LoraSpec
from harness.train.lora import (
    base_weights,
    check_targets,
    lora_config,
    probe_difference,
    seed_lora,
    without_adapter,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    base = LlamaForCausalLM(LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1))  # fmt: skip
    return get_peft_model(base, lora_config(LoraSpec(r=4, alpha=4, rslora=True))).eval()


def matrices(model, kind):
    return {name: p.detach().clone() for name, p in model.named_parameters() if kind in name}


def test_the_recipe_reaches_peft(model):
    config = model.peft_config["default"]
    assert (config.r, config.lora_alpha, config.use_rslora, config.bias) == (4, 4, True, "none")
    assert len(matrices(model, "lora_A")) == 2 * 7
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    assert layer.scaling["default"] == 4 / math.sqrt(4)


def test_the_beginning_depends_on_the_seed_alone(model):
    seed_lora(model, 7)
    first = matrices(model, "lora_A")
    seed_lora(model, 8)
    other = matrices(model, "lora_A")
    torch.manual_seed(99)
    seed_lora(model, 7)
    again = matrices(model, "lora_A")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
    assert len({float(tensor.sum()) for tensor in first.values()}) == len(first)
    for tensor in first.values():
        assert float(tensor.abs().max()) <= 1 / math.sqrt(tensor.shape[1])
    assert not any(tensor.any() for tensor in matrices(model, "lora_B").values())


def test_a_target_that_the_base_has_not_is_named(model):
    check_targets(model, ["self_attn.q_proj", "down_proj"])
    with pytest.raises(TrainError, match=r"target_modules has qkv_proj, k_prj, and the base model "
                       "does not: name modules that it has, such as down_proj, gate_proj, k_proj, "
                       "o_proj, q_proj, up_proj, v_proj$"):  # fmt: skip
        check_targets(model, ["q_proj", "qkv_proj", "k_prj"])


def test_an_untrained_adapter_changes_nothing(model):
    with pytest.raises(TrainError, match="changes nothing in the base model's answer"):
        probe_difference(model, [1, 2, 3], {})


def test_a_trained_one_does_and_a_broken_one_is_named(model):
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(weight)
    assert probe_difference(model, [1, 2, 3], {}) > 0
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(weight, float("nan"))
    with pytest.raises(TrainError, match="numbers that are not finite"):
        probe_difference(model, [1, 2, 3], {})


@pytest.mark.parametrize("bias", ["all", "lora_only", "none"])
def test_the_base_is_what_it_was_before_its_biases_were_trained(bias):
    torch.manual_seed(0)
    base = LlamaForCausalLM(LlamaConfig(
        vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, attention_bias=True))  # fmt: skip
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        wanted = base.eval()(ids).logits
        model = get_peft_model(base, lora_config(LoraSpec(r=4, bias=bias))).eval()
        before = base_weights(model)
        assert bool(before) is (bias != "none")
        for weight in model.parameters():
            if weight.requires_grad:
                weight += 0.1
        trained = model(ids).logits
        with without_adapter(model, before):
            assert torch.equal(model(ids).logits, wanted)
        assert torch.equal(model(ids).logits, trained)
    found = probe_difference(model, [1, 2, 3], before)
    assert found == pytest.approx(float((trained - wanted)[0, -1].abs().max()))
