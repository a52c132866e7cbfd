"""The wording of comparisons: one sentence each, or one for a group of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.findings import Comparison, Overused
from harness.analysis.verdicts import by_pair, verdict
from harness.figures import FIGURES
from harness.language import Words
from harness.markdown import code, escape
from harness.records import Row
from harness.report.format import (
    fraction,
    p_value,
    percent,
    signed,
    signed_interval,
    with_interval,
)
from harness.report.modes import is_usual, mode_place, way

Labels = Mapping[tuple[str, str], Overused]
"""The label that a cell answers too often, by eval set and cell."""


def shots(compared: Sequence[Comparison], labels: Labels, t: Words) -> list[str]:
    """Say for each few-shot cell what the shots did against the same prompt without them."""
    sentences: list[str] = []
    for group in by_pair(compared, "shots"):
        bare, shown = group[0].first, group[0].second
        parts = moves(group, t)
        raw = next((c for c in group if c.figure == "accuracy"), None)
        over = labels.get((bare.evalset, bare.cell))
        if raw and raw.sign and len(group) > 1 and over:
            parts.append(
                t.say(
                    "c_threshold_moved",
                    label=_quoted(over.label, t),
                    first=percent(over.share),
                    second=percent(shown.shares.get(over.label, 0.0)),
                )
            )
        if left := max(c.left_out for c in group):
            parts.append(t.say("c_left_out", count=left))
        sentences.append(
            t.say(
                "c_shots",
                mode=mode_place(shown, t),
                prompt=escape(shown.prompt),
                verdict=t[f"c_v_{verdict(group)}"],
                figures="; ".join(parts),
            )
        )
    return sentences


def placements(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each draw of shots which places for them are shown to differ."""
    groups: dict[tuple[object, ...], list[Comparison]] = {}
    for c in compared:
        if c.kind == "placement":
            row = c.first
            key = (row.prompt, row.regime, row.k, row.selector, row.order, row.seed)
            groups.setdefault(key, []).append(c)
    sentences: list[str] = []
    for group in groups.values():
        row = group[0].first
        phrase = "c_draw" if is_usual(row) else "c_draw_way"
        shots = t.say(phrase, k=row.k, seed=row.seed, way=way(row, t))
        said = {c.figure: _order([o for o in group if o.figure == c.figure], c.figure, t)
                for c in group}  # fmt: skip
        # Secondary figures by which nothing is shown take one phrase.
        shown = {c.figure for c in group if c.sign or c.primary}
        quiet = list(dict.fromkeys(c.figure for c in group if c.figure not in shown))
        if quiet:
            names = ", ".join(t[f"f_{figure}"] for figure in quiet)
            said[quiet[0]] = t.say("c_no_order", figure=names)
        figures = ranked([c for c in group if c.figure not in quiet[1:]], said, t)
        sentences.append(
            t.say(
                "c_placements", shots=shots, prompt=escape(row.prompt), figures="; ".join(figures)
            )
        )
    return sentences


def calibrations_short(model: str, compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say in how many cells calibration is shown to raise or to lower accuracy."""
    own = [c for c in compared if c.kind == "calibration"]
    raised, lowered = sum(c.sign > 0 for c in own), sum(c.sign < 0 for c in own)
    total = t.say("n_cells", count=len(own))
    said: list[str] = []
    if raised:
        said.append(t.say("c_bias_short", model=model, biased=raised, total=total))
    if lowered:
        phrase = "c_calibration_lowers"
        said.append(t.say(phrase, model=model, lowered=lowered, total=total))
    if own and not said:
        said.append(t.say("c_calibration_none", model=model, total=total))
    return said


def _order(group: Sequence[Comparison], figure: str, t: Words) -> str:
    """Name the placements that are shown to differ in one figure."""
    shown = [c for c in group if c.sign]
    if not shown:
        return t.say("c_no_order", figure=t[f"f_{figure}"])
    parts = []
    for c in shown:
        better, worse = (c.second, c.first) if c.sign > 0 else (c.first, c.second)
        parts.append(
            t.say(
                "c_ahead",
                better=better.placement,
                worse=worse.placement,
                detail=detail(c, t, forward=True),
            )
        )
    if len(shown) < len(group):
        parts.append(t["c_others"])
    return f"{t[f'f_{figure}']}: {', '.join(parts)}"


def wordings(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each mode which prompt is the best, or that none is shown to be."""
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for c in compared:
        if c.kind == "wording":
            groups.setdefault((c.first.mode, c.first.scoring), []).append(c)
    sentences: list[str] = []
    for group in groups.values():
        said = {}
        for c in group:
            phrase = "c_no_best" if c.sign <= 0 else "c_best_of" if c.chosen_of > 2 else "c_best"
            said[c.figure] = t.say(
                phrase,
                figure=t[f"f_{c.figure}"],
                best=escape(c.second.prompt),
                next=escape(c.first.prompt),
                value=fraction(c.difference.second),
                other=fraction(c.difference.first),
                others=c.chosen_of - 1,
                detail=detail(c, t),
            )
        mode = mode_place(group[0].first, t)
        figures = "; ".join(ranked(group, said, t))
        sentences.append(t.say("c_wording", mode=mode, figures=figures))
    return sentences


def calibrations(compared: Sequence[Comparison], labels: Labels, t: Words) -> list[str]:
    """Say for each cell what calibration changed, and why where the figures tell."""
    sentences: list[str] = []
    for kind in ("calibration", "contextual"):
        own = [c for c in compared if c.kind == kind]
        for c in own:
            if c.sign == 0:
                continue
            move = f"{fraction(c.difference.first)} → {fraction(c.difference.second)}"
            left = f"; {t.say('c_left_out', count=c.left_out)}" if c.left_out else ""
            phrase = f"c_{kind}_up" if c.sign > 0 else f"c_{kind}_down"
            text = t.say(phrase, cell=code(c.first.cell), move=f"{move} ({detail(c, t)}{left})")
            if kind == "calibration" and c.sign > 0:
                text = f"{text} {_why(c.first, labels, t)}".rstrip()
            sentences.append(text)
        same = [code(c.first.cell) for c in own if c.sign == 0]
        if same:
            sentences.append(t.say(f"c_{kind}_same", cells=", ".join(same)))
    return sentences


def _why(row: Row, labels: Labels, t: Words) -> str:
    """Say which label a cell answers too often, if one, and that it ranks samples all the same."""
    over, auc = labels.get((row.evalset, row.cell)), row.figures.get("auc")
    if not over:
        return ""
    return t.say(
        "c_why_bias",
        label=_quoted(over.label, t),
        share=percent(over.share),
        target=percent(over.target),
        auc=with_interval(auc) if auc and auc.low > 0.5 else "",
    )


def moves(group: Sequence[Comparison], t: Words) -> list[str]:
    """Spell the comparisons of two cells, that by the primary figure first."""
    return ranked(group, {c.figure: move(c, t) for c in group}, t)


def ranked(group: Sequence[Comparison], said: Mapping[str, str], t: Words) -> list[str]:
    """Return what is said of each figure, secondary ones in one part behind the primary one."""
    parts = [said[figure] for figure in dict.fromkeys(c.figure for c in group if c.primary)]
    others = [said[figure] for figure in dict.fromkeys(c.figure for c in group if not c.primary)]
    return [*parts, t.say("c_secondary", figures="; ".join(others))] if others else parts


def move(c: Comparison, t: Words) -> str:
    """Spell what a figure was and is, with the difference, its interval and p-value.

    Where there are several draws, the least and the greatest difference of one follow.
    """
    scale, digits = (100.0, 1) if FIGURES[c.figure].exact else (1.0, 3)
    low, high = (signed(scale * end, digits) for end in c.spread or (0.0, 0.0))
    return t.say(
        "c_move",
        figure=t[f"f_{c.figure}"],
        first=fraction(c.difference.first),
        second=fraction(c.difference.second),
        detail=shown_detail(c, t),
        spread=c.spread,
        low=low,
        high=high,
    )


def shown_detail(c: Comparison, t: Words) -> str:
    """Spell a difference, and say so if it is not shown to be one."""
    text = detail(c, t)
    return text if c.sign else t.say("c_unshown", detail=text)


def detail(c: Comparison, t: Words, *, forward: bool = False) -> str:
    """Return a difference in words; with `forward`, a negative one is turned round."""
    d, scale, digits = c.difference, 1.0, 3
    phrase = "c_auc_points"
    if FIGURES[c.figure].exact:
        scale, digits, phrase = 100.0, 1, "c_points"
    value, low, high, lost, won = d.value, c.low, c.high, d.lost, d.won
    if forward and value < 0:
        value, low, high, lost, won = -value, -high, -low, won, lost
    said = t.say(
        phrase,
        value=signed(scale * value, digits),
        interval=signed_interval(scale * low, scale * high, digits),
        lost=lost,
        won=won,
        p=p_value(c.adjusted),
    )
    return t.say("c_declared", detail=said) if c.family == "gate" else said


def _quoted(label: str, t: Words) -> str:
    return t.say("quote", text=escape(label))


def models(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each model that was named before how another does when asked the same."""
    return [
        t.say(
            "c_model",
            first=escape(group[0].first.model),
            second=escape(group[0].second.model),
            mode=mode_place(group[0].second, t),
            prompt=escape(group[0].second.prompt),
            verdict=t[f"c_way_{verdict(group)}"],
            figures="; ".join(moves(group, t)),
        )
        for group in by_pair(compared, "model")
    ]
