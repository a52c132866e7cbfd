"""pytest-xdist: cells of one engine, and cells that gates compare, stay on one worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from harness.plugin.evalsets import FOLDER, is_evalset
from harness.plugin.options import named_files

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler.protocol import Scheduling
    from xdist.workermanage import WorkerController

_MODES = {
    "load": "LoadScopeScheduling",
    "worksteal": "LoadScopeScheduling",
    "loadscope": "LoadScopeScheduling",
    "loadfile": "LoadFileScheduling",
    "loadgroup": "LoadGroupScheduling",
}
# Distributions whose unit is a test, and those whose unit an eval set's file is.
_SINGLE = ("load", "worksteal")
_WHOLE = ("loadfile", "loadscope")


def make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Return a scheduler that splits by engine, or None where no eval set is run.

    What the user chose (`--dist loadfile` and so on) holds for all other tests, and a file or a
    class that is to stay together does so with all that its engines serve. `each` is left alone.
    """
    dist = config.getoption("dist")
    if dist not in _MODES:
        return None
    if not any(_leads_to_evalsets(arg.partition("::")[0], config) for arg in config.args):
        return None
    from xdist import scheduler

    known: dict[str, str] = {}
    base = getattr(scheduler, _MODES[dist])

    class ByEngine(base):  # type: ignore[misc,valid-type]  # xdist is untyped here
        def remove_node(self, node: WorkerController) -> str | None:
            # A finished unit of a dead worker would be handed out again, and waited for for ever.
            work = self.assigned_work[node]
            self.assigned_work[node] = {
                k: unit for k, unit in work.items() if not all(unit.values())
            }
            crashed: str | None = super().remove_node(node)
            return crashed

        def _split_scope(self, nodeid: str) -> str:
            if nodeid not in known:
                names = {one.partition("::")[0] for one in [*(self.collection or []), nodeid]}
                known.update(_scopes(sorted(names), config, whole=dist in _WHOLE))
            if nodeid not in known:
                other: str = nodeid if dist in _SINGLE else super()._split_scope(nodeid)
                known[nodeid] = other
            return known[nodeid]

    return ByEngine(config, log)


def _leads_to_evalsets(arg: str, config: pytest.Config) -> bool:
    full = config.invocation_params.dir / arg
    return is_evalset(full / "any.yaml", config.rootpath) or (full / FOLDER).is_dir()


def _scopes(names: Sequence[str], config: pytest.Config, *, whole: bool) -> dict[str, str]:
    """Return what is to stay together by the node ids of cells and gates.

    That is a group: the cells of one engine start. Groups that a gate compares are one.

    Args:
        names: Eval sets, and other files, relative to the root.
        config: Of the session.
        whole: Whether all groups of a file are one, too.
    """
    from harness.collect import collect_evalset
    from harness.errors import HarnessError
    from harness.plugin.registering import load_conftests, registered

    root = config.rootpath
    options = ("--eval-dataset", "--eval-shots", "--eval-answers")
    replaced = [named_files(config, option) for option in options]
    found: dict[str, str] = {}
    joined: dict[str, str] = {}

    def first(group: str) -> str:
        while group in joined:
            group = joined[group]
        return group

    for name in names:
        if not is_evalset(root / name, root):
            continue
        try:
            load_conftests(config, (root / name).parent)
            with registered(config, root / name):
                collected = collect_evalset(root / name, root, *replaced)
        except HarnessError:
            continue
        found |= {f"{name}::{cell.id}": cell.group for cell in collected.cells}
        found |= {f"{name}::{gate.id}": gate.cell.group for gate in collected.gates}
        pairs = [(gate.needs[0].group, gate.needs[-1].group) for gate in collected.gates]
        if whole:
            pairs += [(collected.cells[0].group, cell.group) for cell in collected.cells]
        for one, two in pairs:
            own, other = first(one), first(two)
            if own != other:
                joined[other] = own
    return {nodeid: first(group) for nodeid, group in found.items()}
