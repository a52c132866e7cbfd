"""A judge's passport as a page: the verdict in words first, then the figures behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tabulate import tabulate

from harness.judge.passport import (
    CHANCE,
    MAX_UNSCORED,
    Doubt,
    Passport,
    Retest,
    doubts,
    large_sets,
)
from harness.judge.passport_figures import SMOKE, PassportSet
from harness.judge.tried import as_demanded
from harness.language import Lang, Words, words
from harness.markdown import code, escape
from harness.records import Note
from harness.report.format import NOTHING, percent
from harness.report.notes import note_lines
from harness.report.passport_cells import bound_to, figure_cell, shown_figure, wording_rows
from harness.report.passport_points import points_part, points_verdict
from harness.report.passport_tried import tried_lines
from harness.spec.judgeset import PassportSpec
from harness.writing import write_whole

_FIGURES = (
    "accuracy",
    "accuracy_verdicts",
    "accuracy_decided",
    "both_orders_correct",
    "order_agreement",
    "kappa",
    "kappa_verdicts",
    "accuracy_forward",
    "accuracy_backward",
    "prefers_longer",
    "human_prefers_longer",
    "prefers_first",
    "tie_rate",
    "parse_rate",
    "score_accuracy",
    "score_ties",
    "sensitivity",
    "specificity",
    "score_parse_rate",
    "score_expected",
)
# Of these, the gravest is the verdict.
_GRAVITY = ("unscored", "worse", "chance", "scores", "length", "below")


def write_passport_page(
    folder: Path, passport: Passport, *, notes: Sequence[Note] = (), lang: Lang = "en"
) -> Path:
    """Write `report.md` into a folder, made if it is missing, and return its path.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / "report.md"
    write_whole(path, passport_markdown(passport, notes=notes, lang=lang))
    return path


def passport_markdown(
    passport: Passport,
    *,
    demands: PassportSpec | None = None,
    notes: Sequence[Note] = (),
    lang: Lang = "en",
) -> str:
    """Return a passport's page; no text of the gold data is on it.

    Args:
        passport: What to write up.
        demands: What the verdict is measured by; None takes those of a judge set that names none.
        notes: What is to be said of the judge.
        lang: Language of everything that is not data.
    """
    t, demands = words(lang), demands or PassportSpec()
    verdict = passport_verdict(passport, demands=demands, lang=lang)
    passport = as_demanded(passport)
    parts = [
        f"# {t.say('pass_title', judge=code(passport.judge))}",
        f"**{verdict}**",
        "\n".join(f"- {line}" for one in passport.sets for line in _reasons(one, demands, t)),
        _demands(passport, demands, t),
        "\n".join(f"- {line}" for line in tried_lines(passport, t)),
        f"## {t['notes']}" if notes else "",
        "\n".join(f"- {line}" for line in note_lines(notes, t)),
        f"## {t['pass_preferences']}",
        "\n".join(f"- {line}" for line in _preferences(passport, t)),
        f"## {t['pass_figures']}",
        _table(passport.sets, t),
        t["pass_cells"],
        *points_part(passport.points, demands, t),
    ]
    if missing := _missing(passport.sets, t):
        parts += [f"## {t['pass_missing']}", "\n".join(f"- {line}" for line in missing)]
    parts += [
        f"## {t['pass_conditions']}",
        _conditions(passport, t),
        f"## {t['pass_how']}",
        t.say("pass_how_text", smoke=SMOKE, passing=f"{passport.passing:g}").strip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def passport_verdict(
    passport: Passport, *, demands: PassportSpec | None = None, lang: Lang = "en"
) -> str:
    """Return what a passport comes to, in a few words."""
    passport = as_demanded(passport)
    large, t, demands = large_sets(passport), words(lang), demands or PassportSpec()
    found = {_kind(one, demands) for one in large} or {"small"}
    said = t[f"pass_v_{next((k for k in ('small', *_GRAVITY) if k in found), 'met')}"]
    if passport.points is None:
        return said
    return f"{said}; {t[f'pass_v_points_{points_verdict(passport.points, demands)}']}"


def _kind(one: PassportSet, demands: PassportSpec) -> str:
    """Return a set's gravest doubt by its name among the verdicts."""
    reason = next(iter(doubts(one, demands)), None)
    decided = one.figures.get("accuracy_decided")
    if reason == "chance" and decided is not None and decided.high < CHANCE:
        return "worse"
    return "below" if reason in ("accuracy", "order_agreement") else reason or "met"


def _reasons(one: PassportSet, demands: PassportSpec, t: Words) -> list[str]:
    """Say what a set has to say for or against the judge, each reason by itself."""
    found: list[Doubt | Literal["met"]] = [*doubts(one, demands)]
    return [_said(one, reason, t) for reason in found or ["met"]]


def _said(one: PassportSet, reason: Doubt | Literal["met"], t: Words) -> str:
    figures, name = one.figures, str(reason)
    if reason == "chance":
        decided = figures.get("accuracy_decided")
        name = "never" if decided is None else "worse" if decided.high < CHANCE else "chance"
    elif reason == "scores" and _value(one, "score_ties") == 1:
        name = "one_score"
    return t.say(
        f"pass_why_{name}",
        set=code(one.name),
        smoke=SMOKE,
        lost=one.n - one.scored,
        pairs=one.n,
        total=one.total,
        lost_answers=sum(one.score_unscored.values()),
        answers=2 * one.n,
        limit=percent(MAX_UNSCORED),
        decided=shown_figure(figures.get("accuracy_decided")),
        scores=shown_figure(figures.get("score_accuracy")),
        accuracy=shown_figure(figures.get("accuracy")),
        order=shown_figure(figures.get("order_agreement")),
        people=shown_figure(figures.get("human_prefers_longer")),
    )


def _demands(passport: Passport, demands: PassportSpec, t: Words) -> str:
    line = t.say(
        "pass_demands",
        accuracy=f"{demands.min_accuracy:g}",
        order=f"{demands.min_order_agreement:g}",
        smoke=SMOKE,
    )
    large = large_sets(passport)
    if large and all(_kind(one, demands) in ("met", "below") for one in large):
        accuracy, order = (
            min(_floor(one.figures[name].low) for one in large)
            for name in ("accuracy", "order_agreement")
        )
        line += " " + t.say("pass_meets", accuracy=accuracy, order=order)
    return line


def _preferences(passport: Passport, t: Words) -> list[str]:
    """Say where a judge goes by length or place, where people do not.

    Lengths by intervals that do not meet: the figures are of the same pairs, so this errs towards
    saying nothing.
    """
    said: list[str] = []
    large = large_sets(passport)
    for one in large:
        name = code(one.name)
        judge, people = (one.figures.get(k) for k in ("prefers_longer", "human_prefers_longer"))
        if judge and people and (judge.low > people.high or judge.high < people.low):
            kind = "longer" if judge.value > people.value else "shorter"
            kind = "no_length" if judge.low <= CHANCE <= judge.high else kind
            said.append(
                t.say(
                    f"pass_p_{kind}",
                    set=name,
                    value=shown_figure(judge),
                    people=shown_figure(people),
                )
            )
        place = one.figures.get("prefers_first")
        if place and not place.low <= CHANCE <= place.high:
            kind = "first" if place.value > CHANCE else "second"
            said.append(t.say(f"pass_p_{kind}", set=name, value=shown_figure(place)))
    return said or [t["pass_p_none" if large else "pass_p_small"]]


def _table(sets: Sequence[PassportSet], t: Words) -> str:
    rows = [[t["pass_pairs"], NOTHING, *(f"{one.scored} / {one.n} / {one.total}" for one in sets)]]
    for name in _FIGURES:
        levels = [chance_level(one, name) for one in sets]
        shown = dict.fromkeys(NOTHING if one is None else f"{one:.3g}" for one in levels)
        cells = [
            figure_cell(o.figures.get(name), chance, t)
            for o, chance in zip(sets, levels, strict=True)
        ]
        rows.append([t[f"pass_f_{name}"], " / ".join(shown), *cells])
    headers = [t["pass_figure"], t["pass_chance"], *(escape(one.name) for one in sets)]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def chance_level(one: PassportSet, name: str) -> float | None:
    """Return what random verdicts with as many ties would reach, None if not one number.

    The pairs are taken to be without human ties.
    """
    decided = 1 - _value(one, "tie_rate")
    both = decided**2 / 4
    found = {
        "accuracy": both,
        "accuracy_decided": CHANCE,
        "both_orders_correct": both,
        "order_agreement": 2 * both + (1 - decided) ** 2,
        "kappa": 0.0,
        "kappa_verdicts": 0.0,
        "accuracy_verdicts": decided / 2,
        "accuracy_forward": decided / 2,
        "accuracy_backward": decided / 2,
        "score_accuracy": (1 - _value(one, "score_ties")) / 2,
    }
    return found.get(name)


def _value(one: PassportSet, name: str) -> float:
    return one.figures[name].value if name in one.figures else 0.0


def _missing(sets: Sequence[PassportSet], t: Words) -> list[str]:
    return [
        t.say(phrase, set=code(one.name), count=number, reason=escape(reason))
        for one in sets
        for phrase, reasons in (
            ("pass_lost_pairs", one.unscored),
            ("pass_lost_answers", one.score_unscored),
        )
        for reason, number in reasons.items()
    ]


def _conditions(passport: Passport, t: Words) -> str:
    rows = [
        [t["pass_model"], escape(passport.model_digest[:16])],
        [t["pass_source"], escape(passport.source) or NOTHING],
        [t["pass_engine"], escape(f"{passport.engine}, {passport.dtype}")],
        [t["pass_version"], escape(passport.version)],
        [t["pass_options"], code(passport.manner.options, cell=True)],
        [t["pass_template"], escape(passport.manner.template[:16]) or NOTHING],
        [t["pass_served"], escape(passport.manner.served) or NOTHING],
        [t["pass_chars"], str(passport.manner.max_answer_chars)],
        [t["pass_rubric"], bound_to(passport.rubric.path, passport.rubric.digest)],
        [t["pass_pairwise"], bound_to(passport.pairwise.path, passport.pairwise.digest)],
        [t["pass_made"], escape(passport.made)],
        *([[t["pass_twice"], _moved(passport.retest, t)]] if passport.retest else []),
        *wording_rows(passport, t),
        *([f"{t['pass_gold']} {escape(one.name)}", escape(one.digest[:16])]
          for one in passport.sets),
    ]  # fmt: skip
    headers = [t["pass_what"], t["pass_value"]]
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


def _moved(retest: Retest, t: Words) -> str:
    return t.say("pass_moved", n=len(retest.asked), moved=retest.moved)


def _floor(value: float) -> float:
    """Return a fraction rounded down to two decimals, as a demand that is surely met."""
    return math.floor(value * 100) / 100
