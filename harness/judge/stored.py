"""Which probes can be judged by what is stored alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from harness.errors import HarnessError
from harness.judge.runner import Probing
from harness.run.serving import at_hand


def stored_probes(probing: Probing) -> frozenset[tuple[str, str]]:
    """Return the probes, by judge set and id, of whose set every answer and verdict is stored.

    No engine starts and no model is fetched; the sets are judged again when they are asked for.
    """
    found: set[tuple[str, str]] = set()
    for path in dict.fromkeys(cell.path for cell in probing.selected):
        cells = [cell for cell in probing.selected if cell.path == path]
        models = [*(cell.spec for cell in cells), *cells[0].judges.values()]
        tried = Probing(replace(probing.settings, stored_only=True), cells, probing.progress)
        with suppress(HarnessError):
            if all(at_hand(spec, probing.settings) for spec in models):
                for cell in cells:
                    tried.outcome(cell)
                found |= {(cell.path, cell.id) for cell in cells}
    return frozenset(found)
