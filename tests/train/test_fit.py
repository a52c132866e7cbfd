"""What is tried to make a step fit."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest
import torch

from harness.train.fit import Fit, bytes_needed, candidates, fits_in_memory, heaviest

CONFIG = SimpleNamespace(num_hidden_layers=2, hidden_size=10, vocab_size=100)


def test_the_biggest_is_tried_first_and_checkpointing_before_small_ones():
    assert candidates(8, "auto", "auto") == [
        Fit(8, False), Fit(4, False),
        Fit(8, True), Fit(4, True), Fit(2, True), Fit(1, True),
    ]  # fmt: skip


def test_what_the_recipe_says_is_taken():
    assert candidates(8, 2, False) == [Fit(2, False)]
    assert candidates(8, 2, "auto") == [Fit(2, False), Fit(2, True)]
    assert candidates(6, "auto", True) == [Fit(6, True), Fit(3, True), Fit(2, True), Fit(1, True)]


def test_every_size_divides_the_batch():
    for size in (1, 5, 6, 12):
        assert all(size % fit.micro_batch == 0 for fit in candidates(size, "auto", "auto"))


def test_the_heaviest_micro_batch_is_that_with_the_most_padded_tokens():
    lengths = [9, 1, 5, 5, 2, 2]
    assert heaviest([[0, 1], [2, 3], [4, 5]], lengths, 2) == [0, 1]
    assert heaviest([[2, 3], [4, 5]], lengths, 1) == [2]


def test_bytes_grow_with_tokens_and_shrink_with_checkpointing_and_16_bits():
    def need(tokens, trained, checkpointing=False, dtype="float32"):
        return bytes_needed(CONFIG, tokens, trained, checkpointing=checkpointing, dtype=dtype)

    assert need(1, 0) == 2 * 10 * 68
    assert need(1, 0, dtype="bfloat16") == 2 * 10 * 34
    assert need(1, 1, checkpointing=True) == 2 * 10 * 4 + 1200


@pytest.mark.parametrize(("free", "fits"), [(2720, False), (2722, True)])
def test_half_of_the_free_memory_is_taken(monkeypatch, free, fits):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    assert fits_in_memory(1360, "cpu") is fits


@pytest.mark.parametrize(("free", "fits"), [(1700, False), (1702, True)])
def test_most_of_the_free_memory_of_a_gpu_is_taken(monkeypatch, free, fits):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 9999))
    assert fits_in_memory(1361, "cuda") is fits
