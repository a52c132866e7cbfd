"""Several draws of shots or trainings: a row with mean and spread, a sentence on the spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.findings import Draws, SeedSpread
from harness.language import Words
from harness.markdown import escape
from harness.records import Row
from harness.report.format import count, fraction, p_value, percent
from harness.report.modes import with_thinking
from harness.report.names import selector_name


def draw_line(draws: Draws, line: Mapping[str, str], t: Words) -> dict[str, str]:
    """Return the table's line of all draws: mean, range and standard deviation over the seeds.

    Args:
        draws: The cells of one mode, a seed each.
        line: The table's line of one of them, whose columns are kept.
        t: The words of the report's language.
    """
    group = draws.rows
    out = dict.fromkeys(line, "")
    for name in ("h_model", "h_prompt", "h_mode", "h_placement", "h_selector", "h_order",
                 "h_thinking"):  # fmt: skip
        out[t[name]] = line[t[name]]
    seeds = t.say("d_seeds", count=len(group))
    if group[0].train_rows:
        out[t["h_mode"]] = t.say("d_trained", rows=count(group[0].train_rows), seeds=seeds)
    else:
        out[t["h_seed"]] = seeds
    sizes = sorted({row.n for row in group})
    out[t["h_n"]] = "-".join(count(size) for size in (sizes[0], sizes[-1])[: len(sizes)])
    for name, found in draws.figures.items():
        out[t[f"h_{name}"]] = t.say(
            "d_cell",
            mean=fraction(found.mean),
            low=fraction(found.low),
            high=fraction(found.high),
            sd=fraction(found.sd),
        )
    return out


def draw_sentences(draws: Draws, t: Words) -> list[str]:
    """Return for each accuracy what its spread over the draws is."""
    return [_sentence(draws.rows, one, t) for one in draws.spreads]


def _sentence(group: Sequence[Row], found: SeedSpread, t: Words) -> str:
    row, spread = group[0], found.spread
    kind = "d_trained_" if row.train_rows else "d_"
    seeds = ", ".join(str(one.seed) for one in group)
    return t.say(
        f"{kind}sentence",
        draw=t.say("d_draw", mode=_mode(row, t), seeds=seeds),
        prompt=escape(row.prompt),
        figure=t[f"f_{found.figure}"],
        mean=fraction(spread.mean),
        low=fraction(spread.low),
        high=fraction(spread.high),
        sd=fraction(spread.sd),
        chance=fraction(spread.chance_sd),
        n=count(spread.n),
        verdict=t.say(
            f"{kind}shown" if found.shown else f"{kind}unshown",
            test=t["d_test_clusters" if row.clusters else "d_test"],
            p=p_value(found.adjusted),
            share=percent(spread.share),
        ),
    )


def _mode(row: Row, t: Words) -> str:
    """Name what the draws have in common: a classifier, or such as `5-shot chat, random`."""
    if row.train_rows:
        return escape(row.model)
    names = [f"{t.say('fewshot', k=row.k)} {row.placement}"]
    if row.selector != "balanced":
        names.append(selector_name(row.selector, t))
    if row.order not in (None, "shuffled"):
        names.append(t[f"o_{row.order}"])
    return with_thinking(", ".join(names), row, t)
