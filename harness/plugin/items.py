"""A cell or probe as a pytest item: it passes whenever it ran; gates are items of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, NoReturn

import pytest

from harness import hardware
from harness.collect import AnyCell
from harness.errors import (
    AssetUnreachable,
    EngineError,
    HarnessError,
    MadeUpAnswers,
    UntrustedJudge,
)
from harness.paths import public, public_text
from harness.plugin.options import options_of
from harness.plugin.tally import CELL, ENGINE_ERROR, RUN_ERROR
from harness.reasons import Reason
from harness.records import GIVEN
from harness.run.cells import Cell
from harness.run.probe_cells import ProbeCell

if TYPE_CHECKING:
    from harness.plugin.reporting import (
        ActiveRun,  # noqa: F401  # the stash key names it
        AnyOutcome,
    )


RUN = pytest.StashKey["ActiveRun"]()
WHY = pytest.StashKey[Reason]()
"""Why an item is skipped."""


class CellItem(pytest.Item):
    """One cell, or one probe of a judge set."""

    def __init__(
        self, *, name: str, parent: pytest.Collector, cell: AnyCell, **kwargs: object
    ) -> None:
        super().__init__(name=name, parent=parent, **kwargs)  # type: ignore[arg-type]  # pytest's own
        self.cell = cell
        self._outcome: AnyOutcome | None = None
        self.user_properties.append((CELL, cell.id))
        mark_as(self, cell)

    def setup(self) -> None:
        """Run the cell's group if it has not run; what goes wrong here is not a failed gate."""
        if only_planned(self):
            return
        try:
            self._outcome = outcome_of(self, self.cell)
            return
        except HarnessError as error:
            failure = error
        # Outside the except clause: chained, pytest would print the line twice.
        fail_setup(self, failure)

    def runtest(self) -> None:
        """Write down the figures."""
        if self._outcome is None:
            raise ValueError("a cell is set up before it runs")
        self.user_properties += self.config.stash[RUN].properties(self._outcome)

    def reportinfo(self) -> tuple[PathLike[str], int | None, str]:
        """Return what pytest shows as the item's place."""
        return self.path, None, self.name


def only_planned(item: pytest.Item) -> bool:
    """Return whether `--setup-only` or `--setup-plan` asks what would be run: compute nothing."""
    option = item.config.getoption
    return bool(option("setuponly", False) or option("setupplan", False))


def mark_as(item: pytest.Item, cell: AnyCell) -> None:
    """Give an item the marks of a cell."""
    if isinstance(cell, ProbeCell):
        item.add_marker("probe")
    elif cell.mode.given:
        item.add_marker(GIVEN)
    elif cell.mode.trained:
        item.add_marker("trained")
    elif cell.mode.encoder:
        item.add_marker("encoder")
    else:
        item.add_marker("fewshot" if cell.mode.k else "zeroshot")
    item.add_marker(cell.model)
    if cell.gpu:
        item.add_marker("gpu")


def outcome_of(item: pytest.Item, cell: AnyCell) -> AnyOutcome:
    """Return a cell's outcome, or skip the item where this machine cannot have it.

    Raises:
        HarnessError: Why there is none.
    """
    if isinstance(cell, Cell) and cell.mode.given and cell.given is None:
        command = f"harness score FILE --set {cell.path}"
        skip(item, Reason("answers_awaited", {"command": command}))
    needs_gpu = cell.gpu and options_of(item.config).engine != "fake"
    if needs_gpu and hardware.device() != "cuda":
        skip(item, Reason("no_cuda", {"model": str(cell.gpu)}))
    with files_explained():
        return item.config.stash[RUN].outcome(cell, item.config)


@contextmanager
def files_explained() -> Iterator[None]:
    """Tell of a file or a process that cannot be had in one line, as of an engine.

    Raises:
        EngineError: What the system says of it.
    """
    try:
        yield
    except OSError as error:
        raise EngineError(str(error)) from error


def skip(item: pytest.Item, reason: Reason) -> NoReturn:
    """Skip an item; its report carries the reason beside the text."""
    item.stash[WHY] = reason
    pytest.skip(reason.text)


def why(item: pytest.Item, failure: HarnessError) -> Reason:
    """Return a failure as a reason, as reports of all kinds show it."""
    here = item.config.invocation_params.dir, item.config.rootpath
    return public(failure.reason or Reason("failed", {"said": str(failure)}), *here)


def told(item: pytest.Item | pytest.Collector, failure: HarnessError) -> str:
    """Return a failure as reports of all kinds show it: without the user's folders."""
    return public_text(str(failure), item.config.invocation_params.dir, item.config.rootpath)


def fail_setup(item: pytest.Item, failure: HarnessError) -> None:
    """End an item's setup: a source out of reach skips it, and so does what may not gate.

    Anything else is an error.

    The item's properties say of which kind the error is, from which the exit code is made.
    """
    from harness.gates.baseline_fields import BaselineError

    said = told(item, failure)
    if isinstance(failure, BaselineError):
        # Nothing is lost: the gate has no verdict, and this is why.
        item.stash[WHY] = why(item, failure)
    if isinstance(failure, AssetUnreachable | MadeUpAnswers | UntrustedJudge):
        skip(item, why(item, failure))
    kind = ENGINE_ERROR if isinstance(failure, EngineError) else RUN_ERROR
    item.user_properties.append((kind, said))
    pytest.fail(said, pytrace=False)
