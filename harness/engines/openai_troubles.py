"""What the trouble with an endpoint is, in one line with what may be done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urljoin, urlsplit

from harness.engines import told_line
from harness.engines.retries import out_of_quota, retry_after, said, status_of, through_proxy
from harness.masking import Mask
from harness.reasons import Reason
from harness.spec.endpointspec import EndpointSpec

if TYPE_CHECKING:
    from openai import APIError

# Statuses that every request would meet, with the fix: no key, no money, no such model or address.
_HOPELESS = {
    401: "; check the key",
    402: "",
    404: "; check base_url, which often ends in /v1, and the model's name",
}
# What a kind of error is called, which no text of a prompt is.
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,59}")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a server or the network said.

    Attributes:
        said: Its words, or ours, in one line.
        status: Of the response, 0 where there was none.
        type: What the server calls errors of the kind, "" where it says nothing of it.
    """

    said: str
    status: int = 0
    type: str = ""

    @property
    def line(self) -> str:
        """All of it in one line."""
        kind = f" ({self.type})" if self.type else ""
        return f"status {self.status}{kind}: {self.said}" if self.status else self.said

    def reason(self, kind: Literal["endpoint_refused", "endpoint_failed"]) -> Reason:
        """Return why a request has no answer."""
        return Reason(kind, {"status": self.status, "type": self.type, "said": self.said})


def trouble_of(error: APIError, spec: EndpointSpec, mask: Mask) -> Trouble:
    """Return what a server or the network said, and what may be done."""
    status, told = status_of(error), said(error, mask)
    if not status:
        return Trouble(told + through_proxy(spec.url))
    if _redirects(status):
        return Trouble(_redirect(error, spec, mask), status)
    if fix := _HOPELESS.get(status, ""):
        told = told.rstrip(".") + fix
    wait_s = retry_after(error) or 0.0
    if wait_s >= spec.deadline_s:
        told += f"; asks to wait for {wait_s:.0f} s, longer than deadline_s"
    names = [name for name in (error.code, error.type) if _TYPE.fullmatch(str(name or ""))]
    return Trouble(told, status, mask.text(str(names[0])) if names else "")


def lasts(error: APIError, deadline_s: float) -> bool:
    """Return whether every request would meet an error that this one met."""
    status = status_of(error)
    too_long = (retry_after(error) or 0.0) >= deadline_s
    return status in _HOPELESS or _redirects(status) or too_long or out_of_quota(error)


def _redirects(status: int) -> bool:
    return 300 <= status < 400


def _redirect(error: APIError, spec: EndpointSpec, mask: Mask) -> str:
    """Name the host that a redirect leads to, which may be anybody's."""
    from openai import APIStatusError

    where = error.response.headers.get("location", "") if isinstance(error, APIStatusError) else ""
    try:
        host = urlsplit(urljoin(spec.url, where)).hostname if where else None
    except ValueError:
        host = None
    whose = f"the host {told_line(host, mask)}" if host else "another address"
    return (f"redirects to {whose}, and redirects are not followed; write the address of who is to "
            "be asked as base_url")  # fmt: skip
