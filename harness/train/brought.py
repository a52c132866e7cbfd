"""Chat template and tokenizer that an adapter brings in its folder, beside those of its base."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import AssetError
from harness.jsontext import json_value
from harness.prompts.choose_template import AdapterChat
from harness.prompts.tokenizers import SPLIT_TEXTS, file_tokenizer
from harness.records import Json
from harness.sources.assets import ModelAsset
from harness.train.record import read_record

TEMPLATE = "chat_template.jinja"
_TOKENIZER = "tokenizer.json"
_SETTINGS = "tokenizer_config.json"
_ADDED = "added_tokens.json"
_MAP = "special_tokens_map.json"
_FIX = (
    "name the model that it was trained on as its source in models.yaml, or take the tokenizer's "
    "files out of its folder if it was trained without them"
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenizer's vocabulary, as its files have it.

    Attributes:
        ids: Id of each token.
        special: Those of them that stand in no text.
    """

    ids: Mapping[str, int]
    special: frozenset[str]


def adapter_chat(folder: Path, name: str, base: ModelAsset) -> AdapterChat | None:
    """Return what an adapter is asked in: as it was trained, or as its folder says.

    Args:
        folder: The adapter's.
        name: The model's name in models.yaml, for errors.
        base: The model that it is put on.

    Returns:
        None where the folder says nothing.

    Raises:
        AssetError: It has no record of training, and a tokenizer that is not its base's.
    """
    record = read_record(folder)
    if record is not None:
        given, system = record.get("variables"), record.get("system")
        return AdapterChat(
            str(record.get("template", "")),
            given if isinstance(given, dict) else {},
            system if isinstance(system, str) else None,
        )
    template = brought_template(folder)
    asked = template if template is not None else brought_template(base.path)
    if problem := tokenizer_problem(folder, base.path, asked):
        raise AssetError(f"{name}: {folder}: {problem}")
    return AdapterChat(template) if template is not None else None


def brought_template(folder: Path) -> str | None:
    """Return the chat template in an adapter's folder, None where it brings none.

    Raises:
        AssetError: Its file cannot be read.
    """
    path = folder / TEMPLATE
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise AssetError(f"{path} cannot be read; write it in UTF-8") from error
    found = _object(folder / _SETTINGS).get("chat_template")
    if isinstance(found, list):
        named = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = named.get("default")
    return found if isinstance(found, str) else None


def tokenizer_problem(folder: Path, base: Path, template: str | None) -> str | None:
    """Return in what an adapter's own tokenizer differs from its base's, or None.

    Prompts are written in the base's tokens, which must be those that the adapter was trained on.
    A special token that only one of the two has does no harm where no prompt has it: texts that
    spell one are not asked about.

    Args:
        folder: The adapter's.
        base: The base model's.
        template: The chat template that the adapter is asked in, None for plain text.

    Raises:
        AssetError: A file cannot be read.
    """
    own, theirs = _tokens(folder), _tokens(base)
    if own is None or theirs is None or _same_file(folder, base):
        return _marks_problem(folder, base, template)
    for token, number in own.ids.items():
        if theirs.ids.get(token, number) != number:
            return (f"its tokenizer has id {number} for {token!r}, and the base model's has "
                    f"{theirs.ids[token]}; {_FIX}")  # fmt: skip
    for one, other, whose, lacks in ((own, theirs, "its", "the base model's"),
                                     (theirs, own, "the base model's", "its own")):  # fmt: skip
        for token in one.ids.keys() - other.ids.keys():
            if token not in one.special or (template is not None and token in template):
                return (f"{whose} tokenizer has the token {token!r} (id {one.ids[token]}), which "
                        f"{lacks} lacks; {_FIX}")  # fmt: skip
    return _text_problem(folder, base) or _marks_problem(folder, base, template)


def _text_problem(folder: Path, base: Path) -> str | None:
    """Say which of a few texts two tokenizers split otherwise."""
    files = [folder / _TOKENIZER, base / _TOKENIZER]
    if not all(file.is_file() for file in files):
        return None
    own, theirs = file_tokenizer(folder), file_tokenizer(base)
    for text in SPLIT_TEXTS:
        one = own.encode(text, add_special_tokens=False)
        other = theirs.encode(text, add_special_tokens=False)
        if one.ids != other.ids:
            return (f"its tokenizer splits {text[:20]!r} into {one.tokens[:8]}, and the base "
                    f"model's into {other.tokens[:8]}; {_FIX}")  # fmt: skip
    return None


def _marks_problem(folder: Path, base: Path, template: str | None) -> str | None:
    """Say which mark that a template writes by its role is another one in the base."""
    for key in ("bos_token", "eos_token"):
        own = _mark(folder, key)
        if own is None or template is None or not re.search(rf"\b{key}\b", template):
            continue
        theirs = _mark(base, key)
        if theirs != own:
            return (f"its chat template writes {key}, which is {own!r} in its tokenizer and "
                    f"{theirs!r} in the base model's; write the mark itself into the template, "
                    f"or {_FIX}")  # fmt: skip
    return None


def _mark(folder: Path, key: str) -> str | None:
    for name in (_SETTINGS, _MAP):
        found = _object(folder / name).get(key)
        if isinstance(found, dict):
            found = found.get("content")
        if isinstance(found, str):
            return found
    return None


def _same_file(folder: Path, base: Path) -> bool:
    files = [folder / _TOKENIZER, base / _TOKENIZER]
    return all(file.is_file() for file in files) and (
        files[0].read_bytes() == files[1].read_bytes()
    )


def _tokens(folder: Path) -> Tokens | None:
    """Return the tokens that a folder's files tell, None where it has no such files."""
    whole = _object(folder / _TOKENIZER)
    model = whole.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else _object(folder / "vocab.json")
    ids = _ids(vocabulary)
    special: set[str] = set()
    added = whole.get("added_tokens")
    decoder = _object(folder / _SETTINGS).get("added_tokens_decoder")
    entries = added if isinstance(added, list) else []
    if isinstance(decoder, dict):
        entries = [*entries, *({"id": key, **one} for key, one in decoder.items()
                               if isinstance(one, dict))]  # fmt: skip
    for one in entries:
        if isinstance(one, dict) and str(one.get("id")).isdigit():
            ids.setdefault(str(one.get("content")), int(str(one["id"])))
            special |= {str(one.get("content"))} if one.get("special") else set()
    ids = {**_ids(_object(folder / _ADDED)), **ids}
    return Tokens(ids, frozenset(special)) if ids else None


def _ids(vocabulary: Json) -> dict[str, int]:
    if isinstance(vocabulary, dict):
        return {token: number for token, number in vocabulary.items() if isinstance(number, int)}
    if isinstance(vocabulary, list):  # with a score each
        pieces: Sequence[Json] = vocabulary
        return {str(piece[0]): number for number, piece in enumerate(pieces)
                if isinstance(piece, list) and piece}  # fmt: skip
    return {}


def _object(path: Path) -> dict[str, Json]:
    """Return a JSON object, {} where there is no such file."""
    if not path.is_file():
        return {}
    try:
        found = json_value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AssetError(f"{path} cannot be read: it is not valid JSON; copy it again, or remove "
                         "it") from error  # fmt: skip
    return found if isinstance(found, dict) else {}
