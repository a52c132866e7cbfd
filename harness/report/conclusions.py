"""What the figures of a run support, in sentences no stronger than the tests behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.findings import ALPHA, Best, Comparison, Findings
from harness.analysis.ranking import best_pair, primaries
from harness.language import Lang, Words, words
from harness.markdown import code, escape
from harness.records import Row
from harness.report import classifiers, selector_sentences, sentences
from harness.report.format import percent, with_interval
from harness.report.seeds import draw_sentences


@dataclass(frozen=True, slots=True)
class Topic:
    """The sentences about one model on one eval set, as inert markdown.

    Attributes:
        short: The outcome in one to three sentences.
        points: One sentence per comparison or group of comparisons.
    """

    title: str
    short: tuple[str, ...]
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conclusions:
    """All sentences of a report; `method` says how the comparisons were made.

    Attributes:
        bests: One for each model and eval set; none where no two could be compared.
    """

    method: str
    topics: tuple[Topic, ...]
    bests: tuple[Best, ...] = ()


def conclude(findings: Findings, *, lang: Lang = "en") -> Conclusions:
    """Return the conclusions that the findings allow, in sentences without any sample's text."""
    t, rows, compared = words(lang), findings.rows, findings.comparisons
    primary = primaries(rows)
    topics: list[Topic] = []
    several = len({row.evalset for row in rows}) > 1
    labels = {(one.row.evalset, one.row.cell): one for one in findings.overused}
    for evalset, model in dict.fromkeys((row.evalset, row.model) for row in rows):
        own = [row for row in rows if (row.evalset, row.model) == (evalset, model)]
        # In a comparison with a trained classifier the model is the second side.
        theirs = [c for c in compared if (c.second.evalset, c.second.model) == (evalset, model)]
        points = (
            *sentences.shots(theirs, labels, t),
            *selector_sentences.selectors(theirs, t),
            *selector_sentences.orders(theirs, t),
            *selector_sentences.thinking(theirs, t),
            *sentences.placements(theirs, t),
            *sentences.wordings(theirs, t),
            *sentences.models(theirs, t),
            *sentences.calibrations(theirs, labels, t),
            *classifiers.against_trained(theirs, t),
            *(
                sentence
                for draws in findings.draws
                if (draws.rows[0].evalset, draws.rows[0].model) == (evalset, model)
                for sentence in draw_sentences(draws, t)
            ),
        )
        title = f"{escape(model)}, {escape(evalset)}"
        name = title if several else escape(model)
        short = tuple(_short(name, own, primary[evalset], theirs, t))
        topics.append(Topic(title, short, points))
    bests = findings.bests if any(one.comparison for one in findings.bests) else ()
    return Conclusions(_method(findings, primary, t), tuple(topics), bests)


def _short(
    model: str, rows: Sequence[Row], primary: str, compared: Sequence[Comparison], t: Words
) -> list[str]:
    said = sentences.calibrations_short(model, compared, t)
    ranked = [row for row in rows if primary in row.figures]
    # Where there are both modes, the table of the best cells says more.
    if len(ranked) > 1 and None in best_pair(rows, primary):
        best = max(ranked, key=lambda row: row.figures[primary].value)
        said.append(
            t.say(
                "c_best_short",
                figure=t[f"f_{primary}"],
                model=model,
                cell=code(best.cell),
                value=with_interval(best.figures[primary]),
                total=len(ranked),
            )
        )
    return said


def _method(findings: Findings, primary: Mapping[str, str], t: Words) -> str:
    """Say how comparisons were made, and how often such a report claims what is not so."""
    compared = findings.comparisons
    if not compared:
        return t["c_none"]
    figures = dict.fromkeys(primary[c.second.evalset] for c in compared)
    method = t.say(
        "c_method",
        figures=", ".join(t[f"f_{figure}"] for figure in figures),
        rates=_rates(findings, t),
    )
    if any(c.draws != (1, 1) for c in compared):
        method += t["c_method_draws"]
    if any(row.clusters for row in findings.rows):
        method += t["c_method_clusters"]
    return method


def _rates(findings: Findings, t: Words) -> str:
    """Say how many reports claim a difference where there is none, "" where a gate claims all."""
    primary = [c for c in findings.comparisons if c.family == "primary"]
    said = ""
    if families := {c.kind for c in primary if c.second.family == "question"}:
        said += " " + t.say(
            "c_rates",
            questions=t.say("n_questions", count=len(families)),
            together=percent(min(1.0, ALPHA * len(families))),
        )
    if any(c.second.family == "report" for c in primary):
        said += " " + t["c_rates_strict"]
    return said
