"""Several draws of shots or trainings: a row with mean and spread, a sentence on the spread."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence

from harness.figures import INTERVALS, by_sample, clusters_of, in_all, right_answers
from harness.markdown import escape
from harness.records import Result, Row
from harness.report.compare import ALPHA, EXACT
from harness.report.format import count, fraction, p_value, percent
from harness.report.modes import thinking_word
from harness.report.texts import selector_name
from harness.stats import holm
from harness.stats.seed_spread import Spread, spread_over_draws

Words = Mapping[str, str]


def draw_groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each mode or classifier that has several seeds, and differs in these."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        if row.seed is not None and (row.k > 0 or row.train_rows):
            shots = (row.k, row.placement, row.selector, row.order)
            key = (row.evalset, row.model, row.prompt, row.regime, shots, row.train_rows)
            groups.setdefault(key, []).append(row)
    return [group for group in groups.values() if len({row.seed for row in group}) > 1]


def draw_line(group: Sequence[Row], line: Mapping[str, str], t: Words) -> dict[str, str]:
    """Return the table's line of all draws: mean, range and standard deviation over the seeds.

    Args:
        group: The rows of one mode, a seed each.
        line: The table's line of one of them, whose columns are kept.
        t: Phrases.
    """
    out = dict.fromkeys(line, "")
    for name in ("h_model", "h_prompt", "h_mode", "h_placement", "h_selector", "h_order",
                 "h_thinking"):  # fmt: skip
        out[t[name]] = line[t[name]]
    seeds = t["d_seeds"].format(count=len(group))
    if group[0].train_rows:
        out[t["h_mode"]] = t["d_trained"].format(rows=count(group[0].train_rows), seeds=seeds)
    else:
        out[t["h_seed"]] = seeds
    sizes = sorted({row.n for row in group})
    out[t["h_n"]] = "-".join(count(size) for size in (sizes[0], sizes[-1])[: len(sizes)])
    for name in INTERVALS:
        values = [row.figures[name].value for row in group if name in row.figures]
        if len(values) == len(group):
            out[t[f"h_{name}"]] = t["d_cell"].format(
                mean=fraction(statistics.mean(values)),
                low=fraction(min(values)),
                high=fraction(max(values)),
                sd=fraction(statistics.stdev(values)),
            )
    return out


def draw_sentences(rows: Sequence[Row], results: Sequence[Result], t: Words) -> list[list[str]]:
    """Return for each group of draws what its spread is: rows in, sentences out, group by group.

    Tests are adjusted by Holm's method over all groups and figures.
    """
    cells: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        cells.setdefault((result.evalset, result.cell), []).append(result)
    found: list[tuple[int, str, Spread]] = []
    groups = draw_groups(rows)
    for place, group in enumerate(groups):
        own = [by_sample(cells.get((row.evalset, row.cell), [])) for row in group]
        # A classifier is trained with the labels; what calibration does to it tells nothing.
        for figure in EXACT[1:] if group[0].train_rows else EXACT:
            samples, right = in_all([right_answers(one, figure) for one in own])
            clusters = clusters_of(own[0], samples)
            if len(set(clusters or samples)) > 1:
                spread = spread_over_draws(right, clusters=clusters)
                found.append((place, figure, spread))
    adjusted = holm([spread.p for _, _, spread in found])
    said: list[list[str]] = [[] for _ in groups]
    for (place, figure, spread), p in zip(found, adjusted, strict=True):
        said[place].append(_sentence(groups[place], figure, spread, p, t))
    return said


def _sentence(group: Sequence[Row], figure: str, spread: Spread, p: float, t: Words) -> str:
    row = group[0]
    kind = "d_trained_" if row.train_rows else "d_"
    seeds = ", ".join(str(one.seed) for one in group)
    verdict = t[f"{kind}shown" if p < ALPHA else f"{kind}unshown"]
    return t[f"{kind}sentence"].format(
        draw=t["d_draw"].format(mode=_mode(row, t), seeds=seeds),
        prompt=escape(row.prompt),
        figure=t[f"f_{figure}"],
        mean=fraction(spread.mean),
        low=fraction(spread.low),
        high=fraction(spread.high),
        sd=fraction(spread.sd),
        chance=fraction(spread.chance_sd),
        n=count(spread.n),
        verdict=verdict.format(
            test=t["d_test_clusters" if row.clusters else "d_test"],
            p=p_value(p),
            share=percent(spread.share),
        ),
    )


def _mode(row: Row, t: Words) -> str:
    """Name what the draws have in common: a classifier, or such as `5-shot chat, random`."""
    if row.train_rows:
        return escape(row.model)
    names = [f"{t['fewshot'].format(k=row.k)} {row.placement}"]
    if row.selector != "balanced":
        names.append(selector_name(row.selector, t))
    if row.order not in (None, "shuffled"):
        names.append(t[f"o_{row.order}"])
    thinking = t["th_mode"].format(setting=thinking_word(row.thinking, t)) if row.thinking else ""
    return ", ".join(names) + thinking
