"""Rubric files -> the messages that a judge is asked with.

A rubric is a Jinja2 file under `prompts/` of two macros:

    system()                              who judges, by what criteria, and how to reply
    user(question, points, answer)        of an absolute rubric: one answer
    user(question, points, first, second) of a pairwise rubric: two answers, A and B
    user(question, answer, points)        of a rubric for points: one answer, and what is checked

`points` is a list of texts and may be empty, but for a rubric for points, where the answer stands
before them: requests about several points of one answer begin alike. Such a rubric allows `partly`
as a verdict where it says `{% set partly = true %}`. The answers come fenced. A rubric for a model
that was trained as a judge names its dialect, `{% set dialect = "prometheus" %}`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, nodes

from harness.errors import SpecError
from harness.prompts.dialects import DIALECTS, Dialect, ScaleOf
from harness.prompts.fence import Fenced, neutralise
from harness.prompts.long_text import LONG_TEXT, shows_long
from harness.prompts.parts import Part, load_parts
from harness.prompts.rubric_settings import dialect_of, partly_of
from harness.records import Message
from harness.suggest import did_you_mean

RubricKind = Literal["absolute", "pairwise", "points"]
PARTS: dict[RubricKind, dict[str, tuple[str, ...]]] = {
    "absolute": {"system": (), "user": ("question", "points", "answer")},
    "pairwise": {"system": (), "user": ("question", "points", "first", "second")},
    "points": {"system": (), "user": ("question", "answer", "points")},
}
RUBRIC_KEYS: dict[str, RubricKind] = {
    "rubric": "absolute",
    "points": "points",
    "pairwise": "pairwise",
}
"""The kind of rubric that each key of a judge set names."""
DEFAULT_RUBRICS: dict[RubricKind, str] = {
    "absolute": "judge/absolute.ru.j2",
    "pairwise": "judge/pairwise.ru.j2",
    "points": "judge/points.ru.j2",
}
"""The rubrics that the gold pairs which ship are judged by."""
_ASKED = {"absolute": "one answer by itself", "pairwise": "two answers", "points": "points"}
_SENTINEL = "0b1e55ed"
_DRAWS = (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)


@dataclass(frozen=True, slots=True)
class Rubric:
    """A compiled rubric file.

    Attributes:
        path: Relative to the project, such as `prompts/judge/absolute.en.j2`.
        digest: SHA-256 of the file, in hex digits; what a passport vouches for.
        kind: Whether it asks for a score, for the better of two, or for verdicts on points.
        system: Renders the system message, which may be empty.
        user: Renders the user message.
        partly: Whether a point may be met in part.
        dialect: How the judge writes its verdict; None for a JSON object.
    """

    path: str
    digest: str
    kind: RubricKind
    system: Part
    user: Part
    partly: bool = False
    dialect: Dialect | None = None


def load_rubric(template: str, *, root: Path, kind: RubricKind) -> Rubric:
    """Compile a rubric and try it once, so that a mistake shows before any model loads.

    Args:
        template: Path under `root/prompts`.
        root: The project.
        kind: What it must be.

    Raises:
        SpecError: One line: no such file, syntax, a missing or misnamed macro, an unknown
            variable, another template that it draws on, or an argument that it does not show.
    """
    folder = (root / "prompts").resolve()
    wanted = (folder / template).resolve()
    if not (wanted.is_file() and wanted.is_relative_to(folder)):
        known = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.j2"))
        fix = did_you_mean(template, known, "known: " + (", ".join(known) or "none"))
        raise SpecError(f"no rubric prompts/{template}; {fix}")
    path = Path("prompts") / template
    part = load_parts(template, PARTS[kind], root=root, variables={})
    source = wanted.read_bytes()
    tree = Environment().parse(source.decode())
    for drawn in tree.find_all(_DRAWS):
        raise SpecError("draws on another template; a rubric is one file, as a passport vouches "
                        "for its digest", path=path, line=drawn.lineno)  # fmt: skip
    rubric = Rubric(
        path=path.as_posix(),
        digest=hashlib.sha256(source).hexdigest(),
        kind=kind,
        system=part["system"],
        user=part["user"],
        partly=partly_of(tree, path) if kind == "points" else False,
        dialect=dialect_of(tree, path),
    )
    if rubric.dialect is not None:
        _check_scale(rubric, rubric.dialect, path)
    elif kind == "points":
        _check_words(rubric, path)
    if hidden := _hidden(rubric):
        line = next(one.lineno for one in tree.find_all(nodes.Macro) if one.name == "user")
        raise SpecError(f"part 'user' {hidden}", path=path, line=line)
    return rubric


def absolute_messages(
    rubric: Rubric,
    *,
    question: str,
    points: Sequence[str],
    answer: Fenced,
    before: str = "",
    controls: re.Pattern[str] | None = None,
) -> list[Message]:
    """Return the conversation that asks for a score of one answer.

    Args:
        rubric: An absolute one.
        question: What was asked.
        points: What a good answer covers.
        answer: What was answered.
        before: What was said before the question, fenced; see `harness.prompts.dialogue`.
        controls: Finds the judge tokenizer's special tokens, which question and points shall not
            spell either: those of gold pairs come from data.

    Raises:
        ValueError: The rubric is pairwise.
        SpecError: It cannot be rendered.
        PromptError: `controls` finds what cannot be spelt in another way.
    """
    return _messages(rubric, "absolute", before, question, points, controls, answer)


def pairwise_messages(
    rubric: Rubric,
    *,
    question: str,
    points: Sequence[str],
    first: Fenced,
    second: Fenced,
    before: str = "",
    controls: re.Pattern[str] | None = None,
) -> list[Message]:
    """Return the conversation that asks for the better of two answers, `first` being A.

    See `absolute_messages`; the rubric is a pairwise one.
    """
    return _messages(rubric, "pairwise", before, question, points, controls, first, second)


def point_messages(
    rubric: Rubric,
    *,
    question: str,
    points: Sequence[str],
    answer: Fenced,
    before: str = "",
    controls: re.Pattern[str] | None = None,
) -> list[Message]:
    """Return the conversation that asks for verdicts on points of one answer, at least one.

    See `absolute_messages`; the rubric is one for points.
    """
    return _messages(rubric, "points", before, question, points, controls, answer)


def _messages(
    rubric: Rubric,
    kind: RubricKind,
    before: str,
    question: str,
    points: Sequence[str],
    controls: re.Pattern[str] | None,
    *answers: Fenced,
) -> list[Message]:
    if rubric.kind != kind:
        raise ValueError(f"{rubric.path} is a rubric of the kind {rubric.kind}, not {kind}")
    system = rubric.system()
    names = [name for name in PARTS[kind]["user"] if name not in ("question", "points")]
    given: dict[str, str | list[str]] = {
        "question": before + neutralise(question, controls=controls),
        "points": [neutralise(point, controls=controls) for point in points],
        **{name: one.text for name, one in zip(names, answers, strict=True)},
    }
    user = rubric.user(*(given[name] for name in PARTS[kind]["user"]))
    head: list[Message] = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": user}]


def _hidden(rubric: Rubric) -> str | None:
    """Return which argument the user message hides, or shows twice or out of order, if any."""
    rubric.system()
    names = PARTS[rubric.kind]["user"]
    answers = [name for name in names if name not in ("question", "points")]
    marks = [f"{_SENTINEL}-{name}" for name in answers]
    two = [f"{_SENTINEL}-p1", f"{_SENTINEL}-p2"]
    for points in (two, two[:1] if rubric.kind == "points" else []):
        given = {"points": points, **{name: f"{_SENTINEL}-{name}" for name in names
                                      if name != "points"}}  # fmt: skip
        text = rubric.user(*(given[name] for name in names))
        if f"{_SENTINEL}-question" not in text:
            return "does not show question; write {{ question }} in it"
        if any(point not in text for point in points):
            return ("does not show all points; write {% for point in points %}{{ point }}"
                    "{% endfor %} in it")  # fmt: skip
        for name, mark in zip(answers, marks, strict=True):
            if text.count(mark) != 1:
                return f"must show {name} exactly once; write {{{{ {name} }}}}"
        if sorted(marks, key=text.index) != marks:
            return "must show first before second; swap them"
        if rubric.kind == "points" and text.index(points[0]) < text.index(marks[0]):
            return ("must show answer before points, so that requests about one answer begin "
                    "alike; swap them")  # fmt: skip
    return _cut(rubric)


def _check_scale(rubric: Rubric, dialect: Dialect, path: Path) -> None:
    """Refuse a rubric that asks for what its dialect has no verdict for, or does not tell its form.

    Raises:
        SpecError: One line.
    """
    scale: ScaleOf = "points_partly" if rubric.partly else rubric.kind
    if scale not in dialect.scales:
        known = [name for name, one in DIALECTS.items() if scale in one.scales]
        what = "points met in part" if rubric.partly else _ASKED[rubric.kind]
        raise SpecError(f"the dialect {dialect.name} has no verdict on {what}; write JSON, without "
                        f"a dialect{', or ' if known else ''}{' or '.join(known)}",
                        path=path)  # fmt: skip
    user = rubric.user(*(["x"] if name == "points" else "x" for name in PARTS[rubric.kind]["user"]))
    text = f"{rubric.system()}\n{user}"
    words = [] if dialect.untold else [dialect.mark]
    for word in (*words, *dialect.scales[scale]):
        if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
            raise SpecError(f"does not tell the judge {word}, which the dialect {dialect.name} "
                            "writes its verdict with", path=path)  # fmt: skip


def _check_words(rubric: Rubric, path: Path) -> None:
    """Refuse a rubric for points that does not tell the judge its verdicts."""
    text = rubric.system() + rubric.user("x", "x", ["x"])
    for word in ('"met"', '"not met"', *(['"partly"'] if rubric.partly else [])):
        if word not in text:
            raise SpecError(f"does not tell the judge its verdict {word}; write it with its quotes",
                            path=path)  # fmt: skip
    if not rubric.partly and '"partly"' in text:
        raise SpecError('tells the judge of the verdict "partly", which is not taken; write '
                        "{% set partly = true %} above the macros", path=path)  # fmt: skip


def _cut(rubric: Rubric) -> str | None:
    """Return which argument the user message cuts, which a short one does not show, if any."""
    names = PARTS[rubric.kind]["user"]
    for name in names:
        given = {one: LONG_TEXT if one == name else "x" for one in names}
        text = rubric.user(*([one] if key == "points" else one for key, one in given.items()))
        if not shows_long(text, once=name not in ("question", "points")):
            return (f"cuts long {name}, or shows it otherwise than a short one; write it without "
                    "truncate, slices or conditions")  # fmt: skip
    return None
