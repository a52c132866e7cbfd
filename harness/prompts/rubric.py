"""Rubric files -> the messages that a judge is asked with.

A rubric is a Jinja2 file under `prompts/` of two macros:

    system()                              who judges, by what criteria, and how to reply
    user(question, points, answer)        of an absolute rubric: one answer
    user(question, points, first, second) of a pairwise rubric: two answers, A and B

`points` is a list of texts and may be empty; the answers come fenced.
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
from harness.prompts.fence import Fenced, neutralise
from harness.prompts.templates import LONG_TEXT, Part, load_parts, shows_long
from harness.records import Message
from harness.suggest import did_you_mean

RubricKind = Literal["absolute", "pairwise"]
PARTS: dict[RubricKind, dict[str, tuple[str, ...]]] = {
    "absolute": {"system": (), "user": ("question", "points", "answer")},
    "pairwise": {"system": (), "user": ("question", "points", "first", "second")},
}
DEFAULT_RUBRICS: dict[RubricKind, str] = {
    "absolute": "judge/absolute.ru.j2",
    "pairwise": "judge/pairwise.ru.j2",
}
"""The rubrics that the gold pairs which ship are judged by."""
_SENTINEL = "0b1e55ed"
_DRAWS = (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)


@dataclass(frozen=True, slots=True)
class Rubric:
    """A compiled rubric file.

    Attributes:
        path: Relative to the project, such as `prompts/judge/absolute.en.j2`.
        digest: SHA-256 of the file, in hex digits; what a passport vouches for.
        kind: Whether it asks for a score or for the better of two.
        system: Renders the system message, which may be empty.
        user: Renders the user message.
    """

    path: str
    digest: str
    kind: RubricKind
    system: Part
    user: Part


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
    )
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
    controls: re.Pattern[str] | None = None,
) -> list[Message]:
    """Return the conversation that asks for a score of one answer.

    Args:
        rubric: An absolute one.
        question: What was asked.
        points: What a good answer covers.
        answer: What was answered.
        controls: Finds the judge tokenizer's special tokens, which question and points shall not
            spell either: those of gold pairs come from data.

    Raises:
        ValueError: The rubric is pairwise.
        SpecError: It cannot be rendered.
        PromptError: `controls` finds what cannot be spelt in another way.
    """
    return _messages(rubric, "absolute", question, points, controls, answer)


def pairwise_messages(
    rubric: Rubric,
    *,
    question: str,
    points: Sequence[str],
    first: Fenced,
    second: Fenced,
    controls: re.Pattern[str] | None = None,
) -> list[Message]:
    """Return the conversation that asks for the better of two answers, `first` being A.

    See `absolute_messages`; the rubric is a pairwise one.
    """
    return _messages(rubric, "pairwise", question, points, controls, first, second)


def _messages(
    rubric: Rubric,
    kind: RubricKind,
    question: str,
    points: Sequence[str],
    controls: re.Pattern[str] | None,
    *answers: Fenced,
) -> list[Message]:
    if rubric.kind != kind:
        raise ValueError(f"{rubric.path} is a rubric of the kind {rubric.kind}, not {kind}")
    system = rubric.system()
    user = rubric.user(
        neutralise(question, controls=controls),
        [neutralise(point, controls=controls) for point in points],
        *(answer.text for answer in answers),
    )
    head: list[Message] = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": user}]


def _hidden(rubric: Rubric) -> str | None:
    """Return which argument the user message hides, or shows twice or out of order, if any."""
    rubric.system()
    _, _, *answers = PARTS[rubric.kind]["user"]
    marks = [f"{_SENTINEL}-{name}" for name in answers]
    for points in ([f"{_SENTINEL}-p1", f"{_SENTINEL}-p2"], []):
        text = rubric.user(f"{_SENTINEL}-question", points, *marks)
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
    return _cut(rubric)


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
