"""Any server that speaks the OpenAI API: conversations in, outputs as they come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.engines.openai_answers import NoAnswer, failed, output
from harness.engines.openai_dialect import Dialect
from harness.engines.openai_format import messages, response_format, unaskable
from harness.engines.openai_troubles import Trouble, lasts, trouble_of
from harness.engines.retries import Pace, retrying, said, status_of
from harness.errors import EngineError
from harness.masking import Mask, sent_unasked
from harness.reasons import Reason
from harness.records import EngineConfig, Output, Request, Sampling
from harness.spec.endpointspec import EndpointSpec

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

# Refusals of the right to ask, one after another, until they are taken for every request's.
_FORBIDDEN = 16
# Seconds that a server may not be reached where others would answer in its place.
_UNREACHABLE_S = 20.0
# Failures, before anything was answered, until it is tried whether anything is.
_MUTE = 16
# Reasons of an endpoint that fails, or speaks otherwise, whatever it is asked.
_NO_ANSWERS = frozenset({"endpoint_failed", "endpoint_not_openai", "endpoint_without_choice"})
_HELLO = Request("", (), Sampling(max_tokens=16), messages=(("user", "Hello!"),))


class OpenAIEngine:
    """Asks one model of one endpoint; made by `open_engine`."""

    def __init__(
        self,
        client: AsyncOpenAI,
        model: str,
        spec: EndpointSpec,
        mask: Mask,
        *,
        relieved: bool = False,
    ) -> None:
        self._unreachable_s = _UNREACHABLE_S if relieved else None
        self._client: AsyncOpenAI | None = client
        self._model, self._spec, self._mask = model, spec, mask
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
            if problem := unaskable(request):
                yield failed(request, problem)
            else:
                able.append(request)
        outbox: asyncio.Queue[Output | Exception] = asyncio.Queue()
        waiting = iter(able)
        loop = self._runner.get_loop()
        served = range(min(self._spec.concurrency, len(able)))
        tasks = [loop.create_task(self._serve(waiting, outbox)) for _ in served]
        try:
            held: list[Output] = []
            for number in range(len(able)):
                found = self._runner.run(outbox.get())
                if isinstance(found, Exception):
                    raise found
                held.append(found)
                if not self._answered:
                    if len(held) < _MUTE and number + 1 < len(able):
                        continue
                    self._runner.run(self._check_answers(held))
                yield from held
                held.clear()
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
                retry = retrying(
                    deadline_s=deadline_s, pace=self._pace, unreachable_s=self._unreachable_s
                )
                answer: Output = await retry(self._send, request, seen)
        except TimeoutError:
            trouble, broken = Trouble(f"no answer within {deadline_s:g} s"), True
            hint = "; if it is slow and not gone, raise deadline_s or lower concurrency"
        except NoAnswer as error:
            if not self._answered:
                raise self._broken(f"{error}; check base_url") from error
            trouble, broken = Trouble(str(error)), False
        except APIError as error:
            trouble, broken = trouble_of(error, self._spec, self._mask), status_of(error) != 500
            if self._lasts(error):
                raise self._broken(trouble.line) from error
            if 400 <= trouble.status < 500 and trouble.status not in {408, 409, 429}:
                self._answered += trouble.status != 403
                return failed(request, trouble.reason("endpoint_refused"))
        else:
            self._answered += _no_answer(answer) is None
            self._forbidden = 0
            return answer
        # An error of the server's own may be one that this request alone makes.
        if broken and self._answered == seen[:2][-1]:
            tried_s = min(self._unreachable_s or deadline_s, deadline_s)
            raise self._broken(trouble.line + (hint or f"; tried for up to {tried_s:g} s"))
        return failed(request, trouble.reason("endpoint_failed"))

    def _lasts(self, error: APIError) -> bool:
        """Return whether every request would meet an error that this one met."""
        if status_of(error) != 403:
            return lasts(error, self._spec.deadline_s)
        # Of a key without rights, or of one text that a filter dislikes.
        self._forbidden += 1
        return not self._answered or self._forbidden >= _FORBIDDEN

    async def _check_answers(self, unanswered: Sequence[Output]) -> None:
        """Ask something that any model answers, after requests of which none was.

        Raises:
            EngineError: It is not answered, so that the requests are not to blame.
        """
        found = await self._answer(_HELLO)
        if why := _no_answer(found):
            raise self._broken(f"answered none of {len(unanswered)} requests, nor a greeting: "
                               f"{why.text}")  # fmt: skip

    def _broken(self, problem: str) -> EngineError:
        return EngineError(f"model '{self._model}' at {self._spec.url}: {problem}")

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

        from harness.engines.openai_client import Unreadable

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
            except Unreadable as error:
                return failed(request, Trouble(str(error)).reason("endpoint_failed"))
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
    from harness.engines.openai_client import open_client

    try:
        spec = EndpointSpec.model_validate(dict(config.options))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or first.get("ctx", {}).get("key", "")
        raise EngineError(f"option '{name}': {first['msg']}") from error
    key = endpoint_key(spec)
    mask = Mask([*([key] if spec.api_key_env else ()), *sent_unasked()])
    client = open_client(spec, key, mask)
    return OpenAIEngine(client, config.model_path, spec, mask, relieved=config.relieved)


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
            f"no key for {spec.url}: set the environment variable {spec.api_key_env}, name "
            "another one as api_key_env in models.yaml, or null where no key is needed"
        )
    if not (key.isascii() and key.isprintable()):
        raise EngineError(
            f"the key for {spec.url} cannot be sent: the environment variable "
            f"{spec.api_key_env} holds a line break or a character beyond ASCII; set it to the "
            "key alone"
        )
    return key


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _no_answer(output: Output) -> Reason | None:
    """Return why an output is not an answer of an endpoint that works, or None."""
    why = output.failure
    return why if why and why.kind in _NO_ANSWERS else None
