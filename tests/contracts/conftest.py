"""A tiny random model with tokenizer and chat template, and LoRA adapters for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.records import Adapter

WINDOW = 256
HIDDEN = 64
LAYERS = 2
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TEXT = [
    "The review is positive. The review is negative.",
    "Is this movie review positive or negative? I liked the film, it was great fun to watch!",
    "I did not like the film; it was a dull, long and tiresome mess from start to end.",
]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder of a random Llama of 2 layers, as float32 safetensors, with a ChatML tokenizer."""
    torch = pytest.importorskip("torch", reason="the contract's tiny model needs torch")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        special_tokens=special,
        # Printable ASCII, space and newline: every sequence of tokens is valid text.
        initial_alphabet=[*map(chr, range(33, 127)), "Ġ", "Ċ"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _CHATML
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=WINDOW,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        # With the default of 0.02 all tokens are nearly equally likely, and nothing differs.
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    return folder


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
