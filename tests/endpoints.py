"""An HTTP server that speaks as much of the OpenAI API as a script tells it to."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What is sent back, after some seconds: a status, JSON (other bodies as they are), headers.

    In place of all that, `raw` is sent as it is, its last byte again until the client goes where
    it is `endless`.
    """

    body: Body | str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    raw: bytes | None = None
    endless: bool = False


Script = Callable[[Body], Reply]


@dataclass
class Endpoint:
    """A running server.

    Attributes:
        url: Its `base_url`.
        script: Makes the reply to a request's body; may be changed while it runs.
        asked: The bodies of all requests so far, `keys` their Authorization headers, `times` when
            they came, `most` how many were under way at once.
    """

    url: str
    script: Script
    asked: list[Body] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    most: int = 0


def chat(
    text: str | None,
    *,
    finish_reason: str | None = "stop",
    refusal: str | None = None,
    tokens: Sequence[tuple[str, Mapping[str, float]]] = (),
    usage: tuple[int, int] = (11, 5),
    thought: str | None = None,
    thought_tokens: int | None = None,
    thought_as: str = "reasoning_content",
    model: str | None = None,
) -> Reply:
    """Return a completion.

    Args:
        text: The message's content.
        finish_reason: Why it ended.
        refusal: What the model said instead.
        tokens: The completion's tokens, each with the probabilities of the most probable.
        usage: Tokens of prompt and completion.
        thought: What the model thought, where the server keeps it apart.
        thought_tokens: Tokens of the completion that it took.
        thought_as: What the server calls it.
        model: Who is said to have answered; the model that was asked by default.
    """
    content = [
        {
            "token": token,
            "bytes": list(token.encode()),
            "logprob": math.log(top.get(token, 1.0)),
            "top_logprobs": [
                {"token": t, "bytes": list(t.encode()), "logprob": math.log(p)}
                for t, p in top.items()
            ],
        }
        for token, top in tokens
    ]
    choice = {
        "index": 0,
        "finish_reason": finish_reason,
        "message": {
            "role": "assistant",
            "content": text,
            "refusal": refusal,
            **({thought_as: thought} if thought is not None else {}),
        },
        "logprobs": {"content": content} if tokens else None,
    }
    return Reply(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            **({"model": model} if model is not None else {}),
            "choices": [choice],
            "usage": {
                "prompt_tokens": usage[0],
                "completion_tokens": usage[1],
                "total_tokens": sum(usage),
                **(
                    {"completion_tokens_details": {"reasoning_tokens": thought_tokens}}
                    if thought_tokens is not None
                    else {}
                ),
            },
        }
    )


def trouble(
    status: int,
    message: str = "so it is",
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str | None = None,
    **headers: str,
) -> Reply:
    """Return an error in the form of the API; headers with `_` for `-`."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": error}, status, named)


@contextlib.contextmanager
def serving(script: Script) -> Iterator[Endpoint]:
    """Run a server on a free port of this machine."""
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal under_way
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                under_way += 1
                endpoint.most = max(endpoint.most, under_way)
                endpoint.asked.append(body)
                endpoint.keys.append(self.headers["Authorization"])
                endpoint.times.append(time.monotonic())
                reply = endpoint.script(body)
                if self.path != "/v1/chat/completions":
                    reply = trouble(404, f"no {self.path}")
            time.sleep(reply.delay_s)
            with lock:
                under_way -= 1
            if reply.raw is not None:
                with contextlib.suppress(OSError):
                    self.send_raw(reply.raw, endless=reply.endless)
                return
            json_body = isinstance(reply.body, dict)
            answer = reply.body
            if isinstance(answer, dict) and "choices" in answer:
                # As servers do, unless the script says otherwise.
                answer = {"model": body["model"], **answer}
            sent = answer if isinstance(answer, bytes) else (
                json.dumps(answer) if json_body else str(answer)).encode()  # fmt: skip
            with contextlib.suppress(OSError):
                self.send_response(reply.status)
                kind = "application/json" if json_body else "text/html"
                told = {"Content-Type": kind, "Content-Length": str(len(sent)), **reply.headers}
                for name, value in told.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

        def send_raw(self, sent: bytes, *, endless: bool) -> None:
            self.wfile.write(sent)
            while endless:
                time.sleep(0.02)
                self.wfile.write(sent[-1:])

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1", script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
