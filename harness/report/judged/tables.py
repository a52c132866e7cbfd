"""The tables of a judge set."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from harness.language import Words
from harness.markdown import code, escape
from harness.records import CanaryResult, Figure, Gate, Judged, JudgedAnswer, JudgeInfo, ProbeResult
from harness.report.format import count, percent, with_interval
from harness.report.judged.numbers import mean_spread, scale_interval, strength_interval
from harness.report.modes import thinking_word
from harness.report.reasons import why
from harness.report.tables import DIGEST, table, worst_gate

_REASON = 160


def model_table(judged: Judged, evalset: str, gates: Sequence[Gate], t: Words) -> str:
    """Return one line a model."""
    lines: list[dict[str, str]] = []
    for one in judged.standings:
        if one.evalset != evalset:
            continue
        figures = one.figures
        rates = {
            t[f"h_j_{name}"]: _rate(figures.get(name), one.n)
            for name in ("pass_rate", "corrected_pass_rate", "win_rate", "corrected_win_rate")
        }
        lines.append(
            {
                t["h_model"]: escape(one.model),
                t["h_thinking"]: thinking_word(one.thinking, t) if one.thinking else "",
                t["h_j_score"]: scale_interval(figures["score"]) if "score" in figures else "",
                t["h_j_points"]: _rate(figures.get("points"), one.n),
                t["h_j_spread"]: "" if one.spread is None else f"{one.spread:.2f}",
                t["h_j_answers"]: count(one.n),
                t["h_unscored"]: count(one.unscored),
                **rates,
                t["h_j_strength"]: strength_interval(one.strength) if one.strength else "",
                t["h_gate"]: worst_gate(evalset, one.model, gates, t),
            }
        )
    by_points = any(line[t["h_j_points"]] for line in lines)
    return table(lines, keep=set() if by_points else {t["h_j_score"]})


def probe_table(probes: Sequence[ProbeResult], t: Words) -> str:
    """Return one line a probe of one model, with what the judge said of its median answer."""
    if any(one.shares for one in probes) and not any(one.scores for one in probes):
        return _share_table(probes, t)
    lines = [
        {
            t["h_j_probe"]: escape(one.probe),
            t["h_j_kind"]: escape(one.kind, limit=60),
            t["h_j_scores"]: mean_spread(one.scores),
            t["h_unscored"]: count(len(one.answers) - len(one.scores)),
            t["h_j_reason"]: _reason(one, t),
        }
        for one in probes
    ]
    return table(lines, keep={t["h_j_scores"]})


def _share_table(probes: Sequence[ProbeResult], t: Words) -> str:
    """Return one line a probe of one model, of a set without scores."""
    lines = [
        {
            t["h_j_probe"]: escape(one.probe),
            t["h_j_kind"]: escape(one.kind, limit=60),
            t["h_j_shares"]: mean_spread(one.shares, digits=2),
            t["h_unscored"]: count(len(one.answers) - len(one.shares)),
        }
        for one in probes
    ]
    return table(lines, keep=set())


def median_answer(probe: ProbeResult) -> JudgedAnswer | None:
    """Return the answer whose score is in the middle, of two the lower; None without scores."""
    scored = [(one.score, one.number, one) for one in probe.answers if one.score is not None]
    scored.sort(key=lambda item: item[:2])
    return scored[(len(scored) - 1) // 2][2] if scored else None


def canary_table(canaries: Sequence[CanaryResult], t: Words) -> str:
    """Return one line for each judge and kind of deliberately bad answer."""
    several = len({one.judge for one in canaries}) > 1
    groups: dict[tuple[str, str, str], list[CanaryResult]] = {}
    for one in canaries:
        groups.setdefault((one.judge, one.by, one.kind), []).append(one)
    return table([_canary(own, t, several=several) for own in groups.values()], keep=set())


def judge_table(judges: Sequence[JudgeInfo], t: Words) -> str:
    """Return one line a judge: what it ran on, and what came of its requests."""
    lines = [
        {
            t["h_j_judge"]: escape(one.judge),
            t["h_thinking"]: thinking_word(one.thinking, t) if one.thinking else "",
            t["h_engine"]: escape(one.engine, limit=40),
            t["h_dtype"]: escape(one.dtype, limit=40),
            t["h_digest"]: escape(one.digest, limit=DIGEST),
            t["h_j_asked"]: count(one.asked),
            t["h_unscored"]: count(sum(one.unscored.values())),
            t["h_j_expected"]: percent(one.expected) if isfinite(one.expected) else "",
            t["h_j_tokens"]: f"{count(one.prompt_tokens)} / {count(one.completion_tokens)}"
            + ("" if one.cost is None else f", ${one.cost:.4f}"),
        }
        for one in judges
    ]
    return table(lines, keep={t["h_unscored"]})


def judge_notes(judges: Sequence[JudgeInfo], t: Words) -> list[str]:
    """Say why verdicts are missing, and what it means where scores are not expectations."""
    lines: list[str] = []
    for one in judges:
        name = code(one.judge)
        lines += [
            t.say("j_unscored", who=name, count=count(n), total=count(one.asked),
                                   reason=why(reason, t))
            for reason, n in one.unscored.items()
        ]  # fmt: skip
        if one.expected <= 0:
            lines.append(t.say("j_expected_none", judge=name))
        elif one.expected < 1:
            lines.append(t.say("j_expected_part", judge=name, share=percent(one.expected)))
        if one.quoted is not None:
            lines.append(t.say("j_quoted", judge=name, share=with_interval(one.quoted),
                               n=count(one.quoted.n)))  # fmt: skip
    return lines


def unscored_notes(judged: Judged, evalset: str, t: Words) -> list[str]:
    """Say of each model how many answers have no score, and why."""
    return [
        t.say("j_unscored", who=code(one.model), count=count(n),
                               total=count(one.n + one.unscored), reason=why(reason, t))
        for one in judged.standings
        if one.evalset == evalset
        for reason, n in one.reasons.items()
    ]  # fmt: skip


def _rate(figure: Figure | None, n: int) -> str:
    """Return a rate with its interval, and its n where it is not that of the line."""
    if figure is None:
        return ""
    return with_interval(figure) + (f", n={count(figure.n)}" if figure.n != n else "")


def _canary(own: Sequence[CanaryResult], t: Words, *, several: bool) -> dict[str, str]:
    scored = [(one.value, one) for one in own if one.value is not None]
    by_points = own[0].by == "points"
    value, highest = max(scored, key=lambda item: item[0], default=(None, None))
    broke = sum(one.broke for one in own)
    digits = 2 if by_points else 1
    top = f"{value:.{digits}f}, {escape(highest.probe)}" if highest is not None else ""
    kind = t[f"j_canary_{own[0].kind}"]
    return {
        t["h_j_judge"]: escape(own[0].judge) if several else "",
        t["h_j_canary"]: t.say("j_canary_points", canary=kind) if by_points else kind,
        t["h_j_asked"]: count(len(own)),
        t["h_unscored"]: count(len(own) - len(scored)),
        t["h_j_highest"]: top,
        t["h_j_limit"]: f"{own[0].limit:g}",
        t["h_j_broke"]: f"**{broke}**" if broke else "0",
    }


def _reason(probe: ProbeResult, t: Words) -> str:
    answer = median_answer(probe)
    if answer is None:
        problems = [one.problem for one in probe.answers if one.problem]
        problems += [r.problem for one in probe.answers for r in one.rulings.values() if r.problem]
        return why(problems[0], t, limit=_REASON) if problems else ""
    return next(
        (escape(one.reason, limit=_REASON) for one in answer.rulings.values() if one.reason), ""
    )
