"""Figures and rubrics as a passport's page spells them."""

from __future__ import annotations

from harness.judge.passport import Passport
from harness.language import Words
from harness.markdown import escape
from harness.records import Figure
from harness.report.format import NOTHING, with_interval


def figure_cell(figure: Figure | None, chance: float | None, t: Words) -> str:
    """Return a figure with its n, marked where its interval holds the chance level."""
    if figure is None:
        return NOTHING
    shown = f"{with_interval(figure)} n={figure.n}"
    near = chance is not None and figure.low <= chance <= figure.high
    return f"{shown}, {t['pass_near']}" if near else shown


def bound_to(path: str, digest: str) -> str:
    """Return a rubric's path and the beginning of its digest."""
    return f"{escape(path)} ({escape(digest[:16])})"


def shown_figure(figure: Figure | None) -> str:
    """Return a figure with its interval and n as part of a sentence."""
    return NOTHING if figure is None else f"{with_interval(figure)}, n={figure.n}"


def wording_rows(passport: Passport, t: Words) -> list[list[str]]:
    """Return a line of what other wordings of the rubric change, for each of them."""
    rows = []
    for one in passport.reworded:
        share = shown_figure(one.moved)
        lost = one.asked - (one.moved.n if one.moved else 0)
        name = t.say("pass_wording", rubric=bound_to(one.rubric.path, one.rubric.digest))
        rows.append([name, t.say("pass_reworded", share=share, lost=lost)])
    return rows
