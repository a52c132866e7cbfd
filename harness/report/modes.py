"""Modes in words: where shots stand, how they were chosen, and whether the model thought."""

from __future__ import annotations

from harness.language import Words
from harness.markdown import escape
from harness.records import Row
from harness.report.format import count
from harness.report.names import selector_name
from harness.shots import SELECTORS, own_order


def thinking_word(setting: str, t: Words) -> str:
    """Return the name of a setting of thinking in words, such as `budget 256`."""
    word, _, tokens = setting.partition(" ")
    return t.say(f"th_{word}", tokens=count(int(tokens)) if tokens else "")


def mode_place(row: Row, t: Words) -> str:
    """Return a mode with the place and the draw of its shots: `5-shot chat (seed 0)`."""
    if row.given:
        return t["given"]
    phrase = "zeroshot" if row.k == 0 else "c_mode" if is_usual(row) else "c_mode_way"
    said = t.say(phrase, k=row.k, placement=row.placement, seed=row.seed, way=way(row, t))
    return with_thinking(said, row, t)


def mode_short(row: Row, t: Words) -> str:
    """Return a mode with the place of its shots alone: `5-shot chat`."""
    if row.k == 0:
        return mode_place(row, t)
    return with_thinking(t.say("c_mode_short", k=row.k, placement=row.placement), row, t)


def with_thinking(mode: str, row: Row, t: Words) -> str:
    """Return a mode's words with what is set about thinking, if anything is."""
    if not row.thinking:
        return mode
    return t.say("th_mode", mode=mode, setting=thinking_word(row.thinking, t))


def is_usual(row: Row) -> bool:
    """Return whether a cell has no shots, or balanced ones in a drawn order."""
    return row.k == 0 or (row.selector, row.order or "shuffled") == ("balanced", "shuffled")


def way(row: Row, t: Words) -> str:
    """Say how shots are chosen, and in which order they stand if it is not the selector's own."""
    if row.selector is None or row.selector not in SELECTORS:
        return escape(row.selector or "")
    order = row.order or "shuffled"
    own = order == own_order(row.selector)
    return selector_name(row.selector, t) + ("" if own else f", {t[f'o_{order}']}")
