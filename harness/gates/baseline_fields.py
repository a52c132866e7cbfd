"""The files of baselines as fields: where they lie, how they are written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from harness.errors import HarnessError
from harness.jsontext import json_text, json_value
from harness.reasons import Reason
from harness.writing import write_whole

FOLDER = "baselines"


class BaselineError(HarnessError):
    """A baseline that is missing, damaged or made on something else."""


def baseline_path(evalset: str, cell: str) -> PurePosixPath:
    """Return where a cell's baseline lies in the project: `baselines/<eval set>/<cell>.json`."""
    parts = list(PurePosixPath(evalset).with_suffix("").parts)
    if "evalsets" in parts:
        parts.remove("evalsets")
    return PurePosixPath(FOLDER, *parts, f"{cell}.json")


def head_lines(head: Mapping[str, object]) -> list[str]:
    """Return a line of a baseline's file for each field."""
    return [f" {json.dumps(key)}: {json_text(value, compact=True)}" for key, value in head.items()]


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    """Write the fields of a baseline, whole or not at all, and return the file.

    Raises:
        OSError: It cannot be written.
    """
    write_whole(path, "{\n" + ",\n".join(lines) + "\n}\n")
    return path


def read_fields(file: Path, shown: str, formats: Sequence[int]) -> dict[str, Any]:
    """Return the fields of a baseline's file.

    Args:
        file: Where it lies.
        shown: How it is called.
        formats: Those that can be read, the present one first.

    Raises:
        BaselineError: It is of another format.
        OSError: It cannot be read.
        ValueError: It holds no JSON object.
    """
    data = json_value(file.read_text(encoding="utf-8"))
    found = data.get("format") if isinstance(data, dict) else None
    if found not in formats:
        facts = {"path": shown, "found": str(found), "present": str(formats[0])}
        raise BaselineError(reason=Reason("baseline_format", facts))
    return dict(data)


def damaged(shown: str, error: Exception) -> BaselineError:
    """Return what is said of a file that does not hold a baseline."""
    return BaselineError(
        reason=Reason("baseline_damaged", {"path": shown, "detail": str(error).splitlines()[0]})
    )
