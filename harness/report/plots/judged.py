"""Judged models: mean scores and win rates with intervals, and below them every probe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.analysis.findings import EVEN, JudgedSet
from harness.language import Words
from harness.markdown import escape, plain
from harness.records import Judged, ProbeResult, Standing
from harness.report.judged.numbers import mean_spread, scale_interval
from harness.report.plots import canvas, letters
from harness.report.plots.canvas import Plot
from harness.report.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LANE, _SLIT = 0.3, 0.13
_TOP, _BETWEEN, _BOTTOM = 0.62, 0.62, 0.6
_TITLE_LINE = canvas.TEXT * 1.25 / 72
_LABELS, _VALUES = 2.6, 1.1
_SCALE, _TICKS = (0.7, 10.3), range(1, 11)
_FIGURES = ("score", "points", "win_rate")
_SHARES = (-0.03, 1.03)
# Told apart by marker as well as by colour.
_STYLES = (
    (canvas.BLUE, "o"), (canvas.ORANGE, "s"), (canvas.GREEN, "^"), (canvas.PURPLE, "D"),
    (canvas.BLACK, "P"),
)  # fmt: skip


def judged_forest(slug: str, found: JudgedSet, judged: Judged, t: Words) -> Iterator[Plot]:
    """Yield the plot of one judge set, or nothing where no answer has a score."""
    evalset, state = found.evalset, found.trust
    own = [one for one in judged.standings
           if one.evalset == evalset and {"score", "points"} & one.figures.keys()]  # fmt: skip
    probes = [one for one in judged.probes if one.evalset == evalset]
    if not own:
        return
    names = list(dict.fromkeys(one.probe for one in probes))
    title = t.say("p_judged" if state == "trusted" else f"p_judged_{state}", evalset=evalset)
    slot = _SLIT * (len(own) + 1)
    heights = _LANE * len(own), slot * len(names)
    labels = [*(one.model for one in own), *names]
    left = 0.3 + min(_LABELS, max(letters.text_width(plain(text), canvas.TEXT) for text in labels))
    drawn = [name for name in _FIGURES if any(name in one.figures for one in own)]
    width = (canvas.WIDTH - left - 0.1) / len(drawn)
    heads = [_heading(figure, found, width - _VALUES, t) for figure in drawn]
    top = _TOP + (max(map(len, heads)) - 1) * _TITLE_LINE
    page = canvas.page(top + heights[0] + _BETWEEN + heights[1] + _BOTTOM, plain(title))
    for place, (figure, lines) in enumerate(zip(drawn, heads, strict=True)):
        axes = canvas.place(page, left + place * width, top, width - _VALUES, heights[0])
        axes.set_title("\n".join(lines), fontweight="bold", pad=4)
        _models(axes, own, figure, found, labelled=place == 0)
    below = canvas.place(page, left, top + heights[0] + _BETWEEN,
                         canvas.WIDTH - left - _VALUES - 0.1, heights[1])  # fmt: skip
    _probes(below, names, [one.model for one in own], probes, t, scored="score" in drawn)
    canvas.legend(page, _handles([one.model for one in own]), columns=5)
    said = "p_judged_alt" if "score" in drawn else "p_judged_alt_points"
    alt = t.say(said, title=escape(title), models=len(own), probes=len(names))
    yield Plot(f"judged-{slug}", page, alt, _numbers(own, names, probes, t))


def _heading(figure: str, found: JudgedSet, width: float, t: Words) -> list[str]:
    """Return a panel's title in lines of a width in inches."""
    name = "p_judged_rate" if figure == "win_rate" else f"p_judged_{figure}"
    text = t.say(name, against=plain(found.reference))
    return letters.wrap(text, width, canvas.TEXT, bold=True)


def _models(
    axes: Axes, own: Sequence[Standing], figure: str, found: JudgedSet, *, labelled: bool
) -> None:
    """Draw one figure of all models: pale dots for probes, over them the mean."""
    models = {one.model: one for one in found.models}
    axes.set_xlim(*(_SCALE if figure == "score" else _SHARES))
    if figure == "score":
        axes.set_xticks(_TICKS)
    _lanes(axes, [one.model for one in own] if labelled else [])
    axes.set_ylim(len(own) - 0.5, -0.5)
    for lane, one in enumerate(own):
        colour, marker = _style(lane)
        probes = models[one.model]
        by = {"score": probes.scores, "points": probes.shares, "win_rate": probes.points}
        dots = list(by[figure].values())
        axes.plot(dots, [lane + 0.22] * len(dots), "o", color=colour, alpha=0.35, markersize=3,
                  markeredgewidth=0, gid="probe")  # fmt: skip
        if (shown := one.figures.get(figure)) is None:
            continue
        axes.errorbar([shown.value], [lane], xerr=canvas.whiskers([shown]), fmt=marker,
                      color=colour, elinewidth=1.4, capsize=2.5)  # fmt: skip
        axes.annotate(
            scale_interval(shown), (1, lane), (6, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", fontsize=canvas.SMALL, annotation_clip=False,
        )  # fmt: skip
    if figure == "win_rate":
        axes.axvline(EVEN, color=canvas.FAINT, linewidth=1, linestyle=(0, (1, 1.5)), zorder=0.5)


def _probes(
    axes: Axes,
    names: Sequence[str],
    models: Sequence[str],
    probes: Sequence[ProbeResult],
    t: Words,
    *,
    scored: bool,
) -> None:
    """Draw every probe: a line of each model from its least answer to its greatest."""
    title = t["p_judged_probes" if scored else "p_judged_probe_points"]
    axes.set_title(title, fontweight="bold", pad=4)
    axes.set_xlim(*(_SCALE if scored else _SHARES))
    if scored:
        axes.set_xticks(_TICKS)
    _lanes(axes, names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    for border in range(1, len(names)):
        axes.axhline(border - 0.5, color=canvas.GRID, linewidth=0.6)
    for one in probes:
        values = one.scores if scored else one.shares
        if one.model not in models or not values:
            continue
        place = models.index(one.model)
        colour, marker = _style(place)
        lane = names.index(one.probe) + (place + 1) / (len(models) + 1) - 0.5
        axes.plot([min(values), max(values)], [lane] * 2, "-", color=colour, linewidth=1,
                  gid="answers")  # fmt: skip
        axes.plot([sum(values) / len(values)], [lane], marker, color=colour, gid="mean")


def _lanes(axes: Axes, labels: Sequence[str]) -> None:
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=canvas.GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    shown = [letters.fit(plain(text), _LABELS, canvas.TEXT) for text in labels]
    axes.set_yticks(range(len(shown)), shown, fontsize=canvas.TEXT)


def _handles(models: Sequence[str]) -> list[object]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], linestyle="none", marker=_style(place)[1], color=_style(place)[0],
               label=letters.fit(plain(model), _LABELS, canvas.TEXT))
        for place, model in enumerate(models)
    ]  # fmt: skip


def _style(place: int) -> tuple[str, str]:
    return _STYLES[place % len(_STYLES)]


def _numbers(
    own: Sequence[Standing], names: Sequence[str], probes: Sequence[ProbeResult], t: Words
) -> str:
    """Return the figures, a line for each model, and below the scores, a line for each probe."""
    models = [
        {
            t["h_model"]: escape(one.model),
            **{
                t[f"h_j_{name}"]: scale_interval(one.figures[name]) if name in one.figures else ""
                for name in _FIGURES
            },
        }
        for one in own
    ]
    scores = {
        (one.probe, one.model): mean_spread(one.scores)
        if one.scores or not one.shares
        else mean_spread(one.shares, digits=2)
        for one in probes
    }
    below = [
        {t["h_j_probe"]: escape(name)}
        | {escape(one.model): scores.get((name, one.model), "") for one in own}
        for name in names
    ]
    return "\n\n".join(filter(None, (table(models, keep=set()), table(below, keep=set()))))
