"""What can go wrong, each error one line that names the file, the key, the value and the fix."""

from __future__ import annotations

from pathlib import Path

from harness.characters import one_line
from harness.masking import bare_addresses
from harness.reasons import Reason

# Exit codes of sessions and commands, beside pytest's own.
EXIT_FIXABLE = 2
EXIT_ENGINE = 10
EXIT_NOTHING_JUDGED = 11
INIT = "harness init FOLDER"
"""What writes a first project, for those who have none yet."""


class HarnessError(Exception):
    """Base of all errors that a user of the harness can fix.

    Half characters, which no terminal and no file can hold, and what a terminal obeys or nobody
    sees are written out in the message. Of addresses, names with passwords and queries are left
    out.

    Args:
        problems: What is wrong, each of them a line of the message.
        reason: The same as a kind with facts, where it is known as one.
    """

    def __init__(self, *problems: str, reason: Reason | None = None) -> None:
        self.reason = reason
        told = problems or ((reason.text,) if reason else ())
        super().__init__("\n".join(bare_addresses(one_line(line)) for line in told))


class SpecError(HarnessError):
    """A YAML file or a template that does not say what it must.

    Args:
        problems: What is wrong and how to fix it, without the place, each of them a line.
        path: The file.
        line: Its line, counted from 1.
    """

    def __init__(
        self, *problems: str, path: Path | str | None = None, line: int | None = None
    ) -> None:
        self.problem = "\n".join(problems)
        self.path = path
        self.line = line
        place = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(*(place + problem for problem in problems))


class RegistryError(HarnessError):
    """An extension that cannot be registered, failed, or returned what it must not."""


class LeakError(SpecError):
    """A pool of shots that repeats samples under test."""


class AssetError(HarnessError):
    """A source that cannot be fetched, does not match its digest or lacks a member."""


class AssetUnreachable(AssetError):
    """A source on a hub or index that this machine cannot reach; the set is skipped, not failed."""


class PromptError(HarnessError):
    """A prompt that cannot be rendered or tokenized as it must be."""


class EngineError(HarnessError):
    """An engine that could not start, died or stopped making progress (exit code 10)."""


class UnfitPrecision(HarnessError):
    """A model that does not fit the precision chosen for it; its run begins again in another."""


class StoreError(HarnessError):
    """The store of outputs cannot be read or written."""


class TrainError(HarnessError):
    """A training run that cannot begin or go on: memory, disk, masks, backend."""


class MadeUpAnswers(HarnessError):
    """Answers of a run with `--eval-engine fake`, which decide nothing: the gate is skipped."""


class UntrustedJudge(HarnessError):
    """A judge whose scores gate nothing: they are shown, and the gate is skipped."""
