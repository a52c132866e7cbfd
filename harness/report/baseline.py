"""The section that holds a run against the committed baselines."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import BaselineDifference
from harness.figures import figure_kind
from harness.language import Words
from harness.markdown import code, escape
from harness.records import BaselineCheck, Flip, Treatment
from harness.report.format import fraction, p_value, signed, signed_interval
from harness.report.mistakes import Names
from harness.report.names import figure_name, some
from harness.report.reasons import why

_FLIPS = 10


def baseline_changes(
    differences: Sequence[BaselineDifference], names: Names, t: Words
) -> list[str]:
    """Say in one line which cells became better or worse than their baseline; none without one.

    Args:
        differences: Of all cells with a baseline.
        names: How a report calls each cell.
        t: The words of the report's language.
    """
    if not differences:
        return []
    moved: dict[bool, list[str]] = {True: [], False: []}
    for one in differences:
        if one.shown and one.contrast.value:
            kind, _ = figure_kind(one.contrast.figure)
            name = names.get((one.evalset, one.cell)) or code(one.cell)
            found = t.say(
                "b_moved",
                cell=name,
                figure=figure_name(one.contrast.figure, t),
                value=signed(one.contrast.value, 3),
                interval=signed_interval(one.contrast.low, one.contrast.high, 3),
            )
            moved[(one.contrast.value > 0) is not kind.smaller].append(found)
    cells = {(one.evalset, one.cell) for one in differences}
    return [
        t.say(
            "b_since",
            better=some(moved[True], t),
            worse=some(moved[False], t),
            cells=len(cells),
        )
    ]


def baseline_lines(
    checks: Sequence[BaselineCheck],
    differences: Sequence[BaselineDifference],
    names: Names,
    t: Words,
) -> list[dict[str, str | list[str]]]:
    """Return for each cell with a baseline a line, and lines of the samples that flipped.

    Args:
        checks: What was compared, and which samples flipped.
        differences: Of these checks' figures.
        names: How a report calls each cell.
        t: The words of the report's language.
    """
    lines: list[dict[str, str | list[str]]] = []
    for check in checks:
        name = names.get((check.evalset, check.cell)) or code(check.cell)
        if check.refused:
            line = t.say("b_refused", cell=name, reason=why(check.refused, t, limit=400))
            lines.append({"line": line, "flips": []})
            continue
        figures = "; ".join(
            _figure(one, t)
            for one in differences
            if (one.evalset, one.cell) == (check.evalset, check.cell)
        )
        line = f"{name}: {figures or t['gate_no_pairs']}."
        line += _kept(check, t)
        if check.former:
            line += " " + t.say("b_former", cell=code(check.former))
        if check.treatment or check.changed:
            changed = changed_words(check.treatment, check.changed, t)
            line += " " + t.say("b_changed", changed=changed)
        flips = [*_flips(check.lost, "b_lost", t), *_flips(check.won, "b_won", t)]
        lines.append({"line": line, "flips": flips})
    return lines


def _kept(check: BaselineCheck, t: Words) -> str:
    """Say of which runs the baseline is, from when, and how often it was looked at."""
    said: list[str] = []
    if check.varied is not None:
        said.append(t.say("b_runs", runs=check.runs, varied=f"{check.varied:.1%}"))
    if check.written:
        said.append(t.say("b_written", day=escape(check.written, limit=20)))
    if check.looks > 1:
        said.append(t.say("b_looks", looks=check.looks))
    return "".join(f" {one}" for one in said)


def changed_words(treatment: Sequence[Treatment], changed: Sequence[str], t: Words) -> str:
    """Name what differs, and behind it what each was and is, which is told in English alone."""
    named = ", ".join(t[f"b_t_{name}"] for name in treatment)
    details = escape("; ".join(changed), limit=400)
    if not named or not details:
        return named or details
    return f"{named} ({details})" if t["lang"] == "en" else named


def _figure(one: BaselineDifference, t: Words) -> str:
    found = one.contrast
    phrase = "b_figure" if one.shown else "b_figure_unshown"
    return t.say(
        phrase,
        figure=figure_name(found.figure, t),
        first=fraction(found.first),
        second=fraction(found.second),
        value=signed(found.value, 3),
        interval=signed_interval(found.low, found.high, 3),
        n=found.n,
        pairs=figure_kind(found.figure)[0].exact,
        lost=found.lost,
        won=found.won,
        p=p_value(one.adjusted),
    )


def _flips(flips: Sequence[Flip], phrase: str, t: Words) -> list[str]:
    if not flips:
        return []
    shown = [
        f"{escape(flip.sample, limit=60)} ({escape(flip.before or '', limit=30)} "
        f"\N{RIGHTWARDS ARROW} {escape(flip.now or '', limit=30)})"
        for flip in flips[:_FLIPS]
    ]
    if more := len(flips) - len(shown):
        shown.append(t.say("b_more", count=more))
    return [t.say(phrase, count=len(flips), samples=", ".join(shown))]
