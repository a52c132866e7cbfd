"""Requests in the form of the OpenAI API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from harness.records import Json, Request

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import ResponseFormat


def messages(request: Request) -> list[ChatCompletionMessageParam]:
    """Return the turns of a request."""
    made: list[ChatCompletionMessageParam] = []
    for role, content in request.messages:
        if role == "system":
            made.append({"role": "system", "content": content})
        elif role == "assistant":
            made.append({"role": "assistant", "content": content})
        else:
            made.append({"role": "user", "content": content})
    return made


def response_format(schema: str, *, bounds: bool) -> ResponseFormat:
    """Return a JSON Schema as what the completion must keep to.

    Args:
        schema: As text.
        bounds: Whether the lengths of its strings stay bounded, which strict servers may not know.
    """
    made = json.loads(schema, object_hook=None if bounds else _unbounded)
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": made, "strict": True},
    }


def _unbounded(schema: dict[str, Json]) -> dict[str, Json]:
    """Return a part of a schema without bounds; a property of such a name is none."""
    return {
        name: value
        for name, value in schema.items()
        if name not in ("minLength", "maxLength") or isinstance(value, dict)
    }


def unaskable(request: Request) -> str | None:
    """Return why a request cannot be put to an endpoint, or None."""
    if not request.messages:
        return "an endpoint takes messages, and the request has none"
    for name in ("score_ids", "choices"):
        if getattr(request.sampling, name):
            return f"an endpoint takes no {name}"
    if request.adapter is not None:
        return "an endpoint takes no adapter; serve it there as a model of its own"
    try:
        "".join(content for _, content in request.messages).encode()
    except UnicodeEncodeError:
        return "the prompt holds half a character, which cannot be sent"
    if request.sampling.schema:
        try:
            json.loads(request.sampling.schema)
        except ValueError as error:
            return f"the schema is not JSON: {error}"
    return None
