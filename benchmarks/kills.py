"""SIGKILL at random moments: how many answers are lost, and how many are asked for twice.

    python benchmarks/kills.py [--kills 10] [--seed 0] [--out FILE.json]

A server in this process answers 300 questions of a judge set after 30 ms each, and counts what it
answered. pytest, or the worker that asks it, is killed at a random moment; what was answered and
is not in the store is lost. Then pytest runs to its end: what the server is asked again beyond what
was lost or under way is counted, and the results are compared with those of an unbroken run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
_DELAY_S = 0.03
_AT_ONCE = 4
_PROBES = 60
_ANSWERS = 5


@dataclass
class Asked:
    """What the server was asked: how often each question came, and how often it was answered."""

    came: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    guard: threading.Lock = field(default_factory=threading.Lock)


def serve(asked: Asked) -> ThreadingHTTPServer:
    """Start the server; an answer depends on the question alone."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = hashlib.sha256(body).hexdigest()
            with asked.guard:
                asked.came[key] += 1
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
            with asked.guard:
                asked.answered[key] += 1

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def make_project(folder: Path, port: int) -> Path:
    """Write a project whose judge set asks the server for everything."""
    shutil.copytree(ROOT / "prompts/judge", folder / "prompts/judge")
    (folder / "evalsets").mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    options = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key_env": None,
               "concurrency": _AT_ONCE}  # fmt: skip
    models = {name: {"source": f"openai:{name}", "options": options} for name in ("one", "judge")}
    probes = [{"id": f"p{i}", "kind": "fact", "question": f"What is {i}?",
               "points": [f"It is {i}."]} for i in range(_PROBES)]  # fmt: skip
    evalset = {"kind": "judge", "models": ["one"], "answers": {"n": _ANSWERS, "max_tokens": 40},
               "probes": probes, "judge": {"models": ["judge"],
                                           "rubric": "judge/absolute.en.j2"}}  # fmt: skip
    (folder / "evalsets/models.yaml").write_text(json.dumps({"models": models}))
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


def stored(store: Path) -> int:
    """Return how many outputs a store has."""
    with sqlite3.connect(store) as db:
        return int(db.execute("SELECT count(*) FROM outputs").fetchone()[0])


def results(reports: Path) -> str:
    """Return what a run's probes came to."""
    return (reports / "latest/probes.jsonl").read_text(encoding="utf-8")


def kill(
    victim: str, project: Path, asked: Asked, draw: random.Random, whole: str
) -> dict[str, object]:
    """Kill one run at a random moment and finish it with another; return what it cost."""
    asked.came.clear()
    asked.answered.clear()
    store, reports = project / f"{victim}.sqlite", project / f"reports-{victim}"
    process = start(project, store, reports)
    while not asked.answered:
        if process.poll() is not None:
            raise RuntimeError(f"pytest ended with {process.returncode} before it asked anything")
        time.sleep(0.01)
    time.sleep(draw.uniform(0.05, _PROBES * _ANSWERS * _DELAY_S / _AT_ONCE))
    target = process.pid
    if victim == "worker":
        below = psutil.Process(process.pid).children(recursive=True)
        workers = [one.pid for one in below if "harness.workers.child" in one.cmdline()]
        target = workers[0] if workers else process.pid
    os.kill(target, signal.SIGKILL)
    answered = sum(asked.answered.values())
    process.wait()
    time.sleep(0.5)
    kept = stored(store)
    start(project, store, reports).wait()
    again = sum(asked.came.values()) - len(asked.came)
    found = {
        "victim": victim,
        "answered": answered,
        "lost": max(0, answered - kept),
        "asked again": again,
        "equal": results(reports) == whole,
    }
    for one in project.glob(f"{store.name}*"):
        if one.is_file():
            one.unlink()
    shutil.rmtree(reports)
    return found


def main() -> None:
    """Run the kills and print what they cost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--kills", type=int, default=10, help="of pytest, and as many of the worker"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    asked, draw = Asked(), random.Random(given.seed)
    server = serve(asked)
    with tempfile.TemporaryDirectory() as scratch:
        project = make_project(Path(scratch) / "project", server.server_port)
        reports = project / "reports"
        start(project, project / "whole.sqlite", reports).wait()
        whole = results(reports)
        found = [kill(victim, project, asked, draw, whole)
                 for victim in ("pytest", "worker") for _ in range(given.kills)]  # fmt: skip
    print(tabulate(found, headers="keys"), flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
