"""The answers of all models to one probe, side by side, each folded away until it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from harness.language import Words
from harness.markdown import escape, html, quoted
from harness.records import Judged, JudgedAnswer, PairResult, ProbeResult
from harness.report.format import NOTHING, count
from harness.report.judged.points import verdict_lines, weight_word
from harness.report.reasons import why
from harness.report.thoughts import folded

Pairs = Mapping[tuple[str, str, int], Sequence[PairResult]]

# With more answers a report is a file that GitHub does not render.
_ROUNDS = 5
_ANSWER, _QUESTION, _POINT, _REASON = 6000, 4000, 400, 400


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what is known of it in a line, its text as a quote, and thoughts folded away.

    Attributes:
        thoughts: That before the answer, then those of its judges.
        verdicts: Those on its points.
    """

    line: str
    quote: str
    thoughts: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe with all answers, everything inert.

    Attributes:
        summary: HTML for the line that is seen when folded.
        points: Each with its mark in the list.
        rounds: By number of the answer, those of all models.
        more: How many are not shown, empty where all are.
    """

    summary: str
    question: str
    points: tuple[tuple[str, str], ...]
    rounds: tuple[tuple[str, tuple[Answer, ...]], ...]
    more: str


def probes_of(judged: Judged, evalset: str, t: Words) -> list[Probe]:
    """Return all probes of a set with their answers."""
    groups: dict[str, list[ProbeResult]] = {}
    for one in judged.probes:
        if one.evalset == evalset:
            groups.setdefault(one.probe, []).append(one)
    pairs: dict[tuple[str, str, int], list[PairResult]] = {}
    for pair in judged.pairs:
        if pair.evalset == evalset:
            pairs.setdefault((pair.model, pair.probe, pair.number), []).append(pair)
    return [_probe(own, pairs, t) for own in groups.values()]


def _probe(own: Sequence[ProbeResult], pairs: Pairs, t: Words) -> Probe:
    first = own[0]
    scores = ", ".join(f"{html(one.model)} {_mean(one)}" for one in own)
    weights = first.weights or (1.0,) * len(first.points)
    judged = any(answer.points for one in own for answer in one.answers)
    numbers = sorted({answer.number for one in own for answer in one.answers})
    rounds = tuple(
        (
            t.say("j_answer", number=number + 1),
            tuple(
                _answer(one, answer, pairs, t)
                for one in own
                for answer in one.answers
                if answer.number == number
            ),
        )
        for number in numbers[:_ROUNDS]
    )
    more = len(numbers) - len(rounds)
    return Probe(
        summary=f"<b>{html(first.probe)}</b>, {html(first.kind, limit=60)}: {scores}",
        question=_asked(first, t),
        points=tuple(
            (f"{place}." if judged else "-", _point(point, weight, t))
            for place, (point, weight) in enumerate(zip(first.points, weights, strict=True), 1)
        ),
        rounds=rounds,
        more=t.say("j_more_answers", count=count(more)) if more else "",
    )


def _mean(probe: ProbeResult) -> str:
    if not probe.scores and probe.shares:
        return f"{mean(probe.shares):.2f}"
    return f"{mean(probe.scores):.1f}" if probe.scores else NOTHING


def _point(point: str, weight: float, t: Words) -> str:
    text = escape(point, limit=_POINT)
    return text if weight == 1 else t.say("j_weighted", point=text, weight=weight_word(weight))


def _answer(probe: ProbeResult, answer: JudgedAnswer, pairs: Pairs, t: Words) -> Answer:
    parts = [t.say("j_score", score=f"{answer.score:.1f}")] if answer.score is not None else []
    if answer.share is not None:
        parts.append(t.say("j_share", share=f"{answer.share:.2f}"))
    parts = parts or [t["j_no_score"]]
    if answer.cut:
        parts.append(t.say("j_cut", tokens=count(answer.tokens)))
    own = pairs.get((probe.model, probe.probe, answer.number), ())
    several = len({pair.judge for pair in own}) > 1
    parts += [_pair(pair, t, several=several) for pair in own]
    line = f"**{escape(probe.model)}**, {', '.join(parts)}."
    if answer.problem:
        line += f" {t.say('j_no_answer', why=why(answer.problem, t))}"
    for judge, ruling in answer.rulings.items():
        said = t.say("quote", text=escape(ruling.reason, limit=_REASON)) if ruling.reason else ""
        if ruling.problem:
            said = t.say("j_problem", why=why(ruling.problem, t))
        value = "" if ruling.value is None or len(answer.rulings) == 1 else f" {ruling.value:.1f}"
        if said or value:
            line += f" {escape(judge)}{value}{': ' if said else '.'}{said}"
    thoughts = [folded(answer.thought, t)]
    thoughts += [folded(ruling.thought, t, by=judge) for judge, ruling in answer.rulings.items()]
    verdicts = verdict_lines(answer, t)
    return Answer(line, _said(probe, answer, t), tuple(filter(None, thoughts)), verdicts)


def _asked(probe: ProbeResult, t: Words) -> str:
    """Return the question, or all turns of a dialogue with who says each."""
    asked, _ = quoted(probe.question, limit=_QUESTION)
    if not probe.turns:
        return asked
    parts: list[str] = []
    for place, text in enumerate(probe.turns):
        if text:
            parts += [t["j_assistant" if place % 2 else "j_user"], quoted(text, limit=_QUESTION)[0]]
        else:
            parts.append(t["j_own"])
    return "\n\n".join([*parts, t["j_user"], asked])


def _said(probe: ProbeResult, answer: JudgedAnswer, t: Words) -> str:
    """Return an answer, behind those of the model's own earlier in the dialogue."""
    if not answer.earlier:
        return _quote(answer, t)
    numbers = [place // 2 + 1 for place, text in enumerate(probe.turns) if not text]
    parts: list[str] = []
    for number, text in zip(numbers, answer.earlier, strict=False):
        shown = quoted(text, limit=_ANSWER)[0] if text.strip() else f"> *{t['j_empty']}*"
        parts += [t.say("j_earlier", number=number), shown]
    return "\n\n".join([*parts, t["j_last"], _quote(answer, t)])


def _quote(answer: JudgedAnswer, t: Words) -> str:
    if not answer.text.strip():
        # Without texts nobody can tell an empty answer from one that was left out, but by tokens.
        return f"> *{t['j_left_out' if answer.tokens else 'j_empty']}*"
    quote, left_out = quoted(answer.text, limit=_ANSWER)
    return f"{quote}\n>\n> *{t.say('j_more', count=count(left_out))}*" if left_out else quote


def _pair(pair: PairResult, t: Words, *, several: bool) -> str:
    against = escape(pair.against)
    if pair.points is None:
        phrase = "j_pair_none"
    elif pair.agree is False:
        phrase = "j_pair_split"
    else:
        phrase = {1.0: "j_pair_won", 0.0: "j_pair_lost"}.get(pair.points, "j_pair_tie")
    text = t.say(phrase, against=against)
    return f"{text} ({escape(pair.judge)})" if several else text
