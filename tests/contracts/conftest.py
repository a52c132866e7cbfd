"""LoRA adapters for the tiny random model."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from encoders import make_encoder

from harness.engines.classifiers.rows import save_training, training_set
from harness.records import Adapter

HIDDEN = 64
LAYERS = 2


@pytest.fixture(scope="session")
def tiny_training(tmp_path_factory):
    """File of random training rows with 160 labels, in a cache of its own."""
    drawn = random.Random(0)
    rows = [[drawn.randrange(2, 150) for _ in range(20)] for _ in range(320)]
    training = training_set(rows, [i % 160 for i in range(320)], words=150, classes=160)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield save_training(training)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory):
    """A random encoder with 160 classes, and more words."""
    names = [f"c{number}" for number in range(160)]
    folder = tmp_path_factory.mktemp("encoder")
    return make_encoder(folder, classes=names, words=names, length=255)


@pytest.fixture(scope="session")
def tiny_adapters(tiny_model, tmp_path_factory):
    """Two random LoRA adapters of rank 4 for the tiny model."""
    return tuple(_adapter(tmp_path_factory.mktemp(f"adapter{seed}"), seed) for seed in (1, 2))


def _adapter(folder: Path, seed: int) -> Adapter:
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    rank, weights = 4, {}
    for layer in range(LAYERS):
        name = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(rank, HIDDEN, generator=generator)
        weights[f"{name}.lora_B.weight"] = torch.randn(HIDDEN, rank, generator=generator)
    save_file(weights, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["q_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return Adapter(path=str(folder), digest=f"adapter-{seed}", rank=rank)
