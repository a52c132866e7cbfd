"""The wording of comparisons between ways to choose and to order shots, and to think."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.analysis.findings import Comparison, Kind
from harness.analysis.verdicts import by_pair, by_selector, overall, verdict
from harness.figures import COMPARED
from harness.markdown import escape
from harness.report.format import count, signed
from harness.report.modes import mode_place, thinking_word, way
from harness.report.sentences import move
from harness.report.texts import counted, selector_name

Words = Mapping[str, str]


def selectors(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each way of choosing shots how it does against balanced (or random) ones."""
    return _sentences(compared, "selector", t)


def orders(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each two orders of the same shots how they do."""
    return _sentences(compared, "order", t)


def thinking(compared: Sequence[Comparison], t: Words) -> list[str]:
    """Say for each setting of thinking how it does against less of it, and what it costs."""
    sentences: list[str] = []
    for group in by_pair(compared, "thinking"):
        first, second = group[0].first, group[0].second
        parts = [move(c, t) for c in group]
        if left := max(c.left_out for c in group):
            parts.append(t["c_left_out"].format(count=left))
        if second.thoughts is not None and second.thoughts.tokens is not None:
            tokens = count(round(second.thoughts.tokens))
            parts.append(t["c_thought_costs"].format(tokens=tokens))
        sentences.append(
            t["c_thinking"].format(
                first=thinking_word(first.thinking, t),
                second=thinking_word(second.thinking, t),
                mode=mode_place(replace(second, thinking=""), t),
                prompt=escape(second.prompt),
                verdict=t[f"c_way_{verdict(group)}"],
                figures="; ".join(parts),
            )
        )
    return sentences


def short(model: str, compared: Sequence[Comparison], t: Words) -> list[str]:
    """Answer whether shots should be balanced, which pay, and whether their order matters.

    Args:
        model: How the lines call the model.
        compared: Comparisons of one model on one eval set.
        t: The phrases.
    """
    said: list[str] = []
    chosen = by_pair(compared, "selector")
    bases = [group[0].first.selector for group in chosen]
    random = [group for group in chosen if group[0].second.selector == "random"]
    if random:
        said.append(
            t["c_balance_short"].format(
                model=model,
                verdict=t[f"c_balance_{overall(random)}"],
                counts=_counts(random, t),
            )
        )
    if chosen:
        ways = [f"{selector_name(name, t)}: **{t[f'c_way_{overall(groups)}']}**"
                for name, groups in by_selector(compared).items()]  # fmt: skip
        base = selector_name(bases[0], t)
        said.append(t["c_pays_short"].format(model=model, base=base, ways="; ".join(ways)))
    ordered = by_pair(compared, "order")
    if ordered:
        matters = any(c.sign for group in ordered for c in group)
        said.append(
            t["c_order_short"].format(
                model=model,
                verdict=t["c_order_matters" if matters else "c_same"],
                counts=_counts(ordered, t),
            )
        )
    return said


def _sentences(compared: Sequence[Comparison], kind: Kind, t: Words) -> list[str]:
    sentences: list[str] = []
    for group in by_pair(compared, kind):
        first, second = group[0].first, group[0].second
        figures = "; ".join(_figure(c, t) for c in group)
        if left := max(c.left_out for c in group):
            figures += "; " + t["c_left_out"].format(count=left)
        sentences.append(
            t[f"c_{kind}"].format(
                first=way(first, t),
                second=way(second, t),
                k=first.k,
                placement=first.placement,
                draws=_draws(group[0], t),
                prompt=escape(first.prompt),
                verdict=t[f"c_way_{verdict(group)}"],
                figures=figures,
            )
        )
    return sentences


def _figure(c: Comparison, t: Words) -> str:
    text = move(c, t)
    if c.spread is None:
        return text
    scale, digits = (1.0, 3) if c.figure == "auc" else (100.0, 1)
    low, high = (signed(scale * end, digits) for end in c.spread)
    return text + t["c_spread"].format(low=low, high=high)


def _draws(c: Comparison, t: Words) -> str:
    if c.draws == (1, 1):
        return t["c_one_draw"]
    return t["c_draws"].format(first=c.draws[0], second=c.draws[1])


def _counts(groups: Sequence[Sequence[Comparison]], t: Words) -> str:
    parts = []
    for figure in COMPARED:
        having = [c for group in groups for c in group if c.figure == figure]
        if having:
            parts.append(
                t["c_differs"].format(
                    figure=t[f"f_{figure}"],
                    differ=sum(c.sign != 0 for c in having),
                    total=counted(len(having), "n_comparisons", t),
                )
            )
    return "; ".join(parts)
