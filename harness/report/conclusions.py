"""What the figures of a run support, in sentences no stronger than the tests behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.figures import COMPARED
from harness.markdown import code, escape
from harness.records import Result, Row
from harness.report import classifiers, selectors, sentences
from harness.report.cautions import beware
from harness.report.compare import Comparison, compare
from harness.report.format import with_interval
from harness.report.ranking import best_pair, lead
from harness.report.seeds import draw_groups, draw_sentences
from harness.report.sentences import Words
from harness.report.texts import Lang, counted, texts


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
class Best:
    """The best zero-shot and few-shot cell of one model on one eval set.

    Attributes:
        figure: What they are the best by, and are compared by.
        bare: The zero-shot cell; None if the model has none that was scored.
        shown: The few-shot cell, likewise.
        comparison: Of the two, None where one is missing or they share no scored sample.
    """

    evalset: str
    model: str
    figure: str
    bare: Row | None
    shown: Row | None
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Conclusions:
    """All sentences of a report; `method` says how the comparisons were made.

    Attributes:
        bests: One for each model and eval set; none where no two could be compared.
    """

    method: str
    topics: tuple[Topic, ...]
    bests: tuple[Best, ...] = ()


def conclude(rows: Sequence[Row], results: Sequence[Result], *, lang: Lang = "en") -> Conclusions:
    """Return the conclusions that the rows and their results allow, without any sample's text."""
    t = texts(lang)
    compared = compare(rows, results)
    topics: list[Topic] = []
    bests: list[Best] = []
    several = len({row.evalset for row in rows}) > 1
    draws = list(zip(draw_groups(rows), draw_sentences(rows, results, t), strict=True))
    for evalset, model in dict.fromkeys((row.evalset, row.model) for row in rows):
        own = [row for row in rows if (row.evalset, row.model) == (evalset, model)]
        # In a comparison with a trained classifier the model is the second side.
        theirs = [c for c in compared if (c.second.evalset, c.second.model) == (evalset, model)]
        bare, shown = best_pair(own)
        pair = _find(theirs, bare, shown, lead(own)) if bare and shown else None
        if bare or shown:
            bests.append(Best(evalset, model, lead(own), bare, shown, pair))
        points = (
            *sentences.shots(theirs, t),
            *selectors.selectors(theirs, t),
            *selectors.orders(theirs, t),
            *selectors.thinking(theirs, t),
            *sentences.placements(theirs, t),
            *sentences.wordings(theirs, t),
            *sentences.calibrations(theirs, t),
            *classifiers.against_trained(theirs, t),
            *(
                sentence
                for group, said in draws
                if (group[0].evalset, group[0].model) == (evalset, model)
                for sentence in said
            ),
        )
        title = f"{escape(model)}, {escape(evalset)}"
        topics.append(
            Topic(title, tuple(_short(title if several else escape(model), own, theirs, t)), points)
        )
    tests = counted(len(compared), "n_comparisons", t)
    method = t["c_method"].format(tests=tests) if compared else t["c_none"]
    if any(c.draws != (1, 1) for c in compared):
        method += t["c_method_draws"]
    if compared and any(row.clusters for row in rows):
        method += t["c_method_clusters"]
    compared_bests = tuple(bests) if any(one.comparison for one in bests) else ()
    return Conclusions(method, tuple(topics), compared_bests)


def _short(model: str, rows: Sequence[Row], compared: Sequence[Comparison], t: Words) -> list[str]:
    said = beware(model, rows, t)
    shots = sentences.by_pair(compared, "shots")
    if shots:
        signs = [sentences.verdict(group) for group in shots]
        counts = [
            t["c_count"].format(
                figure=t[f"f_{figure}"],
                up=sum(c.sign > 0 for c in having),
                down=sum(c.sign < 0 for c in having),
                total=counted(len(having), "n_comparisons", t),
            )
            for figure in COMPARED
            if (having := [c for group in shots for c in group if c.figure == figure])
        ]
        verdict = t[_overall(signs)]
        said.append(
            t["c_shots_short"].format(model=model, verdict=verdict, counts="; ".join(counts))
        )
    said += selectors.short(model, compared, t)
    said += sentences.placements_short(model, compared, t)
    said += sentences.calibrations_short(model, compared, t)
    figure = lead(rows)
    ranked = [row for row in rows if figure in row.figures]
    # Where there are both modes, the table of the best cells says more.
    if len(ranked) > 1 and None in best_pair(rows):
        best = max(ranked, key=lambda row: row.figures[figure].value)
        said.append(
            t["c_best_short"].format(
                figure=t[f"f_{figure}"],
                model=model,
                cell=code(best.cell),
                value=with_interval(best.figures[figure]),
                total=len(ranked),
            )
        )
    return said + classifiers.against_trained_short(model, compared, t)


def _find(
    compared: Sequence[Comparison], first: Row, second: Row, figure: str
) -> Comparison | None:
    """Return the comparison of a zero-shot with a few-shot cell by one figure, if there is one."""
    return next(
        (
            one
            for one in compared
            if one.kind in ("shots", "best")
            and (one.first, one.second, one.figure) == (first, second, figure)
        ),
        None,
    )


def _overall(verdicts: Sequence[str]) -> str:
    """Sum up the verdicts of all few-shot cells of a model."""
    hurt = any(v in {"hurts", "mixed"} for v in verdicts)
    help_ = any(v in {"helps", "mixed"} for v in verdicts)
    if hurt and help_:
        return "c_mixed"
    if hurt or help_:
        word = "hurts" if hurt else "helps"
        return f"c_{word}" if all(v == word for v in verdicts) else f"c_partly_{word}"
    return "c_same"
