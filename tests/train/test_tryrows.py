"""Which models are trained on flat rows, which on padded ones, and which on one row at a time."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from harness.train.batches import FlatCollator, PaddedCollator
from harness.train.tryrows import rows_stand_alone

SIZE = {"vocab_size": 50, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 64}  # fmt: skip
# By model type: what it is made of, and whether it knows where a flat row begins.
KINDS = {
    "llama": ({}, True),
    "gemma3_text": ({"head_dim": 8, "sliding_window": 4}, True),
    "gpt2": ({"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}, True),
    "opt": ({"ffn_dim": 32, "word_embed_proj_dim": 32}, False),
    "bloom": ({"n_layer": 2, "n_head": 4}, False),
    "mamba": ({"state_size": 8}, False),
    "lfm2": ({"layer_types": ["conv", "full_attention"]}, False),
    "gpt_oss": ({"head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1}, False),
}  # fmt: skip


def make(kind):
    torch.manual_seed(0)
    options = {**SIZE, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **KINDS[kind][0]}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options))
    for weight in model.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.3)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_see_the_rows_before_them_are_found(kind):
    model = make(kind).train()
    assert rows_stand_alone(model, FlatCollator()) is KINDS[kind][1]
    assert rows_stand_alone(model, PaddedCollator(0))
    assert model.training


def test_a_model_without_positions_has_no_flat_rows():
    class Strict(torch.nn.Module):
        device = torch.device("cpu")

        def __init__(self):
            super().__init__()
            self.inner = make("gpt2")

        def get_input_embeddings(self):
            return self.inner.get_input_embeddings()

        def forward(self, input_ids, attention_mask=None, use_cache=True):
            return self.inner(input_ids=input_ids, attention_mask=attention_mask)

    assert not rows_stand_alone(Strict(), FlatCollator())
    assert rows_stand_alone(Strict(), PaddedCollator(0))


def test_what_computes_the_batch_otherwise_is_tried_as_well():
    from contextlib import contextmanager

    model = make("llama")

    @contextmanager
    def other():
        hook = model.lm_head.register_forward_hook(lambda module, given, out: out * 2)
        yield
        hook.remove()

    assert not rows_stand_alone(model, FlatCollator(), other())
    assert rows_stand_alone(model, FlatCollator())
