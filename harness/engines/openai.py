"""Any server that speaks the OpenAI API: conversations in, outputs as they come."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.engines.openai_format import failed, messages, output, response_format
from harness.engines.retries import Pace, out_of_quota, retrying, said, status_of
from harness.errors import EngineError
from harness.records import EngineConfig, Output, Request
from harness.spec.endpointspec import EndpointSpec

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletion

# Alternatives per position, the most that the API gives.
_ALTERNATIVES = 20
# Statuses that every request would meet: no key, no money, no right, no such model or address.
_HOPELESS = frozenset({401, 402, 403, 404})
# What a server may not know, by the word that its refusal has: then it goes without.
_LIMIT, _LOGPROBS, _BOUNDS = "max_tokens", "logprobs", "Length"
_ALL = frozenset({_LIMIT, _LOGPROBS, _BOUNDS})
# A refusal of the word itself; a limit that is too high for the window is another matter.
_REFUSAL = re.compile(r"support|recogni[sz]ed|unknown|unexpected|allowed|permitted|extra|instead")


class OpenAIEngine:
    """Asks one model of one endpoint; made by `open_engine`."""

    def __init__(self, client: AsyncOpenAI, model: str, spec: EndpointSpec) -> None:
        self._client: AsyncOpenAI | None = client
        self._model, self._spec = model, spec
        self._runner = asyncio.Runner()
        self._pace = Pace(spec.requests_per_minute)
        self._unknown: set[str] = set()
        self._answered = 0

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request as it comes; see `Engine.generate`.

        An endpoint that answers no request at all until the deadline of one is an `EngineError`;
        if it answered others, that request alone has failed.
        """
        if self._client is None:
            raise EngineError("the openai engine is closed")
        able: list[Request] = []
        for request in requests:
            if problem := _problem(request):
                yield failed(request, problem)
            else:
                able.append(request)
        outbox: asyncio.Queue[Output | Exception] = asyncio.Queue()
        waiting = iter(able)
        loop = self._runner.get_loop()
        served = range(min(self._spec.concurrency, len(able)))
        tasks = [loop.create_task(self._serve(waiting, outbox)) for _ in served]
        try:
            for _ in able:
                found = self._runner.run(outbox.get())
                if isinstance(found, Exception):
                    raise found
                yield found
        finally:
            self._runner.run(_cancel(tasks))

    def close(self) -> None:
        """Close the connections; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            self._runner.run(client.close())
            self._runner.close()

    async def _serve(
        self, waiting: Iterator[Request], outbox: asyncio.Queue[Output | Exception]
    ) -> None:
        """Answer requests one after another, beside others that do the same."""
        for request in waiting:
            try:
                outbox.put_nowait(await self._answer(request))
            except Exception as error:
                outbox.put_nowait(error)
                return

    async def _answer(self, request: Request) -> Output:
        """Return the output of a request, its own failure included.

        Raises:
            EngineError: The endpoint as a whole cannot be asked.
        """
        from openai import APIError, APIStatusError

        # The clock of a request begins with its turn, however long the queue before it was.
        await self._pace.turn()
        before, deadline_s = self._answered, self._spec.deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                retry = retrying(deadline_s=deadline_s, pace=self._pace)
                answer: ChatCompletion = await retry(self._send, request)
        except TimeoutError:
            problem, status = f"no answer within {deadline_s:g} s", 0
        except APIError as error:
            problem, status = said(error), status_of(error)
            if isinstance(error, APIStatusError):
                problem = f"status {status}: {problem}"
            if status in _HOPELESS or out_of_quota(error):
                raise self._broken(problem) from error
            if 400 <= status < 500 and status not in {408, 409, 429}:
                self._answered += 1
                return failed(request, f"the endpoint refused the request: {problem}")
        else:
            self._answered += 1
            return output(request, answer)
        # An error of the server's own may be one that this request alone makes.
        if status != 500 and self._answered == before:
            raise self._broken(f"{problem}; tried for up to {deadline_s:g} s")
        return failed(request, f"the endpoint failed: {problem}")

    def _broken(self, problem: str) -> EngineError:
        return EngineError(f"model '{self._model}' at {self._spec.base_url}: {problem}")

    async def _send(self, request: Request) -> ChatCompletion:
        """Send a request once, and again without what the server turns out not to know.

        Raises:
            openai.APIError: As the client raises them.
            EngineError: The answer is none of the API's.
        """
        from openai import BadRequestError, UnprocessableEntityError
        from openai.types.chat import ChatCompletion

        while True:
            known = _ALL - self._unknown
            try:
                answer = await self._create(request, known)
            except (BadRequestError, UnprocessableEntityError) as error:
                if (name := _unknown(error, request, known)) is None:
                    raise
                self._unknown.add(name)
                await self._pace.turn()
                continue
            # Anything but JSON comes back as text.
            if not isinstance(answer, ChatCompletion):
                raise self._broken("the answer is not one of the OpenAI API; check base_url")
            return answer

    async def _create(self, request: Request, known: frozenset[str]) -> ChatCompletion:
        from openai import omit

        assert self._client is not None
        sampling = request.sampling
        scored = bool(sampling.score_texts) and _LOGPROBS in known
        plain = _LIMIT in known
        return await self._client.chat.completions.create(
            model=self._model,
            messages=messages(request),
            temperature=sampling.temperature,
            top_p=sampling.top_p if sampling.top_p < 1 else omit,
            seed=omit if sampling.seed is None else sampling.seed,
            stop=list(sampling.stop) or omit,
            max_tokens=sampling.max_tokens if plain else omit,
            max_completion_tokens=omit if plain else sampling.max_tokens,
            logprobs=True if scored else omit,
            top_logprobs=_ALTERNATIVES if scored else omit,
            response_format=response_format(sampling.schema, bounds=_BOUNDS in known)
            if sampling.schema
            else omit,
        )


def open_engine(config: EngineConfig) -> OpenAIEngine:
    """Return the engine of an endpoint; nothing is sent yet.

    Raises:
        EngineError: An option is wrong, or there is no key where one is needed.
    """
    from openai import AsyncOpenAI

    try:
        spec = EndpointSpec.model_validate(dict(config.options))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or first.get("ctx", {}).get("key", "")
        raise EngineError(f"option '{name}': {first['msg']}") from error
    client = AsyncOpenAI(
        base_url=spec.base_url,
        api_key=endpoint_key(spec),
        # Asked again by rules of ours, with one deadline over all tries.
        max_retries=0,
        timeout=spec.deadline_s,
    )
    return OpenAIEngine(client, config.model_path, spec)


def endpoint_key(spec: EndpointSpec) -> str:
    """Return the key of an endpoint, from the environment.

    Raises:
        EngineError: The variable is empty or not set.
    """
    if spec.api_key_env is None:
        return "none"
    key = os.environ.get(spec.api_key_env, "").strip()
    if not key:
        raise EngineError(
            f"no key for {spec.base_url}: set the environment variable {spec.api_key_env}, name "
            "another one as api_key_env in models.yaml, or null where no key is needed"
        )
    return key


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _problem(request: Request) -> str | None:
    """Return why a request cannot be put to an endpoint, or None."""
    if not request.messages:
        return "an endpoint takes messages, and the request has none"
    for name in ("score_ids", "choices"):
        if getattr(request.sampling, name):
            return f"an endpoint takes no {name}"
    if request.adapter is not None:
        return "an endpoint takes no adapter; serve it there as a model of its own"
    if request.sampling.schema:
        try:
            json.loads(request.sampling.schema)
        except ValueError as error:
            return f"the schema is no JSON: {error}"
    return None


def _unknown(error: APIStatusError, request: Request, known: frozenset[str]) -> str | None:
    """Return which of the known names a server refuses, or None if it refuses something else."""
    told = f"{error.param} {said(error)}"
    if not _REFUSAL.search(told.lower()):
        return None
    asked = {
        _LIMIT: True,
        _LOGPROBS: bool(request.sampling.score_texts),
        _BOUNDS: _BOUNDS in request.sampling.schema,
    }
    return next((n for n, sent in asked.items() if sent and n in known and n in told), None)
