"""A tiny project and tiny tokenizers, made on the spot: no network, no weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from engine_starts import prepared_engines, quick_engines  # noqa: F401
from lanes import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_unconfigure,
    share_processors,
    small_heap,
)

share_processors()

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PROMPT = """\
{% macro system(shots) %}{% if shots %}Examples:

{{ shots }}{% endif %}{% endmacro %}
{% macro user(text, shots) %}
{% if shots %}
Examples:

{{ shots }}

{% endif %}
Is it {{ words.values() | join(" or ") }}?

{{ text }}
{% endmacro %}
{% macro shot(text, answer) %}
{{ text }}
Verdict: {{ answer }}
{% endmacro %}
{% macro prefill() %}@PREFILL@{% endmacro %}
"""
# Labels fit the texts, so that a tiny set has something to tell apart.
ROWS = [
    (f"r{i}", f"{'a fine' if i % 2 else 'a dull'} film number {i}", ("positive", "negative")[i % 2])
    for i in range(12)
]
EVALSET = """\
description: a tiny set
data:
  source: file:data.csv
  id: id
  split: {test_size: 0.5, seed: 1}
labels: [positive, negative]
models: [tiny]
prompts:
  - plain.j2
  - prefill.j2
modes:
  - zeroshot
  - mode: fewshot
    k: 2
    placement: [system, user, chat]
"""
MODELS = """\
models:
  tiny:
    source: file:model
    engine: fake
    dtype: float32
"""


class Project:
    """A project folder with eval sets, prompts, data and a model folder without weights."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("prompts/plain.j2", PROMPT.replace("@PREFILL@", ""))
        self.write("prompts/prefill.j2", PROMPT.replace("@PREFILL@", "The verdict is"))
        lines = ["id,text,label", *(",".join(row) for row in ROWS)]
        self.write("data.csv", "\n".join(lines) + "\n")
        self.models(MODELS)
        self.evalset(EVALSET)

    def write(self, name: str, text: str) -> Path:
        """Write a file at a path relative to the root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def models(self, text: str) -> Path:
        """Write models.yaml."""
        return self.write("evalsets/models.yaml", text)

    def evalset(self, text: str, name: str = "set") -> Path:
        """Write an eval set."""
        return self.write(f"evalsets/{name}.yaml", text)


def make_tokenizer(
    folder: Path,
    *,
    template: str | None = CHATML,
    bos: str = "<s>",
    adds_bos: bool = False,
    window: int | None = 512,
    words: bool = False,
    ascii_texts: Sequence[str] = (),
    special: Sequence[str] = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"),
) -> Path:
    """Write tokenizer and config of a tiny model, and return their folder.

    Args:
        folder: Where.
        template: The tokenizer's own chat template.
        bos: Its BOS token.
        adds_bos: Whether it puts BOS before every text by itself.
        window: `max_position_embeddings` of the config.
        words: Split into words with the space before them, so that labels are single tokens;
            else into bytes.
        ascii_texts: Learn words from these instead, and know printable ASCII, space and newline
            alone: every sequence of tokens is valid text.
        special: Its special tokens, the one for padding first.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [" positive negative positive negative", "positive\nnegative\n"] * 8 if words else []
    alphabet = [*map(chr, range(33, 127)), "Ġ", "Ċ"] if ascii_texts else None
    trainer = trainers.BpeTrainer(
        vocab_size=30_000 if ascii_texts else 300 + 60 * words,
        special_tokens=list(special),
        initial_alphabet=alphabet or pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(ascii_texts or texts, trainer)
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token="<|im_end|>",
        pad_token=special[0],
        clean_up_tokenization_spaces=False,
    )
    if template is not None:
        fast.chat_template = template
    folder.mkdir(parents=True, exist_ok=True)
    fast.save_pretrained(folder)
    config = {"model_type": "llama", "vocab_size": len(fast)}
    if window is not None:
        config["max_position_embeddings"] = window
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def make_llama(
    folder: Path, *, hidden: int, heads: int, key_heads: int, layers: int = 2, window: int
) -> Path:
    """Write a random float32 Llama beside the tokenizer in a folder, and return the folder.

    Args:
        folder: With a tokenizer.
        hidden: Width of the model, a multiple of the heads.
        heads: Query heads; `key_heads` of keys and values.
        layers: How many.
        window: Longest prompt and completion together, in tokens.
    """
    torch = pytest.importorskip("torch", reason="the tiny model needs torch")
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=window,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        # With the default of 0.02 all tokens are nearly equally likely, and nothing differs.
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def llamas() -> Callable[..., Path]:
    """Return `make_llama`."""
    return make_llama


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Folder of a random Llama that writes valid text only; its head size, 32, is one of vLLM's."""
    texts = [
        "The review is positive. The review is negative.",
        "Is this movie review positive or negative? I liked the film, it was great fun to watch!",
        "I did not like the film; it was a dull, long and tiresome mess from start to end.",
    ]
    folder = make_tokenizer(
        tmp_path_factory.mktemp("tiny"),
        bos="<|im_start|>",
        ascii_texts=texts,
        special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    )
    return make_llama(folder, hidden=64, heads=2, key_heads=1, window=256)


@pytest.fixture(scope="session")
def lettered() -> Callable[..., None]:
    """Return a function that writes a tokenizer of single letters, of which it lacks some."""

    def made(folder: Path, *, without: str) -> None:
        from tokenizers import Tokenizer, models
        from transformers import PreTrainedTokenizerFast

        known = ["<unk>", "<s>", "</s>", "\n", *map(chr, range(32, 127))]
        vocab = {one: i for i, one in enumerate(one for one in known if one not in without)}
        letters = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>"))
        fast = PreTrainedTokenizerFast(tokenizer_object=letters, unk_token="<unk>",
                                       bos_token="<s>", eos_token="</s>")  # fmt: skip
        fast.chat_template = (
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% endif %}"
        )
        fast.save_pretrained(folder)
        config = {"model_type": "llama", "vocab_size": len(fast), "max_position_embeddings": 4096}
        (folder / "config.json").write_text(json.dumps(config))

    return made


@pytest.fixture
def project(tmp_path) -> Project:
    """A tiny project; its model folder has no tokenizer, see `model_project`."""
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def tokenizers() -> Callable[..., Path]:
    """Return `make_tokenizer`."""
    return make_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """Tokenizer and config of a tiny model that writes ChatML; no weights."""
    return make_tokenizer(tmp_path_factory.mktemp("tiny-tokenizer"), words=True)


@pytest.fixture
def model_project(project, tiny_folder, quick_engines) -> Project:  # noqa: F811  # a fixture
    """A tiny project whose model folder has tokenizer and config; its engines are forks."""
    (project.root / "model").symlink_to(tiny_folder, target_is_directory=True)
    return project


@pytest.fixture(scope="session")
def smollm2():
    """Folder of the embedded default model, fetched and built at first use."""
    from harness.sources.assets import model_asset
    from harness.spec import load_models

    root = Path(__file__).parents[1]
    models = load_models(root / "evalsets" / "models.yaml", root=root)
    return model_asset(models["smollm2-135m"], base=root).path
