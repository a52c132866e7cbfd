"""What a session that ran to its end may not pass for: one in which something was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from _pytest.junitxml import xml_key  # there is no public way to a file that is written

from harness.errors import EXIT_ENGINE, EXIT_NOTHING_JUDGED
from harness.plugin.options import options_of
from harness.plugin.tally import ENGINE_ERROR, RUN_ERROR, Tally
from harness.reasons.kinds import ON_PURPOSE

if TYPE_CHECKING:
    from harness.reasons import Reason
    from harness.records import Run

_NAMED = 5
_FIXABLE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


def final_code(
    code: int, run: Run | None, tally: Tally, config: pytest.Config
) -> tuple[int, list[str]]:
    """Return the exit code of a session and why: of several, the one that says most of what to do.

    Args:
        code: pytest's own.
        run: What was saved, None if nothing was.
        tally: What became of its cells and gates.
        config: Of the session.
    """
    if code not in _FIXABLE:
        return code, []
    if ENGINE_ERROR in tally.kinds:
        return EXIT_ENGINE, []
    if RUN_ERROR in tally.kinds or tally.broken:
        return pytest.ExitCode.INTERRUPTED, []
    if code == pytest.ExitCode.INTERRUPTED:
        return code, []
    if run is not None and run.info.lost:
        # Items that passed on a worker which died before it saved them, or a second pass.
        return EXIT_ENGINE, []
    told: list[str] = []
    fake = options_of(config).engine == "fake"
    if not code and (unjudged := nothing_judged(run, tally, fake=fake)):
        told, code = [f"nothing was judged: {unjudged}"], EXIT_NOTHING_JUDGED
    if config.getoption("--eval-strict"):
        left = left_open(run, tally)
        told += [one.line for one in left]
        add_to_junit(config, left)
        code = pytest.ExitCode.TESTS_FAILED if left else code
    return code, told


def nothing_judged(run: Run | None, tally: Tally, *, fake: bool) -> str:
    """Return why a session has judged nothing; "" where it has, or was not meant to.

    Args:
        run: What was saved, None if nothing was.
        tally: What became of its cells and gates.
        fake: Whether it was asked for made-up answers.
    """
    if fake or any(one.kind in ON_PURPOSE for one in tally.unjudged.values()):
        return ""
    if run is None:
        if reasons := list(tally.skipped.values()) or list(tally.unjudged.values()):
            what = "cells" if tally.skipped else "gates"
            return f"all {what} were skipped, most often: {_commonest(reasons)}"
        return ""
    if run.gates:
        return ""
    if run.unjudged:
        reasons = [reason for _, reason in run.unjudged]
        return f"none of {len(reasons)} gates was judged, most often: {_commonest(reasons)}"
    return "" if _figures(run) else _without_figures(run)


def _figures(run: Run) -> bool:
    """Return whether a sample has a verdict, or a judged model one of judges that are trusted."""
    believed = (one for one in run.judged.standings if one.trusted and not one.void)
    return any(row.n for row in run.rows) or any(one.figures for one in believed)


def _without_figures(run: Run) -> str:
    if any(one.figures for one in run.judged.standings):
        names = ", ".join(dict.fromkeys(one.judge for one in run.judged.judges))
        return f"all verdicts are of judges that are not trusted or void ({names})"
    return "no sample and no probe has a verdict"


def _commonest(reasons: Sequence[Reason]) -> str:
    return Counter(reasons).most_common(1)[0][0].text


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """What `--eval-strict` fails a session for, of one kind.

    Attributes:
        what: The kind.
        names: Eval set and name of each, at least one.
        between: What stands between the two in a line.
    """

    what: str
    names: Sequence[tuple[str, str]]
    between: str = "::"

    @property
    def line(self) -> str:
        """All of them, or the first, in one line."""
        shown = ", ".join(self.between.join(name) for name in self.names[:_NAMED])
        more = f" and {len(self.names) - _NAMED} more" if len(self.names) > _NAMED else ""
        return f"strict: {len(self.names)} {self.what}: {shown}{more}"


def left_open(run: Run | None, tally: Tally) -> list[LeftOpen]:
    """Return what `--eval-strict` fails a session for."""
    unjudged = [name for name, why in tally.unjudged.items() if why.kind != "baseline_written"]
    found = [LeftOpen("skipped", _parted(tally.skipped)), LeftOpen("not judged", _parted(unjudged))]
    if run is not None:
        gates = [
            (one.evalset, one.id)
            for one in run.gates
            if one.verdict == "inconclusive" and one.tier == "critical"
        ]
        judges = run.judged.judges
        untrusted = [(one.evalset, one.judge) for one in judges if not one.check.trusted]
        void = [(one.evalset, one.judge) for one in judges if one.void]
        found += [LeftOpen("inconclusive", gates),
                  LeftOpen("judges that are not trusted", untrusted, ": "),
                  LeftOpen("judges whose canaries broke", void, ": ")]  # fmt: skip
    return [one for one in found if one.names]


def _parted(nodeids: Iterable[str]) -> list[tuple[str, str]]:
    return [(path, name) for path, _, name in (one.partition("::") for one in nodeids)]


def add_to_junit(config: pytest.Config, left: Iterable[LeftOpen]) -> None:
    """Add each thing that was left open to the file of `--junitxml`, which is written by now."""
    if (xml := config.stash.get(xml_key, None)) is None:
        return
    for kind in left:
        for evalset, name in kind.names:
            item = f"strict-{name}"
            xml.pytest_runtest_logreport(
                pytest.TestReport(
                    nodeid=f"{evalset}::{item}",
                    location=(evalset, None, item),
                    keywords={},
                    outcome="failed",
                    longrepr=f"--eval-strict: {kind.what}",
                    when="call",
                )
            )
    xml.pytest_sessionfinish()
