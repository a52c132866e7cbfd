"""The client that asks endpoints: it follows no redirect, and reads no body without an end."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

from httpx2 import AsyncByteStream

from harness.masking import Mask
from harness.spec.endpointspec import EndpointSpec

if TYPE_CHECKING:
    from httpx2 import Request, Response
    from openai import AsyncOpenAI

# What a response may take beside its tokens, and for each of them: twenty alternatives with their
# bytes take less than 2 KiB.
_ROOM, _A_TOKEN = 4 << 20, 8 << 10
# What zlib takes for gzip or deflate by the first bytes.
_ZIPPED = 47


class Unreadable(Exception):
    """The body of a response is too long for an answer, or packed in a way of its own."""


def open_client(spec: EndpointSpec, key: str, mask: Mask) -> AsyncOpenAI:
    """Return a client of an endpoint; nothing is sent yet.

    Args:
        spec: Of the endpoint.
        key: Its key.
        mask: Of the key, for the headers of responses, before a part of one is taken.
    """
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    return AsyncOpenAI(
        base_url=spec.url,
        api_key=key,
        # Asked again by rules of ours, with one deadline over all tries.
        max_retries=0,
        timeout=spec.deadline_s,
        # Whoever is written as base_url is asked, and nobody else.
        http_client=DefaultAsyncHttpxClient(
            follow_redirects=False,
            headers={"Accept-Encoding": "gzip, deflate"},
            event_hooks={"response": [partial(_bound, mask)]},
        ),
    )


async def _bound(mask: Mask, response: Response) -> None:
    """Let the body of a response be read, and unpacked, up to a limit; mask its headers."""
    for name, value in response.headers.items():
        if (masked := mask.text(value)) != value:
            response.headers[name] = masked
    packed = response.headers.pop("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip", "deflate"):
        raise Unreadable(f"its answer is packed as {packed[:20]!r}, which was not asked for")
    response.stream = _Bounded(
        response.stream, most_bytes(response.request), packed=packed != "identity"
    )


def most_bytes(request: Request) -> int:
    """Return how long the body of an answer to a request may be, unpacked."""
    asked = json.loads(request.content)
    return _ROOM + _A_TOKEN * (asked.get("max_tokens") or asked.get("max_completion_tokens") or 0)


class _Bounded(AsyncByteStream):
    """A body, unpacked, that ends with an error where it is too long."""

    def __init__(self, inner: object, most: int, *, packed: bool) -> None:
        assert isinstance(inner, AsyncByteStream)
        self._inner, self._most = inner, most
        self._unpack = zlib.decompressobj(_ZIPPED) if packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        try:
            async for chunk in self._inner:
                # One byte more than there is room for tells that there is no end.
                piece = self._unpack.decompress(chunk, left + 1) if self._unpack else chunk
                left -= len(piece)
                if left < 0:
                    raise Unreadable(f"its answer is longer than {self._most >> 20} MiB, which "
                                      "no completion of so many tokens takes")  # fmt: skip
                yield piece
        except zlib.error as error:
            raise Unreadable("its answer cannot be unpacked") from error

    async def aclose(self) -> None:
        """Close the body."""
        await self._inner.aclose()
