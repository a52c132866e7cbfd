# ruff: noqa: RUF001
"""Small GGUF files, written by the `gguf` package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gguf import GGUFWriter

WIDTH, HEADS, KEY_HEADS, MIDDLE = 32, 4, 2, 64
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
BYTE_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *map(chr, range(33, 127)),
               "Ġ", "Ċ", "hi", "Ġhi"]  # fmt: skip
# Types: 1 normal, 3 control, 4 user-defined, 6 byte. In SentencePiece's order of merges.
SCORED_TOKENS = {"<pad>": 3, "<eos>": 3, "<bos>": 3, "<unk>": 3, "<turn>": 3, "\n": 4, "\n\n": 4,
                 "  ": 4, "<td>": 4, **{f"<0x{byte:02X}>": 6 for byte in range(256)}}  # fmt: skip
PIECES = ["▁t", "he", "▁the", "re", "ere", "ll", "el", "aa", "aaa", "ра", "▁мир", "▁м", "ир",
          "br", "ro", "li", "lis", "st", *"▁abcdehilmnorstu.абвимнор"]  # fmt: skip


def byte_vocabulary(
    writer: GGUFWriter,
    *,
    eos: int = 2,
    tokens: Sequence[str] = BYTE_TOKENS,
    merges: Sequence[str] = ("h i", "Ġ hi"),
) -> list[str]:
    """Write a tokenizer of the kind `gpt2`, and return its tokens."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3, *[1] * (len(tokens) - 3)])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(eos)
    writer.add_pad_token_id(0)
    writer.add_chat_template(TEMPLATE)
    return list(tokens)


def scored_vocabulary(writer: GGUFWriter, **said: bool) -> list[str]:
    """Write a tokenizer of the kind `llama` with scores, and return its tokens.

    Args:
        writer: Of the file.
        said: Keys of the file such as `add_bos_token`; those left out are left out there.
    """
    tokens = [*SCORED_TOKENS, *PIECES]
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([*SCORED_TOKENS.values(), *[1] * len(PIECES)])
    writer.add_token_scores([*[0.0] * len(SCORED_TOKENS), *(-float(n) for n in range(len(PIECES)))])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for key, value in said.items():
        writer.add_bool(f"tokenizer.ggml.{key}", value)
    return tokens


def write_vocabulary(path: Path, write=scored_vocabulary, **options: object) -> Path:
    """Write a file that has a tokenizer and no weights."""
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(path, "llama")
    write(writer, **options)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def write_gguf(
    path: Path, write=byte_vocabulary, *, architecture: str = "llama", **options: object
) -> dict[str, object]:
    """Write a Llama, or Gemma 3, of one layer with random float32 weights; return them by name."""
    np = pytest.importorskip("numpy")
    gguf = pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(MIDDLE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    tokens = write(writer, **options)
    writer.add_vocab_size(len(tokens))
    key = WIDTH * KEY_HEADS // HEADS
    shapes = {
        "token_embd": (len(tokens), WIDTH),
        "output_norm": (WIDTH,),
        "blk.0.attn_norm": (WIDTH,),
        "blk.0.ffn_norm": (WIDTH,),
        "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (key, WIDTH),
        "blk.0.attn_v": (key, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH),
        "blk.0.ffn_gate": (MIDDLE, WIDTH),
        "blk.0.ffn_up": (MIDDLE, WIDTH),
        "blk.0.ffn_down": (WIDTH, MIDDLE),
    }
    if architecture == "gemma3":
        writer.add_key_length(WIDTH // HEADS)
        writer.add_value_length(WIDTH // HEADS)
        writer.add_sliding_window(16)
        shapes |= {f"blk.0.{name}_norm": (WIDTH,) for name in ("post_attention", "post_ffw")}
        shapes |= {f"blk.0.attn_{name}_norm": (WIDTH // HEADS,) for name in "qk"}
    random = np.random.default_rng(0)
    weights = {}
    for name, shape in shapes.items():
        weights[name] = random.normal(size=shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", weights[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights
