"""Rows in the schema of saiga_scored -> dialogues with checked roles and turns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from harness.characters import half_character, is_blank
from harness.errors import AssetError
from harness.records import Json, Message, Note
from harness.records.notes import Fact
from harness.sources.assets import resolve
from harness.sources.hub import hub_table
from harness.sources.objects import key_twice, parse_objects
from harness.sources.rows import format_of, read_table
from harness.sources.values import NoText, TextCell, TextRow, shown_text
from harness.spec.base import SourceSpec, hub_name
from harness.spec.recipe import RecipeData
from harness.spec.yamlfile import YamlFile

# Of the commands that read a recipe, for a source out of reach.
_OPTION = "--data FILE"
_ROLES: Mapping[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "user": "user",
    "bot": "assistant",
    "assistant": "assistant",
}
# What other trainers read beside a message's text, and would be lost here without a word.
_UNREAD = (
    "tool_calls", "function_call", "tools", "functions", "reasoning_content", "reasoning",
    "thinking", "images", "videos", "audio", "audios", "train_detail", "training_detail",
)  # fmt: skip
# How they say whether a message is trained.
_TRAINED = ("weight", "train", "training", "trainable", "loss", "loss_weight", "loss_scale")
# What they read beside a row's messages: all of it but the last is written into a prompt as well.
_NOTHING = frozenset({"", "[]", "{}", "null"})
_BESIDE: Mapping[str, str] = MappingProxyType({
    **dict.fromkeys(("tools", "functions", "images", "videos", "audios"),
                    "which recipes do not train; take it out, or write it into the text"),
    "chat_template_kwargs": "which recipes do not read; write it as base.template, and take it out",
    "system": ("which is not what its messages begin with; write it as a first message of role "
               "system, or rename the column"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation that ends with an answer.

    Attributes:
        number: Its row in the source, from 1.
        messages: An optional system message, then user and assistant in turns.
        meta: Further columns as text: `true`, `1.5`, "" for none.
    """

    number: int
    messages: tuple[Message, ...]
    meta: Mapping[str, str]

    @property
    def replies(self) -> list[str]:
        """The assistant's answers."""
        return [m["content"] for m in self.messages if m["role"] == "assistant"]

    @property
    def turns(self) -> int:
        """Number of user turns."""
        return sum(m["role"] == "user" for m in self.messages)

    @property
    def text(self) -> str:
        """All that is said, a paragraph a turn."""
        return "\n".join(m["content"] for m in self.messages)


@dataclass(frozen=True, slots=True)
class DialogueSet:
    """What was read from a source.

    Attributes:
        source: Where it came from, as the recipe or the command line names it.
        revision: Commit or digest that pins the content.
        malformed: Why rows were left out, one line each.
    """

    dialogues: tuple[Dialogue, ...]
    source: str
    revision: str
    malformed: tuple[str, ...] = ()

    @property
    def notes(self) -> list[Note]:
        """What is to be said of it."""
        if not self.malformed:
            return []
        facts: dict[str, Fact] = {"count": len(self.malformed), "first": self.malformed[0]}
        return [Note("malformed", self.source, facts)]


def read_dialogues(
    data: RecipeData, *, base: Path, file: YamlFile, given: str | None = None
) -> DialogueSet:
    """Read and check the dialogues of a recipe.

    Args:
        data: Its key `data`.
        base: Folder that `file:` paths start from: the project's root.
        file: The recipe's file, for the place of a mistake.
        given: A file that stands in for the recipe's source; relative to the working folder.

    Raises:
        AssetUnreachable: The source is on a hub or index that cannot be reached.
        AssetError: A file is missing, broken or without the column `messages`.
        SpecError: A malformed dialogue, unless the recipe drops them.
    """
    source = given or data.source
    hub = hub_name(data.source)
    if given is not None or hub is None:
        spec = SourceSpec(source=f"file:{Path(given).expanduser().resolve()}") if given else data
        asset = resolve(spec, base=base, option=_OPTION)
        kind = format_of(asset.path) if given else data.format
        if given and kind is None:
            raise AssetError(f"--data {given}: its name tells no format; give a file that ends in "
                             ".jsonl, .json or .parquet")  # fmt: skip
        rows = read_table(asset.path, need=[], format=kind, shown=source).rows
        revision = asset.digest[:12]
    else:
        table, revision = hub_table(hub, data.hub_split, option=_OPTION)
        rows = table.rows
    if rows and not any("messages" in row for row in rows):
        known = {column: None for row in rows for column in row}
        raise AssetError(f"{source}: no column 'messages'; it has {', '.join(known)}; rename the "
                         "one that holds the dialogues to 'messages'")  # fmt: skip
    return _checked(rows, data, source, revision, file)


def _checked(
    rows: Sequence[TextRow], data: RecipeData, source: str, revision: str, file: YamlFile
) -> DialogueSet:
    dialogues: list[Dialogue] = []
    malformed: list[str] = []
    for number, row in enumerate(rows, 1):
        problem, messages = (read_messages(row["messages"]) if "messages" in row
                             else ("it has no 'messages'", ()))  # fmt: skip
        problem = problem or _beside(row, messages)
        if problem is not None:
            malformed.append(f"row {number}: {problem}")
            if data.malformed == "refuse":
                raise file.error(f"{source}: {malformed[0]}; fix it, or write malformed: drop "
                                 "under 'data'", ("data",))  # fmt: skip
            continue
        meta = {key: shown_text(cell) for key, cell in row.items() if key != "messages"}
        dialogues.append(Dialogue(number, messages, meta))
    if not dialogues:
        raise file.error(f"{source}: none of its {len(rows)} rows is a dialogue: "
                         + "; ".join(malformed[:1] or ["it is empty"]), ("data",))  # fmt: skip
    return DialogueSet(tuple(dialogues), source, revision, tuple(malformed))


def read_messages(cell: TextCell) -> tuple[str | None, tuple[Message, ...]]:
    """Return why a list of messages is not a dialogue (or None), and its messages.

    Args:
        cell: A list of mappings with `role` and `content`, or JSON of it.
    """
    raw = _read(cell.json if isinstance(cell, NoText) else cell)
    if not isinstance(raw, list) or not raw:
        return "'messages' is not a list of messages", ()
    if key := key_twice(raw):
        return f"'messages' has the key '{key}' twice in one message", ()
    messages: list[Message] = []
    for place, entry in enumerate(raw, 1):
        role = entry.get("role") if isinstance(entry, dict) else None
        content = entry.get("content") if isinstance(entry, dict) else None
        if not isinstance(role, str) or role not in _ROLES:
            return f"message {place} has role {role!r}; roles are {', '.join(_ROLES)}", ()
        text = content if isinstance(content, str) else ""
        told = _no_text(content) or _unread(text, entry if isinstance(entry, dict) else {})
        if told:
            return f"message {place} ({role}) {told}", ()
        messages.append({"role": _ROLES[role], "content": text})
    first = 1 if messages[0]["role"] == "system" else 0
    for place, message in enumerate(messages[first:]):
        wanted = ("user", "assistant")[place % 2]
        if message["role"] != wanted:
            return (f"message {place + first + 1} is the {message['role']}'s where the {wanted}'s "
                    "is due"), ()  # fmt: skip
    if messages[-1]["role"] != "assistant":
        return "it does not end with an answer", ()
    return None, tuple(messages)


def _beside(row: TextRow, messages: Sequence[Message]) -> str | None:
    """Say which column of a row belongs to its dialogue and would be lost, if one does."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    for column, why in _BESIDE.items():
        cell = row.get(column, "")
        lost = (
            _holds(_read(cell.json)) if isinstance(cell, NoText) else cell.strip() not in _NOTHING
        )
        if lost and not (column == "system" and cell == system):
            return f"it has '{column}', {why}"
    return None


def _holds(value: Json) -> bool:
    """Return whether there is anything in a value, as of a struct in a Parquet file."""
    inside = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return value is not None if inside is None else any(map(_holds, inside))


def _read(text: str | None) -> Json:
    try:
        return parse_objects(text or "null")
    except (ValueError, RecursionError):
        return None


def _no_text(content: Json) -> str | None:
    """Say that a message has no text, if it has none."""
    if isinstance(content, list):
        return "has a list of parts as content; write one text"
    if content is not None and not isinstance(content, str):
        return "has no string as content; write one text"
    return None if content is not None and not is_blank(content) else "has no text"


def _unread(content: str, message: Mapping[str, Json]) -> str | None:
    """Say what a message holds that cannot be trained, or would change what is, if it does."""
    if half := half_character(content):
        return f"holds {half}, half of a character"
    for key in _UNREAD:
        if message.get(key):
            return (f"has '{key}', which recipes do not train; take it out, or write it into the "
                    "text")  # fmt: skip
    for key in _TRAINED:
        if (value := message.get(key)) is not None and value != 1:
            return (f"has '{key}': {json.dumps(value)}, and recipes train every answer alike; take "
                    "the key out")  # fmt: skip
    return None


def dialogues_digest(dialogues: Sequence[Dialogue]) -> str:
    """Return a sha256 over the messages of dialogues, in their order."""
    digest = hashlib.sha256()
    for dialogue in dialogues:
        digest.update(json.dumps(dialogue.messages, ensure_ascii=False, sort_keys=True).encode())
    return digest.hexdigest()


def number_text(value: str) -> str:
    """Return a number in one spelling (rows may have `8` and `8.0`), all else as it is."""
    try:
        number = float(value)
    except ValueError:
        return value
    return str(int(number)) if number.is_integer() else str(number)


def need_column(
    dialogues: Sequence[Dialogue], column: str, file: YamlFile, where: tuple[str | int, ...]
) -> list[str]:
    """Return a column's values.

    Raises:
        SpecError: A dialogue lacks it, with the place of the filter that asks for it.
    """
    known = {key: None for dialogue in dialogues for key in dialogue.meta}
    if column not in known:
        raise file.error(f"this step needs the column '{column}', which the data lacks; it has "
                         f"{', '.join(known) or 'none'}; remove the step", where)  # fmt: skip
    values: list[str] = []
    for dialogue in dialogues:
        if column not in dialogue.meta:
            raise file.error(f"this step needs the column '{column}', which row {dialogue.number} "
                             "lacks; add it to the row, or remove the step", where)  # fmt: skip
        values.append(dialogue.meta[column])
    return values
