"""The loss of the TRL backend against the plain one."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from harness.train.batches import FlatCollator, PaddedCollator
from harness.train.loss import trained_loss
from harness.train.template import MASKED

SIZE = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3,
        "num_attention_heads": 2, "num_key_value_heads": 1}  # fmt: skip
MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZE)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SIZE)),
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig(**SIZE, head_dim=8, sliding_window=4)),
}
ROWS = [list(range(3, 15)), [4, 9, 7], [8, 8, 1, 2, 3, 4, 5]]
FEATURES = [{"input_ids": row, "labels": [MASKED] * (len(row) // 2) + row[len(row) // 2 :]}
            for row in ROWS]  # fmt: skip


@pytest.fixture(params=list(MODELS))
def model(request):
    torch.manual_seed(0)
    kind, config = MODELS[request.param]
    return kind(config).eval()


def test_padded_and_flat_rows_have_the_loss_of_each_row_alone(model):
    losses, tokens = 0.0, 0
    with torch.no_grad():
        for feature in FEATURES:
            ids = torch.tensor([feature["input_ids"]])
            logprobs = model(input_ids=ids).logits[0].log_softmax(-1)
            for place, label in enumerate(feature["labels"]):
                if label != MASKED:
                    losses -= float(logprobs[place - 1, label])
                    tokens += 1
        for collator in (PaddedCollator(0), FlatCollator()):
            assert float(trained_loss(model, collator(FEATURES))) == pytest.approx(
                losses / tokens, rel=1e-5
            )


def test_gradients_of_flat_rows_are_those_of_padded_ones(model):
    found = []
    for collator in (PaddedCollator(0), FlatCollator()):
        model.zero_grad()
        trained_loss(model, collator(FEATURES)).backward()
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert len(found[0]) == len(found[1]) > 10
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_micro_batches_add_up_to_the_step(model):
    with torch.no_grad():
        whole = trained_loss(model, FlatCollator()(FEATURES))
        total = sum(label != MASKED for feature in FEATURES for label in feature["labels"])
        parts = [trained_loss(model, FlatCollator()([one]), total) for one in FEATURES]
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)
