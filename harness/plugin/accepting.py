"""What becomes of a run that is accepted: baselines are written, or runs added to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from harness.collect import AnyCell
from harness.gates.baseline_fields import baseline_path
from harness.gates.baseline_file import Baseline, add_to_baseline, needed_baseline, write_baseline
from harness.gates.baselines import check_addition
from harness.plugin.baseline_places import Places
from harness.plugin.joining import versions
from harness.plugin.judged_baselines import accepted_models
from harness.records import Run
from harness.run.cells import Cell
from harness.run.score_cell import Outcome

_Key = tuple[str, str]


@dataclass(slots=True)
class Accepting:
    """How the baselines of a session's cells come about.

    Attributes:
        writes: Whether they are written at all.
        kept: Runs that are kept of each cell.
        passes: Runs that must be made of each for it. Engines may draw by the number of a pass, so
            that a run is new only behind as many as the baselines have.
        adds: Whether the runs are added to the baselines that there are.
        extended: The baselines that runs are added to, by eval set and id.
    """

    writes: bool = False
    kept: int = 1
    passes: int = 1
    adds: bool = False
    extended: dict[_Key, Baseline] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config, cells: Sequence[AnyCell]) -> Self:
        """Return what the options say for the cells of a session.

        Raises:
            BaselineError: A baseline that is to be added to is missing or damaged.
        """
        option, kept = config.getoption, config.getoption("--eval-baseline-runs") or 1
        adds, there = option("--eval-baseline-add"), 0
        for cell in cells if adds else ():
            if isinstance(cell, Cell):
                found = needed_baseline(config.rootpath, cell.path, cell.id)
                there = max(there, len(found.answers))
        return cls(option("--eval-write-baseline"), kept, kept + there, adds)

    def check(self, root: Path, outcome: Outcome) -> None:
        """Check that a cell's runs may be added to its baseline, if they are to be.

        Raises:
            BaselineError: They are of other samples, targets or scoring, or of another system.
        """
        if self.adds:
            row = outcome.row
            self.extended[row.evalset, row.cell] = check_addition(root, outcome)

    def refused(self, key: _Key) -> bool:
        """Return whether a cell's runs may not be added."""
        return self.adds and key not in self.extended

    def write(
        self,
        places: Places,
        outcomes: Sequence[Outcome],
        further: Mapping[_Key, Sequence[Outcome]],
    ) -> Iterator[str]:
        """Write the baselines, or add to them, and yield what is wrong with the place of one.

        A cell without a scored sample has nothing to accept, and leaves an earlier baseline be.

        Args:
            places: Where to.
            outcomes: The first runs of cells, which may come from the store.
            further: Their other runs.
        """
        day = today()
        for one in outcomes if self.writes else ():
            key = one.row.evalset, one.row.cell
            if not one.row.n:
                continue
            others = further.get(key, ())
            if self.adds:
                write = partial(add_to_baseline, baseline=self.extended[key],
                                runs=others[-self.kept :], day=day)  # fmt: skip
            else:
                write = partial(write_baseline, runs=[one, *others], versions=versions(),
                                written=day)  # fmt: skip
            yield from places.put(baseline_path(*key), write)


def today() -> str:
    """Return the day on which baselines are written."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def accepted_lines(run: Run, config: pytest.Config, *, kept: Path) -> list[str]:
    """Say which baselines this run wrote or added to, and made by what.

    Args:
        run: What was saved.
        config: Of the session.
        kept: The run's folder, which has the baselines that could not be written.
    """
    runs = config.getoption("--eval-baseline-runs") or 1
    adds = config.getoption("--eval-baseline-add")
    before = {(one.evalset, one.cell) for one in run.baselines}
    fakes = [one.model.split(", ") for one in run.info.engines if one.engine == "fake"]
    lines: list[str] = []
    for row in run.rows:
        path = baseline_path(row.evalset, row.cell)
        if (kept / path).is_file():
            continue
        if not row.n:
            lines.append(f"{path}: not written, since none of {row.unscored} samples has a verdict")
            continue
        done = "replaced" if (row.evalset, row.cell) in before else "written"
        fake = any(row.model in names for names in fakes)
        doubt = ", with answers that the engine fake made up" if fake else ""
        several = f", {runs} runs" if runs > 1 else ""
        if adds:
            total = len(needed_baseline(config.rootpath, row.evalset, row.cell).answers)
            done, several = "extended", f", {runs} run{'s' * (runs > 1)} added, {total} in all"
        lines.append(f"baseline {done}: {path}{several}{doubt}")
    made_up = [name for names in fakes for name in names]
    return [*lines, *accepted_models(run.judged, made_up, adds=adds, kept=kept)]
