"""The tokenizer in a model's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Classes that say no more than what tokenizer.json holds.
_GENERAL = ("PreTrainedTokenizerFast", "TokenizersBackend")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer in a folder, as `AutoTokenizer` does.

    It takes the general class where the folder names that one, and here so is it taken without
    the import of `AutoTokenizer`, which alone costs seconds of processor time.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file cannot be understood.
    """
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    named = settings.get("tokenizer_class") in _GENERAL and "auto_map" not in settings
    tokenizer: PreTrainedTokenizerBase
    if named and (folder / "tokenizer.json").is_file():
        from transformers import PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer
