"""Requests and answers in the form of the OpenAI API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.engines import told_line
from harness.engines.top_logprobs import Position, value_logprobs
from harness.records import Json, Output, Request

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
    from openai.types.chat.chat_completion import Choice
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


def output(request: Request, answer: ChatCompletion) -> Output:
    """Return what an endpoint answered; all but a whole or a cut completion is an error."""
    if not answer.choices:
        return failed(request, "the endpoint answered without a choice")
    choice, usage = answer.choices[0], answer.usage
    if choice.message.refusal:
        # In quotes, as by them a report without texts knows what a model wrote.
        return failed(request, f"the model refused: '{told_line(choice.message.refusal)}'")
    if choice.finish_reason not in ("stop", "length"):
        why = told_line(str(choice.finish_reason))
        return failed(request, f"the endpoint ended the completion: {why}")
    if choice.message.content is None and choice.finish_reason == "stop":
        return failed(request, "the endpoint answered without a text")
    details = usage.prompt_tokens_details if usage else None
    text = choice.message.content or ""
    return Output(
        key=request.key,
        text=text,
        finish_reason=choice.finish_reason,
        logprobs=value_logprobs(text, _positions(choice), request.sampling.score_texts),
        prompt_tokens=usage.prompt_tokens if usage else 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
    )


def _positions(choice: Choice) -> list[Position]:
    """Return the tokens of a completion, none if the endpoint gave no log-probabilities."""
    content = choice.logprobs.content if choice.logprobs else None
    return [
        Position(
            _bytes(one.token, one.bytes),
            {_bytes(other.token, other.bytes): other.logprob for other in one.top_logprobs},
        )
        for one in content or ()
    ]


def _bytes(token: str, spelled: Sequence[int] | None) -> bytes:
    return token.encode(errors="replace") if spelled is None else bytes(spelled)


def failed(request: Request, error: str) -> Output:
    """Return the output of a request that has no completion."""
    return Output(request.key, finish_reason="error", error=error)
