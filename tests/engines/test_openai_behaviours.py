"""What servers do, each by its name, and what must come of it: the table of an endpoint's faults.

A request's answer is stored, with a score or with the reason why its text is no verdict; or it is
not stored, and the request alone is unscored with a reason; or the run ends with one line.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, replace

import pytest
from endpoints import Reply, chat, serving, trouble

from harness.engines import open_engine
from harness.errors import EngineError
from harness.judge.verdict import read_absolute
from harness.records import EngineConfig, Request, Sampling

VERDICT = '{"reason": "It is so.", "score": 7}'
GOOD = chat(VERDICT)
WHOLE = json.dumps({"model": "m", **GOOD.body}).encode()
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Unread:
    """The answer is stored, and its text is no verdict for a reason of this kind."""

    kind: str


@dataclass(frozen=True)
class Failed:
    """The request is unscored with a reason of this kind, in these words; nothing is stored."""

    kind: str
    words: str


@dataclass(frozen=True)
class Ends:
    """The run ends with a line that has these words."""

    words: str


Outcome = int | Unread | Failed | Ends | None
SEVEN = 7
MUTE = Ends("answered none of 2 requests, nor a greeting")
NO_API = Ends("not one of the OpenAI API; check base_url")
LASTS = Ends("tried for up to 0.3 s|no answer within 0.3 s")
SILENT = Failed("endpoint_failed", "no answer within 1 s")


def choice(**fields: object) -> Reply:
    body = json.loads(json.dumps(GOOD.body))
    body["choices"][0] |= fields
    return Reply(body)


def body(**fields: object) -> Reply:
    return Reply({**GOOD.body, **fields})


def content(value: object) -> Reply:
    return choice(message={"role": "assistant", "content": value})


def wait(after: str) -> Reply:
    return trouble(429, "slow down", retry_after=after)


def http(*lines: str, body: bytes = b"") -> Reply:
    head = "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *lines, "", ""])
    return Reply(raw=head.encode() + body)


def odd(place: str) -> Failed:
    return Failed("endpoint_not_openai", f"{place} is not as it is there")


def refused(words: str) -> Failed:
    return Failed("endpoint_refused", words)


ODD_TEXT = odd("choices.0.message.content")
NO_JSON = Unread("verdict_not_json")
LONG = Failed("endpoint_failed", "its answer is longer than 4 MiB")
NO_TEXT = Failed("endpoint_without_text", "without a text")
NO_CHOICE = Failed("endpoint_without_choice", "without a choice")
NO_ANSWER = Failed("endpoint_failed", "the answer is not one of the OpenAI API")
ELSEWHERE = Ends("status 307: redirects to the host other.example, and redirects are not followed")
DEEP = "[" * 100_000
NAN = {"token": "7", "bytes": [55], "logprob": float("nan"), "top_logprobs": []}

# By name: what the server does (one thing after another, the last one for ever), what comes of a
# request that meets it among others that are answered, and where every request meets it.
Row = tuple[Reply | tuple[Reply, ...], Outcome, Outcome]
TABLE: dict[str, Row] = {
    # Answered, in whatever form.
    "plain": (GOOD, SEVEN, SEVEN),
    "another-model": (body(model="m-mini"), SEVEN, SEVEN),
    "text-in-parts": (content([{"type": "text", "text": VERDICT}]), SEVEN, SEVEN),
    "no-usage": (body(usage=None), SEVEN, SEVEN),
    "usage-in-words": (body(usage="many"), SEVEN, SEVEN),
    "unknown-keys": (body(spell="x", object=3, id=None), SEVEN, SEVEN),
    "logprobs-not-a-number": (choice(logprobs={"content": [NAN]}), SEVEN, SEVEN),
    "thought-apart": (chat(VERDICT, thought="Is it 3?"), SEVEN, SEVEN),
    "half-a-character": (chat(VERDICT.replace("It", "\ud83d")), SEVEN, SEVEN),
    "called-a-page": (Reply(WHOLE, headers={"Content-Type": "text/html"}), SEVEN, SEVEN),
    "byte-order-mark": (Reply(b"\xef\xbb\xbf" + WHOLE, headers=JSON), SEVEN, SEVEN),
    "choices-twice": (Reply(b'{"choices": [], ' + WHOLE[1:], headers=JSON), SEVEN, SEVEN),
    "gzip": (Reply(gzip.compress(WHOLE), headers={"Content-Encoding": "gzip"}), SEVEN, SEVEN),
    "deflate": (
        Reply(zlib.compress(WHOLE), headers={"Content-Encoding": "deflate"}), SEVEN, SEVEN),
    "chunked": (
        http("Transfer-Encoding: chunked", body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(WHOLE), WHOLE)),
        SEVEN, SEVEN),
    "no-length": (http(body=WHOLE), SEVEN, SEVEN),
    # Answered with what is no verdict.
    "cut": (chat(VERDICT[:12], finish_reason="length"), Unread("verdict_cut"), None),
    "no-word": (chat(""), Unread("judge_silent"), Unread("judge_silent")),
    "two-verdicts": (chat(VERDICT * 2), Unread("two_verdicts"), None),
    "score-twice": (
        chat('{"reason": "x", "score": 3, "score": 7}'), Unread("verdict_key_twice"), None),
    "huge-score": (chat('{"reason": "x", "score": ' + "9" * 5000 + "}"), NO_JSON, None),
    "deep-text": (chat('{"reason": ' + DEEP), NO_JSON, None),
    # Not answered: the request's own.
    "refusal": (chat(None, refusal="I cannot\nhelp"),) + (
        Failed("model_refused", "the model refused: 'I cannot help'"),) * 2,
    "hostile-refusal": (chat(None, refusal="no\x1b[2J\ud83d\u202e!"),) + (
        Failed("model_refused", "the model refused: 'no!'"),) * 2,
    "filtered": (chat("x", finish_reason="content_filter"),) + (
        Failed("endpoint_ended", "ended the completion: content_filter"),) * 2,
    "calls-a-tool": (chat("x", finish_reason="tool_calls"),) + (
        Failed("endpoint_ended", "ended the completion: tool_calls"),) * 2,
    "no-end": (chat("x", finish_reason=None),) + (
        Failed("endpoint_ended", "ended the completion: None"),) * 2,
    "no-text": (chat(None), NO_TEXT, NO_TEXT),
    "status-400": (trouble(400, "prompt is\ntoo long"),) + (
        refused("status 400: prompt is too long"),) * 2,
    "status-413-page": (Reply("<html>", 413), refused("status 413"), refused("status 413")),
    "status-422": (trouble(422, "bad schema"),) + (refused("status 422: bad schema"),) * 2,
    # Not answered, and nothing else is either where all requests meet it.
    "no-choices": (body(choices=[]), NO_CHOICE, MUTE),
    "choices-null": (body(choices=None), NO_CHOICE, MUTE),
    "choices-in-words": (body(choices="x"), odd("choices"), MUTE),
    "choice-null": (body(choices=[None]), odd("choices.0"), MUTE),
    "choice-empty": (body(choices=[{}]), odd("choices.0.message"), MUTE),
    "message-null": (choice(message=None), odd("choices.0.message"), MUTE),
    "an-image-for-text": (content([{"type": "image_url", "image_url": "x"}]), ODD_TEXT, MUTE),
    "a-number-in-parts": (content([{"type": "text", "text": 7}]), ODD_TEXT, MUTE),
    "a-number-for-a-part": (content([7]), ODD_TEXT, MUTE),
    "text-a-number": (content(7), ODD_TEXT, MUTE),
    "another-api": (Reply({"message": {"content": VERDICT}, "done": True}), NO_CHOICE, MUTE),
    "status-403": (trouble(403, "flagged"), refused("status 403: flagged"), Ends("403: flagged")),
    "status-500": (
        trouble(500, "out of luck", code="bad.luck"),
        Failed("endpoint_failed", "status 500 (bad.luck): out of luck"), MUTE),
    "long": (Reply("x" * (5 << 20)), LONG, MUTE),
    "long-refusal": (Reply("x" * (5 << 20), 400), LONG, MUTE),
    "packed-a-thousandfold": (
        Reply(gzip.compress(b"x" * (5 << 20)), headers={"Content-Encoding": "gzip"}), LONG, MUTE),
    "packed-otherwise": (
        Reply("x", headers={"Content-Encoding": "br"}),
        Failed("endpoint_failed", "packed as 'br'"), MUTE),
    "packed-badly": (
        Reply(WHOLE, headers={"Content-Encoding": "gzip"}),
        Failed("endpoint_failed", "cannot be unpacked"), MUTE),
    "error-with-200": (
        Reply({"error": {"message": "overloaded", "code": 502}}),
        Failed("endpoint_failed", "the answer is an error: overloaded"),
        Ends("the answer is an error: overloaded; check base_url")),
    "page": (Reply("<html>hello</html>"), NO_ANSWER, NO_API),
    "nothing": (Reply(""), NO_ANSWER, NO_API),
    "cut-body": (Reply(WHOLE[:40], headers=JSON), NO_ANSWER, NO_API),
    "a-list": (Reply("[1]"), NO_ANSWER, NO_API),
    "not-text": (Reply(b"\xff"), NO_ANSWER, NO_API),
    "a-word": (Reply('"ok"'), NO_ANSWER, NO_API),
    "deep-body": (Reply(DEEP), NO_ANSWER, NO_API),
    "status-204": (Reply("", 204), NO_ANSWER, NO_API),
    "events": (Reply(f"data: {WHOLE.decode()}\n\n"), NO_ANSWER, NO_API),
    # No answer in time.
    "silent": (replace(GOOD, delay_s=1.5), SILENT, Ends("no answer within 1 s; if it is slow")),
    "endless": (
        replace(http(body=b'{"id": "x'), endless=True), SILENT, Ends("no answer within 1 s")),
    # What may pass.
    "busy-once": ((trouble(503), GOOD), SEVEN, SEVEN),
    "broken-once": ((trouble(500), GOOD), SEVEN, SEVEN),
    "timed-out-once": ((Reply("<html>", 524), GOOD), SEVEN, SEVEN),
    "page-once": ((Reply("<html>"), GOOD), SEVEN, SEVEN),
    "hangs-up-once": ((Reply(raw=b""), GOOD), SEVEN, SEVEN),
    "wait-once": ((wait("0.02"), GOOD), SEVEN, SEVEN),
    "wait-until-the-year-1": ((wait("Mon, 01 Jan 0001 00:00:00 GMT"), GOOD), SEVEN, SEVEN),
    "wait-not-a-number": ((wait("nan"), GOOD), SEVEN, SEVEN),
    "wait-below-zero": ((wait("-9"), GOOD), SEVEN, SEVEN),
    "busy": (trouble(503), None, LASTS),
    "gateway-page": (Reply("<html>", 502), None, LASTS),
    "hangs-up": (Reply(raw=b""), None, LASTS),
    "hangs-up-in-the-body": (http("Content-Length: 999", body=WHOLE[:40]), None, LASTS),
    "chunks-without-an-end": (http("Transfer-Encoding: chunked", body=b"zz\r\nx"), None, LASTS),
    "no-http": (Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), None, LASTS),
    "status-999": (Reply("x", 999), None, LASTS),
    # What every request would meet.
    "status-401": (trouble(401, "no way"),) + (Ends("status 401: no way; check the key"),) * 2,
    "status-402": (trouble(402, "no way"), Ends("status 402: no way"), Ends("status 402: no way")),
    "status-404": (trouble(404, "no way"),) + (
        Ends("status 404: no way; check base_url, .* and the model's name"),) * 2,
    "no-money": (trouble(429, "pay first", code="insufficient_quota"),) + (
        Ends(r"status 429 \(insufficient_quota\): pay first"),) * 2,
    "wait-for-an-hour": (wait("3600"),) + (
        Ends("asks to wait for 3600 s, longer than deadline_s"),) * 2,
    "wait-for-ever": (wait("inf"), Ends("slow down; asks to wait"), Ends("slow down; asks to")),
    "redirect": (Reply("", 307, {"Location": "https://me:pw@other.example/?key=1"}), ELSEWHERE,
                 ELSEWHERE),
    "redirect-nowhere": (Reply("", 302), Ends("to another address"), Ends("to another address")),
}  # fmt: skip
# Of those that wait for it.
DEADLINES = dict.fromkeys(("silent", "endless"), 1.0)


@pytest.fixture(scope="module")
def endpoint():
    with serving(lambda body: GOOD) as running:
        yield running


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Let what is asked again be asked soon, and not often, and clients open at once."""
    monkeypatch.setattr("harness.engines.retries._ERROR_TRIES", 2)
    from tenacity import wait_fixed

    monkeypatch.setattr("tenacity.wait_exponential", lambda **_: wait_fixed(0.01))
    monkeypatch.setattr("tenacity.wait_random", lambda *_: wait_fixed(0.0))
    # No server here speaks TLS, whose certificates take longer than all else.
    monkeypatch.setattr("ssl.SSLContext.load_verify_locations", lambda *_, **__: None)


@pytest.fixture
def engine(request, endpoint):
    name, always = request.param
    deadline_s = DEADLINES.get(name, 0.3 if TABLE[name][2] is LASTS else 30.0)
    options = {"base_url": endpoint.url, "api_key_env": None, "deadline_s": deadline_s}
    replies = TABLE[name][0]
    left = list(replies) if isinstance(replies, tuple) else [replies]

    def script(body):
        if always or "bad" in str(body["messages"]):
            return left.pop(0) if len(left) > 1 else left[0]
        return GOOD

    endpoint.script = script
    endpoint.asked.clear()
    opened = open_engine(
        EngineConfig("openai", "m", "none", "none", 1, options={**options, "concurrency": 2})
    )
    yield opened
    opened.close()


def ask(key: str) -> Request:
    return Request(key, (), Sampling(max_tokens=8), messages=(("user", key),))


def check(output, expected: Outcome) -> None:
    """Check that an output is as it should be, and is stored or not."""
    if isinstance(expected, Failed):
        assert (output.failure.kind, output.text) == (expected.kind, "")
        assert output.finish_reason == "error"
        assert expected.words in output.failure.text
        assert output.failure.text.isprintable()
        return
    assert output.error is None
    ruling = read_absolute(output)
    if isinstance(expected, Unread):
        assert ruling.value is None
        assert ruling.problem.kind == expected.kind
    else:
        assert (ruling.value, ruling.problem) == (expected, None)


def check_end(engine, asks, words: str) -> None:
    with pytest.raises(EngineError, match=words) as caught:
        list(engine.generate(asks))
    told = str(caught.value)
    assert told.startswith("model 'm' at http://127.0.0.1")
    assert told.isprintable()


def rows(place: int) -> list[object]:
    named = {name: row[place] for name, row in TABLE.items() if row[place] is not None}
    return [pytest.param((name, place == 2), want, id=name) for name, want in named.items()]


@pytest.mark.parametrize(("engine", "expected"), rows(1), indirect=["engine"])
def test_one_request_among_others_meets_it(endpoint, engine, expected):
    (first,) = engine.generate([ask("a")])
    asks = [ask("bad"), ask("b"), ask("c")]
    if isinstance(expected, Ends):
        check_end(engine, asks, expected.words)
        assert len(endpoint.asked) <= 4, "what every request meets is asked again"
        return
    outputs = {output.key: output for output in engine.generate(asks)}
    check(outputs.pop("bad"), expected)
    for output in (first, *outputs.values()):
        check(output, SEVEN)
    assert outputs.keys() == {"b", "c"}
    if isinstance(expected, Failed) and expected.kind != "endpoint_failed":
        assert len(endpoint.asked) == 4, "what the server said of the request is asked again"


@pytest.mark.parametrize(("engine", "expected"), rows(2), indirect=["engine"])
def test_every_request_meets_it(engine, expected):
    asks = [ask("a"), ask("b")]
    if isinstance(expected, Ends):
        check_end(engine, asks, expected.words)
        return
    outputs = list(engine.generate(asks))
    assert {output.key for output in outputs} == {"a", "b"}
    for output in outputs:
        check(output, expected)
