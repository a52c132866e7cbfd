"""Checkpoints of an unfinished run: the last one that is whole, and whose it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from harness.errors import TrainError
from harness.jsontext import json_value

_OWNER = "run.json"
_STATE = "trainer_state.json"
# Written in this order by the trainer; the state comes last.
_FILES = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", _STATE)


def last_checkpoint(work: Path) -> tuple[Path, int] | None:
    """Return the newest checkpoint that was written to its end, and its step."""
    found = []
    for folder in work.glob("checkpoint-*"):
        try:
            state = json_value((folder / _STATE).read_text(encoding="utf-8"))
            step = int(state["global_step"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if all((folder / name).is_file() for name in _FILES):
            found.append((step, folder))
    if not found:
        return None
    step, folder = max(found)
    return folder, step


def begin(work: Path, fingerprint: str, *, resume: bool) -> tuple[Path, int] | None:
    """Make the folder of a run ready, and return the checkpoint to go on from, or None.

    Args:
        work: The folder.
        fingerprint: Of the run that begins.
        resume: Go on; else what is there is removed.

    Raises:
        TrainError: There is nothing to go on from, or it is of another run.
    """
    owner = work / _OWNER
    if resume:
        try:
            theirs = json_value(owner.read_text(encoding="utf-8")).get("fingerprint")
        except (OSError, ValueError, AttributeError):
            theirs = None
        checkpoint = last_checkpoint(work)
        if theirs is None or checkpoint is None:
            raise TrainError(f"nothing to resume: no whole checkpoint in {work}; run without "
                             "--resume")  # fmt: skip
        if theirs != fingerprint:
            raise TrainError(f"the checkpoint in {work} is of another recipe, data, base model or "
                             "backend; undo the change, or run without --resume")  # fmt: skip
        return checkpoint
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    owner.write_text(json.dumps({"fingerprint": fingerprint}), encoding="utf-8")
    return None
