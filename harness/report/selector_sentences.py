"""The wording of comparisons between ways to choose and to order shots, and to think."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.analysis.findings import Comparison, Kind
from harness.analysis.verdicts import by_pair, verdict
from harness.language import Words
from harness.markdown import escape
from harness.report.format import count
from harness.report.modes import mode_place, thinking_word, way
from harness.report.sentences import moves


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
        parts = moves(group, t)
        if left := max(c.left_out for c in group):
            parts.append(t.say("c_left_out", count=left))
        if second.thoughts is not None and second.thoughts.tokens is not None:
            tokens = count(round(second.thoughts.tokens))
            parts.append(t.say("c_thought_costs", tokens=tokens))
        sentences.append(
            t.say(
                "c_thinking",
                first=thinking_word(first.thinking, t),
                second=thinking_word(second.thinking, t),
                mode=mode_place(replace(second, thinking=""), t),
                prompt=escape(second.prompt),
                verdict=t[f"c_way_{verdict(group)}"],
                figures="; ".join(parts),
            )
        )
    return sentences


def _sentences(compared: Sequence[Comparison], kind: Kind, t: Words) -> list[str]:
    sentences: list[str] = []
    for group in by_pair(compared, kind):
        first, second = group[0].first, group[0].second
        figures = "; ".join(moves(group, t))
        if left := max(c.left_out for c in group):
            figures += "; " + t.say("c_left_out", count=left)
        sentences.append(
            t.say(
                f"c_{kind}",
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


def _draws(c: Comparison, t: Words) -> str:
    if c.draws == (1, 1):
        return t["c_one_draw"]
    return t.say("c_draws", first=c.draws[0], second=c.draws[1])
