"""What a process that died said last of why, found in its log."""

from __future__ import annotations

import os
import re
from typing import IO

from harness.markdown import cut, plain

_LOG_TAIL = 64 * 1024
_ERROR_LINE = re.compile(r"(\w*(Error|Exception|Interrupt)|Fatal Python error|[Kk]illed)\b.*")
# vLLM's own summaries, which only say that the cause stands further up.
_HOLLOW = re.compile(r"initialization failed|EngineDeadError|root cause|EngineCore failed to start")
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|\([\w ]+pid=\d+\)\s*|[A-Z]+ \d\d-\d\d [\d:]+ \[\S+\]\s*")


def hollow(text: str) -> bool:
    """Return whether a message only says that the cause stands elsewhere."""
    return bool(_HOLLOW.search(text))


def last_words(log: IO[bytes]) -> str:
    """Return the last line of the log that tells a cause, else its last line, else ""."""
    fd = log.fileno()
    # Read at an offset: the child shares this file's position.
    tail = os.pread(fd, _LOG_TAIL, max(0, os.fstat(fd).st_size - _LOG_TAIL))
    lines = [
        _DECORATION.sub("", line).strip() for line in tail.decode(errors="replace").split("\n")
    ]
    lines = [line for line in lines if line and not hollow(line)]
    causes = [line for line in lines if _ERROR_LINE.match(line)]
    return cut(plain((causes or lines or [""])[-1]), 300)
