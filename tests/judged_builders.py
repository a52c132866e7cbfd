# ruff: noqa: RUF001
"""A made-up judged run: three models, ten probes, three answers each, hostile texts among them."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.judge.error_rates import JudgeErrors
from harness.judge.standings import standings
from harness.reasons import Reason
from harness.records import (
    CanaryResult,
    Figure,
    Judged,
    JudgedAnswer,
    JudgeInfo,
    PairResult,
    PassportCheck,
    ProbeResult,
    Ruling,
    Run,
    RunInfo,
    Standing,
)
from harness.spec.judgeset import JudgeSet
from harness.stats.corrected_rate import GoldCounts

EVALSET = "evalsets/probes.yaml"
JUDGE = "judge-7b"
ERRORS = JudgeErrors({JUDGE: GoldCounts(103, 120, 104, 120)}, None)
SKILLS = {"base": 4.3, "ru-a": 7.2, "ru-b": 4.5}
KINDS = (
    "explain", "plan", "arithmetic", "summary", "rewrite",
    "code", "trap", "letter", "list", "refusal",
)  # fmt: skip
HOSTILE = (
    "</details></summary><script>alert(1)</script>\n<!-- plots -->\nnothing\n<!-- end of plots -->",
    "```\n</details>\n````````\n# A heading of my own\n~~~\n| a | b |\n|---|---|\n| 1 | 2 |",
    "::error::injected\n##[error]injected\n::set-output name=x::1\n\x1b[31mred\x1b[0m \x1b]0;title",
    "<details open><summary>p99, forged: base 10.0</summary>\n\nScore: 10\n===\n---\n- [x] done",
    "@someone #12 https://evil.example www.evil.example ![i](http://evil.example/x.png) $x$\n"
    "[^1]: note\n[a]: http://evil.example\n1. one\n> quote\\",
    "\u202etxet desrever\u202c \u200b tail\r\nsecond\u2028third",
)
REASONS = (
    "Names the main thing, but invents a fact.",
    "Covers both points in plain words.",
    "Says nothing of the second point.",
    "The steps are right; the closing line is missing.",
    "Ends with `</details>` | **and** a table\n| a |",
)
PROSE = (
    "Логистическая регрессия оценивает вероятность класса: взвешенная сумма признаков проходит "
    "через сигмоиду.\n\nКоэффициенты подбирают по правдоподобию.",
    "Первый шаг: 17 · 3 = 51.\nВторой шаг: 51 - 9 = 42.\nОтвет: 42.",
    "def mean(values):\n    total = sum(values)\n    return total / len(values)\n\nФункция делит "
    "сумму на число значений.",
    "Уважаемая Анна Сергеевна! Благодарю Вас за письмо. Прошу перенести встречу на четверг.",
)


def make_probes(
    skills: Mapping[str, float] = SKILLS, *, probes: int = 10, answers: int = 3
) -> list[ProbeResult]:
    """Return answers whose scores lie around each model's skill; two have no score."""
    found: list[ProbeResult] = []
    for model, skill in skills.items():
        for place in range(probes):
            own = [
                _answer(model, place, number, skill, hostile=len(found) * answers + number)
                for number in range(answers)
            ]
            found.append(
                ProbeResult(
                    EVALSET, model, f"p{place + 1:02}", KINDS[place % len(KINDS)],
                    f"Вопрос {place + 1}: что нужно знать? | <b>важно</b>\nВторая строка.",
                    ("Названо главное.", "Нет выдуманных фактов."), tuple(own),
                )
            )  # fmt: skip
    return found


def _answer(model: str, place: int, number: int, skill: float, *, hostile: int) -> JudgedAnswer:
    draw = random.Random(f"{model}-{place}-{number}")
    hard = random.Random(place).gauss(0, 1.0)
    score = min(10.0, max(1.0, skill + hard + draw.gauss(0, 0.6)))
    text = HOSTILE[hostile // 7 % len(HOSTILE)] if hostile % 7 == 0 else PROSE[hostile % len(PROSE)]
    ruling = Ruling(value=score, expected=True, reason=REASONS[hostile % len(REASONS)])
    problem = None
    if (model, place, number) == ("base", 2, 1):
        ruling = Ruling(problem=Reason("verdict_cut"))
    if (model, place, number) == ("ru-b", 4, 0):
        ruling, text = Ruling(problem=Reason("model_refused", {"said": "I | cannot"})), ""
        problem = Reason("no_room_to_answer", {"tokens": 2100, "wanted": 512, "window": 2048})
    return JudgedAnswer(
        number, number, text, 0 if problem else 40 + hostile, number == 2 and place == 1, problem,
        {JUDGE: ruling}, ruling.value,
    )  # fmt: skip


def make_pairs(probes: Sequence[ProbeResult]) -> list[PairResult]:
    """Return pairs of all models settled by the scores, the orders of every sixth apart."""
    known = {(one.model, one.probe): one for one in probes}
    models = list(dict.fromkeys(one.model for one in probes))
    met = [(one, against) for i, against in enumerate(models) for one in probes
           if one.model in models[i + 1 :]]  # fmt: skip
    found: list[PairResult] = []
    for one, against in met:
        for mine, theirs in zip(one.answers, known[against, one.probe].answers, strict=True):
            forward, backward, points, agree = _ruled(mine.score, theirs.score, len(found))
            found.append(
                PairResult(EVALSET, one.model, against, one.probe, mine.number, JUDGE,
                           forward, backward, points, agree)
            )  # fmt: skip
    return found


def _ruled(
    mine: float | None, theirs: float | None, place: int
) -> tuple[Ruling, Ruling, float | None, bool | None]:
    if mine is None or theirs is None:
        return Ruling(problem=Reason("judge_silent")), Ruling(choice="A"), None, None
    if place % 6 == 5:
        return Ruling(choice="A"), Ruling(choice="A"), 0.5, False
    if abs(mine - theirs) < 0.2:
        return Ruling(choice="tie"), Ruling(choice="tie"), 0.5, True
    won = mine > theirs
    first, second = ("A", "B") if won else ("B", "A")
    said = Ruling(choice=first, reason="Better covered.")
    return said, Ruling(choice=second, reason="Better covered."), float(won), True


def make_standings(
    probes: Sequence[ProbeResult], pairs: Sequence[PairResult] = (), **changes: object
) -> tuple[Standing, ...]:
    """Return the lines of all models, the first of which is the reference."""
    evalset = JudgeSet.model_validate(
        {
            "kind": "judge",
            "models": list(dict.fromkeys(one.model for one in probes)),
            "probes": [{"id": "p01", "kind": "letter", "question": "?", "points": ["."]}],
            "judge": {"models": [JUDGE], "rubric": "judge/absolute.en.j2"},
        }
    )
    found = standings(evalset, EVALSET, probes, pairs, errors=ERRORS)
    return tuple(replace(one, **{"trusted": True} | changes) for one in found)


BELOW = Reason(
    "gold_accuracy",
    {"set": "llmbar_natural", "known": "0.540 [0.44, 0.64]", "pairs": 100, "demand": 0.7},
)
CHECK = PassportCheck(
    JUDGE, True, None, Figure(0.86, 0.81, 0.9, 240), Figure(0.9, 0.85, 0.93, 240),
    "passports/judge-7b.json",
)  # fmt: skip
FAILED = PassportCheck(
    JUDGE, False,
    Reason("passport", {"path": "passports/judge-7b.json"}, (BELOW,)),
    Figure(0.54, 0.44, 0.64, 100), Figure(0.41, 0.31, 0.51, 100), "passports/judge-7b.json",
)  # fmt: skip


def make_canaries(probes: int = 10, *, highest: float = 2.6) -> list[CanaryResult]:
    """Return canaries of all kinds; one empty answer has no verdict."""
    found: list[CanaryResult] = []
    for kind, top in (
        ("null", 1.0), ("constant", 1.9), ("off_topic", 1.4), ("shuffled", highest)
    ):  # fmt: skip
        for place in range(probes):
            value = max(1.0, top - 0.1 * place)
            ruling = Ruling(value=value, expected=True, reason="Says nothing.")
            if (kind, place) == ("null", 3):
                ruling = Ruling(problem=Reason("two_verdicts"))
            broke = ruling.value is not None and ruling.value > 4.0
            found.append(CanaryResult(EVALSET, JUDGE, f"p{place + 1:02}", kind, ruling, 4.0, broke))
    return found


def make_judged(
    skills: Mapping[str, float] = SKILLS,
    *,
    probes: int = 10,
    answers: int = 3,
    check: PassportCheck = CHECK,
    void: Reason | None = None,
    expected: float = 0.93,
) -> Judged:
    """Return all that a judge set of made-up models came to."""
    made = make_probes(skills, probes=probes, answers=answers)
    pairs = make_pairs(made)
    made_standings = make_standings(made, pairs, trusted=check.trusted, void=void)
    unscored = Counter(
        reason for one in made_standings for reason in Counter(one.reasons).elements()
    )
    judge = JudgeInfo(
        EVALSET, JUDGE, "vllm 0.32", "bfloat16", "sha256:" + "ef" * 32, check, void, expected,
        250, unscored + Counter({Reason("two_verdicts"): 1}), 123456, 9876,
    )  # fmt: skip
    return Judged(tuple(made), tuple(pairs), tuple(make_canaries(probes)), (judge,), made_standings)


def make_judged_run(judged: Judged | None = None) -> Run:
    """Return a run that has judged one set and nothing else."""
    info = RunInfo("r", "2026-01-02 03:04:05 UTC", 61.0, "pytest evalsets/probes.yaml", {}, {})
    return Run(info, judged=make_judged() if judged is None else judged)


def told_apart(judged: Judged) -> Judged:
    """Return it with a number behind each answer, so that no two read alike."""
    count = itertools.count()
    probes = tuple(
        replace(
            probe,
            answers=tuple(
                replace(one, text=one.text and f"{one.text} {next(count)}") for one in probe.answers
            ),
        )
        for probe in judged.probes
    )
    return replace(judged, probes=probes)
