"""A run -> the files of its plots, and what the report says of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from harness.analysis.findings import Findings
from harness.language import Lang, Words, words
from harness.markdown import code
from harness.records import Row, Run
from harness.report.plots import canvas
from harness.report.plots.canvas import Plot
from harness.report.plots.cells import MOST_PANELS
from harness.report.plots.confusion import confusions
from harness.report.plots.drawn import Drawn, Memory, drawn_key, recall, remember
from harness.report.plots.forest import forest
from harness.report.plots.judged import judged_forest
from harness.report.plots.lengths import over_lengths
from harness.report.plots.reliability import reliabilities
from harness.report.plots.shotcounts import over_shots

Plots = Literal["svg", "png", "none"]
PLOTS_FOLDER = "plots"
_PANEL_PER_CELL = ("reliability", "confusion")


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot's file, relative to the report, its alt text, and its numbers in tables."""

    path: str
    alt: str
    numbers: str


@dataclass(frozen=True, slots=True)
class PlotKind:
    """The pictures of one kind.

    Attributes:
        name: `forest`, `shots`, `reliability`, `confusion`, `length` or `judged`.
        note: How to read them, and which cells they leave out by which rule.
        problem: What went wrong where one could not be drawn, else empty.
    """

    name: str
    note: str
    pictures: tuple[Picture, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Unit:
    """Plots that are drawn together, and all that they are drawn of."""

    of: object
    make: Callable[[], Iterator[Plot]]


def draw_plots(
    run_dir: Path,
    run: Run,
    findings: Findings,
    *,
    lang: Lang = "en",
    plots: Plots = "svg",
    memory: Memory | None = None,
) -> tuple[PlotKind, ...]:
    """Draw a run's plots into the folder `plots` beside its report.

    Files of an earlier drawing are removed. What cannot be drawn does not raise: its kind says
    why, and the others are drawn.

    Args:
        run_dir: Folder of the report.
        run: What is shown; no sample's text is looked at.
        findings: Of this run.
        lang: Language of titles, axes and alt texts.
        plots: Format of the files; with `none`, nothing is drawn.
        memory: Holds what was drawn of the same numbers before, which is not drawn again.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = run_dir / PLOTS_FOLDER
    for old in (*folder.glob("*.svg"), *folder.glob("*.png")):
        old.unlink()
    if plots == "none" or not (run.rows or findings.judged):
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    t = words(lang)
    with ExitStack() as drawing:
        drawer = _Drawer(folder, plots, lang, memory, drawing)
        kinds = [
            _draw(name, units, drawer, _note(name, run.rows, t), t)
            for name, units in _units(run, findings, t)
        ]
    return tuple(kind for kind in kinds if kind.pictures or kind.problem)


@dataclass(slots=True)
class _Drawer:
    """Draws into a folder what is not remembered, and sets up the drawing when it must."""

    folder: Path
    plots: canvas.Format
    lang: Lang
    memory: Memory | None
    drawing: ExitStack
    _ready: bool = False

    def pictures(self, name: str, unit: _Unit) -> list[Picture]:
        """Return the pictures of a unit, whose files are in the folder then."""
        if self.memory is None:
            return [self._picture(path.name, plot) for plot, path in self._draw(unit)]
        key = drawn_key(name, unit.of, self.plots, self.lang)
        drawn = recall(self.memory, key)
        if drawn is None:
            drawn = [
                Drawn(path.name, plot.alt, plot.numbers, path.read_bytes())
                for plot, path in self._draw(unit)
            ]
            remember(self.memory, key, drawn)
        else:
            for one in drawn:
                (self.folder / one.file).write_bytes(one.content)
        return [self._picture(one.file, one) for one in drawn]

    def _picture(self, file: str, shown: Plot | Drawn) -> Picture:
        return Picture(f"{PLOTS_FOLDER}/{file}", shown.alt, shown.numbers)

    def _draw(self, unit: _Unit) -> Iterator[tuple[Plot, Path]]:
        if not self._ready:
            self.drawing.enter_context(canvas.drawing())
            self._ready = True
        for plot in unit.make():
            yield plot, canvas.save(plot, self.folder, self.plots)


def _units(run: Run, findings: Findings, t: Words) -> Iterator[tuple[str, list[_Unit]]]:
    """Yield each kind with what makes its plots, those of all eval sets together."""
    bins = {(one.row.evalset, one.row.cell): one for one in findings.bins}
    sets: dict[str, list[Row]] = {}
    for row in run.rows:
        sets.setdefault(row.evalset, []).append(row)
    judged = [one.evalset for one in findings.judged]
    slugs = dict(zip([*sets, *judged], _slugs([*sets, *judged]), strict=True))

    def each(
        make: Callable[[str, Sequence[Row]], Iterator[Plot]],
        further: Callable[[Sequence[Row]], object] = lambda rows: None,
    ) -> list[_Unit]:
        return [
            _Unit((slugs[evalset], rows, further(rows)), partial(make, slugs[evalset], rows))
            for evalset, rows in sets.items()
        ]

    def binned(rows: Sequence[Row]) -> object:
        return [bins.get((row.evalset, row.cell)) for row in rows]

    def gated(rows: Sequence[Row]) -> object:
        return [gate for gate in run.gates if any(gate.evalset == row.evalset for row in rows)]

    yield "forest", each(lambda s, rows: forest(s, rows, run.gates, t), gated)
    yield "shots", each(lambda s, rows: over_shots(s, rows, t))
    yield "reliability", each(lambda s, rows: reliabilities(s, rows, bins, t), binned)
    yield "confusion", each(lambda s, rows: confusions(s, rows, bins, t), binned)
    yield "length", each(lambda s, rows: over_lengths(s, rows, bins, t), binned)
    yield (
        "judged",
        [
            _Unit(
                (slugs[one.evalset], one, run.judged),
                partial(judged_forest, slugs[one.evalset], one, run.judged, t),
            )
            for one in findings.judged
        ],
    )


def _draw(name: str, units: Sequence[_Unit], drawer: _Drawer, note: str, t: Words) -> PlotKind:
    pictures: list[Picture] = []
    problem = ""
    try:
        for unit in units:
            pictures += drawer.pictures(name, unit)
    # Whatever a drawing library may raise, the report and its figures must not be lost to it.
    except Exception as error:
        problem = t.say("p_failed", kind=name, error=code(f"{type(error).__name__}: {error}"))
    return PlotKind(name, note, tuple(pictures), problem)


def _note(name: str, rows: Sequence[Row], t: Words) -> str:
    """Say how to read a kind of plot, and by which rule it leaves out cells if it does."""
    note = t[f"p_note_{name}"]
    most = max(Counter(row.evalset for row in rows).values(), default=0)
    if name in _PANEL_PER_CELL and most > MOST_PANELS:
        note += " " + t.say("p_telling", limit=MOST_PANELS)
    return note


def _slugs(evalsets: Sequence[str]) -> list[str]:
    """Return a name for each eval set that fits any file system and is no other set's."""
    found: list[str] = []
    for path in evalsets:
        stem = re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower()).strip("-") or "set"
        slug, number = stem, 1
        while slug in found:
            number += 1
            slug = f"{stem}-{number}"
        found.append(slug)
    return found
