"""A deterministic engine without a model: to try a set, and all that stands around an engine."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from harness.engines import read_spec, too_long
from harness.errors import EngineError
from harness.records import EngineConfig, Json, Output, Request, Sampling
from harness.spec.enginespec import FakeSpec

_WORD = re.compile(r"\s*\S+")
# Words of a completion that is told where to end.
_ENDED = 16


class FakeEngine:
    """Answers from a hash of prompt ids, or of a conversation, and adapter digest.

    A token is a word with the space before it. Log-probabilities lie below ln(1/8), so that the
    label mass of up to eight score ids stays a probability.
    """

    def __init__(self, config: EngineConfig, behaviour: FakeSpec) -> None:
        self._window = config.max_model_len
        self._behaviour = behaviour
        self._closed = False

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request, in order; see `Engine.generate`."""
        if self._closed:
            raise EngineError("the fake engine is closed")
        previous: tuple[int, ...] = ()
        for done, request in enumerate(requests):
            time.sleep(self._behaviour.delay_s)
            self._misbehave(done)
            yield self._complete(request, previous)
            previous = request.prompt_ids
        self._misbehave(len(requests))

    def close(self) -> None:
        """Refuse what comes after; a second call does nothing."""
        self._closed = True

    def _misbehave(self, done: int) -> None:
        if done == self._behaviour.die_after:
            sys.stderr.write("RuntimeError: the fake engine was told to die\n")
            sys.stderr.flush()
            os._exit(1)
        while done == self._behaviour.hang_after:
            time.sleep(3600)

    def _complete(self, request: Request, previous: tuple[int, ...]) -> Output:
        error = too_long(request, self._window) or self._told_error(request)
        if not error and not (request.prompt_ids or request.messages):
            error = "the prompt is empty"
        if error:
            return Output(request.key, finish_reason="error", error=error)
        digest = request.adapter.digest if request.adapter else ""
        content = repr((request.prompt_ids or request.messages, digest))
        try:
            text, finish_reason = self._answer(content, request.sampling)
        except ValueError as problem:
            return Output(request.key, finish_reason="error", error=str(problem))
        ids = tuple(map(_token, _WORD.findall(text)))
        if finish_reason == "stop" and not (request.sampling.schema or request.sampling.choices):
            ids += request.sampling.stop_ids[-1:]
        pairs = zip(request.prompt_ids[:-1], previous, strict=False)
        common = list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        return Output(
            key=request.key,
            text=text,
            token_ids=ids,
            finish_reason=finish_reason,
            logprobs=tuple(
                math.log(_unit(f"{content} {i}") / 8) for i in request.sampling.score_ids
            )
            or _score_logprobs(content, request.sampling.score_texts),
            prompt_tokens=len(request.prompt_ids) or _words(request.messages),
            cached_tokens=len(common),
        )

    def _told_error(self, request: Request) -> str | None:
        told = self._behaviour.error_on
        if isinstance(told, int) and told in request.prompt_ids:
            return f"the fake engine was told to refuse token {told}"
        if isinstance(told, str) and told in request.key:
            return f"the fake engine was told to refuse '{told}'"
        return None

    def _answer(self, content: str, sampling: Sampling) -> tuple[str, str]:
        """Return the completion's text and its finish reason.

        Raises:
            ValueError: If the schema cannot be used.
        """
        told = self._behaviour.answer
        if sampling.choices and sampling.schema:
            raise ValueError("a completion takes choices or a schema, not both")
        if sampling.choices:
            index = int(_unit(content) * len(sampling.choices))
            return told if told in sampling.choices else sampling.choices[index], "stop"
        salt = f"{content} {sampling.seed}" if sampling.temperature else content
        if sampling.schema:
            words = _WORD.findall(told or _json(sampling.schema, salt))
        elif told is None:
            # What is told where to end, such as a thought, comes to that end.
            ends = bool(sampling.stop or sampling.stop_ids)
            size = min(sampling.max_tokens, _ENDED) if ends else sampling.max_tokens
            words = [f" w{int(_unit(f'{salt} {i}') * 1000)}" for i in range(size)]
        else:
            words = _WORD.findall(told)
        kept = list(
            itertools.takewhile(
                lambda word: _token(word) not in sampling.stop_ids, words[: sampling.max_tokens]
            )
        )
        text, ended = "".join(kept), len(kept) < min(len(words), sampling.max_tokens)
        cuts = [text.index(stop) for stop in sampling.stop if stop in text]
        if cuts:
            return text[: min(cuts)], "stop"
        # JSON needs no token that ends it.
        room = sampling.max_tokens + bool(sampling.schema)
        return text, "stop" if ended or len(words) < room else "length"


def open_engine(config: EngineConfig) -> FakeEngine:
    """Open the fake engine.

    Raises:
        EngineError: If told to fail, or if an option is none of `FakeSpec`.
    """
    behaviour = read_spec(FakeSpec, config.options)
    time.sleep(behaviour.start_s)
    if behaviour.fail_start:
        raise EngineError("the fake engine was told not to start")
    if behaviour.spawn:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return FakeEngine(config, behaviour)


def _json(schema: str, content: str) -> str:
    """Return compact JSON that fits a schema of an object with flat values, chosen by `content`.

    Raises:
        ValueError: If it is not such a schema.
    """
    try:
        properties = json.loads(schema)["properties"]
        values = {name: _value(kind, f"{content} {name}") for name, kind in properties.items()}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError("the schema is not one that the fake engine can fit") from error
    return json.dumps(values, separators=(",", ":"))


def _value(kind: Mapping[str, Json], content: str) -> Json:
    """Return a value of an enumeration, a whole number within its bounds, or three words."""
    if isinstance(among := kind.get("enum"), list):
        return among[int(_unit(content) * len(among))]
    if kind["type"] == "integer":
        low, high = kind.get("minimum", 0), kind.get("maximum", 99)
        if not isinstance(low, int) or not isinstance(high, int) or low > high:
            raise ValueError("no whole number lies within the bounds")
        return low + int(_unit(content) * (high - low + 1))
    if kind["type"] != "string":
        raise ValueError(f"values of type {kind['type']} are not made")
    words = " ".join(f"w{int(_unit(f'{content} {i}') * 1000)}" for i in range(3))
    longest = kind.get("maxLength")
    return words[:longest] if isinstance(longest, int) else words


def _token(word: str) -> int:
    return int(_unit(word) * 32000)


def _score_logprobs(content: str, texts: Sequence[str]) -> tuple[float, ...]:
    """Return log-probabilities of scores, whose mass is all that there is."""
    shares = [_unit(f"{content} {text}") for text in texts]
    return tuple(math.log(share / math.fsum(shares)) for share in shares)


def _words(messages: Sequence[tuple[str, str]]) -> int:
    return sum(len(_WORD.findall(content)) for _, content in messages)


def _unit(text: str) -> float:
    """Return a number in (0, 1) that depends on `text` alone."""
    digest = hashlib.blake2b(text.encode(), digest_size=6).digest()
    return (int.from_bytes(digest) + 1) / (2**48 + 2)
