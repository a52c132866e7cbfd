"""Names of models at endpoints: whether a server answered as the model that was asked."""

from __future__ import annotations

import re

# Behind a name: `-latest`, a day or a month in the ways of providers, a revision of three digits.
_VERSION = re.compile(
    r"(?:[-@:_](?:latest|\d{4}-\d{2}-\d{2}|\d{2}-\d{2,4}|\d{8}|\d{6}|\d{4}|\d{3}))+$"
)
# Which provider, or at which price, a router is to take: `:free`, `:fireworks-ai`.
_ROUTE = re.compile(r":[a-z][a-z-]*$")
_LATEST = re.compile(r"[-@:_]latest$")


def other_model(asked: str, served: str) -> bool:
    """Return whether a response names another model than was asked, as far as names tell.

    Owners and folders before a name, case, a file's ending, an alias that the server resolved to
    a dated version and a route are no other model; two different dates are.

    Args:
        asked: Name of the model in the request.
        served: Name in the response; empty where it has none, which tells nothing.
    """
    if not served:
        return False
    ours, theirs = _bare(asked), _bare(served)
    if ":" not in theirs:
        ours = _ROUTE.sub("", ours)
    if ours == theirs:
        return False
    stem, other_stem = _VERSION.sub("", ours), _VERSION.sub("", theirs)
    # One of them has no version, so that the other says more of the same model.
    return stem != other_stem or (ours != stem and theirs != other_stem)


def _bare(name: str) -> str:
    last = name.strip().rstrip("/").replace("\\", "/").rpartition("/")[2].casefold()
    return _LATEST.sub("", last.removesuffix(".gguf"))
