"""Judged models against another run of them: figures, probes and points that changed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import JudgedSet, ModelChange
from harness.language import Words
from harness.markdown import code, escape
from harness.records import JudgedPair, ProbeMove
from harness.report.baseline import changed_words
from harness.report.format import count, p_value, signed, signed_interval
from harness.report.judged.points import Texts, moved_lines
from harness.report.reasons import why

_MOST = 10


def baseline_parts(
    pairs: Sequence[JudgedPair], found: JudgedSet, texts: Texts, t: Words
) -> list[dict[str, str | list[str]]]:
    """Return for each model with a baseline a line, and lines of what became worse and better.

    Of an untrusted judge and a void run they claim nothing.
    """
    return [_part(one, found, texts, t) for one in pairs if one.evalset == found.evalset]


def _part(pair: JudgedPair, found: JudgedSet, texts: Texts, t: Words) -> dict[str, str | list[str]]:
    name = code(pair.model)
    if pair.refused:
        said = t.say("b_refused", cell=name, reason=why(pair.refused, t, limit=600))
        return {"line": said, "more": []}
    claims = found.trust == "trusted"
    own = [one for one in found.changes if one.model == pair.model]
    figures = "; ".join(_figure(one, t, claims=claims) for one in own)
    line = f"{name}: {figures or t['why_no_probe_pairs']}."
    if not claims:
        line = f"{t[f'j_c_{found.trust}']} {line}"
    if pair.written:
        line += " " + t.say("b_written", day=escape(pair.written, limit=20))
    if pair.looks > 1:
        line += " " + t.say("b_looks", looks=pair.looks)
    if pair.former:
        line += " " + t.say("j_b_former", model=code(pair.former))
    if pair.treatment or pair.changed:
        line += " " + t.say("b_changed", changed=changed_words(pair.treatment, pair.changed, t))
    return {"line": line, "more": more_lines(pair, texts, t)}


def _figure(one: ModelChange, t: Words, *, claims: bool) -> str:
    found = one.contrast
    shown = claims and one.sign != 0
    value = signed(found.value, 3)
    said = t.say(
        "j_b_figure",
        figure=t[f"f_{found.figure}"],
        first=f"{found.first:.3f}",
        second=f"{found.second:.3f}",
        value=f"**{value}**" if shown else value,
        interval=signed_interval(found.low, found.high, 3),
        n=found.n,
        worse=found.lost,
        better=found.won,
    )
    if not claims:
        return said
    verdict = t["j_c_better" if one.sign > 0 else "j_c_worse"] if shown else t["j_c_unshown"]
    return f"{said}, {p_value(one.adjusted)}: {verdict}"


def more_lines(pair: JudgedPair, texts: Texts, t: Words) -> list[str]:
    """Say which probes became worse and better by the first figure, and which points moved."""
    lines = []
    for phrase, own in (("j_b_worse", pair.worse), ("j_b_better", pair.better)):
        if own and pair.figure:
            probes = [_move(one) for one in own[:_MOST]]
            if len(own) > _MOST:
                probes.append(t.say("b_more", count=count(len(own) - _MOST)))
            figure = t[f"f_{pair.figure}"]
            lines.append(t.say(phrase, figure=figure, count=len(own), probes=", ".join(probes)))
    if pair.points:
        gained, lost, compared = (count(one) for one in
                                  (len(pair.gained), len(pair.lost), pair.points))  # fmt: skip
        lines.append(t.say("j_b_points", gained=gained, lost=lost, compared=compared))
        lines += moved_lines(pair.gained, pair.lost, texts, t)
    return lines


def _move(one: ProbeMove) -> str:
    return f"{escape(one.probe)} {one.before:.2f} \N{RIGHTWARDS ARROW} {one.after:.2f}"


def short_lines(found: JudgedSet, t: Words) -> list[str]:
    """Say in a line a model which differences from its baseline are shown; none where none are."""
    if found.trust != "trusted":
        return []
    return [
        t.say(
            "j_b_short",
            model=code(one.model),
            verdict=t["j_c_better" if one.sign > 0 else "j_c_worse"],
            figure=t[f"f_{one.contrast.figure}"],
            value=signed(one.contrast.value, 3),
            interval=signed_interval(one.contrast.low, one.contrast.high, 3),
        )
        for one in found.changes
        if one.sign
    ]
