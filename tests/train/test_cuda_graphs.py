"""What is filled up to a fixed size has the loss and the gradients of what it was filled from."""

from __future__ import annotations

import contextlib

import pytest
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

from harness.train.batches import FlatCollator
from harness.train.cuda_graphs import Largest, Recorder, _fill
from harness.train.loss import kept_loss, trained_loss
from harness.train.template import MASKED

SIZE = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3,
        "num_attention_heads": 2, "num_key_value_heads": 1}  # fmt: skip
ROWS = [list(range(3, 15)), [4, 9, 7], [8, 8, 1, 2, 3, 4, 5]]
FEATURES = [{"input_ids": row, "labels": [MASKED] * (len(row) // 2) + row[len(row) // 2 :]}
            for row in ROWS]  # fmt: skip


@pytest.fixture(params=["llama", "gemma3"])
def model(request):
    torch.manual_seed(0)
    if request.param == "llama":
        return LlamaForCausalLM(LlamaConfig(**SIZE))
    return Gemma3ForCausalLM(Gemma3TextConfig(**SIZE, head_dim=8, sliding_window=4))


@pytest.mark.parametrize("features", [FEATURES, FEATURES[:2], FEATURES[1:]])
def test_a_filled_up_micro_batch_has_its_own_loss_and_gradients(model, features):
    recorder = Recorder(model, Largest(3, 22, 13), contextlib.nullcontext)
    inputs = FlatCollator(bounds=True)(features)
    tensors = recorder._buffers(64)
    for other in (FEATURES, features):  # what another micro-batch left behind does not show
        _fill(tensors, FlatCollator(bounds=True)(other), 5)
    names = ("input_ids", "position_ids")
    loss = kept_loss(model, {name: tensors[name] for name in names}, tensors["keep"],
                     tensors["targets"], tensors["total"])  # fmt: skip
    loss.backward()
    found = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    del inputs["cu_seq_lens_q"], inputs["max_length_q"]
    plain = trained_loss(model, inputs, 5)
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), rel=1e-5)
    for ours, weight in zip(found, model.parameters(), strict=True):
        assert torch.allclose(ours, weight.grad, atol=1e-5)


def test_bounds_leave_the_rest_to_a_row_of_its_own(model):
    tensors = Recorder(model, Largest(3, 22, 13), contextlib.nullcontext)._buffers(64)
    _fill(tensors, FlatCollator(bounds=True)(FEATURES[1:]), 5)
    assert tensors["cu_seq_lens_q"].tolist() == [0, 3, 10, 64, 64]
    assert tensors["position_ids"][0, :12].tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 0, 1]


def test_sizes_are_few_and_hold_what_they_must():
    largest = Largest(8, 3522, 2000)
    sizes = {largest.size(tokens) for tokens in range(1, 3523)}
    assert len(sizes) == 4
    assert all(largest.size(tokens) >= tokens for tokens in range(1, 3523))
    assert max(sizes) < 3522 * 1.1
