"""Content of an endpoint's answer that is a list of parts, as servers of Mistral's models give."""

from __future__ import annotations

from harness.records import Json

_THOUGHTS = ("thinking", "reasoning")
# It holds ids alone.
_WITHOUT_TEXT = "reference"


def joined(message: Json) -> Json:
    """Return a message with its parts joined: texts as its content, thoughts as its reasoning.

    A message of another form, or with a part of another kind, such as an image, is left as it is.
    """
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(content, list):
        return message
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == _WITHOUT_TEXT:
            continue
        text = _text(part)
        if text is None:
            return message
        (thoughts if kind in _THOUGHTS else refusals if kind == "refusal" else texts).append(text)
    found: dict[str, Json] = {"content": "".join(texts) if texts else None}
    if thoughts and not message.get("reasoning_content"):
        found["reasoning_content"] = "".join(thoughts)
    if refusals and not message.get("refusal"):
        found["refusal"] = "".join(refusals)
    return {**message, **found}


def _text(part: Json) -> str | None:
    """Return what a part says, None where it is no text."""
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return None
    kind = part.get("type")
    if kind not in ("text", "output_text", "refusal", *_THOUGHTS):
        return None
    inner = part.get("text" if kind == "output_text" else str(kind), part.get("text"))
    if isinstance(inner, list):
        texts = [_text(one) for one in inner]
        return None if None in texts else "".join(one for one in texts if one)
    return inner if isinstance(inner, str) else None
