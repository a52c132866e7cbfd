"""A run -> the files of its plots, and what the report says of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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


def draw_plots(
    run_dir: Path, run: Run, findings: Findings, *, lang: Lang = "en", plots: Plots = "svg"
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

    Raises:
        OSError: The folder cannot be written.
    """
    folder = run_dir / PLOTS_FOLDER
    for old in (*folder.glob("*.svg"), *folder.glob("*.png")):
        old.unlink()
    if plots == "none" or not (run.rows or findings.judged):
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    with canvas.drawing():
        t = words(lang)
        kinds = [
            _draw(name, make, folder, _note(name, run.rows, t), plots, t)
            for name, make in _makers(run, findings, t)
        ]
    return tuple(kind for kind in kinds if kind.pictures or kind.problem)


def _makers(
    run: Run, findings: Findings, t: Words
) -> Iterator[tuple[str, Callable[[], Iterator[Plot]]]]:
    """Yield each kind with what makes its plots, those of all eval sets together."""
    bins = {(one.row.evalset, one.row.cell): one for one in findings.bins}
    sets: dict[str, list[Row]] = {}
    for row in run.rows:
        sets.setdefault(row.evalset, []).append(row)
    judged = [one.evalset for one in findings.judged]
    slugs = dict(zip([*sets, *judged], _slugs([*sets, *judged]), strict=True))

    def over_sets(
        make: Callable[[str, Sequence[Row]], Iterator[Plot]],
    ) -> Iterator[Plot]:
        for evalset, rows in sets.items():
            yield from make(slugs[evalset], rows)

    yield "forest", partial(over_sets, lambda s, rows: forest(s, rows, run.gates, t))
    yield "shots", partial(over_sets, lambda s, rows: over_shots(s, rows, t))
    yield "reliability", partial(over_sets, lambda s, rows: reliabilities(s, rows, bins, t))
    yield "confusion", partial(over_sets, lambda s, rows: confusions(s, rows, bins, t))
    yield "length", partial(over_sets, lambda s, rows: over_lengths(s, rows, bins, t))
    yield (
        "judged",
        lambda: (
            plot
            for one in findings.judged
            for plot in judged_forest(slugs[one.evalset], one, run.judged, t)
        ),
    )


def _draw(
    name: str,
    make: Callable[[], Iterator[Plot]],
    folder: Path,
    note: str,
    plots: canvas.Format,
    t: Words,
) -> PlotKind:
    pictures: list[Picture] = []
    problem = ""
    try:
        for plot in make():
            path = canvas.save(plot, folder, plots)
            pictures.append(Picture(f"{PLOTS_FOLDER}/{path.name}", plot.alt, plot.numbers))
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
