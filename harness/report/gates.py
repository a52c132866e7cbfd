"""The gates of a report, worst first, in either language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.figures import figure_kind
from harness.gates.judged import missing_verdicts, standing_figure
from harness.gates.paired import contrast_verdict
from harness.gates.threshold import (
    gate_figure,
    interval_verdict,
    is_undefined,
    missing,
    only_label,
    shown_detectable,
)
from harness.markdown import code, escape
from harness.records import Contrast, Gate, GateSlice, Row, Standing
from harness.report.format import fraction, p_value, signed, signed_interval
from harness.report.mistakes import Names
from harness.report.slices import slice_name
from harness.report.texts import Lang, figure_name, texts

Words = Mapping[str, str]


def gate_lines(
    rows: Sequence[Row],
    gates: Sequence[Gate],
    names: Names,
    *,
    lang: Lang,
    standings: Sequence[Standing] = (),
) -> list[str]:
    """Return one line a gate: what failed first, then what is open, then what passed."""
    t = texts(lang)
    cells = {(row.evalset, row.cell): row for row in rows}
    models = {(one.evalset, one.model): one for one in standings}
    ordered = sorted(gates, key=lambda gate: (not gate.failed, gate.verdict == "pass"))
    lines: list[str] = []
    for gate in ordered:
        row = cells.get((gate.evalset, gate.cell))
        standing = models.get((gate.evalset, gate.cell))
        if lang == "en" or (row is None and standing is None):
            words = escape(gate.line, limit=400)
        elif row is None:
            words = _judged(gate, standing, t) if standing else ""
        else:
            words = _words(gate, row, t)
        lines.append(f"{names.get((gate.evalset, gate.cell)) or code(gate.cell)}: {words}")
    return lines


def _words(gate: Gate, row: Row, t: Words) -> str:
    told = gate.slice
    if told is None:
        return _contrast(gate, t) if gate.against else _threshold(gate, row, t)
    if told.problem == "absent" or (not gate.against and told.figure is None):
        wanted = t[f"gate_{gate.bound}"].format(threshold=f"{gate.threshold:g}")
        reason = t["gate_absent" if told.problem == "absent" else "gate_undefined"]
        line = f"{figure_name(gate.figure, t)}, {wanted}: {_verdict(gate, t)}, {reason}"
    elif gate.against:
        line = _contrast(gate, t)
    else:
        line = _sliced(gate, told, t)
    if told.of and not told.samples:
        return t["gate_worst_none"].format(of=told.of, line=line)
    name = slice_name(told.column, told.value, told.kind, t)
    if not told.of:
        return f"{name}: {line}"
    return t["gate_worst"].format(of=told.of, slice=name, line=line)


def _sliced(gate: Gate, told: GateSlice, t: Words) -> str:
    """Say in another language what a gate's line says of the figure of a slice."""
    figure = told.figure
    if figure is None:
        return ""
    wanted = t[f"gate_{gate.bound}"].format(threshold=f"{gate.threshold:g}")
    verdict = _verdict(gate, t)
    if told.problem == "unscored":
        verdict += ", " + t["gate_unscored"].format(share=f"{told.unscored / told.samples:.1%}")
    interval = f"[{fraction(figure.low)}, {fraction(figure.high)}]"
    return (
        f"{figure_name(gate.figure, t)} {fraction(figure.value)} {interval}, "
        f"{_detectable(gate.detectable, t)}, n={figure.n}, {t['h_unscored']} {told.unscored}: "
        f"{wanted}, {verdict}"
    )


def unjudged_lines(unjudged: Sequence[tuple[str, str]], t: Words) -> list[str]:
    """Return one line for each gate that was not judged."""
    return [
        t["gate_unjudged"].format(gate=code(gate), reason=escape(reason, limit=400))
        for gate, reason in unjudged
    ]


def _threshold(gate: Gate, row: Row, t: Words) -> str:
    """Say in another language what the gate's line says in English."""
    figure = gate_figure(row, gate.figure)
    name = figure_name(gate.figure, t)
    wanted = t[f"gate_{gate.bound}"].format(threshold=f"{gate.threshold:g}")
    total = row.n + row.unscored
    if total == 0:
        return f"{name}, {wanted}: {t['fail']}, {t['gate_no_samples']}"
    if figure is None:
        label = only_label(row) if gate.figure == "auc" else None
        undefined = is_undefined(row, gate.figure)
        reason = t["gate_none_scored" if row.n == 0 else "gate_one_label" if label else
                   "gate_undefined" if undefined else "gate_no_figure"]  # fmt: skip
        reason = reason.format(total=total, scoring=escape(row.scoring), label=escape(label or ""))
        return f"{name}, {wanted}: {t['fail']}, {reason}"
    unscored = missing(row, gate.figure, figure)
    interval = f"[{fraction(figure.low)}, {fraction(figure.high)}]"
    distance = _detectable(gate.detectable, t)
    shown = f"{name} {fraction(figure.value)} {interval}, {distance}, n={figure.n}, "
    verdict = _verdict(gate, t)
    if gate.verdict == "fail" and interval_verdict(figure, gate.bound, gate.threshold) != "fail":
        reason = t["gate_unscored"].format(share=f"{unscored / total:.1%}")
        verdict = f"{verdict}, {reason}"
    return f"{shown}{t['h_unscored']} {unscored}: {wanted}, {verdict}"


def _judged(gate: Gate, standing: Standing, t: Words) -> str:
    """Say in another language what the line of a gate on a judged model says in English."""
    name = t[f"f_{gate.figure}"]
    wanted = t[f"gate_{gate.bound}"].format(threshold=f"{gate.threshold:g}")
    figure = standing_figure(standing, gate.figure)
    total = standing.n + standing.unscored
    if figure is None:
        reason = t["gate_no_verdicts" if standing.n else "gate_no_scores"].format(total=total)
        return f"{name}, {wanted}: {t['fail']}, {reason}"
    lost, _ = missing_verdicts(gate.figure, standing, figure)
    distance = _detectable(gate.detectable, t)
    probes = t["gate_probes"].format(n=figure.n, probes=standing.probes)
    verdict = _verdict(gate, t)
    if standing.void:
        verdict = f"{verdict}, {t['gate_void'].format(why=escape(standing.void))}"
    elif gate.verdict == "fail" and interval_verdict(figure, gate.bound, gate.threshold) != "fail":
        verdict = f"{verdict}, {t['gate_incomplete']}"
    return (
        f"{name} {fraction(figure.value)} [{fraction(figure.low)}, {fraction(figure.high)}], "
        f"{distance}, {probes}, {t['h_unscored']} {lost}: {wanted}, {verdict}"
    )


def _contrast(gate: Gate, t: Words) -> str:
    name, found = figure_name(gate.figure, t), gate.contrast
    wanted = t[f"gate_{gate.bound}"].format(threshold=f"{gate.threshold:g}")
    if found is None:
        return f"{name}, {wanted}: {t['fail']}, {t['gate_no_pairs']}"
    verdict = _verdict(gate, t)
    if gate.verdict == "fail" and contrast_verdict(found, gate.bound, gate.threshold) != "fail":
        verdict = f"{verdict}, {t['gate_left_out']}"
    return f"{contrast_line(found, gate.against, t)}: {wanted}, {verdict}"


def contrast_line(found: Contrast, against: str, t: Words) -> str:
    """Return a comparison with all that belongs to it; the other side's name may be empty."""
    pairs = t["gate_pairs"].format(lost=found.lost, won=found.won)
    return t["gate_contrast"].format(
        figure=figure_name(found.figure, t),
        second=fraction(found.second),
        first=fraction(found.first),
        against=code(against),
        value=signed(found.value, 3),
        interval=signed_interval(found.low, found.high, 3),
        n=found.n,
        left_out=found.left_out,
        pairs=pairs if figure_kind(found.figure)[0].exact else "",
        p=p_value(found.p),
        detectable=_detectable(found.detectable, t),
    )


def _detectable(value: float | None, t: Words) -> str:
    shown = shown_detectable(value)
    return t["gate_undetectable"] if shown == "none" else t["gate_detectable"].format(value=shown)


def _verdict(gate: Gate, t: Words) -> str:
    if gate.verdict == "inconclusive":
        return t[f"gate_opens_{gate.on_inconclusive}"]
    return t[gate.verdict]
