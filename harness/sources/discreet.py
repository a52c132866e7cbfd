"""Keys and passwords that are sent to a hub or an index, kept out of all that is said of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

from harness.masking import Mask, bare_addresses

# Libraries that tell on their own what they ask for and what they are answered.
_TELLING = ("datasets", "httpcore", "httpcore2", "httpx", "httpx2", "huggingface_hub", "unearth")


def mask_of_sent(keys: Iterable[str | None], addresses: Iterable[str | None]) -> Mask:
    """Return a mask of keys and of what addresses have before their host.

    That is the password or, where there is none, the name, which is a key then.

    Args:
        keys: What is sent, None for one that is not set.
        addresses: Where it is sent, None for one that is not set.
    """
    return Mask([*filter(None, keys), *_logins(filter(None, addresses))])


def discreet(text: str, mask: Mask) -> str:
    """Return a text without keys, its addresses without login and query."""
    # A login that is masked would no longer be known as one.
    return mask.text(bare_addresses(text))


def hub_mask() -> Mask:
    """Return a mask of what the hub is sent, and may repeat in its errors."""
    from huggingface_hub import get_token

    token = None
    # Of a file that nobody may read, nothing is sent.
    with suppress(OSError):
        token = get_token()
    return mask_of_sent([token], [os.environ.get("HF_ENDPOINT")])


def _logins(addresses: Iterable[str]) -> Iterator[str]:
    for address in addresses:
        # What is no address is not asked.
        with suppress(ValueError):
            name, colon, password = urlsplit(address).netloc.rpartition("@")[0].partition(":")
            login = password if colon and password else name
            yield from {login, unquote(login)}


@contextmanager
def masked_logs(mask: Mask) -> Iterator[None]:
    """Keep keys and logins out of what the libraries log that fetch.

    Args:
        mask: Of what is sent.
    """

    def masked(record: logging.LogRecord) -> bool:
        record.msg, record.args = discreet(record.getMessage(), mask), ()
        return True

    # A filter of a logger does not hold for those below it.
    loggers = [logging.getLogger(name) for name in [*logging.root.manager.loggerDict]
               if name.partition(".")[0] in _TELLING]  # fmt: skip
    for logger in loggers:
        logger.addFilter(masked)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(masked)
