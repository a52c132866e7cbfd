"""Answers in the form of the OpenAI API, which not every server keeps to."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from harness.engines import told_line
from harness.engines.content_parts import joined
from harness.engines.top_logprobs import Position, value_logprobs
from harness.masking import Mask
from harness.prompts.thoughts import split_served
from harness.reasons import Reason
from harness.records import Json, Output, Request


class NoAnswer(Exception):
    """What came with status 200 is not an answer, which may pass."""


def _or_none(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        found: object = handler(value)
    except ValidationError:
        return None
    return found


# What an answer is good without: of another form it counts as not there.
_Beside = WrapValidator(_or_none)
_Byte = Annotated[int, Field(ge=0, le=255)]
# Some more than what rounding makes of 0.
_Logprob = Annotated[float, Field(le=0.01)]


class _Token(BaseModel):
    token: str
    spelling: Annotated[list[_Byte] | None, Field(alias="bytes")] = None
    logprob: _Logprob

    def spelled(self) -> bytes:
        if self.spelling is None:
            return self.token.encode(errors="replace")
        return bytes(self.spelling)


class _Place(_Token):
    top_logprobs: list[_Token] | None = None


class _Logprobs(BaseModel):
    content: list[_Place] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: Annotated[str | None, _Beside] = None
    # The two names that servers have for what a model thought.
    reasoning_content: Annotated[str | None, _Beside] = None
    reasoning: Annotated[str | None, _Beside] = None

    @property
    def thought(self) -> str:
        return self.reasoning_content or self.reasoning or ""


class _Choice(BaseModel):
    message: Annotated[_Message, BeforeValidator(joined)]
    index: Annotated[int | None, _Beside] = None
    finish_reason: str | None = None
    logprobs: Annotated[_Logprobs | None, _Beside] = None


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Spent(BaseModel):
    reasoning_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: Annotated[int | None, _Beside] = None
    prompt_tokens_details: Annotated[_Details | None, _Beside] = None
    completion_tokens_details: Annotated[_Spent | None, _Beside] = None

    @property
    def completion(self) -> int:
        """Tokens of thought and answer, of which some servers count the thought in the total alone.

        They are billed as one.
        """
        told = self.completion_tokens or 0
        if self.total_tokens is None or self.prompt_tokens is None:
            return told
        return max(told, self.total_tokens - self.prompt_tokens)


class _Answer(BaseModel):
    model: Annotated[str | None, _Beside] = None
    choices: list[_Choice] | None = None
    usage: Annotated[_Usage | None, _Beside] = None


def output(request: Request, body: bytes, mask: Mask) -> Output:
    """Return what an endpoint answered; all but a whole or a cut completion is an error.

    Args:
        request: What was asked.
        body: Of a response with status 200.
        mask: Of the key, before any text is cut.

    Raises:
        NoAnswer: It is not a JSON object, or tells of an error in place of a completion.
    """
    found = _object(body, mask)
    try:
        answer = _Answer.model_validate(found)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        return failed(request, Reason("endpoint_not_openai", {"place": where}))
    usage = answer.usage or _Usage()
    if not answer.choices:
        return failed(request, Reason("endpoint_without_choice"), usage)
    # One is asked for; of several, some servers send them as they came.
    choice = min(answer.choices, key=lambda one: one.index or 0)
    if choice.message.refusal:
        said = told_line(choice.message.refusal, mask)
        return failed(request, Reason("model_refused", {"said": said}), usage)
    if choice.finish_reason not in ("stop", "length"):
        why = told_line(str(choice.finish_reason), mask)
        return failed(request, Reason("endpoint_ended", {"said": why}), usage)
    if choice.message.content is None and choice.finish_reason == "stop":
        return failed(request, Reason("endpoint_without_text"), usage)
    text = _whole(choice.message.content or "")
    # A server that does not keep a thought apart leaves it to `split_served` of who reads this.
    _, bare = split_served(text)
    return _counted(
        usage,
        Output(
            key=request.key,
            text=text,
            finish_reason=choice.finish_reason,
            logprobs=value_logprobs(bare, _positions(choice), request.sampling.score_texts),
            thought=_whole(choice.message.thought),
            served_by=told_line(_whole(answer.model or ""), mask),
        ),
    )


def _object(body: bytes, mask: Mask) -> dict[str, Json]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("the answer is not one of the OpenAI API") from error
    if not isinstance(found, dict):
        raise NoAnswer("the answer is not one of the OpenAI API")
    # Proxies tell so of a server behind them that failed.
    told = message_of(found)
    if not found.get("choices") and (told or found.get("error") or found.get("object") == "error"):
        line = told_line(told, mask) or "it does not say which"
        raise NoAnswer(f"the answer is an error: {line}")
    return found


def message_of(body: object) -> str:
    """Return what the body of an error says, "" if that is nothing for a line."""
    if isinstance(body, dict):
        texts = (message_of(body[name]) for name in ("message", "detail", "error") if name in body)
        return next(filter(None, texts), "")
    if isinstance(body, list):
        return json.dumps(body, ensure_ascii=False)
    # A page for a browser is not a message.
    return body if isinstance(body, str) and not body.lstrip().startswith("<") else ""


def _whole(text: str) -> str:
    """Return a text without halves of characters, which JSON can spell and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _positions(choice: _Choice) -> list[Position]:
    """Return the tokens of a completion, none if the endpoint gave no log-probabilities."""
    content = choice.logprobs.content if choice.logprobs else None
    return [Position(one.spelled(), _alternatives(one.top_logprobs or ())) for one in content or ()]


def _alternatives(top: Sequence[_Token]) -> dict[bytes, float]:
    """Return the log-probability of what may be spelled next, whatever the token.

    Several tokens may be spelled alike, as `8` and the byte that falls back to it are, or a word
    with the space before it that a server cuts off. What is told twice counts once.
    """
    found: dict[bytes, float] = {}
    for spelled, logprob in dict.fromkeys((one.spelled(), one.logprob) for one in top):
        share = math.exp(logprob) + math.exp(found.get(spelled, -math.inf))
        found[spelled] = math.log(share) if share else -math.inf
    return found


def _counted(usage: _Usage, output: Output) -> Output:
    details, spent = usage.prompt_tokens_details, usage.completion_tokens_details
    return replace(
        output,
        prompt_tokens=usage.prompt_tokens or 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
        completion_tokens=usage.completion,
        thought_tokens=(spent.reasoning_tokens or 0) if spent else 0,
    )


def failed(request: Request, error: Reason | str, usage: _Usage | None = None) -> Output:
    """Return the output of a request that has no completion, with the tokens it took."""
    return _counted(usage or _Usage(), Output(request.key, finish_reason="error", error=error))
