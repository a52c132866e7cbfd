"""What the judged figures support, in sentences no stronger than the tests behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.findings import ALPHA, Duel, JudgedSet, Orders, Reach
from harness.language import Words
from harness.markdown import code, escape
from harness.report.format import count, p_value, signed, signed_interval, with_interval
from harness.report.judged.numbers import scale_interval


@dataclass(frozen=True, slots=True)
class Said:
    """The sentences on one judge set.

    Attributes:
        short: The bare verdict on each model; none where nothing may be claimed.
        models: One on each model but the reference.
        further: What the probes, the pairs and the jury can tell at all.
    """

    short: tuple[str, ...]
    models: tuple[str, ...]
    further: tuple[str, ...]


def conclusions(judged: Sequence[JudgedSet], t: Words) -> dict[str, Said]:
    """Return the sentences on each judge set, by its path."""
    several = len(judged) > 1
    tests = sum(len(one.duels) for one in judged)
    return {one.evalset: _of_set(one, tests, t, several=several) for one in judged}


def method(judged: Sequence[JudgedSet], t: Words) -> str:
    """Say how the models were compared, empty where nothing could be."""
    tests = sum(len(one.duels) for one in judged)
    return t.say("j_c_method", tests=t.say("n_comparisons", count=tests)) if tests else ""


def _of_set(found: JudgedSet, tests: int, t: Words, *, several: bool) -> Said:
    claims = found.trust == "trusted"
    by: dict[str, list[Duel]] = {}
    for duel in found.duels:
        by.setdefault(duel.model, []).append(duel)
    models = [_model(group, t, claims=claims) for group in by.values()]
    further: list[str] = []
    if claims and found.reach and any(one.sign == 0 for one in found.duels):
        further.append(_few(found.reach, tests, t))
    further += [order_line(one, t, claims=claims) for one in found.orders]
    for name, alpha, reliable in (
        ("j_c_alpha", found.agreement, found.reliable),
        ("j_c_alpha_points", found.point_agreement, found.point_reliable),
    ):
        if alpha is not None:
            line = t.say(name, alpha=with_interval(alpha), n=alpha.n)
            further.append(f"{line} {t[f'j_c_alpha_{reliable}']}" if claims else line)
    if not claims:
        models, further = (
            [f"{t[f'j_c_{found.trust}']} {line}" for line in lines] for lines in (models, further)
        )
    short = [_short(group, t, several=several) for group in by.values()] if claims else []
    return Said(tuple(short), tuple(models), tuple(further))


def order_line(one: Orders, t: Words, *, claims: bool) -> str:
    """Say how often the orders agree, and with `claims` what it means for the win rates."""
    line = t.say(
        "j_c_orders",
        judge=code(one.judge),
        agree=count(round(one.agree.value * one.agree.n)),
        n=count(one.agree.n),
        share=with_interval(one.agree),
    )
    if one.agree.value < 1:
        line += " " + t.say(
            "j_c_orders_split", first=count(one.first), second=count(one.second), tie=count(one.tie)
        )
    if not claims:
        return line
    return f"{line} {t['j_c_orders_above' if one.better else 'j_c_orders_chance']}"


def _short(group: Sequence[Duel], t: Words, *, several: bool) -> str:
    where = f", {escape(group[0].evalset)}" if several else ""
    return t.say(
        "j_c_short",
        model=code(group[0].model),
        reference=code(group[0].reference) + where,
        verdict=_verdict(group, t),
        figures="; ".join(_figure(one, t, claims=True) for one in group),
    )


def _model(group: Sequence[Duel], t: Words, *, claims: bool) -> str:
    names = {"model": code(group[0].model), "reference": code(group[0].reference)}
    figures = "; ".join(_figure(one, t, claims=claims) for one in group)
    if not claims:
        return t.say("j_c_shown", **names, figures=figures)
    return t.say("j_c_model", **names, verdict=_verdict(group, t), figures=figures)


def _verdict(group: Sequence[Duel], t: Words) -> str:
    signs = {one.sign for one in group}
    if signs >= {1, -1}:
        return t["j_c_mixed"]
    if signs == {0}:
        return t["j_c_open"]
    way = "better" if 1 in signs else "worse"
    if 0 not in signs and len(group) > 1:
        return t[f"j_c_{way}"]
    shown = ", ".join(t[f"j_by_{one.figure}"] for one in group if one.sign)
    return t.say(f"j_c_{way}_by", figure=shown)


def _figure(duel: Duel, t: Words, *, claims: bool) -> str:
    d = duel.difference
    if duel.win_rate is not None:
        text = t.say(
            "j_c_win_rate", rate=with_interval(duel.win_rate), n=duel.win_rate.n, probes=d.n
        )
    else:
        interval = signed_interval(d.low, d.high, 2) if duel.known else t["j_c_unknown"]
        text = t.say(
            f"j_c_{duel.figure}",
            second=scale_interval(d.second),
            first=scale_interval(d.first),
            value=signed(d.value, 2),
            interval=interval,
            probes=d.n,
        )
    if claims:
        text += f", {p_value(duel.adjusted)}" + ("" if duel.sign else f": {t['j_c_unshown']}")
    return text


def _few(reach: Reach, tests: int, t: Words) -> str:
    """Say what so few probes can show at best."""
    said = t.say("j_c_few", probes=reach.probes, low=f"{reach.low:.2f}")
    if reach.least >= ALPHA:
        shown = t.say("n_comparisons", count=tests)
        said += " " + t.say("j_c_never", p=f"{reach.least:.2f}", tests=shown)
    return said
