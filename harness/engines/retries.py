"""When an endpoint is asked again: what may pass, how long to wait, how fast to send."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from harness.engines import told_line
from harness.engines.openai_answers import NoAnswer, message_of
from harness.masking import Mask

if TYPE_CHECKING:
    from openai import APIError
    from tenacity import AsyncRetrying, RetryCallState

# Passing troubles: time-out, conflict, too many requests; 500 and above, its own, pass as well.
_PASSING = frozenset({408, 409, 429})
# An error of the server's own is often one of the request, and then it does not pass.
_ERROR_TRIES = 5


class Pace:
    """Sends at most so many requests a minute, evenly spaced, and none while a server rests."""

    def __init__(self, per_minute: float | None) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn to send."""
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._gap
        await asyncio.sleep(turn - now)

    def rest(self, seconds: float) -> None:
        """Let the turns that are not taken yet begin in so many seconds."""
        self._next = max(self._next, time.monotonic() + seconds)


def retrying(*, deadline_s: float, pace: Pace, unreachable_s: float | None = None) -> AsyncRetrying:
    """Return what asks again after passing troubles, until the deadline is near.

    It waits as long as the server says (`Retry-After`), else 0.5 s and twice as long each time, up
    to 30 s, with jitter. The trouble itself is raised when it lasts.

    Args:
        deadline_s: Seconds from the first try until no further one is begun.
        pace: Of all requests to the server.
        unreachable_s: The same where there is no connection; None for the deadline.
    """
    from tenacity import (
        AsyncRetrying,
        retry_if_exception,
        stop_before_delay,
        wait_exponential,
        wait_random,
    )

    backoff = wait_exponential(multiplier=0.5, max=30) + wait_random(0, 0.5)

    near = stop_before_delay(deadline_s)
    away = stop_before_delay(unreachable_s or deadline_s)

    def wait(state: RetryCallState) -> float:
        told = retry_after(_failure(state))
        # To be asked again at once would make a server that is too busy busier.
        if not told:
            return backoff(state)
        if told < deadline_s:
            pace.rest(told)
        return told

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        await pace.turn()

    return AsyncRetrying(
        retry=retry_if_exception(may_pass),
        wait=wait,
        stop=lambda state: (
            near(state) or _tried_enough(state) or (_unreachable(state) and away(state))
        ),
        sleep=sleep,
        reraise=True,
    )


def may_pass(error: BaseException) -> bool:
    """Return whether it is worth asking again after an error."""
    from openai import APIConnectionError

    if isinstance(error, APIConnectionError | NoAnswer):
        return True
    status = status_of(error)
    return (status in _PASSING or status >= 500) and not out_of_quota(error)


def out_of_quota(error: BaseException) -> bool:
    """Return whether an account has nothing left, which is told like too many requests."""
    from openai import APIStatusError

    return isinstance(error, APIStatusError) and error.code == "insufficient_quota"


def status_of(error: BaseException | None) -> int:
    """Return the HTTP status that an error came with, 0 for none."""
    from openai import APIStatusError

    return error.status_code if isinstance(error, APIStatusError) else 0


def retry_after(error: BaseException | None) -> float | None:
    """Return the seconds that a server asks to wait, or None if it says nothing of it."""
    from openai import APIStatusError

    if not isinstance(error, APIStatusError):
        return None
    told = error.response.headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except ValueError:
        return None


def said(error: APIError, mask: Mask) -> str:
    """Return in one line of at most 300 characters what a server or the network said.

    Args:
        error: As the client raised it.
        mask: Of the key, before the text is cut.
    """
    cause = error.__cause__
    # A cause without words of its own, such as an assertion, has its kind at least.
    own = str(cause) or f"{error.message} ({type(cause).__name__})" if cause else error.message
    return told_line(message_of(error.body) or own, mask)


def through_proxy(url: str) -> str:
    """Say through which of the environment's proxies an address is asked, "" for none.

    Its own address, which may hold a password, is not told.
    """
    parts = urlsplit(url)
    name = next((n for n in (parts.scheme, "all") if n in getproxies()), None)
    if name is None or proxy_bypass(parts.hostname or ""):
        return ""
    return f"; asked through the proxy of {name.upper()}_PROXY, NO_PROXY names hosts without it"


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _unreachable(state: RetryCallState) -> bool:
    from openai import APIConnectionError

    return isinstance(_failure(state), APIConnectionError)


def _tried_enough(state: RetryCallState) -> bool:
    failure = _failure(state)
    own = isinstance(failure, NoAnswer) or status_of(failure) == 500
    return own and state.attempt_number >= _ERROR_TRIES
