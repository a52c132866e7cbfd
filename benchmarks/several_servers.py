"""Requests of one model shared among several servers, one of which is killed on the way.

    python benchmarks/several_servers.py MODEL_FOLDER --servers 2 --requests 4000 -- OPTIONS

Starts servers of vLLM on this machine with the options behind `--`, asks the first one alone, then
all of them, then all of them while the last one is killed after a third of the outputs. Prints a
line of JSON for each: seconds, outputs, requests without an answer, texts that differ from those
of the first server alone, and what was said of the server that failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from harness.records import EngineConfig, Json, Request, Sampling
from harness.workers.fleet import Fleet
from harness.workers.places import Places
from harness.workers.worker import Worker

WORDS = "river lamp seven quiet copper window early garden letter stone".split()


@contextlib.contextmanager
def server(
    model: Path, options: list[str], log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a server until it is healthy; yield its process and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", "m", "--host", "127.0.0.1", "--port", str(port), *options]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + 240
        while not healthy(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text()[-3000:])
            time.sleep(0.5)
        yield process, f"http://127.0.0.1:{port}/v1"
    finally:
        kill(process)


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a server with the processes that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()


def asked(count: int) -> list[Request]:
    sampling = Sampling(max_tokens=48, temperature=0.0)
    return [
        Request(f"r{i}", (), sampling, messages=(("user", f"{i}: " + " ".join(WORDS * 12)),))
        for i in range(count)
    ]


def round_of(
    what: str,
    urls: list[str],
    count: int,
    concurrency: int,
    known: dict[str, str],
    doomed: subprocess.Popen[bytes] | None = None,
) -> dict[str, str]:
    """Ask servers, print what came of it, and return the texts."""
    folder, lost = Path(tempfile.mkdtemp()), list[str]()
    addresses: list[Json] = [*urls]
    options: dict[str, Json] = {
        "base_url": addresses,
        "api_key_env": None,
        "concurrency": concurrency,
    }
    fleet = Fleet(
        lambda config, number: Worker(config, log=folder / f"{number}.log"),
        Places(folder, []),
        share=lambda: 0,
        lost=lambda replica, error: lost.append(str(error)[:300]),
    )
    fleet.start(EngineConfig("openai", "m", "none", "remote", 1, options=options), count, None)
    fleet.wait_ready()
    texts: dict[str, str] = {}
    began = time.monotonic()
    for output in fleet.generate(asked(count)):
        if output.failure is None:
            texts[output.key] = output.text
        if doomed is not None and len(texts) == count // 3:
            kill(doomed)
    wall = time.monotonic() - began
    fleet.close()
    differ = sum(known[key] != text for key, text in texts.items() if key in known)
    print(json.dumps({"what": what, "servers": len(urls), "wall_s": round(wall, 1),
                      "answered": len(texts), "unanswered": count - len(texts),
                      "other texts": differ, "lost": lost}), flush=True)  # fmt: skip
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--concurrency", type=int, default=64)
    args, options = parser.parse_known_args()
    options = [one for one in options if one != "--"]
    with contextlib.ExitStack() as stack:
        logs = Path(tempfile.mkdtemp())
        some = [
            stack.enter_context(server(args.model, options, logs / f"{n}.log"))
            for n in range(args.servers)
        ]
        urls = [url for _, url in some]
        round_of("warm", urls, 200, args.concurrency, {})
        alone = round_of("one", urls[:1], args.requests, args.concurrency, {})
        round_of("all", urls, args.requests, args.concurrency, alone)
        doomed, _ = some[-1]
        round_of("one killed", urls, args.requests, args.concurrency, alone, doomed)


if __name__ == "__main__":
    main()
