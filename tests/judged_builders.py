"""A made-up judged run: three models, ten probes, three answers each, hostile texts among them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean, stdev

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
from harness.stats.clusters import cluster_interval, cluster_proportion_interval

EVALSET = "evalsets/probes.yaml"
JUDGE = "judge-7b"
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
    "\u202etxet desrever\u202c \u200b\ud800 tail\r\nsecond\u2028third",
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
        ruling = Ruling(problem="the verdict was cut at the token limit")
    if (model, place, number) == ("ru-b", 4, 0):
        ruling, text = Ruling(problem="the judge wrote 'I | cannot'"), ""
        problem = "prompt has 2100 tokens, the window 2048"
    return JudgedAnswer(
        number, number, text, 0 if problem else 40 + hostile, number == 2 and place == 1, problem,
        {JUDGE: ruling}, ruling.value,
    )  # fmt: skip


def make_pairs(probes: Sequence[ProbeResult], against: str = "base") -> list[PairResult]:
    """Return pairs settled by the scores, the orders of every sixth of them apart."""
    known = {(one.model, one.probe): one for one in probes}
    found: list[PairResult] = []
    for one in probes:
        if one.model == against:
            continue
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
        return Ruling(problem="the judge wrote nothing"), Ruling(choice="A"), None, None
    if place % 6 == 5:
        return Ruling(choice="A"), Ruling(choice="A"), 0.5, False
    if abs(mine - theirs) < 0.2:
        return Ruling(choice="tie"), Ruling(choice="tie"), 0.5, True
    won = mine > theirs
    first, second = ("A", "B") if won else ("B", "A")
    said = Ruling(choice=first, reason="Better covered.")
    return said, Ruling(choice=second, reason="Better covered."), float(won), True


def make_standing(
    model: str, probes: Sequence[ProbeResult], pairs: Sequence[PairResult], **changes: object
) -> Standing:
    """Return the line of one model with figures of its own probes and pairs."""
    own = [one for one in probes if one.model == model]
    scored = [one for one in own if one.scores]
    answers = [answer for one in own for answer in one.answers]
    scores = [answer.score for answer in answers if answer.score is not None]
    means = [mean(one.scores) for one in scored]
    figures = {
        "score": _figure(means, list(range(len(means))), len(scores)),
        "pass_rate": _share([x >= 7 for x in scores], [one.probe for one in own for _ in one.scores]),
    }
    met = [pair for pair in pairs if pair.model == model and pair.points is not None]
    if met:
        rate = _figure([p.points for p in met if p.points is not None], [p.probe for p in met],
                       len(met))  # fmt: skip
        figures["win_rate"] = rate
        figures["corrected_win_rate"] = replace(
            rate, low=max(0.0, rate.low - 0.05), high=min(1.0, rate.high + 0.05)
        )
    reasons = Counter(
        ruling.problem
        for answer in answers
        for ruling in answer.rulings.values()
        if ruling.problem is not None
    )
    spreads = [stdev(one.scores) for one in own if len(one.scores) > 1]
    standing = Standing(
        EVALSET, model, len(own), len(scores), len(answers) - len(scores), reasons, figures,
        mean(spreads) if spreads else None, trusted=True,
    )  # fmt: skip
    return replace(standing, **changes)


def _figure(values: Sequence[float], clusters: Sequence[object], n: int) -> Figure:
    low, high = cluster_interval(values, clusters)
    top = 1.0 if max(values) <= 1 else 10.0
    return Figure(mean(values), max(0.0, low), min(top, high), n)


def _share(right: Sequence[bool], clusters: Sequence[object]) -> Figure:
    return Figure(mean(right), *cluster_proportion_interval(right, clusters), len(right))


CHECK = PassportCheck(
    JUDGE, True, "", Figure(0.86, 0.81, 0.9, 240), Figure(0.9, 0.85, 0.93, 240),
    "passports/judge-7b.json",
)  # fmt: skip
FAILED = PassportCheck(
    JUDGE, False,
    "passports/judge-7b.json: accuracy on llmbar_natural is 0.540 [0.44, 0.64] of 100; the "
    "interval's lower end does not reach min_accuracy 0.7",
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
                ruling = Ruling(problem="two verdicts")
            broke = ruling.value is not None and ruling.value > 4.0
            found.append(
                CanaryResult(EVALSET, JUDGE, f"p{place + 1:02}", kind, ruling, 4.0, broke)
            )
    return found


def make_judged(
    skills: Mapping[str, float] = SKILLS,
    *,
    probes: int = 10,
    answers: int = 3,
    check: PassportCheck = CHECK,
    void: str = "",
    expected: float = 0.93,
) -> Judged:
    """Return all that a judge set of made-up models came to."""
    made = make_probes(skills, probes=probes, answers=answers)
    pairs = make_pairs(made, next(iter(skills)))
    strengths = {
        model: Figure((skill - 5.5) / 2, (skill - 5.5) / 2 - 0.6, (skill - 5.5) / 2 + 0.6, 60)
        for model, skill in skills.items()
    }
    standings = [
        make_standing(
            model, made, pairs, trusted=check.trusted, void=void,
            strength=strengths[model] if len(skills) > 2 else None,
        )
        for model in skills
    ]  # fmt: skip
    unscored = Counter(reason for one in standings for reason in one.reasons.elements())
    judge = JudgeInfo(
        EVALSET, JUDGE, "vllm 0.32", "bfloat16", "sha256:" + "ef" * 32, check, void, expected,
        250, unscored + Counter({"two verdicts": 1}), 123456, 9876,
    )  # fmt: skip
    return Judged(
        tuple(made), tuple(pairs), tuple(make_canaries(probes)), (judge,), tuple(standings)
    )


def make_judged_run(judged: Judged | None = None) -> Run:
    """Return a run that has judged one set and nothing else."""
    info = RunInfo("r", "2026-01-02 03:04:05 UTC", 61.0, "pytest evalsets/probes.yaml", {}, {})
    return Run(info, judged=make_judged() if judged is None else judged)
