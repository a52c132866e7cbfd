"""What the judged figures support, in sentences no stronger than the tests behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.markdown import code, escape
from harness.records import Judged
from harness.report.compare import ALPHA
from harness.report.format import p_value, signed, signed_interval, with_interval
from harness.report.judged.duels import Duel, duels
from harness.report.judged.numbers import scale_interval
from harness.report.judged.orders import order_line, orders
from harness.report.judged.trust import judged_sets, trust
from harness.report.texts import counted
from harness.stats import clopper_pearson_interval

Words = Mapping[str, str]

# Krippendorff (2004), Content Analysis, 2nd ed., p. 241.
_TENTATIVE, _RELIABLE = 2 / 3, 0.8


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


def conclusions(judged: Judged, t: Words) -> dict[str, Said]:
    """Return the sentences on each judge set, by its path."""
    found = duels(judged)
    return {evalset: _of_set(judged, evalset, found, t) for evalset in judged_sets(judged)}


def method(judged: Judged, t: Words) -> str:
    """Say how the models were compared, empty where nothing could be."""
    tests = len(duels(judged))
    return t["j_c_method"].format(tests=counted(tests, "n_comparisons", t)) if tests else ""


def _of_set(judged: Judged, evalset: str, found: Sequence[Duel], t: Words) -> Said:
    state = trust(judged, evalset)
    claims = state == "trusted"
    own = [one for one in found if one.evalset == evalset]
    by: dict[str, list[Duel]] = {}
    for duel in own:
        by.setdefault(duel.model, []).append(duel)
    models = [_model(group, t, claims=claims) for group in by.values()]
    further = _few(own, len(found), t) if claims and any(one.sign == 0 for one in own) else []
    further += [order_line(one, t, claims=claims) for one in orders(judged, evalset)]
    if alpha := judged.agreement.get(evalset):
        line = t["j_c_alpha"].format(alpha=with_interval(alpha), n=alpha.n)
        grade = "high" if alpha.low >= _RELIABLE else "mid" if alpha.low >= _TENTATIVE else "low"
        further.append(f"{line} {t[f'j_c_alpha_{grade}']}" if claims else line)
    if not claims:
        models, further = (
            [f"{t[f'j_c_{state}']} {line}" for line in lines] for lines in (models, further)
        )
    several = len(judged_sets(judged)) > 1
    short = [_short(group, t, several=several) for group in by.values()] if claims else []
    return Said(tuple(short), tuple(models), tuple(further))


def _short(group: Sequence[Duel], t: Words, *, several: bool) -> str:
    where = f", {escape(group[0].evalset)}" if several else ""
    return t["j_c_short"].format(
        model=code(group[0].model),
        reference=code(group[0].reference) + where,
        verdict=_verdict(group, t),
    )


def _model(group: Sequence[Duel], t: Words, *, claims: bool) -> str:
    names = {"model": code(group[0].model), "reference": code(group[0].reference)}
    figures = "; ".join(_figure(one, t, claims=claims) for one in group)
    if not claims:
        return t["j_c_shown"].format(**names, figures=figures)
    return t["j_c_model"].format(**names, verdict=_verdict(group, t), figures=figures)


def _verdict(group: Sequence[Duel], t: Words) -> str:
    signs = {one.sign for one in group}
    if signs >= {1, -1}:
        return t["j_c_mixed"]
    if signs == {0}:
        return t["j_c_open"]
    way = "better" if 1 in signs else "worse"
    if 0 not in signs and len(group) > 1:
        return t[f"j_c_{way}"]
    shown = next(one.figure for one in group if one.sign)
    return t[f"j_c_{way}_by"].format(figure=t[f"j_by_{shown}"])


def _figure(duel: Duel, t: Words, *, claims: bool) -> str:
    d = duel.difference
    if duel.win_rate is not None:
        text = t["j_c_win_rate"].format(rate=with_interval(duel.win_rate), n=duel.win_rate.n)
    else:
        interval = signed_interval(d.low, d.high, 2) if duel.known else t["j_c_unknown"]
        text = t["j_c_score"].format(
            second=scale_interval(d.second),
            first=scale_interval(d.first),
            value=signed(d.value, 2),
            interval=interval,
        )
    text += t["j_c_probes"].format(probes=d.n)
    if claims:
        text += f", {p_value(duel.adjusted)}" + ("" if duel.sign else f": {t['j_c_unshown']}")
    return text


def _few(own: Sequence[Duel], tests: int, t: Words) -> list[str]:
    """Say what so few probes can show at best."""
    probes = max(one.difference.n for one in own)
    low, _ = clopper_pearson_interval(probes, probes)
    said = t["j_c_few"].format(probes=probes, low=f"{low:.2f}")
    # The sign-flip test has 2^n patterns, and two of them are as extreme as a clean sweep.
    least = min(1.0, tests * 2.0 ** (1 - probes))
    if least >= ALPHA:
        shown = counted(tests, "n_comparisons", t)
        said += " " + t["j_c_never"].format(p=f"{least:.2f}", tests=shown)
    return [said]
