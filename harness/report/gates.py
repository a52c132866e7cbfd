"""The gates of a report, worst first, in either language."""

from __future__ import annotations

from collections.abc import Sequence

from harness.figures import figure_kind
from harness.gates.judged import missing_verdicts, standing_figure
from harness.gates.threshold import gate_figure, missing, shown_detectable
from harness.language import Lang, Words, words
from harness.markdown import code, escape
from harness.reasons import Reason
from harness.records import Contrast, Gate, GateSlice, Row, Standing
from harness.report.format import fraction, p_value, signed, signed_interval
from harness.report.mistakes import Names
from harness.report.names import figure_name
from harness.report.reasons import why
from harness.report.slices import slice_name


def gate_lines(
    rows: Sequence[Row],
    gates: Sequence[Gate],
    names: Names,
    *,
    lang: Lang,
    standings: Sequence[Standing] = (),
) -> list[str]:
    """Return one line a gate: what failed first, then what is open, then what passed."""
    t = words(lang)
    cells = {(row.evalset, row.cell): row for row in rows}
    models = {(one.evalset, one.model): one for one in standings}
    ordered = sorted(gates, key=lambda gate: (not gate.failed, gate.verdict == "pass"))
    lines: list[str] = []
    for gate in ordered:
        row = cells.get((gate.evalset, gate.cell))
        standing = models.get((gate.evalset, gate.cell))
        if lang == "en" or (row is None and standing is None):
            said = escape(gate.line, limit=400)
        else:
            said = _judged(gate, standing, t) if standing else _words(gate, row, t) if row else ""
            if gate.look is not None and gate.look.count > gate.look.planned:
                planned = gate.look.planned
                said = t.say("gate_overrun", gate=said, count=gate.look.count, planned=planned)
            if gate.former:
                said = t.say("gate_former", gate=said, cell=code(gate.former))
            if gate.treatment:
                named = ", ".join(t[f"b_t_{name}"] for name in gate.treatment)
                said = t.say("gate_changed", gate=said, changed=named)
        lines.append(f"{names.get((gate.evalset, gate.cell)) or code(gate.cell)}: {said}")
    return lines


def _words(gate: Gate, row: Row, t: Words) -> str:
    told = gate.slice
    if told is None:
        return _contrast(gate, t) if gate.against else _threshold(gate, row, t)
    if gate.against and told.problem != "absent":
        line = _contrast(gate, t)
    else:
        line = _sliced(gate, told, t)
    if told.of and not told.samples:
        return t.say("gate_worst_none", of=told.of, line=line)
    name = slice_name(told.column, told.value, told.kind, t)
    if not told.of:
        return f"{name}: {line}"
    return t.say("gate_worst", of=told.of, slice=name, line=line)


def _sliced(gate: Gate, told: GateSlice, t: Words) -> str:
    """Say in another language what a gate's line says of the figure of a slice."""
    figure = told.figure
    if figure is None:
        return _bare(gate, t)
    interval = f"[{fraction(figure.low)}, {fraction(figure.high)}]"
    return (
        f"{figure_name(gate.figure, t)} {fraction(figure.value)} {interval}, "
        f"{_detectable(gate.detectable, t)}, n={figure.n}, {t['h_unscored']} {told.unscored}: "
        f"{_wanted(gate, t)}, {_verdict(gate, t)}"
    )


def unjudged_lines(unjudged: Sequence[tuple[str, Reason]], t: Words) -> list[str]:
    """Return one line for each gate that was not judged."""
    return [
        t.say("gate_unjudged", gate=code(gate), reason=why(reason, t, limit=800))
        for gate, reason in unjudged
    ]


def _threshold(gate: Gate, row: Row, t: Words) -> str:
    """Say in another language what the gate's line says in English."""
    figure = gate_figure(row, gate.figure)
    if figure is None:
        return _bare(gate, t)
    interval = f"[{fraction(figure.low)}, {fraction(figure.high)}]"
    return (
        f"{figure_name(gate.figure, t)} {fraction(figure.value)} {interval}, "
        f"{_detectable(gate.detectable, t)}, n={figure.n}, {t['h_unscored']} "
        f"{missing(row, gate.figure, figure)}: {_wanted(gate, t)}, {_verdict(gate, t)}"
    )


def _judged(gate: Gate, standing: Standing, t: Words) -> str:
    """Say in another language what the line of a gate on a judged model says in English."""
    name = t[f"f_{gate.figure}"]
    if gate.against:
        return _paired_model(gate, t)
    figure = standing_figure(standing, gate.figure, anytime=gate.anytime)
    if figure is None:
        return f"{name}, {_wanted(gate, t)}: {_verdict(gate, t)}"
    lost, _ = missing_verdicts(gate.figure, standing, figure)
    distance = _detectable(gate.detectable, t)
    probes = t.say("gate_probes", n=figure.n, probes=standing.probes)
    interval = f"[{fraction(figure.low)}, {fraction(figure.high)}]"
    if gate.anytime:
        interval = t.say("gate_anytime", interval=interval)
    return (
        f"{name} {fraction(figure.value)} {interval}, "
        f"{distance}, {probes}, {t['h_unscored']} {lost}: {_wanted(gate, t)}, {_verdict(gate, t)}"
    )


def _paired_model(gate: Gate, t: Words) -> str:
    """Say in another language what a gate on a model against its baseline says in English."""
    name, found = t[f"f_{gate.figure}"], gate.contrast
    if found is None:
        return f"{name}, {_wanted(gate, t)}: {_verdict(gate, t)}"
    line = _compared(found, name, gate.against, t, exact=False)
    moved = t.say("gate_probes_moved", worse=found.lost, better=found.won)
    return _looked(f"{line}, {moved}: {_wanted(gate, t)}", gate, t, smaller=False)


def _contrast(gate: Gate, t: Words) -> str:
    if gate.contrast is None:
        return _bare(gate, t)
    line = contrast_line(gate.contrast, gate.against, t)
    smaller = figure_kind(gate.figure)[0].smaller
    return _looked(f"{line}: {_wanted(gate, t)}", gate, t, smaller=smaller)


def _looked(line: str, gate: Gate, t: Words, *, smaller: bool) -> str:
    """Return the line with the look that a gate took, if it plans any, and its verdict."""
    if (look := gate.look) is not None:
        line = t.say("gate_look", line=line, planned=look.planned, end=signed(look.end, 3),
                     smaller=smaller, alpha=f"{look.alpha:.2g}")  # fmt: skip
    return f"{line}, {_verdict(gate, t)}"


def _bare(gate: Gate, t: Words) -> str:
    """Say what becomes of a gate whose figure there is not."""
    return f"{figure_name(gate.figure, t)}, {_wanted(gate, t)}: {_verdict(gate, t)}"


def _wanted(gate: Gate, t: Words) -> str:
    return t.say(f"gate_{gate.bound}", threshold=f"{gate.threshold:g}")


def contrast_line(found: Contrast, against: str, t: Words) -> str:
    """Return a comparison with all that belongs to it; the other side's name may be empty."""
    exact = figure_kind(found.figure)[0].exact
    return _compared(found, figure_name(found.figure, t), against, t, exact=exact)


def _compared(found: Contrast, figure: str, against: str, t: Words, *, exact: bool) -> str:
    return t.say(
        "gate_contrast",
        figure=figure,
        second=fraction(found.second),
        first=fraction(found.first),
        against=code(against),
        value=signed(found.value, 3),
        interval=signed_interval(found.low, found.high, 3),
        n=found.n,
        left_out=found.left_out,
        pairs=exact,
        lost=found.lost,
        won=found.won,
        p=p_value(found.p),
        detectable=_detectable(found.detectable, t),
    )


def _detectable(value: float | None, t: Words) -> str:
    shown = shown_detectable(value)
    return t["gate_undetectable"] if shown == "none" else t.say("gate_detectable", value=shown)


def _verdict(gate: Gate, t: Words) -> str:
    inconclusive = gate.verdict == "inconclusive"
    opens = "advisory" if gate.tier == "advisory" else gate.on_inconclusive
    said = t[f"gate_opens_{opens}" if inconclusive else gate.verdict]
    if gate.tier == "advisory" and gate.verdict == "fail":
        said = t["fail_advisory"]
    return f"{said}, {why(gate.reason, t, limit=400)}" if gate.reason else said
