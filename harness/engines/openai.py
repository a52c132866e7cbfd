"""Any server that speaks the OpenAI API: conversations in, outputs as they come."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.engines.openai_answers import NoAnswer, failed, output
from harness.engines.openai_dialect import Dialect
from harness.engines.openai_format import messages, response_format
from harness.engines.retries import (
    Pace,
    out_of_quota,
    retry_after,
    retrying,
    said,
    status_of,
    through_proxy,
)
from harness.errors import EngineError
from harness.masking import Mask
from harness.reasons import Reason
from harness.records import EngineConfig, Output, Request
from harness.spec.endpointspec import EndpointSpec

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

# Statuses that every request would meet, with the fix: no key, no money, no such model or address.
_HOPELESS = {
    401: "; check the key",
    402: "",
    404: "; check base_url, which often ends in /v1, and the model's name",
}
# Refusals of the right to ask, one after another, until they are taken for every request's.
_FORBIDDEN = 16


class OpenAIEngine:
    """Asks one model of one endpoint; made by `open_engine`."""

    def __init__(self, client: AsyncOpenAI, model: str, spec: EndpointSpec) -> None:
        self._client: AsyncOpenAI | None = client
        self._model, self._spec = model, spec
        self._mask = Mask([client.api_key] if spec.api_key_env else ())
        self._runner = asyncio.Runner()
        self._pace = Pace(spec.requests_per_minute)
        self._dialect = Dialect()
        self._answered = self._forbidden = 0

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
        from openai import APIError

        # The clock of a request begins with its turn, however long the queue before it was.
        await self._pace.turn()
        deadline_s = self._spec.deadline_s
        # How many had been answered when it was sent, and at each of its troubles.
        seen, hint = [self._answered], ""
        try:
            async with asyncio.timeout(deadline_s):
                retry = retrying(deadline_s=deadline_s, pace=self._pace)
                answer: Output = await retry(self._send, request, seen)
        except TimeoutError:
            problem, status = f"no answer within {deadline_s:g} s", 0
            hint = "; if it is slow and not gone, raise deadline_s or lower concurrency"
        except NoAnswer as error:
            if not self._answered:
                raise self._broken(f"{error}; check base_url") from error
            problem, status = str(error), 500
        except APIError as error:
            problem, status = self._said(error), status_of(error)
            if self._lasts(error):
                raise self._broken(problem) from error
            if 400 <= status < 500 and status not in {408, 409, 429}:
                self._answered += status != 403
                return failed(request, Reason("endpoint_refused", {"said": problem}))
        else:
            self._answered += 1
            self._forbidden = 0
            return answer
        # An error of the server's own may be one that this request alone makes.
        if status != 500 and self._answered == seen[:2][-1]:
            raise self._broken(problem + (hint or f"; tried for up to {deadline_s:g} s"))
        return failed(request, Reason("endpoint_failed", {"said": problem}))

    def _lasts(self, error: APIError) -> bool:
        """Return whether every request would meet an error that this one met."""
        status = status_of(error)
        if status == 403:
            # Of a key without rights, or of one text that a filter dislikes.
            self._forbidden += 1
            return not self._answered or self._forbidden >= _FORBIDDEN
        too_long = (retry_after(error) or 0.0) >= self._spec.deadline_s
        return status in _HOPELESS or too_long or out_of_quota(error)

    def _said(self, error: APIError) -> str:
        """Return in one line what a server or the network said, and what may be done."""
        status = status_of(error)
        problem = said(error, self._mask)
        if not status:
            return problem + through_proxy(self._spec.base_url)
        fix = _HOPELESS.get(status, "")
        problem = f"status {status}: {problem.rstrip('.') if fix else problem}{fix}"
        told = retry_after(error) or 0.0
        if told >= self._spec.deadline_s:
            problem += f"; asks to wait for {told:.0f} s, longer than deadline_s"
        return problem

    def _broken(self, problem: str) -> EngineError:
        return EngineError(f"model '{self._model}' at {self._spec.base_url}: {problem}")

    async def _send(self, request: Request, seen: list[int]) -> Output:
        """Send a request once, and again without what the server turns out not to know.

        Args:
            request: What is asked.
            seen: In case of trouble gets the number of requests that were answered by then.

        Raises:
            openai.APIError: As the client raises them.
            NoAnswer: What came is not an answer.
        """
        from openai import APIError, BadRequestError, UnprocessableEntityError

        while True:
            dialect = self._dialect
            try:
                return output(request, await self._create(request, dialect), self._mask)
            except (BadRequestError, UnprocessableEntityError) as error:
                told = f"{error.param} {said(error, self._mask)}"
                if (narrower := dialect.without(told, request.sampling)) is None:
                    raise
                self._dialect = self._dialect.also(narrower)
                await self._pace.turn()
            except (APIError, NoAnswer):
                seen.append(self._answered)
                raise

    async def _create(self, request: Request, dialect: Dialect) -> bytes:
        """Return the body of the response to a request."""
        from openai import omit

        assert self._client is not None
        sampling = request.sampling
        alternatives = dialect.alternatives if sampling.score_texts else 0
        response = await self._client.chat.completions.with_raw_response.create(
            model=self._model,
            messages=messages(request),
            temperature=sampling.temperature,
            # Said even where it is 1: a server may have another one of its own.
            top_p=sampling.top_p if sampling.temperature else omit,
            seed=omit if sampling.seed is None else sampling.seed,
            stop=list(sampling.stop) or omit,
            max_tokens=sampling.max_tokens if dialect.max_tokens else omit,
            max_completion_tokens=omit if dialect.max_tokens else sampling.max_tokens,
            logprobs=True if alternatives else omit,
            top_logprobs=alternatives or omit,
            response_format=response_format(sampling.schema, bounds=dialect.bounds)
            if sampling.schema
            else omit,
            extra_body=self._spec.extra_body(sampling.thinking) or None,
        )
        return response.content


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
    if not (key.isascii() and key.isprintable()):
        raise EngineError(
            f"the key for {spec.base_url} cannot be sent: the environment variable "
            f"{spec.api_key_env} holds a line break or a character beyond ASCII; set it to the "
            "key alone"
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
