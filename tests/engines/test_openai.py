"""The engine of endpoints, against a real HTTP server that does as a script says."""

from __future__ import annotations

import base64
import json
import math
import socket
import time
from dataclasses import replace

import pytest
from endpoints import Reply, chat, serving, trouble

from harness.engines import open_engine
from harness.errors import EngineError
from harness.records import Adapter, EngineConfig, Request, Sampling
from harness.workers.worker import Worker

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "score": {"type": "integer"}},
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
)
KEY = "sk-secret-0123456789"
SCORES = tuple(str(number) for number in range(1, 11))


@pytest.fixture
def endpoint():
    with serving(lambda body: chat("so be it")) as running:
        yield running


@pytest.fixture
def engine(endpoint):
    opened = open_engine(config(endpoint))
    yield opened
    opened.close()


def config(endpoint, **options):
    options = {"base_url": endpoint.url, "api_key_env": None, "deadline_s": 20.0, **options}
    return EngineConfig("openai", "judge-1", "none", "none", 1, options=options)


def opened(endpoint, **options):
    return open_engine(config(endpoint, **options))


def ask(key="k", *, text="Is it?", **sampling):
    return Request(
        key, (), Sampling(**sampling), messages=(("system", "Be brief."), ("user", text))
    )


def one(engine, request=None):
    (output,) = engine.generate([request or ask()])
    return output


def refused(engine, request=None):
    output = one(engine, request)
    assert output.finish_reason == "error"
    assert output.text == ""
    return output.failure.text


def scripted(*replies):
    """Give the replies one after another, the last one for ever."""
    left = list(replies)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


def test_what_is_sent_and_what_comes_back(endpoint, engine):
    request = ask(max_tokens=7, temperature=0.5, top_p=0.9, seed=3, stop=("\n",), schema=SCHEMA)
    output = one(engine, request)
    assert endpoint.asked == [
        {
            "model": "judge-1",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Is it?"},
            ],
            "max_tokens": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 3,
            "stop": ["\n"],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": json.loads(SCHEMA), "strict": True},
            },
        }
    ]
    assert (output.key, output.text, output.finish_reason) == ("k", "so be it", "stop")
    assert (output.prompt_tokens, output.completion_tokens, output.length) == (11, 5, 5)
    assert output.token_ids == ()


def test_what_is_not_asked_is_not_sent(endpoint, engine):
    one(engine)
    assert endpoint.asked[0].keys() == {"model", "messages", "max_tokens", "temperature"}


def test_a_server_s_own_nucleus_does_not_count(endpoint, engine):
    one(engine, ask(temperature=0.7))
    assert endpoint.asked[0]["top_p"] == 1.0


def test_a_cut_completion_says_so(endpoint, engine):
    endpoint.script = scripted(chat('{"rea', finish_reason="length"))
    output = one(engine)
    assert (output.text, output.finish_reason, output.error) == ('{"rea', "length", None)


def test_what_an_endpoint_cannot_be_asked(endpoint, engine):
    plain = ask()
    assert "takes messages" in refused(engine, Request("k", (1, 2), Sampling()))
    assert "no score_ids" in refused(engine, replace(plain, sampling=Sampling(score_ids=(1,))))
    assert "no choices" in refused(engine, replace(plain, sampling=Sampling(choices=("a",))))
    assert "no adapter" in refused(engine, replace(plain, adapter=Adapter("p", "d", 4)))
    assert "not JSON" in refused(engine, replace(plain, sampling=Sampling(schema="{")))
    assert "half a character" in refused(engine, ask(text="\ud83d"))
    assert endpoint.asked == []


def test_too_many_requests_wait_as_long_as_the_server_says(endpoint, engine):
    endpoint.script = scripted(trouble(429, retry_after="1"), chat("now"))
    assert one(engine).text == "now"
    first, second = endpoint.times
    assert 1.0 <= second - first < 5.0


def test_others_wait_too_while_the_server_rests(endpoint):
    busy = scripted(trouble(429, retry_after="1"), chat("now"))
    slow = replace(chat("fine"), delay_s=0.3)
    endpoint.script = lambda body: busy(body) if "busy" in str(body["messages"]) else slow
    engine = opened(endpoint, concurrency=2)
    requests = [ask("a", text="busy"), ask("b"), ask("c")]
    assert {o.key: o.text for o in engine.generate(requests)} == {
        "a": "now",
        "b": "fine",
        "c": "fine",
    }
    engine.close()
    first, _, *later = endpoint.times
    assert min(later) - first > 0.9


def test_a_wait_beyond_the_deadline_is_not_begun(endpoint):
    endpoint.script = scripted(trouble(429, "come later", retry_after="3600"))
    engine = opened(endpoint)
    started = time.monotonic()
    told = "status 429: come later; asks to wait for 3600 s, longer than deadline_s"
    with pytest.raises(EngineError, match=told):
        one(engine)
    assert time.monotonic() - started < 5
    assert len(endpoint.asked) == 1
    endpoint.script = scripted(chat("fine"))
    assert one(engine).text == "fine", "others do not wait for an hour either"
    engine.close()


@pytest.mark.parametrize("told", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_server_that_asks_for_no_wait_is_not_asked_at_once(endpoint, told):
    endpoint.script = scripted(trouble(429, retry_after=told))
    engine = opened(endpoint, deadline_s=5.0)
    with pytest.raises(EngineError, match="status 429"):
        one(engine)
    assert len(endpoint.asked) <= 4
    engine.close()


def test_an_endpoint_that_answers_nothing_ends_the_engine(endpoint, monkeypatch):
    monkeypatch.setattr("harness.engines.retries._ERROR_TRIES", 1)
    monkeypatch.setattr("harness.engines.openai._MUTE", 4)
    endpoint.script = scripted(trouble(500, "out of luck", code="bad.luck"))
    why = r"status 500 \(bad.luck\): out of luck"
    engine = opened(endpoint, concurrency=1)
    with pytest.raises(EngineError, match=f"none of 3 requests, nor a greeting: .*{why}"):
        list(engine.generate([ask(f"k{number}") for number in range(3)]))
    with pytest.raises(EngineError, match="none of 4 requests"):
        list(engine.generate([ask(f"k{number}") for number in range(9)]))
    # Beside the last greeting another request is under way.
    assert 3 + 1 + 4 + 1 <= len(endpoint.asked) <= 11
    engine.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(endpoint, engine, status):
    with serving(lambda body: chat("mine")) as other:
        where = other.url.replace("http://", "http://me:pw@") + "/chat/completions?key=1"
        endpoint.script = lambda body: Reply("", status, {"Location": where})
        with pytest.raises(EngineError, match=f"status {status}: redirects to the host 127.0.0.1,"):
            one(engine)
        assert (len(endpoint.asked), len(other.asked)) == (1, 0)


def test_nobody_at_home():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    options = {"base_url": url, "api_key_env": None, "deadline_s": 1.5}
    engine = open_engine(EngineConfig("openai", "m", "none", "none", 1, options=options))
    started = time.monotonic()
    with pytest.raises(EngineError) as caught:
        one(engine)
    assert 0.4 < time.monotonic() - started < 4
    assert str(caught.value).startswith(f"model 'm' at {url}: ")
    assert "tried for up to 1.5 s" in str(caught.value)
    assert "\n" not in str(caught.value)
    engine.close()


def test_a_proxy_that_is_gone_is_named_without_its_password(endpoint, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://me:s3cret@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    engine = opened(endpoint, deadline_s=4.0)
    with pytest.raises(EngineError, match="asked through the proxy of HTTP_PROXY") as caught:
        one(engine)
    assert "s3cret" not in str(caught.value)
    engine.close()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    engine = opened(endpoint)
    assert one(engine).text == "so be it"
    engine.close()


def test_one_forbidden_text_fails_alone(endpoint):
    flagged = trouble(403, "your input was flagged")
    endpoint.script = lambda body: flagged if "bad" in str(body["messages"]) else chat("fine")
    engine = opened(endpoint, concurrency=1)
    asks = [ask("a"), *(ask(f"b{i}", text="bad") for i in range(15)), ask("c")]
    outputs = {o.key: o for o in engine.generate(asks)}
    assert (outputs["a"].text, outputs["c"].text) == ("fine", "fine")
    refusal = "the endpoint refused the request: status 403: your input was flagged"
    assert {outputs[f"b{i}"].failure.text for i in range(15)} == {refusal}
    engine.close()


def test_a_key_without_rights_ends_the_engine(endpoint):
    endpoint.script = lambda body: trouble(403, "no rights")
    engine = opened(endpoint, concurrency=1)
    with pytest.raises(EngineError, match="status 403: no rights"):
        one(engine)
    assert len(endpoint.asked) == 1
    left = [chat("fine")]
    endpoint.script = lambda body: left.pop() if left else trouble(403, "taken away")
    outputs = engine.generate([ask(f"k{i}") for i in range(30)])
    assert next(outputs).text == "fine"
    with pytest.raises(EngineError, match="status 403: taken away"):
        list(outputs)
    assert len(endpoint.asked) == 1 + 1 + 16
    engine.close()


def test_a_server_that_dies_among_the_last_requests_ends_the_engine(endpoint):
    """All that were under way had been sent before the last answer came."""
    gone = replace(trouble(503, "going down"), delay_s=0.3)

    endpoint.script = lambda body: chat("fine") if "ok" in str(body["messages"]) else gone
    engine = opened(endpoint, concurrency=3, deadline_s=1.5)
    outputs = engine.generate([ask("a", text="ok"), ask("b"), ask("c")])
    assert next(outputs).text == "fine"
    with pytest.raises(EngineError, match=r"going down; tried for up to|no answer within"):
        list(outputs)
    engine.close()


def test_the_key_comes_from_the_environment(endpoint, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", " s3cret ")
    engine = opened(endpoint, api_key_env="JUDGE_KEY")
    one(engine)
    engine.close()
    assert endpoint.keys == ["Bearer s3cret"]


@pytest.mark.parametrize("value", ["s3cret\nexport X", "s3\tcret", "\u043a\u043b\u044e\u0447"])
def test_a_key_that_cannot_be_sent_is_told_without_it(endpoint, monkeypatch, value):
    monkeypatch.setenv("JUDGE_KEY", value)
    with pytest.raises(EngineError, match="JUDGE_KEY holds a line break or a char") as caught:
        opened(endpoint, api_key_env="JUDGE_KEY")
    assert value[:2] not in str(caught.value)
    assert endpoint.asked == []


def test_a_server_that_repeats_the_key_is_not_repeated(endpoint, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    engine = opened(endpoint, api_key_env="JUDGE_KEY")
    endpoint.script = scripted(trouble(400, "x" * 280 + f" with {KEY}"))
    assert refused(engine).endswith(" with <key>")
    endpoint.script = scripted(trouble(400, "x" * 290 + f" with {KEY}"))
    assert refused(engine).endswith(" with <ke…")
    endpoint.script = scripted(trouble(401, f"no key {KEY} here"))
    with pytest.raises(EngineError, match="status 401: no key <key> here; check the key"):
        one(engine)
    engine.close()


@pytest.mark.parametrize(
    ("status", "header", "around"),
    [(302, "Location", "https://{}.example/"), (200, "Content-Encoding", "{}")],
)
def test_of_a_key_in_a_header_no_part_is_told(endpoint, monkeypatch, status, header, around):
    key = "sk-secret-0123456789abcdefghij/+klm="
    monkeypatch.setenv("JUDGE_KEY", key)
    engine = opened(endpoint, api_key_env="JUDGE_KEY")
    endpoint.script = scripted(Reply("x", status, {header: around.format(key)}))
    with pytest.raises(EngineError) as caught:
        one(engine)
    assert "<key>" in str(caught.value)
    assert "secret" not in str(caught.value)
    engine.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://somebody:Pass-w0rd-0123@127.0.0.1:9"),
        ("OPENAI_CUSTOM_HEADERS", "X-Gateway: Bearer Pass-w0rd-0123\nX-Group: a"),
    ],
)
def test_what_the_environment_lets_be_sent_is_not_repeated(endpoint, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    engine = opened(endpoint, api_key_env=None)
    endpoint.script = scripted(trouble(400, "you sent Pass-w0rd-0123 of a Bearer"))
    assert refused(engine).endswith("you sent <key> of a Bearer")
    engine.close()


def test_no_key_leaves_the_process_of_an_engine(endpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    endpoint.script = scripted(
        chat(f"the key is {KEY}", thought=KEY.upper(), model=f"m-{KEY}"),
        chat(base64.b64encode(f"Bearer {KEY}".encode()).decode()),
        chat(None, refusal="x" * 270 + f"no, {KEY}"),
        chat("a", finish_reason="x" * 270 + KEY),
        trouble(400, "x" * 270 + KEY),
        Reply({"error": {"message": f"a wrong key {KEY}"}}, 401),
    )
    log, outputs = tmp_path / "log", []
    options = {"api_key_env": "JUDGE_KEY", "concurrency": 1}
    with Worker(config(endpoint, **options), log=log) as worker, pytest.raises(EngineError) as end:
        outputs.extend(worker.generate([ask(f"k{number}") for number in range(7)]))
    endpoint.script = scripted(Reply({"error": {"message": f"a wrong key {KEY}"}}))
    options["deadline_s"] = 4.0
    with Worker(config(endpoint, **options), log=log) as worker, pytest.raises(EngineError) as late:
        one(worker)
    for told in (*map(repr, outputs), str(end.value), str(late.value), log.read_text()):
        assert "<key>" in told
        assert KEY[:6] not in told.casefold()
    assert len(outputs) == 5


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_missing_key_is_told_before_anything_is_asked(endpoint, monkeypatch, value):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(EngineError, match="set the environment variable OPENAI_API_KEY, name "):
        opened(endpoint, api_key_env="OPENAI_API_KEY")
    assert endpoint.asked == []


def test_a_wrong_option_is_one_line(endpoint):
    with pytest.raises(EngineError, match=r"option 'concurrency': Input should be greater"):
        opened(endpoint, concurrency=0)


def test_requests_go_side_by_side_up_to_the_limit(endpoint):
    endpoint.script = scripted(replace(chat("x"), delay_s=0.2))
    engine = opened(endpoint, concurrency=4)
    started = time.monotonic()
    assert len(list(engine.generate([ask(str(i)) for i in range(12)]))) == 12
    assert endpoint.most == 4
    assert time.monotonic() - started < 2.4, "no faster than one after another"
    engine.close()


def test_requests_a_minute(endpoint):
    engine = opened(endpoint, requests_per_minute=300)
    assert len(list(engine.generate([ask(str(i)) for i in range(6)]))) == 6
    engine.close()
    assert 0.8 < endpoint.times[-1] - endpoint.times[0] < 4.0


def test_retries_keep_the_pace_too(endpoint):
    busy = trouble(429, retry_after="0.2")
    # All three are told at the same time to come back at the same time.
    together = [replace(busy, delay_s=seconds) for seconds in (0.6, 0.4, 0.2)]
    endpoint.script = scripted(*together, chat("now"))
    engine = opened(endpoint, requests_per_minute=300)
    assert {o.text for o in engine.generate([ask(str(i)) for i in range(3)])} == {"now"}
    engine.close()
    assert len(endpoint.times) == 6
    # Six turns; without turns of their own the retries come 0.8 s after the first request.
    assert endpoint.times[-1] - endpoint.times[0] > 1.0


def test_outputs_leave_as_they_are_finished(endpoint):
    slow = replace(chat("late"), delay_s=1.0)
    endpoint.script = lambda body: slow if "slow" in str(body["messages"]) else chat("fine")
    engine = opened(endpoint, concurrency=2)
    keys = [o.key for o in engine.generate([ask("a", text="slow"), ask("b"), ask("c")])]
    assert keys == ["b", "c", "a"]
    engine.close()


def test_leaving_early_asks_no_more(endpoint):
    engine = opened(endpoint, concurrency=1)
    outputs = engine.generate([ask(str(i)) for i in range(20)])
    assert next(outputs).text == "so be it"
    outputs.close()
    asked = len(endpoint.asked)
    assert asked < 4
    assert one(engine).text == "so be it"
    assert len(endpoint.asked) == asked + 1
    engine.close()


def test_close_twice_and_no_use_after(engine):
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        one(engine)


def test_no_requests_no_outputs(engine):
    assert list(engine.generate([])) == []


def test_a_server_that_knows_no_max_tokens_is_remembered(endpoint, engine):
    def script(body):
        if "max_tokens" in body:
            return trouble(400, "Unsupported parameter: use max_completion_tokens instead",
                           param="max_tokens")  # fmt: skip
        return chat("fine")

    endpoint.script = script
    for _ in range(2):
        assert one(engine, ask(max_tokens=9)).text == "fine"
    assert [body.get("max_tokens") for body in endpoint.asked] == [9, None, None]
    assert [body.get("max_completion_tokens") for body in endpoint.asked] == [None, 9, 9]


def test_a_server_without_log_probabilities_is_asked_without_once(endpoint, engine):
    def script(body):
        return trouble(400, "logprobs is not allowed") if "logprobs" in body else chat(VERDICT)

    endpoint.script = script
    for _ in range(2):
        output = one(engine, ask(score_texts=SCORES))
        assert (output.text, output.logprobs) == (VERDICT, ())
    assert ["logprobs" in body for body in endpoint.asked] == [True, False, False]


def test_a_server_that_gives_fewer_alternatives_is_asked_for_fewer(endpoint, engine):
    def script(body):
        if body["top_logprobs"] > 5:
            return trouble(422, "top_logprobs must be less than or equal to 5")
        return chat(
            VERDICT, tokens=tokens(("7", {"7": 0.5, "8": 0.25, "x": 0.25}), ("}", {"}": 1.0}))
        )

    endpoint.script = script
    for _ in range(2):
        output = one(engine, ask(score_texts=SCORES))
        assert output.logprobs[6] == pytest.approx(math.log(0.5))
    assert [body["top_logprobs"] for body in endpoint.asked] == [20, 5, 5]


def test_a_server_that_knows_no_bounds_of_strings_is_asked_without_them(endpoint, engine):
    def script(body):
        if "maxLength" in json.dumps(body):
            return trouble(400, "In context=('properties', 'a'), 'maxLength' is not permitted.")
        return chat(VERDICT)

    bounded = {"properties": {"a": {"type": "string", "minLength": 1, "maxLength": 9}}}
    endpoint.script = script
    for _ in range(2):
        assert one(engine, ask(schema=json.dumps(bounded))).text == VERDICT
    sent = [body["response_format"]["json_schema"]["schema"] for body in endpoint.asked]
    assert sent == [bounded, *[{"properties": {"a": {"type": "string"}}}] * 2]


def test_a_prompt_that_is_too_long_teaches_nothing(endpoint, engine):
    said = "max_tokens is too large: the window is 256 tokens and the prompt has 450"
    endpoint.script = scripted(trouble(400, said), chat("fine"))
    assert "too large" in refused(engine)
    assert one(engine).text == "fine"
    assert ["max_tokens" in body for body in endpoint.asked] == [True, True]


def test_a_server_that_refuses_in_the_name_of_what_was_not_sent(endpoint, engine):
    endpoint.script = scripted(trouble(400, "logprobs is not allowed in a text"))
    assert "not allowed in a text" in refused(engine)
    assert len(endpoint.asked) == 1


VERDICT = '{"reason":"x","score":7}'


def tokens(*last):
    return [('{"reason":"x","', {}), ('score":', {}), *last]


def test_scores_come_with_the_completion(endpoint, engine):
    likely = {"7": 0.5, "8": 0.25, "1": 0.001, "\n": 0.2}
    endpoint.script = scripted(chat(VERDICT, tokens=tokens(("7", likely), ("}", {"}": 1.0}))))
    output = one(engine, ask(score_texts=SCORES))
    assert (endpoint.asked[0]["logprobs"], endpoint.asked[0]["top_logprobs"]) == (True, 20)
    assert output.logprobs[6:8] == pytest.approx((math.log(0.5), math.log(0.25)))
    assert output.logprobs[2] == -math.inf


def test_a_ten_that_is_split_is_put_together(endpoint, engine):
    text = '{"reason":"x","score":10}'
    split = tokens(("1", {"1": 0.8, "9": 0.2}), ("0", {"0": 0.75, "}": 0.25}), ("}", {"}": 1.0}))
    endpoint.script = scripted(chat(text, tokens=split))
    output = one(engine, ask(score_texts=SCORES))
    assert output.logprobs[9] == pytest.approx(math.log(0.6))
    assert output.logprobs[0] == pytest.approx(math.log(0.2))
    assert output.logprobs[8] == pytest.approx(math.log(0.2))


def test_in_a_worker_with_messages_schema_and_scores(endpoint):
    likely = {"7": 0.5, "8": 0.25, " ": 0.25}
    endpoint.script = scripted(chat(VERDICT, tokens=tokens(("7", likely), ("}", {"}": 1.0}))))
    with Worker(config(endpoint)) as worker:
        (output,) = worker.generate([ask(text="Да?", schema=SCHEMA, score_texts=SCORES)])
    assert endpoint.asked[0]["messages"][1] == {"role": "user", "content": "Да?"}
    assert endpoint.asked[0]["response_format"]["type"] == "json_schema"
    assert (output.text, output.length) == (VERDICT, 5)
    assert output.logprobs[6] == pytest.approx(math.log(0.5))


def test_a_worker_tells_of_a_missing_key(endpoint, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with (
        Worker(config(endpoint, api_key_env="OPENAI_API_KEY")) as worker,
        pytest.raises(EngineError, match="could not start: no key for http"),
    ):
        list(worker.generate([ask()]))
