"""Two runs side by side as markdown, for a terminal and for what it is pasted into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analysis.run_findings import CellPair, Effect, PooledPairs, RunComparison
from harness.language import Lang, Words, words
from harness.markdown import code, escape
from harness.records import Figure
from harness.report.baseline import changed_words
from harness.report.format import (
    NOTHING,
    count,
    fraction,
    p_value,
    signed,
    signed_interval,
    with_interval,
)
from harness.report.judged.changes import more_lines
from harness.report.names import figure_name
from harness.report.reasons import why

_VERDICTS = {1: "q_better", -1: "q_worse", 0: "q_same"}
_MINUS = "B \N{MINUS SIGN} A"


def comparison_text(found: RunComparison, *, lang: Lang = "en") -> str:
    """Return a comparison of two runs: effects, what differs, answers that changed, what is left.

    Foreign text in it is inert; the parts stand apart by empty lines.
    """
    t = words(lang)
    parts = [t.say("m_head", second=code(found.second), first=code(found.first))]
    if found.pairs:
        parts += [_table([*_effects(found, t)]), _method(found, t), _treatments(found, t)]
        parts += [_table([_flips(one, t) for one in found.pairs])]
    if found.models:
        parts += [_table([*_models(found, t)]), _models_said(found, t)]
    left = [t.say("m_refused", cell=_pair(one.evalset, one.first, one.second, t),
                  reason=why(one.why, t, limit=1000)) for one in found.refused]  # fmt: skip
    for run, cells in (("A", found.only_first), ("B", found.only_second)):
        if cells:
            left.append(t.say("m_only", run=run, cells=", ".join(_name(*cell) for cell in cells)))
    left += [escape(line) for line in found.extensions]
    parts.append("\n".join(f"- {line}" for line in left))
    return "\n\n".join(part for part in parts if part)


def _table(lines: Sequence[dict[str, str]]) -> str:
    from tabulate import tabulate

    return tabulate(lines, headers="keys", tablefmt="github", disable_numparse=True)


def _effects(found: RunComparison, t: Words) -> Iterator[dict[str, str]]:
    for evalset in dict.fromkeys(one.evalset for one in found.pairs):
        for one in (pair for pair in found.pairs if pair.evalset == evalset):
            yield {
                t["h_cell"]: _pair(one.evalset, one.first, one.second, t, cell=True),
                t["h_m_figure"]: figure_name(one.figure, t),
                **_effect(one.effect, t),
                t["h_m_won"]: count(one.won),
                t["h_m_lost"]: count(one.lost),
                t["h_n"]: count(one.n),
                t["h_m_left_out"]: count(one.left_out),
            }
        for mean in (pool for pool in found.pooled if pool.evalset == evalset):
            yield {
                t["h_cell"]: t.say("m_mean", cells=t.say("n_cells", count=mean.cells)),
                t["h_m_figure"]: figure_name(mean.figure, t),
                **_effect(mean.effect, t),
            }


def _effect(one: Effect | None, t: Words) -> dict[str, str]:
    if one is None:
        return dict.fromkeys(("A", "B", _MINUS, "p", t["h_m_verdict"]), NOTHING)
    interval = signed_interval(one.low, one.high, 3)
    return {
        "A": fraction(one.first),
        "B": fraction(one.second),
        _MINUS: f"{signed(one.value, 3)} {interval}",
        "p": p_value(one.p),
        t["h_m_verdict"]: t[_VERDICTS[one.sign]],
    }


def _models(found: RunComparison, t: Words) -> Iterator[dict[str, str]]:
    """Yield a line for each figure of each judged model."""
    for one in found.models:
        own = one.pair
        for change in one.changes:
            contrast = change.contrast
            interval = signed_interval(contrast.low, contrast.high, 3)
            claims = one.trust == "trusted"
            yield {
                t["h_model"]: _pair(own.evalset, own.former or own.model, own.model, t, cell=True),
                t["h_m_figure"]: t[f"f_{contrast.figure}"],
                "A": fraction(contrast.first),
                "B": fraction(contrast.second),
                _MINUS: f"{signed(contrast.value, 3)} {interval}",
                "p": p_value(change.adjusted) if claims else NOTHING,
                t["h_m_verdict"]: t[_VERDICTS[change.sign]] if claims else NOTHING,
                t["h_m_better"]: count(contrast.won),
                t["h_m_worse"]: count(contrast.lost),
                t["h_m_probes"]: count(contrast.n),
                t["h_m_left_out"]: count(contrast.left_out),
            }


def _models_said(found: RunComparison, t: Words) -> str:
    """Say of each judged model what differs, and which probes and points have changed."""
    lines = [t["m_probes"], ""]
    for one in found.models:
        own = one.pair
        name = _pair(own.evalset, own.former or own.model, own.model, t)
        before = "" if one.trust == "trusted" else f"{t[f'j_c_{one.trust}']} "
        what = changed_words(own.treatment, own.changed, t) or t["m_nothing"]
        lines.append(f"- {before}{name}: {t.say('m_differs', what=what)}")
        more = more_lines(own, found.points.get(own.evalset, {}), t)
        lines += [f"  - {line}" for line in more]
    return "\n".join(lines)


def _method(found: RunComparison, t: Words) -> str:
    tested = sum(one.effect is not None for one in found.pairs)
    said = []
    if tested > 1:
        said.append(t.say("m_family", cells=t.say("n_cells", count=tested)))
    said += [_differ(one, t, several=len(found.pooled) > 1) for one in found.pooled]
    if any(one.figure == "auc" for one in found.pairs):
        said.append(t["m_raw_pairs"])
    if any(not one.known for one in found.pairs):
        said.append(t["m_untold"])
    return " ".join(filter(None, said))


def _differ(one: PooledPairs, t: Words, *, several: bool) -> str:
    if one.differ is None or one.differ >= 0.05:
        return ""
    return t.say("m_differ", evalset=code(one.evalset) if several else "", p=p_value(one.differ))


def _treatments(found: RunComparison, t: Words) -> str:
    """Return a line for each set of things that differ, with the cells in which they do."""
    cells: dict[str, list[str]] = {}
    for one in found.pairs:
        cells.setdefault(_differs(one, t), []).append(_pair(one.evalset, one.first, one.second, t))
    if len(cells) == 1:
        return t.say("m_differs", what=next(iter(cells)))
    lines = [f"- {what}: {', '.join(names)}" for what, names in cells.items()]
    return "\n".join([t["m_differs_list"], "", *lines])


def _differs(one: CellPair, t: Words) -> str:
    named = ", ".join(t[f"b_t_{name}"] for name in one.treatment) or t["m_nothing"]
    details = escape("; ".join(one.changed), limit=600)
    return f"{named} ({details})" if details else named


def _flips(one: CellPair, t: Words) -> dict[str, str]:
    own = one.flips
    return {
        t["h_cell"]: _pair(one.evalset, one.first, one.second, t, cell=True),
        t["h_m_flips"]: count(own.count),
        t["h_m_of"]: count(own.share.n) if own.share else NOTHING,
        t["h_m_share"]: _share(own.share),
        t["h_m_gap"]: f"{own.gap:.4g}" if own.gap is not None else NOTHING,
        t["h_m_unscored"]: " / ".join(map(count, own.unscored)),
    }


def _share(share: Figure | None) -> str:
    return with_interval(share) if share else NOTHING


def _pair(evalset: str, first: str, second: str, t: Words, *, cell: bool = False) -> str:
    name = _name(evalset, second, cell=cell)
    return name if first == second else (
        t.say("m_against", second=name, first=code(first, cell=cell)))  # fmt: skip


def _name(evalset: str, name: str, *, cell: bool = False) -> str:
    return code(f"{evalset}::{name}", cell=cell)
