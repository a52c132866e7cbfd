"""Which chat template a model is asked in: its own, an adapter's, a file's, or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PromptError
from harness.prompts.marks import LLAMA3, llama3_template
from harness.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def choose_template(
    where: str,
    spec: ModelSpec,
    tokenizer: PreTrainedTokenizerBase,
    root: Path,
    trained: str | None,
) -> str | None:
    """Return the chat template that a model is asked in, or None for plain text.

    Args:
        where: What names the model's entry in errors.
        spec: Its entry in models.yaml.
        tokenizer: Brings the model's own template.
        root: The project; a template file lies under `root/prompts`.
        trained: The template that the model's adapter was trained with, or None.

    Raises:
        PromptError: Another template than the adapter's, or none where one is needed.
    """
    if trained is not None and spec.chat_template is None:
        return trained
    found = _named_template(where, spec, tokenizer, root)
    if trained is not None and found != trained:
        raise PromptError(f"{where}: chat_template {spec.chat_template} is not the one "
                          "that the adapter was trained with; remove the key")  # fmt: skip
    return found


def _named_template(
    where: str, spec: ModelSpec, tokenizer: PreTrainedTokenizerBase, root: Path
) -> str | None:
    wanted = spec.chat_template or ("plain" if spec.base else "own")
    if wanted == "plain":
        return None
    if wanted == LLAMA3:
        return llama3_template(tokenizer)
    if wanted != "own":
        path = root / "prompts" / wanted
        if not path.is_file():
            raise PromptError(f"{where}: no chat template prompts/{wanted}; create it")
        return path.read_text(encoding="utf-8")
    own = tokenizer.chat_template
    if isinstance(own, Mapping):
        own = own.get("default")
    if own is None:
        raise PromptError(f"{where}: its tokenizer has no chat template; set "
                          "chat_template to plain or to a file under prompts/")  # fmt: skip
    return str(own)
