"""What an endpoint's troubles mean, and the pace of asking."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import openai
import pytest

from harness.engines.retries import (
    Pace,
    may_pass,
    out_of_quota,
    retry_after,
    said,
    status_of,
    through_proxy,
)
from harness.masking import Mask

SENT = httpx2.Request("POST", "http://x/v1/chat/completions")


def error(status, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, headers=named, request=SENT)
    return openai.APIStatusError("it says", response=response, body=body)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 501, 502, 503, 504, 524, 529])
def test_troubles_that_pass(status):
    assert may_pass(error(status))
    assert status_of(error(status)) == status


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_troubles_that_stay(status):
    assert not may_pass(error(status))


def test_the_network_may_come_back_and_other_errors_are_not_asked_again():
    assert may_pass(openai.APIConnectionError(request=SENT))
    assert may_pass(openai.APITimeoutError(request=SENT))
    assert not may_pass(ValueError("x"))
    assert status_of(ValueError("x")) == 0
    assert status_of(None) == 0


def test_an_empty_account_does_not_pass():
    empty = error(429, {"message": "m", "code": "insufficient_quota"})
    assert out_of_quota(empty)
    assert not may_pass(empty)
    assert not out_of_quota(error(429))


@pytest.mark.parametrize(
    ("told", "seconds"), [("3", 3.0), ("0.5", 0.5), ("-1", 0.0), ("soon", None), ("", None)]
)
def test_seconds_to_wait(told, seconds):
    assert retry_after(error(429, retry_after=told)) == seconds


def test_a_date_to_wait_for():
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert retry_after(error(503, retry_after=then)) == pytest.approx(100, abs=3)
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=100), usegmt=True)
    assert retry_after(error(503, retry_after=past)) == 0.0


def test_nothing_said_of_a_wait():
    assert retry_after(error(429)) is None
    assert retry_after(openai.APIConnectionError(request=SENT)) is None
    assert retry_after(None) is None


def test_a_cause_without_words_is_named_by_its_kind():
    failure = openai.APIConnectionError(request=SENT)
    failure.__cause__ = AssertionError()
    assert said(failure, Mask()) == "Connection error. (AssertionError)"


def test_what_was_said_in_one_line():
    assert said(error(400, {"message": "a\n  b"}), Mask()) == "a b"
    assert said(error(400, {"message": "a\x1b[31m\u2028\u202eb\ud83d"}), Mask()) == "a b"
    assert said(error(400, {"detail": "no message"}), Mask()) == "no message"
    assert said(error(422, {"detail": [{"loc": ["body", "seed"], "msg": "unknown"}]}), Mask()) == (
        '[{"loc": ["body", "seed"], "msg": "unknown"}]'
    )
    assert said(error(400, "upstream\nis gone"), Mask()) == "upstream is gone"
    assert said(error(400, {"code": 3}), Mask()) == "it says"
    assert said(error(400, "<html>"), Mask()) == "it says"
    assert len(said(error(400, {"message": "x" * 1000}), Mask())) == 300
    long = error(400, {"message": "x" * 296 + " 0123456789"})
    assert said(long, Mask(["0123456789"])).endswith("x <k…")
    lost = openai.APIConnectionError(request=SENT)
    lost.__cause__ = OSError("no route\nto host")
    assert said(lost, Mask()) == "no route to host"
    lost.__cause__ = TimeoutError()
    assert said(lost, Mask()) == "Connection error. (TimeoutError)"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("http_proxy", "http://p:1", "HTTP_PROXY"),
        ("all_proxy", "http://p:1", "ALL_PROXY"),
        ("https_proxy", "http://p:1", ""),
        ("no_proxy", "judge.example", ""),
    ],
)
def test_the_proxy_on_the_way(monkeypatch, variable, value, told):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(variable, value)
    if variable == "no_proxy":
        monkeypatch.setenv("http_proxy", "http://p:1")
    assert (f"the proxy of {told}," if told else "") in through_proxy("http://judge.example/v1")
    assert bool(through_proxy("http://judge.example/v1")) is bool(told)


def turns(pace, count):
    async def take():
        began = time.monotonic()
        times = []
        for _ in range(count):
            await pace.turn()
            times.append(time.monotonic() - began)
        return times

    return asyncio.run(take())


def test_turns_are_evenly_spaced():
    times = turns(Pace(600), 4)
    assert times[0] < 0.05
    for number, at in enumerate(times):
        assert 0.1 * number - 0.01 <= at < 0.1 * number + 0.3


def test_without_a_limit_only_a_rest_delays():
    pace = Pace(None)
    assert turns(pace, 100)[-1] < 0.5
    pace.rest(0.3)
    pace.rest(0.1)
    times = turns(pace, 3)
    assert 0.25 < times[0] < 1.0
    assert times[-1] - times[0] < 0.2
