"""How often a baseline was looked at, as far as this machine knows."""

from __future__ import annotations

import json
from pathlib import Path

from harness.jsontext import json_text
from harness.writing import write_whole

FOLDER = "looks"


def count_look(path: Path, baseline: str, results: str) -> int:
    """Note that results were compared with a baseline; return how many different ones were.

    The same results once more are no further look, since they can raise no other alarm. A baseline
    that was written anew is counted anew. Nothing is decided by the count: a machine that keeps no
    files, as a clean clone in CI, does not know it.

    Args:
        path: File of the record; what is damaged in it is begun again.
        baseline: Digest of the baseline.
        results: Digest of the results.

    Returns:
        The count with these results; 0 where it cannot be kept.
    """
    seen = _seen(path, baseline)
    if results in seen:
        return len(seen)
    seen.append(results)
    try:
        write_whole(path, json_text({"baseline": baseline, "seen": seen}))
    except OSError:
        return 0
    return len(seen)


def _seen(path: Path, baseline: str) -> list[str]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    if not isinstance(data, dict) or data.get("baseline") != baseline:
        return []
    seen = data.get("seen")
    return [str(one) for one in seen] if isinstance(seen, list) else []
