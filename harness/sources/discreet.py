"""Keys and passwords that are sent to a hub or an index, kept out of all that is said of it."""

from __future__ import annotations

import logging
import os
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from harness.masking import Mask, bare_addresses, logins, secret_of, sent_unasked

# Libraries that tell on their own what they ask for and what they are answered.
_TELLING = ("datasets", "httpcore", "httpcore2", "httpx", "httpx2", "huggingface_hub", "unearth")


def mask_of_sent(keys: Iterable[str | None], addresses: Iterable[str | None]) -> Mask:
    """Return a mask of keys and of what addresses have before their host.

    That is the password or, where there is none, the name, which is a key then. Logins of proxies
    are known, too.

    Args:
        keys: What is sent, None for one that is not set.
        addresses: Where it is sent, None for one that is not set.
    """
    return Mask([*filter(None, keys), *logins(filter(None, addresses)), *sent_unasked()])


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


def secret_sent(authorization: str) -> str:
    """Return what is secret of a header, "" where there is none.

    Clients find logins in files of the user, too, such as .netrc.
    """
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return value
    # What is no base64 no client has written.
    with suppress(ValueError):
        return secret_of(b64decode(value).decode())
    return value


@contextmanager
def masked_logs(mask: Callable[[], Mask]) -> Iterator[None]:
    """Keep keys and logins out of what the libraries log that fetch.

    Args:
        mask: Returns that of what was sent so far.
    """

    def masked(record: logging.LogRecord) -> bool:
        record.msg, record.args = discreet(record.getMessage(), mask()), ()
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
