"""What is sent to a hub or an index, kept out of errors and logs."""

from __future__ import annotations

import logging
from base64 import b64encode

import pytest

from harness.sources.discreet import mask_of_sent, masked_logs, secret_sent


def test_keys_and_logins_are_known_as_they_are_written_and_sent():
    mask = mask_of_sent(["key-0123456", None], ["https://me:Pass%2Fw0rd@a.example/simple",
                                                "https://token-0123@b.example", None])  # fmt: skip
    for secret in ("key-0123456", "Pass%2Fw0rd", "Pass/w0rd", "token-0123"):
        assert mask.text(f"sent {secret}.") == "sent <key>."
    assert not mask_of_sent([], ["http://[broken"])
    assert mask.text("a.example for me") == "a.example for me"


def test_what_libraries_log_is_masked_while_it_lasts(caplog):
    logger = logging.getLogger("huggingface_hub.utils._http")
    mask = mask_of_sent(["key-0123456"], [])
    with masked_logs(lambda: mask):
        logger.warning("HEAD %s: you sent %s", "http://me:word@a.example/b?c=d", "key-0123456")
    logger.warning("after: %s", "key-0123456")
    assert caplog.messages == ["HEAD http://a.example/b?… you sent <key>", "after: key-0123456"]


@pytest.mark.parametrize(
    ("login", "secret"),
    [
        ("me:Pass-w0rd", "Pass-w0rd"),
        ("token-0123:NOPASS", "token-0123"),
        ("token-0123:", "token-0123"),
        ("token-0123:x-oauth-basic", "token-0123"),
        ("me:word", "word"),
    ],
)
def test_what_is_secret_of_a_login(login, secret):
    assert secret_sent("Basic " + b64encode(login.encode()).decode()) == secret


@pytest.mark.parametrize(("header", "secret"), [("", ""), ("Basic a", "a"), ("Bearer abc", "abc")])
def test_what_is_secret_of_a_header(header, secret):
    assert secret_sent(header) == secret


def test_logins_of_proxies_are_sent_as_well(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://me:Pass-w0rd@proxy.example:3128")
    monkeypatch.setenv("all_proxy", "you:Pass-w1rd@proxy.example:3128")
    monkeypatch.setenv("no_proxy", "localhost.localdomain")
    assert mask_of_sent([], []).text("Pass-w0rd Pass-w1rd localhost.localdomain") == (
        "<key> <key> localhost.localdomain"
    )
