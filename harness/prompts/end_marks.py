"""Where an answer begins and ends: what a chat template writes before and behind it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PromptError
from harness.jsontext import json_value
from harness.prompts.rendering import Rendering
from harness.records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LLAMA3 = "llama-3"
# Ends a turn of plain text.
_PARAGRAPH = "\n\n"
_SENTINEL, _NEXT = "0b1e55ed", "c0a57a1d"
# A mark as most templates write them, be it a token to the tokenizer or not.
_MARK = re.compile(r"<[|\uff5c][^<>\s]+[|\uff5c]>")
_LLAMA3_BODY = (
    "{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>{{ '\\n\\n' }}"
    "{{ message['content'] | trim }}<|eot_id|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "<|start_header_id|>assistant<|end_header_id|>{{ '\\n\\n' }}"
    "{% endif %}"
)


def llama3_template(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the llama-3 chat template, with BOS where the tokenizer puts one before every text.

    Its marks are not new tokens: a tokenizer that does not know them spells them in several.
    """
    bos = tokenizer.bos_token_id
    begins = bos is not None and tokenizer("a")["input_ids"][:1] == [bos]
    return ("{{ bos_token }}" if begins else "") + _LLAMA3_BODY


def end_mark(rendering: Rendering) -> str | None:
    """Return what a template writes after an answer, white space left out; None for nothing."""
    turns: list[Message] = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": _SENTINEL},
    ]
    try:
        (text,) = rendering.texts([turns])
    except PromptError:
        return None
    return text.rpartition(_SENTINEL)[2].strip() or None


def answer_lead(rendering: Rendering) -> str:
    """Return what a template writes between the beginning of a turn and the answer in it.

    A space in many (Llama 2, Vicuna), a header in some. A model that was trained in the template
    goes on with that, and not with the answer itself.
    """
    asked: list[Message] = [{"role": "user", "content": "x"}]
    try:
        (head,) = rendering.texts([asked], ask=True)
        (text,) = rendering.texts([[*asked, {"role": "assistant", "content": _SENTINEL}]])
    except PromptError:
        return ""
    lead, found, _ = text.removeprefix(head).partition(_SENTINEL)
    return lead if found and text.startswith(head) else ""


def next_turn(rendering: Rendering) -> str | None:
    """Return what a template writes between an answer and the next user's text; None for nothing.

    It ends an answer where no mark does: a role's token, or a header such as `User:`.
    """
    turns: list[Message] = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": _SENTINEL},
        {"role": "user", "content": _NEXT},
    ]
    try:
        (text,) = rendering.texts([turns])
    except PromptError:
        return None
    between = text.rpartition(_SENTINEL)[2].partition(_NEXT)[0].rstrip()
    return between if between.strip() else None


def answer_ends(
    tokenizer: PreTrainedTokenizerBase, rendering: Rendering | None
) -> tuple[set[int], str | None, str | None]:
    """Return with which tokens an answer ends, the text to stop at, and the mark that is a text.

    Where a template writes nothing behind an answer, what it writes before the next question ends
    it. The text is None where one of the tokens is there to stop at.
    """
    if rendering is None:
        return line_breaks(tokenizer), _PARAGRAPH, None
    mark = end_mark(rendering)
    end = mark or next_turn(rendering)
    if end is None:
        return set(), None, None
    token = first_token(tokenizer, end.lstrip())
    if token is not None:
        return {token}, None, None
    return set(mark_ids(tokenizer, end)[:1]), end, mark


def first_token(tokenizer: PreTrainedTokenizerBase, mark: str) -> int | None:
    """Return the added token that a mark begins with, special or not; None for ordinary text.

    A text that spells an added token is always that token, so that an engine can stop at it.
    """
    found = [
        (len(str(token.content)), key)
        for key, token in tokenizer.added_tokens_decoder.items()
        if str(token.content).strip() and mark.startswith(str(token.content))
    ]
    return max(found)[1] if found else None


def mark_ids(tokenizer: PreTrainedTokenizerBase, mark: str) -> list[int]:
    """Return the tokens of a mark that stands by itself."""
    ids: list[int] = tokenizer(mark, add_special_tokens=False)["input_ids"]
    return ids


def end_ids(tokenizer: PreTrainedTokenizerBase, folder: Path) -> set[int]:
    """Return the tokens at which a model's generation ends by itself, on every engine."""
    found = [tokenizer.eos_token_id]
    # The second is read only where there is no first.
    for name in ("generation_config.json", "config.json"):
        try:
            told = json_value((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        value = told.get("eos_token_id") if isinstance(told, dict) else None
        found += value if isinstance(value, list) else [value]
        break
    return {token for token in found if isinstance(token, int)}


def line_breaks(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Return the tokens that are line breaks and nothing else, one or several in a row."""
    found = {token for count in range(1, 9) for token in mark_ids(tokenizer, "\n" * count)}
    texts = {token: str(tokenizer.decode([token])) for token in found}
    return {token for token, text in texts.items() if text and not text.strip("\r\n")}


def control_tokens(
    tokenizer: PreTrainedTokenizerBase, mark: str | None, rendering: Rendering | None = None
) -> re.Pattern[str] | None:
    """Return what finds special tokens and the marks of turns in a text, or None without any.

    Args:
        tokenizer: Brings the special tokens.
        mark: Ends an answer, where it is a text.
        rendering: Brings the marks of turns, which may be ordinary added tokens, or plain text.
    """
    added = tokenizer.added_tokens_decoder.values()
    # Runs of white space are tokens of their own to some, and end no turn.
    spelled = {str(one.content) for one in added if one.special and str(one.content).strip()}
    spelled |= {mark} if mark else set()
    if rendering is not None:
        spelled |= _turn_marks(tokenizer, rendering)
    # The longest first: a token may begin with another one.
    ordered = sorted(spelled, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _turn_marks(tokenizer: PreTrainedTokenizerBase, rendering: Rendering) -> set[str]:
    """Return the marks and added tokens that a template writes between turns."""
    turns: list[Message] = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": "x"},
    ]
    try:
        (text,) = rendering.texts([turns], ask=True)
    except PromptError:
        return set()
    added = {str(one.content) for one in tokenizer.added_tokens_decoder.values()}
    # White space and words that are tokens of their own are ordinary text as well.
    written = {one for one in added if one in text and one.strip() and not one.isalnum()}
    return written | set(_MARK.findall(text))
