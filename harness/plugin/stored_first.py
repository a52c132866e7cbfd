"""Where the first failure ends the session: what the store answers comes before any engine."""

from __future__ import annotations

import pytest

from harness.plugin.gate_items import GateItem
from harness.plugin.items import RUN, CellItem, only_planned


def put_stored_first(session: pytest.Session) -> None:
    """With `-x` or `--maxfail`, put the cells and gates first that need stored outputs alone.

    Other tests keep their places, and so does everything where no gate could fail. Workers of
    pytest-xdist are given their items in an order of its own.
    """
    ours = [one for one in session.items if isinstance(one, CellItem | GateItem)]
    gates = [one for one in ours if isinstance(one, GateItem) and not one.lacking]
    option = session.config.getoption
    run = session.config.stash.get(RUN, None)
    if run is None or not gates or not option("maxfail") or option("numprocesses", None):
        return
    if session.testsfailed or only_planned(gates[0]):
        return
    stored = run.take_stored(session.config)

    def waits(one: CellItem | GateItem) -> bool:
        cells = one.planned.needs if isinstance(one, GateItem) else [one.cell]
        return any((cell.path, cell.id) not in stored for cell in cells)

    in_order = iter(sorted(ours, key=waits))
    session.items[:] = [next(in_order) if isinstance(one, CellItem | GateItem) else one
                        for one in session.items]  # fmt: skip
