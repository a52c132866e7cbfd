"""An eval set as a pytest file: it collects cells and gates."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.collect import collect_evalset
from harness.errors import HarnessError
from harness.plugin.evalsets import misplaced
from harness.plugin.gate_items import GateItem
from harness.plugin.items import CellItem, told
from harness.plugin.options import named_files
from harness.plugin.registering import registered


class EvalFile(pytest.File):
    """One eval set."""

    def collect(self) -> Iterable[CellItem | GateItem]:
        """Yield one item per cell and gate, or report each mistake of the file in one line.

        A gate stands behind the cells of all models that it needs, so that a failed one spares
        the engines after it where the user wants to stop at the first failure.
        """
        if problem := misplaced(self.config):
            raise self.CollectError(f"{self.nodeid}: {problem}")
        try:
            with registered(self.config, self.path):
                found = collect_evalset(
                    self.path,
                    self.config.rootpath,
                    named_files(self.config, "--eval-dataset"),
                    named_files(self.config, "--eval-shots"),
                    named_files(self.config, "--eval-answers"),
                )
        except HarnessError as error:
            raise self.CollectError(told(self, error)) from None
        for model in {cell.model for cell in found.cells}:
            self.config.addinivalue_line("markers", f"{model}: cells of this model")
        last = {cell.model: place for place, cell in enumerate(found.cells)}
        for place, cell in enumerate(found.cells):
            yield CellItem.from_parent(self, name=cell.id, cell=cell)
            for gate in found.gates:
                if max(last[needed.model] for needed in gate.needs) == place:
                    yield GateItem.from_parent(self, name=gate.id, planned=gate)
