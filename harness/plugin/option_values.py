"""What options take: each raises ArgumentTypeError with the fix."""

from __future__ import annotations

import argparse
from pathlib import Path


def named_file(entry: str) -> str:
    """Return NAME=PATH with the path made absolute."""
    name, _, path = entry.partition("=")
    full = Path.cwd() / Path(path).expanduser()
    if not name or not path or not full.is_file():
        raise argparse.ArgumentTypeError(f"{entry}: write NAME=PATH with a file that exists")
    return f"{name}={full}"


def whole(text: str, what: str) -> int:
    """Return a number of things, at least 1."""
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text}: give a number of {what}, at least 1")


def seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not found > 0:  # NaN is refused, too.
        raise argparse.ArgumentTypeError(f"{text}: give a number of seconds above 0")
    return found
