"""A tokenizer, chat template and configuration that stand in for those of a model not at hand.

Engine `fake` makes answers up and needs no weights, and so a set for a GPU can be tried where the
model was never downloaded. What its prompts would be, in tokens, is then not known.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from harness.sources.assets import ModelAsset
from harness.sources.cache import building, cache_folder
from harness.spec.modelspec import ModelSpec

# Raised with every change of what is written.
_VERSION = 1
_PAD, _TURN, _END = "<|stand-in-pad|>", "<|stand-in-turn|>", "<|stand-in-end|>"
_THOUGHT, _ANSWER = "<|stand-in-thought|>", "<|stand-in-answer|>"
_TEMPLATE = (
    "{% for message in messages %}"
    f"{_TURN}{{{{ message['role'] }}}}\n{{{{ message['content'] }}}}{_END}\n"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{_TURN}assistant\n{{% endif %}}"
)
_THINKING = (
    "{% for message in messages %}"
    f"{_TURN}{{{{ message['role'] }}}}\n{{% if message['reasoning'] %}}{_THOUGHT}"
    f"{{{{ message['reasoning'] }}}}{_ANSWER}{{% endif %}}{{{{ message['content'] }}}}{_END}\n"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{_TURN}assistant\n"
    f"{{% if not enable_thinking %}}{_THOUGHT}{_ANSWER}{{% endif %}}{{% endif %}}"
)
# Its tokens are bytes, several times as many as a model's, and so no measure of its window.
_WINDOW = 1 << 24


def stand_in_model(spec: ModelSpec, *, thinks: bool = False) -> ModelAsset:
    """Return what stands in for a model of which nothing is on this machine; made at first use.

    The tokenizer knows bytes, each a token, and three marks of its own. Its digest is that of the
    model's source alone.

    Args:
        spec: The model.
        thinks: Whether its template is to know thoughts, which takes two marks more.

    Raises:
        AssetError: The cache cannot be written.
    """
    name = f"stand-in{'-thinks' if thinks else ''}-v{_VERSION}"
    target = cache_folder("models") / name
    with building(target) as out:
        if out is not None:
            _write(out, thinks=thinks)
    digest = hashlib.sha256(f"stand-in {spec.source} {spec.member}".encode()).hexdigest()
    return ModelAsset(target, "stand-in", digest, gguf=False, stand_in=True)


def _write(folder: Path, *, thinks: bool) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = [_PAD, _TURN, _END, *([_THOUGHT, _ANSWER] if thinks else [])]
    known = [*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({text: number for number, text in enumerate(known)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(marks)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=_END,
        pad_token=_PAD,
        additional_special_tokens=[_TURN, *marks[3:]],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _THINKING if thinks else _TEMPLATE
    fast.save_pretrained(folder)
    config = {"vocab_size": len(fast), "max_position_embeddings": _WINDOW}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
