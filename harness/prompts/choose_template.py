"""Which chat template a model is asked in: its own, an adapter's, a file's, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PromptError
from harness.prompts.end_marks import LLAMA3, llama3_template
from harness.prompts.rendering import Rendering, open_rendering
from harness.records import Json
from harness.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class AdapterChat:
    """The chat template that an adapter was trained with.

    Attributes:
        variables: Those that the template was given, `date` included where one was chosen; None
            where nothing tells.
        system: System text of dialogues that had none, None where it was left to the template.
    """

    template: str
    variables: Mapping[str, Json] | None = None
    system: str | None = None


def choose_template(
    where: str,
    spec: ModelSpec,
    tokenizer: PreTrainedTokenizerBase,
    root: Path,
    trained: AdapterChat | None,
) -> str | None:
    """Return the chat template that a model is asked in, or None for plain text.

    Args:
        where: What names the model's entry in errors.
        spec: Its entry in models.yaml.
        tokenizer: Brings the model's own template.
        root: The project; a template file lies under `root/prompts`.
        trained: What the model's adapter was trained with, or None.

    Raises:
        PromptError: Another template than the adapter's, or none where one is needed.
    """
    if trained is not None and spec.chat_template is None:
        return trained.template
    found = _named_template(where, spec, tokenizer, root)
    if trained is not None and _written(found) != _written(trained.template):
        raise PromptError(f"{where}: chat_template {spec.chat_template} is not the one "
                          "that the adapter was trained with; remove the key")  # fmt: skip
    return found


def choose_variables(
    where: str,
    spec: ModelSpec,
    tokenizer: PreTrainedTokenizerBase,
    template: str,
    trained: AdapterChat | None,
) -> Rendering:
    """Return how a model's chat template is rendered, with the variables of its adapter if any.

    Args:
        where: What names the model's entry in errors.
        spec: Its entry in models.yaml.
        tokenizer: The model's.
        template: The chat template that was chosen.
        trained: What the model's adapter was trained with, or None.

    Raises:
        PromptError: The template does not read a variable, or the adapter was trained with others.
    """
    where = f"{where}: template"
    learned = trained.variables if trained is not None else None
    if learned is None:
        return open_rendering(tokenizer, template, spec.template, where=where)
    found = open_rendering(tokenizer, template, spec.template or learned, where=where)
    before = open_rendering(tokenizer, template, learned, where=where)
    if (found.variables, found.day) != (before.variables, before.day):
        raise PromptError(f"{where}: {_told(spec.template)} is not what the adapter was trained "
                          f"with ({_told(learned) or 'none'}); remove the key")  # fmt: skip
    return found


def choose_system(where: str, spec: ModelSpec, trained: AdapterChat | None) -> str | None:
    """Return the system text of conversations that have none, None to leave it to the template.

    Args:
        where: What names the model's entry in errors.
        spec: Its entry in models.yaml.
        trained: What the model's adapter was trained with, or None.

    Raises:
        PromptError: The adapter was trained with another one.
    """
    # Where no variables are told, no system text is told either.
    if trained is None or trained.variables is None or spec.system == trained.system:
        return spec.system
    if spec.system is None:
        return trained.system
    learned = "none" if trained.system is None else repr(trained.system)
    raise PromptError(f"{where}: system: {spec.system!r} is not what the adapter was trained with "
                      f"({learned}); remove the key")  # fmt: skip


def _written(template: str | None) -> str | None:
    """Return a template without its last line break, which it does not write."""
    return None if template is None else template.removesuffix("\n")


def _told(variables: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {value}" for name, value in variables.items())


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
