"""The table of questions: one line each, with effect, interval and verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.analysis.findings import ALPHA, Findings, Question
from harness.figures import FIGURES
from harness.language import Words
from harness.markdown import code, escape
from harness.records import Row
from harness.report.format import count, p_value, signed, signed_interval
from harness.report.modes import mode_short, thinking_word, way
from harness.report.tables import table

_CALIBRATED = ("calibration", "contextual")
_OF_SHOTS = ("shots", "selector", "order", "placement")
# More names than these make a line too long to be read.
_NAMED = 3

Show = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class QuestionTables:
    """The lines of questions; all are empty where nothing was compared.

    Attributes:
        shown: The table of most of them.
        folded: That of questions each comparison of which has a cell not shown to beat guessing.
        told: How many these are, in words.
        worded: Whether prompts stand for others like them in one of them.
    """

    shown: str
    folded: str
    told: str
    worded: bool


def question_tables(findings: Findings, t: Words) -> QuestionTables:
    """Return the tables of questions."""
    asked = findings.questions
    shown, folded = ([one for one in asked if _guessed(one) is side] for side in (False, True))
    return QuestionTables(
        shown=table(question_lines(shown, t), keep=set()),
        folded=table(question_lines(folded, t), keep=set()),
        told=t.say("q_guessed", count=len(folded)) if folded else "",
        worded=any(one.wordings > 1 for one in asked),
    )


def _guessed(one: Question) -> bool:
    return 0 < one.comparisons <= one.guessing


def ordered(findings: Findings) -> list[Question]:
    """Return the questions, those last of which the report folds the lines."""
    return sorted(findings.questions, key=_guessed)


def question_lines(
    asked: Sequence[Question], t: Words, *, show: Show = escape, show_cell: Show = code
) -> list[dict[str, str]]:
    """Return header -> cell for each question.

    Args:
        asked: Questions of a run.
        t: The words of the report's language.
        show: Writes a name of the user's, such as a model's; as inert markdown by default.
        show_cell: Writes the id of a cell.
    """
    several = len({one.evalset for one in asked}) > 1
    return [
        {
            t["h_evalset"]: show(one.evalset) if several else "",
            t["h_model"]: show(one.model),
            t["h_question"]: _question(one, t, show, show_cell),
            t["h_by"]: t["q_accuracy" if one.kind in _CALIBRATED else f"f_{one.figure}"],
            t["h_effect"]: _difference(one, t),
            t["h_verdict"]: _answer(one, t),
            t["h_single"]: _singles(one, t, show),
        }
        for one in asked
    ]


def _question(one: Question, t: Words, show: Show, show_cell: Show) -> str:
    first, second = one.first, one.second
    names = {
        "placement": (first.placement, second.placement),
        "selector": (way(first, t), way(second, t)),
        "order": (way(first, t), way(second, t)),
        "wording": (show(first.prompt), show(second.prompt)),
        "model": (show(first.model), ""),
        "trained": (show_cell(first.cell), show_cell(second.cell)),
    }
    old, new = names.get(one.kind, ("", ""))
    if one.kind == "thinking":
        old, new = thinking_word(first.thinking, t), thinking_word(second.thinking, t)
    rows = count(first.train_rows) if one.kind == "trained" and first.train_rows else ""
    return t.say(f"q_{one.kind}", first=old, second=new, rows=rows)


def _difference(one: Question, t: Words) -> str:
    scale, digits, phrase = 1.0, 3, "c_auc_points"
    if FIGURES[one.figure].exact:
        scale, digits, phrase = 100.0, 1, "q_points"
    return t.say(
        phrase,
        value=signed(scale * one.value, digits),
        interval=signed_interval(scale * one.low, scale * one.high, digits),
        p=p_value(one.p),
    )


def _answer(one: Question, t: Words) -> str:
    """Return the answer, and of which shots it speaks: of those alone that were drawn once."""
    answer = t[f"q_{one.answer}"]
    if one.kind in _OF_SHOTS:
        answer = t.say("q_drawn", answer=answer, draws=one.draws)
    return t.say("q_worded", answer=answer, count=one.wordings) if one.wordings > 1 else answer


def _singles(one: Question, t: Words, show: Show) -> str:
    """Count what the comparisons show each by itself, name the few, and say whether they differ."""
    p = p_value(one.differ) if one.differ is not None and one.differ < ALPHA else ""
    if one.better + one.worse + one.open < 2:
        if one.comparisons < 2:
            return ""
        return t.say("q_untested", count=one.comparisons, guessing=one.guessing, p=p)
    able = one.able
    part = t.say("q_able", up=able.better, down=able.worse, open=able.open) if able else ""
    # What single draws or prompts show is no part of an answer about others like them.
    named = max(one.draws, one.wordings) <= 1
    up, down = (
        [_single(row, one, t, show) for row in rows if named] for rows in (one.up, one.down)
    )
    return t.say(
        "q_singles",
        up=one.better,
        down=one.worse,
        open=one.open,
        up_names=_few(up),
        down_names=_few(down),
        able=part,
        p=p,
    )


def _few(names: Sequence[str]) -> str:
    """Return names, if they are few and tell the comparisons apart."""
    return ", ".join(names) if len(set(names)) == len(names) <= _NAMED else ""


def _single(row: Row, one: Question, t: Words, show: Show) -> str:
    """Name the judged cell of a comparison by what its question leaves open."""
    if one.kind == "wording":
        return mode_short(row, t)
    prompt = show(row.prompt)
    return prompt if one.kind == "placement" else f"{prompt} {mode_short(row, t)}"
