"""A tiny random Llama with grouped key heads."""

from __future__ import annotations

import pytest

WINDOW = 128


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory, tokenizers):
    """Folder of a random float32 Llama of 2 layers and a tokenizer of bytes and label words."""
    torch = pytest.importorskip("torch", reason="the tiny model needs torch")
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tokenizers(tmp_path_factory.mktemp("llama"), words=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=WINDOW,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        # With the default of 0.02 all tokens are nearly equally likely, and nothing differs.
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    return folder
