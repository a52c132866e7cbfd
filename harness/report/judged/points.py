"""The points of a judge set: which models meet them, and what each gained and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.findings import JudgedSet, PointCell, PointLine
from harness.language import Words
from harness.markdown import code, escape
from harness.records import Judged, JudgedAnswer, PointMove, PointRuling
from harness.report.format import count, signed
from harness.report.reasons import why
from harness.report.tables import table

_POINT, _QUOTE, _MOST = 300, 300, 12

Texts = Mapping[str, Sequence[str]]
"""The points of each probe of a set."""


def texts_of(judged: Judged, evalset: str) -> Texts:
    """Return the points of each probe of a set."""
    return {one.probe: one.points for one in judged.probes if one.evalset == evalset}


def matrices(found: JudgedSet, texts: Texts, t: Words) -> list[tuple[str, str]]:
    """Return each probe's name and its table of points x models."""
    return [
        (
            escape(one.probe),
            table([_line(line, texts[one.probe], t) for line in one.lines], keep=set()),
        )
        for one in found.points
    ]


def _line(line: PointLine, points: Sequence[str], t: Words) -> dict[str, str]:
    return {
        t["h_j_point"]: f"{line.place + 1}. {escape(points[line.place], limit=_POINT)}",
        t["h_j_weight"]: "" if line.weight == 1 else weight_word(line.weight),
        **{escape(model): _cell(cell, t) for model, cell in line.cells.items()},
        t["h_j_jury"]: f"{count(line.same)} / {count(line.ruled)}" if line.ruled else "",
    }


def weight_word(weight: float) -> str:
    """Return a weight with a true minus."""
    return signed(weight, 2).rstrip("0").rstrip(".").lstrip("+")


def _cell(cell: PointCell, t: Words) -> str:
    parts = [f"{cell.met:.3g} / {count(cell.n)}"] if cell.n else []
    if cell.unscored:
        parts.append(f"{t['h_unscored']} {count(cell.unscored)}")
    return ", ".join(parts)


def move_lines(found: JudgedSet, texts: Texts, t: Words) -> list[str]:
    """Say of each model which points it gained and lost."""
    lines: list[str] = []
    for one in found.moves:
        if not one.compared:
            continue
        names = {"model": code(one.model), "reference": code(one.reference)}
        before = "" if found.trust == "trusted" else f"{t[f'j_c_{found.trust}']} "
        numbers = {"gained": len(one.gained), "lost": len(one.lost), "compared": one.compared}
        counted = {name: count(number) for name, number in numbers.items()}
        lines.append(before + t.say("j_moves", **names, **counted))
        lines += moved_lines(one.gained, one.lost, texts, t)
    return lines


def moved_lines(
    gained: Sequence[PointMove], lost: Sequence[PointMove], texts: Texts, t: Words
) -> list[str]:
    """Name points that were gained and lost, the first of each."""
    lines: list[str] = []
    for kind, own in (("j_gained", gained), ("j_lost", lost)):
        lines += [f"{t[kind]}: {_move(move, texts)}" for move in own[:_MOST]]
        if len(own) > _MOST:
            lines.append(t.say("j_more_points", count=count(len(own) - _MOST)))
    return lines


def _move(move: PointMove, texts: Texts) -> str:
    text = escape(texts[move.probe][move.place], limit=_POINT)
    change = f"{move.before:.2f} \N{RIGHTWARDS ARROW} {move.after:.2f}"
    return f"{escape(move.probe)} {move.place + 1}, {change}: {text}"


def verdict_lines(answer: JudgedAnswer, t: Words) -> tuple[str, ...]:
    """Return what each judge said of each point of an answer, with its quote."""
    several = len(answer.points) > 1
    return tuple(
        t.say("j_on_point", number=place)
        + (f", {escape(judge)}: " if several else ": ")
        + _verdict(ruling, t)
        for judge, rulings in answer.points.items()
        for place, ruling in enumerate(rulings, 1)
    )


def _verdict(ruling: PointRuling, t: Words) -> str:
    if ruling.verdict is None:
        return t.say("j_problem", why=why(ruling.problem, t) if ruling.problem else "").rstrip(".")
    word = t[f"j_{ruling.verdict.replace(' ', '_')}"]
    if not ruling.quote:
        return word
    quote = t.say("quote", text=escape(ruling.quote, limit=_QUOTE))
    return f"{word}: {quote}" + ("" if ruling.found is not False else f" ({t['j_not_there']})")
