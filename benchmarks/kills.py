"""SIGKILL at random moments: how many answers are lost, and how many are asked for twice.

    python benchmarks/kills.py [--kills 20] [--seed 0] [--victims pytest endpoint] [--out FILE.json]

A server answers the questions of a judge set after 0.1 s each, and writes down what it answered.
pytest, the worker that asks it, or the server itself is killed at a random moment; what was
answered and is not in the store is lost. Then pytest is started again, and killed again, and so on;
at last it runs to its end, and the results are compared with those of an unbroken run.

The victim `engine` is the process of an engine that runs here, the fake one, and `core` vLLM's own
process below it, which answers with SmolLM2. Their outputs are seen in the store alone; what such a
kill can cost is what came since the last of them was stored.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import yaml
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
VICTIMS = ("endpoint", "pytest", "worker", "engine", "core")
# Their engines run here, and answer a labelled set.
_HERE = ("engine", "core")
_DELAY_S = 0.1
# From the first new answer to the kill.
_LONGEST_S = 2.5
_AT_ONCE = 4
_ANSWERS = 5
# More than can be asked before the last kill.
_PROBES_A_KILL, _ROWS_A_KILL = 8, 45
# Of numbers, where the numbers of an engine rest on what stood beside a request.
_CLOSE = 1e-3


class Server:
    """A server in a process of its own, which writes a line for each question that it answered."""

    def __init__(self, log: Path, port: int = 0) -> None:
        self.log, self.port = log, port
        self.start()

    def start(self) -> None:
        """Start it, again on the port that it had."""
        command = [sys.executable, __file__, "--serve", str(self.log), "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def asked(self) -> Counter[str]:
        """Return how often each question came and was answered."""
        return Counter(self.log.read_text().split()) if self.log.exists() else Counter()


def serve(log: Path, port: int) -> None:
    """Answer until the process is killed; an answer depends on the question alone."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = hashlib.sha256(body).hexdigest()
            time.sleep(_DELAY_S)
            text = json.dumps({"reason": key[:6], "score": 1 + int(key[:2], 16) % 10})
            choice = {"index": 0, "finish_reason": "stop",
                      "message": {"role": "assistant", "content": text}}  # fmt: skip
            usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
            reply = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m",
                                "choices": [choice], "usage": usage}).encode()  # fmt: skip
            try:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
            except OSError:
                return
            with log.open("a") as out:
                out.write(key + "\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def make_project(folder: Path, port: int, kills: int) -> Path:
    """Write a project whose judge set asks the server for everything."""
    shutil.copytree(ROOT / "prompts/judge", folder / "prompts/judge")
    (folder / "evalsets").mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key_env": None,
               "concurrency": _AT_ONCE, "deadline_s": 3.0}  # fmt: skip
    models = {name: {"source": f"openai:{name}", "options": options} for name in ("one", "judge")}
    probes = [{"id": f"p{i}", "kind": "fact", "question": f"What is {i}?",
               "points": [f"It is {i}."]} for i in range(_PROBES_A_KILL * kills + 4)]  # fmt: skip
    evalset = {"kind": "judge", "models": ["one"], "answers": {"n": _ANSWERS, "max_tokens": 40},
               "probes": probes, "judge": {"models": ["judge"],
                                           "rubric": "judge/absolute.en.j2"}}  # fmt: skip
    (folder / "evalsets/models.yaml").write_text(json.dumps({"models": models}))
    (folder / "evalsets/set.yaml").write_text(json.dumps(evalset))
    return folder


def make_labelled(folder: Path, victim: str, rows: int) -> Path:
    """Write a project whose labelled set an engine of this machine answers."""
    shutil.copytree(ROOT / "prompts", folder / "prompts")
    (folder / "evalsets").mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    samples = [{"id": str(i), "text": f"review {i}", "label": ("positive", "negative")[i % 2]}
               for i in range(rows)]  # fmt: skip
    evalset = {
        "data": {"rows": samples, "id": "id"},
        "labels": ["positive", "negative"],
        "models": ["m"],
        "prompts": ["sentiment/plain.j2"],
        "modes": ["zeroshot"],
    }
    model: dict[str, object] = {"source": "hub:nobody/none", "engine": "fake", "dtype": "float32",
                                "options": {"delay_s": 0.06}}  # fmt: skip
    if victim == "core":
        shipped = yaml.safe_load((ROOT / "evalsets/models.yaml").read_text(encoding="utf-8"))
        vllm = {"multiprocess": True, "max_num_seqs": 4, "kv_cache_gib": 1}
        model = shipped["models"]["smollm2-135m"] | {"engine": "vllm", "dtype": "float32",
                                                     "options": {"vllm": vllm}}  # fmt: skip
    (folder / "evalsets/models.yaml").write_text(json.dumps({"models": {"m": model}}))
    (folder / "evalsets/set.yaml").write_text(json.dumps(evalset))
    return folder


def start(project: Path, store: Path, reports: Path) -> subprocess.Popen[bytes]:
    """Start pytest on a project."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "harness.plugin"]
    command += ["--eval-store", str(store), "--eval-reports", str(reports)]
    return subprocess.Popen(
        command,
        cwd=project,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stored(store: Path) -> dict[str, float]:
    """Return the outputs that a store has, and when each was stored."""
    if not store.exists():
        return {}
    with sqlite3.connect(store) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'outputs'").fetchone():
            return {}
        return dict(db.execute("SELECT key, created FROM outputs").fetchall())


def results(reports: Path) -> list[object]:
    """Return what a run's probes or samples came to."""
    files = (reports / "latest/probes.jsonl", reports / "latest/results.jsonl")
    texts = [file.read_text(encoding="utf-8") for file in files if file.exists()]
    return [json.loads(line) for text in texts for line in text.split("\n") if line]


def same(one: object, other: object, close: float) -> bool:
    """Return whether two results are the same, their numbers but for so much."""
    if isinstance(one, dict) and isinstance(other, dict):
        one, other = sorted(one.items()), sorted(other.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(same(*pair, close) for pair in pairs)
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= close
    return one == other


def victim_of(victim: str, process: subprocess.Popen[bytes], server: Server) -> int:
    """Return the process to kill."""
    if victim == "endpoint":
        return server.process.pid
    if victim in ("worker", *_HERE):
        name = "EngineCore" if victim == "core" else "harness.workers.child"
        for one in psutil.Process(process.pid).children(recursive=True):
            if name in " ".join([one.name(), *one.cmdline()]):
                return one.pid
    return process.pid


def kill(victim: str, project: Path, server: Server, draw: random.Random) -> dict[str, object]:
    """Kill one run at a random moment; return what it cost."""
    store, reports = project / f"{victim}.sqlite", project / f"reports-{victim}"
    log = server.asked().total()
    before, began = stored(store), time.monotonic()
    process = start(project, store, reports)
    while server.asked().total() == log and len(stored(store)) == len(before):
        if process.poll() is not None or time.monotonic() - began > 300:
            raise RuntimeError(f"pytest ended with {process.poll()} before it asked anything")
        time.sleep(0.01)
    first = time.time()
    time.sleep(draw.uniform(0.0, _LONGEST_S))
    os.kill(victim_of(victim, process, server), signal.SIGKILL)
    killed = time.time()
    code = process.wait()
    named_s = time.time() - killed
    if victim == "endpoint":
        server.process.wait()
        server.start()
    time.sleep(0.3)
    kept, answered = stored(store), server.asked().total() - log
    here = victim in _HERE
    return {
        "victim": victim,
        "answered": "" if here else answered,
        "stored": len(kept) - len(before),
        "lost": "" if here else max(0, answered - len(kept) + len(before)),
        "s unstored": round(max(0.0, killed - max([first, *kept.values()])), 2),
        "rewritten": sum(kept.get(key) != at for key, at in before.items()),
        "exit code": code,
        "s until the end": round(named_s, 1),
    }


def chain(
    victim: str, project: Path, kills: int, draw: random.Random, port: int
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Kill one run after another on one store, then let one come to its end."""
    server = Server(project / f"{victim}.log", port)
    whole, reports = project / "whole", project / f"reports-{victim}"
    if not whole.exists():
        start(project, project / "whole.sqlite", whole).wait()
    server.log.unlink(missing_ok=True)
    found = [kill(victim, project, server, draw) for _ in range(kills)]
    code = start(project, project / f"{victim}.sqlite", reports).wait()
    asked = server.asked()
    server.process.kill()
    lost = [one["lost"] for one in found if isinstance(one["lost"], int)]
    ours, theirs = results(reports), results(whole)
    return found, {
        "victim": victim,
        "kills": kills,
        "most lost": max(lost, default=""),
        "most s unstored": max(float(str(one["s unstored"])) for one in found),
        "rewritten": sum(int(str(one["rewritten"])) for one in found),
        "answered twice": asked.total() - len(asked) if asked else "",
        "exit codes": ", ".join(sorted({str(one["exit code"]) for one in found})),
        "last": code,
        "equal": bool(theirs) and same(ours, theirs, _CLOSE if victim == "core" else 0.0),
    }


def main() -> None:
    """Run the kills and print what they cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="of each victim")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--victims", nargs="+", default=VICTIMS[:-1], choices=VICTIMS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
    draw = random.Random(given.seed)
    kills, sums = list[dict[str, object]](), list[dict[str, object]]()
    with tempfile.TemporaryDirectory() as scratch:
        for victim in given.victims:
            folder = Path(scratch) / victim
            folder.mkdir()
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            if victim in _HERE:
                project = make_labelled(folder, victim, _ROWS_A_KILL * given.kills + 4)
            else:
                project = make_project(folder, port, given.kills)
            one, whole = chain(victim, project, given.kills, draw, port)
            kills, sums = kills + one, [*sums, whole]
            print(tabulate(one, headers="keys"), tabulate([whole], headers="keys"), sep="\n\n",
                  end="\n\n", flush=True)  # fmt: skip
    print(tabulate(sums, headers="keys"), flush=True)
    if given.out:
        told = {"kills": kills, "victims": sums}
        given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
