"""The child's side of a worker: opens the engine, answers on a socket, dies with its parent.

Frames are JSON, prompts one int32 array: nothing that the child sends is executed by the parent.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from multiprocessing.connection import Connection
from typing import Any, NoReturn, TypedDict

import numpy as np

from harness.engines import open_engine
from harness.engines.ahead import import_ahead
from harness.errors import EngineError
from harness.markdown import cut, plain
from harness.masking import Mask, MaskedStream, sent_unasked
from harness.reasons import Reason
from harness.records import Adapter, EngineConfig, Output, Request, Sampling
from harness.workers.lastwords import hollow
from harness.workers.offspring import Offspring

_PARENT_CHECK_S = 1.0
# Variables that hold keys whatever the options say; an option of this name names one more.
_KEYS = ("OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_NAMED_BY = "api_key_env"
_SENDING = threading.Lock()


class Reply(TypedDict, total=False):
    """What the child sends; one key at a time.

    Attributes:
        ready: The system's monotonic clock in seconds when the engine was open.
        output: The fields of an `Output`, in their order.
        done: All outputs of a batch were sent.
        error: Why the engine failed, in one line.
    """

    ready: float
    output: Sequence[object]
    done: bool
    error: str


def encode_requests(requests: Sequence[Request]) -> tuple[bytes, bytes]:
    """Return a JSON header and all prompt ids as little-endian int32, one prompt after another.

    Samplings and adapters are few and shared, so they travel once each.
    """
    samplings: dict[Sampling, int] = {}
    adapters: dict[Adapter, int] = {}
    heads = [
        [
            request.key,
            len(request.prompt_ids),
            samplings.setdefault(request.sampling, len(samplings)),
            adapters.setdefault(request.adapter, len(adapters)) if request.adapter else None,
            request.messages,
            request.segments,
        ]
        for request in requests
    ]
    header = {
        "requests": heads,
        "samplings": [asdict(sampling) for sampling in samplings],
        "adapters": [asdict(adapter) for adapter in adapters],
    }
    rows = [request.prompt_ids for request in requests]
    flat = np.fromiter(chain.from_iterable(rows), dtype="<i4", count=sum(map(len, rows)))
    return json.dumps(header).encode(), flat.tobytes()


def decode_requests(header: bytes, ids: bytes) -> list[Request]:
    """Return what `encode_requests` was given."""
    message = json.loads(header)
    for fields in message["samplings"]:
        for name in ("stop", "stop_ids", "score_ids", "choices", "score_texts"):
            fields[name] = tuple(fields[name])
    samplings = [Sampling(**fields) for fields in message["samplings"]]
    adapters = [Adapter(**fields) for fields in message["adapters"]]
    flat = np.frombuffer(ids, dtype="<i4")
    requests, start = [], 0
    for key, length, sampling, adapter, messages, segments in message["requests"]:
        requests.append(
            Request(
                key=key,
                prompt_ids=tuple(flat[start : start + length].tolist()),
                sampling=samplings[sampling],
                adapter=None if adapter is None else adapters[adapter],
                messages=tuple((role, content) for role, content in messages),
                segments=tuple(segments),
            )
        )
        start += length
    return requests


def encode_output(output: Output) -> Sequence[object]:
    """Return the fields of an output, in their order, as JSON can hold them."""
    return (
        output.key,
        output.text,
        output.token_ids,
        output.finish_reason,
        output.logprobs,
        output.prompt_tokens,
        output.cached_tokens,
        output.completion_tokens,
        output.error.to_json() if isinstance(output.error, Reason) else output.error,
        output.thought,
        output.thought_tokens,
        output.served_by,
    )


def decode_output(row: Sequence[object]) -> Output:
    """Return what `encode_output` was given, as it came out of JSON."""
    fields: Any = [tuple(value) if isinstance(value, list) else value for value in row]
    output = Output(*fields)
    typed = isinstance(output.error, dict)
    return replace(output, error=Reason.from_json(output.error)) if typed else output


def main(fd: int) -> None:
    """Serve the worker at the other end of the socket `fd` until it says `close`."""
    faulthandler.enable()
    os.set_inheritable(fd, False)
    conn = Connection(fd)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(conn, inbox), daemon=True).start()
    mask = Mask()
    try:
        order = json.loads(inbox.get())
        if "ahead" in order:
            ahead = EngineConfig(**order["ahead"])
            mask = _masked_from_here(ahead)
            import_ahead(ahead)
            order = json.loads(inbox.get())
        config = EngineConfig(**order)
        mask = _masked_from_here(config)
        _serve(conn, inbox, config, mask)
    except Exception as error:
        traceback.print_exc()
        if hollow(str(error)):
            # What stands behind it is found by another thread, which ends this process.
            time.sleep(_PARENT_CHECK_S)
        line = str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            _send(conn, {"error": cut(mask.text(plain(line)), 500)})
    finally:
        _end_group()


def _masked_from_here(config: EngineConfig) -> Mask:
    """Let nothing be printed with a key of an engine in it, and return what masks them."""
    named = [*_KEYS, config.options.get(_NAMED_BY)]
    keys = [os.environ.get(name, "").strip() for name in named if isinstance(name, str)]
    mask = Mask([*keys, *sent_unasked()])
    if mask:
        sys.stdout, sys.stderr = (MaskedStream(out, mask) for out in (sys.stdout, sys.stderr))
    return mask


def _serve(
    conn: Connection, inbox: queue.SimpleQueue[bytes], config: EngineConfig, mask: Mask
) -> None:
    if config.gpus:
        # Read when CUDA starts, which no import does.
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(config.gpus)
    engine = open_engine(config)
    offspring = Offspring(partial(_fail, conn))
    offspring.watch()
    _send(conn, {"ready": time.monotonic()})
    while True:
        header = inbox.get()
        if header == b"close":
            offspring.leave()
            engine.close()
            return
        told: Counter[str] = Counter()
        for output in engine.generate(decode_requests(header, inbox.get())):
            if why := output.failure:
                told[why.redacted().text] += 1
            _send(conn, {"output": mask.row(encode_output(output))})
        for line, number in told.items():
            sys.stderr.write(f"{number} requests failed: {line}\n")
        _send(conn, {"done": True})


def _fail(conn: Connection, problem: str) -> NoReturn:
    """Tell the parent why the engine is of no more use, from any thread, and end."""
    sys.stderr.write(f"EngineError: {problem}\n")
    with contextlib.suppress(OSError):
        _send(conn, {"error": problem})
    _end_group()


def _listen(conn: Connection, inbox: queue.SimpleQueue[bytes]) -> None:
    """Pass frames on, and end the whole process group when the parent is gone.

    The end of the socket says so; the parent's id does where a fork of it holds the socket open.
    """
    parent = os.getppid()
    try:
        while os.getppid() == parent:
            if conn.poll(_PARENT_CHECK_S):
                inbox.put(conn.recv_bytes())
    except (EOFError, OSError):
        pass
    _end_group()


def _end_group() -> NoReturn:
    """End this process and all that it started, without the interpreter's own slow end."""
    sys.stdout.flush()
    sys.stderr.flush()
    # Only ever a group of our own: started by hand, this process shares its shell's.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _send(conn: Connection, reply: Reply) -> None:
    # A frame is written in pieces, and two threads may send.
    if _SENDING.acquire(timeout=_PARENT_CHECK_S):
        try:
            conn.send_bytes(json.dumps(reply).encode())
        finally:
            _SENDING.release()


if __name__ == "__main__":
    main(int(sys.argv[1]))
