"""What is sent to a hub or an index, kept out of errors and logs."""

from __future__ import annotations

import logging

from harness.sources.discreet import mask_of_sent, masked_logs


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
    with masked_logs(mask):
        logger.warning("HEAD %s: you sent %s", "http://me:word@a.example/b?c=d", "key-0123456")
    logger.warning("after: %s", "key-0123456")
    assert caplog.messages == ["HEAD http://a.example/b?… you sent <key>", "after: key-0123456"]
