"""The client that asks a package index, as the user's pip settings say."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import AssetError
from harness.sources.discreet import secret_sent

if TYPE_CHECKING:
    from httpx2 import Request, Response
    from unearth.fetchers import PyPIClient

PYPI = "https://pypi.org/simple"
PROBE_S = 2.0
"""Seconds that a host may take to answer at all."""
_READ_S = 15.0


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where the user's pip looks for packages.

    Attributes:
        index_urls: Simple indexes (PEP 503), http(s) or file addresses.
        find_links: Folders, files or pages with links.
        trusted_hosts: Hosts whose certificate is not checked.
        cert: File of certificate authorities, None for the default ones.
    """

    index_urls: tuple[str, ...] = (PYPI,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None


def open_client(settings: IndexSettings, problems: list[str], sent: set[str]) -> PyPIClient:
    """Return a client that notes refusals (403, 5xx), which unearth takes for an empty index.

    It also notes the keys that it sends.
    """
    import httpx2
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    def note(response: Response) -> None:
        if response.status_code >= 400 and response.status_code != 404:
            problems.append(f"{response.url.host} answers {response.status_code}")

    def note_sent(request: Request) -> None:
        sent.add(secret_sent(request.headers.get("authorization", "")))

    try:
        verify = ssl.create_default_context(cafile=settings.cert) if settings.cert else True
    except OSError as error:
        raise AssetError(f"pip's setting cert={settings.cert} is not a file of certificates: "
                         f"{error}; fix it") from error  # fmt: skip
    client = PyPIClient(
        trusted_hosts=settings.trusted_hosts,
        verify=verify,
        timeout=httpx2.Timeout(_READ_S, connect=2 * PROBE_S),
        follow_redirects=True,
        event_hooks={"request": [note_sent], "response": [note]},
    )
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.index_urls)
    return client
