"""A process that has imported what engines need, and forks one when it is told; Linux only.

All that a new Python with `-m harness.workers.child` would have is given to the fork, and no test
has touched its modules.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import struct
import sys
import time
from typing import NoReturn

# The last ones are what the client of a server imports at its first request.
IMPORTED = ("harness.workers.child", "harness.engines.fake", "harness.engines.openai", "openai",
            "openai.resources.chat", "httpcore2", "anyio._backends._asyncio",
            "tenacity.asyncio")  # fmt: skip


def serve(line: socket.socket) -> None:
    """Fork a process for each request: socket and log, environment and folder; answer its id."""
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    while True:
        head, fds, _, _ = socket.recv_fds(line, 4, 2)
        if not head:
            return
        told = json.loads(line.recv(struct.unpack("!I", head)[0], socket.MSG_WAITALL))
        read, write = os.pipe()
        middle = os.fork()
        if not middle:
            # Its end leaves its child to the nearest ancestor that adopts.
            child = os.fork()
            if not child:
                os.close(read)
                os.close(write)
                line.close()
                become_engine(*fds, own=own, **told)
            os.write(write, struct.pack("!i", child))
            os._exit(0)
        for fd in (write, *fds):
            os.close(fd)
        os.waitpid(middle, 0)
        line.sendall(os.read(read, 4))
        os.close(read)


def become_engine(
    theirs: int, log: int, *, own: list[str], env: dict[str, str], folder: str, parent: int
) -> NoReturn:
    """Do what a new Python does."""
    while os.getppid() != parent:
        time.sleep(0.001)
    os.setsid()
    os.chdir(folder)
    for fd in (1, 2):
        os.dup2(log, fd)
    os.close(log)
    os.environ.clear()
    os.environ.update(env)
    named = env.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [folder, *named, *(one for one in sys.path if one not in own)]
    sys.modules["harness.workers.child"].main(theirs)
    os._exit(0)


if __name__ == "__main__":
    # The folder of this file, which Python puts first.
    del sys.path[0]
    for name in IMPORTED:
        importlib.import_module(name)
    serve(socket.socket(fileno=int(sys.argv[1])))
