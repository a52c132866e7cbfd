"""Failures of training libraries -> one line that names the knob."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import TrainError
from harness.train.checkpoints import last_checkpoint
from harness.train.fit import Fit
from harness.train.machine import Machine

_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")
_DISK = ("no space left", "disk quota exceeded", "file too large", "failed writing file",
         "file write failed", "unexpected pos")  # fmt: skip
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is used up, of the device or of the machine."""
    text = str(error).lower()
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in text for sign in _MEMORY)
    )


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that a file could not be written for want of space."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error).lower()
    # safetensors and torch report a failed write as errors of their own.
    return any(sign in text for sign in _DISK)


def load_fix(machine: Machine) -> str:
    """Return what to change where the base model's weights do not fit in memory."""
    smaller = "name a smaller model as base.source"
    if knob := _weights_knob(machine):
        return f"write {knob}, or {smaller}"
    return f"{smaller}, or free memory of the {'GPU' if machine.device == 'cuda' else 'machine'}"


def step_fix(fit: Fit, machine: Machine) -> str:
    """Return what to change where a training step does not fit in memory."""
    if fit.micro_batch > 1:
        return "write training.micro_batch: 1"
    knobs = [] if fit.checkpointing else ["training.gradient_checkpointing: true"]
    if knob := _weights_knob(machine):
        knobs.append(knob)
    if not knobs:
        return "lower training.max_length, or name a smaller model as base.source"
    return f"write {', or '.join(knobs)}, or lower training.max_length"


def _weights_knob(machine: Machine) -> str | None:
    """Return the key and value by which the base weights take less memory, if there is one."""
    if machine.device == "cuda":
        return None if machine.four_bit else "base.four_bit: true"
    return None if machine.dtype == "bfloat16" else "base.dtype: bfloat16"


@contextmanager
def memory_explained(when: str, fix: str) -> Iterator[None]:
    """Turn what training libraries raise for want of memory into a TrainError.

    Args:
        when: What was being done.
        fix: What to change.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainError(f"out of memory {when}; {fix}") from error


@contextmanager
def disk_explained(folder: Path, *, work: Path) -> Iterator[None]:
    """Turn what training libraries raise for want of disk space into a TrainError.

    Args:
        folder: Where files are written.
        work: Where checkpoints are; `--resume` is named where one of them is whole.
    """
    try:
        yield
    except TrainError:
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        rest = "go on with --resume" if last_checkpoint(work) else "train again"
        raise TrainError(f"no space left to write {folder}; free some, or move the project, "
                         f"and {rest}") from error  # fmt: skip
