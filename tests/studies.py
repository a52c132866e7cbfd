"""A tiny project that is run again and again."""

from __future__ import annotations

from dataclasses import replace

from harness.collect import load_cells
from harness.errors import HarnessError
from harness.run.runner import Runner
from harness.run.settings import Settings

SAMPLES = 6  # half of the tiny set's rows


class Study:
    """A tiny project that is run again and again."""

    def __init__(self, project) -> None:
        self.project = project
        root = project.root
        self.settings = Settings(root=root, store=root / ".harness/o.sqlite", logs=root / "logs")
        self.told: list[tuple[str, int, int]] = []

    def cells(self, *names: str):
        names = names or ("set",)
        root = self.project.root
        return [c for name in names for c in load_cells(root / f"evalsets/{name}.yaml", root)]

    def runner(self, cells=None, **changes) -> Runner:
        settings = replace(self.settings, **changes)
        return Runner(settings, cells or self.cells(), lambda *what: self.told.append(what))

    def options(self, text: str) -> None:
        """Set the fake engine's options; they are a part of what the outputs depend on."""
        self.project.models(
            "models:\n  tiny:\n    source: file:model\n    engine: fake\n    dtype: float32\n"
            f"    options: {text}\n"
        )


def run(runner: Runner) -> dict[str, object]:
    """Return outcome or error of every cell."""
    found: dict[str, object] = {}
    for cell in runner.selected:
        try:
            found[cell.id] = runner.outcome(cell)
        except HarnessError as error:
            found[cell.id] = error
    return found


def failed(found: dict[str, object]) -> set[str]:
    return {name for name, outcome in found.items() if isinstance(outcome, HarnessError)}
