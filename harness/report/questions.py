"""The table of questions: one line each, with effect, interval and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.findings import ALPHA, Comparison, Findings, Kind, Question
from harness.analysis.verdicts import by_pair, decisive
from harness.figures import FIGURES
from harness.markdown import code, escape
from harness.records import Row
from harness.report.format import p_value, signed, signed_interval
from harness.report.modes import thinking_word, way
from harness.report.tables import table

Words = Mapping[str, str]

_KINDS: tuple[Kind, ...] = (
    "shots",
    "selector",
    "order",
    "thinking",
    "placement",
    "wording",
    "model",
    "calibration",
    "contextual",
    "trained",
)
_CALIBRATED = ("calibration", "contextual")
_OF_SHOTS = ("shots", "selector", "order", "placement")


@dataclass(frozen=True, slots=True)
class _Line:
    """One question of a model: its estimate, and what the comparisons by its figure show."""

    first: Row
    second: Row
    kind: Kind
    figure: str
    value: float
    low: float
    high: float
    p: float
    sign: int
    draws: int
    differ: float | None
    signs: tuple[int, ...]


def question_table(findings: Findings, t: Words) -> str:
    """Return a line for each question of each model, empty where nothing was compared."""
    lines = _lines(findings)
    several = len({one.second.evalset for one in lines}) > 1
    return table(
        [
            {
                t["h_evalset"]: escape(one.second.evalset) if several else "",
                t["h_model"]: escape(one.second.model),
                t["h_question"]: _question(one, t),
                t["h_by"]: t["q_accuracy" if one.kind in _CALIBRATED else f"f_{one.figure}"],
                t["h_effect"]: _difference(one, t),
                t["h_verdict"]: _verdict(one, t),
                t["h_single"]: _singles(one, t),
            }
            for one in lines
        ],
        keep=set(),
    )


def _lines(findings: Findings) -> list[_Line]:
    found: list[_Line] = []
    compared = findings.comparisons
    for evalset, model in dict.fromkeys((c.second.evalset, c.second.model) for c in compared):
        own = [c for c in compared if (c.second.evalset, c.second.model) == (evalset, model)]
        asked = [q for q in findings.questions if (q.evalset, q.model) == (evalset, model)]
        for kind in _KINDS:
            pairs = [one for group in by_pair(own, kind) if (one := decisive(group)) is not None]
            means = [q for q in asked if q.kind == kind]
            levels = {_level(kind, q.first, q.second) for q in means}
            found += [_of_mean(q, pairs) for q in means]
            found += [_of_one(c) for c in pairs if _level(kind, c.first, c.second) not in levels]
    return found


def _level(kind: Kind, first: Row, second: Row) -> object:
    """Return what a question asks of beside a model, which its comparisons have in common."""
    names = {
        "placement": (first.placement, second.placement),
        "selector": second.selector,
        "order": (second.selector, first.order, second.order),
        "thinking": (first.thinking, second.thinking),
        "wording": frozenset((first.prompt, second.prompt)),
        "model": first.model,
        "trained": first.cell,
    }
    return names.get(kind)


def _of_mean(q: Question, pairs: Sequence[Comparison]) -> _Line:
    level = _level(q.kind, q.first, q.second)
    # The best wording of a mode stands second there, whichever it is.
    signs = tuple(
        -c.sign if q.kind == "wording" and c.second.prompt == q.first.prompt else c.sign
        for c in pairs
        if _level(q.kind, c.first, c.second) == level
    )
    return _Line(q.first, q.second, q.kind, q.figure, q.value, q.low, q.high, q.p, q.sign, q.draws,
                 q.differ, signs)  # fmt: skip


def _of_one(c: Comparison) -> _Line:
    draws = 1 if c.first.k or c.second.k else 0
    return _Line(c.first, c.second, c.kind, c.figure, c.value, c.low, c.high, c.adjusted, c.sign,
                 draws, None, ())  # fmt: skip


def _question(one: _Line, t: Words) -> str:
    first, second = one.first, one.second
    names = {
        "placement": (first.placement, second.placement),
        "selector": (way(first, t), way(second, t)),
        "order": (way(first, t), way(second, t)),
        "wording": (escape(first.prompt), escape(second.prompt)),
        "model": (escape(first.model), ""),
        "trained": (code(first.cell), ""),
    }
    old, new = names.get(one.kind, ("", ""))
    if one.kind == "thinking":
        old, new = thinking_word(first.thinking, t), thinking_word(second.thinking, t)
    return t[f"q_{one.kind}"].format(first=old, second=new)


def _difference(one: _Line, t: Words) -> str:
    scale, digits, phrase = 1.0, 3, t["c_auc_points"]
    if FIGURES[one.figure].exact:
        scale, digits, phrase = 100.0, 1, t["q_points"]
    return phrase.format(
        value=signed(scale * one.value, digits),
        interval=signed_interval(scale * one.low, scale * one.high, digits),
        p=p_value(one.p),
    )


def _verdict(one: _Line, t: Words) -> str:
    """Say what is shown: of shots that were drawn once, of these alone."""
    several, shown = len(one.signs) > 1, set(one.signs) - {0}
    word = {1: "q_better", -1: "q_worse", 0: "q_same"}[one.sign]
    if {1, -1} <= {one.sign, *shown}:
        word = "q_mixed"
    elif one.sign and several and set(one.signs) != {one.sign}:
        word += "_mean"
    # Of several draws, what single ones show is no part of an answer about draws.
    elif not one.sign and shown and several and one.draws <= 1:
        word = "q_better_part" if shown == {1} else "q_worse_part"
    scope = ""
    if one.kind in _OF_SHOTS:
        scope = t["q_these"] if one.draws == 1 else t["q_drawn"].format(draws=one.draws)
    return t[word] + scope


def _singles(one: _Line, t: Words) -> str:
    """Count what the comparisons show each by itself, and say whether they differ."""
    if len(one.signs) < 2:
        return ""
    up, down, neither = (one.signs.count(sign) for sign in (1, -1, 0))
    said = t["q_singles"].format(up=up, down=down, open=neither)
    if one.differ is not None and one.differ < ALPHA:
        said += t["q_differ"].format(p=p_value(one.differ))
    return said
