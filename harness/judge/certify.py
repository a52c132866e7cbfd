"""Runs a judge on gold pairs, and makes its passport of what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judge.bench import AnyCase, Case, Judge, bench_cost, with_tokens_of
from harness.judge.gold import GoldPair, GoldSet
from harness.judge.gold_points import PointGold
from harness.judge.judge_session import JudgeSession
from harness.judge.passport import BoundRubric, Passport
from harness.judge.passport_figures import measure
from harness.judge.point_figures import PointPassport, measure_points
from harness.judge.points import PointCase, PointRulings, point_cases, point_rulings
from harness.judge.retest import gold_id, order_cases, order_id, pairs_to_ask_twice, retest
from harness.judge.ruled_pair import RuledPair
from harness.judge.wordings import reworded, wording_cases
from harness.prompts.fence import fence
from harness.prompts.rubric import Rubric, absolute_messages
from harness.records import EngineInfo, Message, Ruling, Tell
from harness.run.settings import Progress, Settings
from harness.spec.endpointspec import EndpointSpec
from harness.spec.judgeset import MAX_ANSWER_CHARS, Per
from harness.spec.modelspec import ModelSpec

_SIDES = ("forward", "backward", "first", "second")
"""The questions about a pair: which is better, in both orders, and how good either is."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A passport, and what the judge's engine did for it.

    Attributes:
        prompt_tokens: Of all requests, those included whose outputs were stored;
            `completion_tokens` likewise.
        cost: Of these tokens in dollars, None where models.yaml names no price.
    """

    passport: Passport
    engine: EngineInfo
    prompt_tokens: int
    completion_tokens: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class PointsToMeasure:
    """What a judge is asked about the points of marked answers.

    Attributes:
        gold: Sets with unlike names.
        rubric: One for points.
        per: Whether a request asks about one point, or about all of an answer.
    """

    gold: Sequence[PointGold]
    rubric: Rubric
    per: Per

    def cases(
        self, controls: re.Pattern[str] | None, limit: int | None, max_chars: int
    ) -> list[PointCase]:
        """Return the requests about the first answers of each set."""
        return [
            case
            for one in self.gold
            for answer in one.answers[:limit]
            for case in point_cases(
                gold_id(one.name, answer.id),
                rubric=self.rubric,
                per=self.per,
                question=answer.instruction,
                answer=fence(answer.answer, controls=controls, max_chars=max_chars),
                points=answer.points,
                controls=controls,
            )
        ]

    def measured(self, rulings: PointRulings, limit: int | None) -> PointPassport:
        """Return what the judge's rulings on them say of it."""
        sets = [
            measure_points(
                one,
                [
                    (answer, point_rulings(gold_id(one.name, answer.id), rulings))
                    for answer in one.answers[:limit]
                ],
            )
            for one in self.gold
        ]
        return PointPassport(self.rubric.path, self.rubric.digest, self.per, tuple(sets))


def certify(
    judge: Judge,
    gold: Sequence[GoldSet],
    *,
    rubric: Rubric,
    pairwise: Rubric,
    passing: float,
    points: PointsToMeasure | None = None,
    wordings: Sequence[Rubric] = (),
    max_answer_chars: int = MAX_ANSWER_CHARS,
    made: str,
    settings: Settings,
    progress: Progress,
    tell: Tell,
) -> Certified:
    """Ask a judge about gold pairs, all in one engine start, and return its passport.

    Args:
        judge: By its name in models.yaml.
        gold: Sets with unlike names; `settings.limit` keeps the first pairs of each.
        rubric: Absolute rubric.
        pairwise: Pairwise rubric.
        passing: Score from which an answer counts as good.
        points: What is asked of points; None asks nothing of them.
        wordings: Other wordings of the pairwise rubric, by which the pairs that are asked about
            twice are asked about, too.
        max_answer_chars: Longer answers are cut for the judge.
        made: Day, as YYYY-MM-DD.
        settings: Where the store and the project are.
        progress: Progress callback: what is being done.
        tell: Told what is to be said of the judge.

    Raises:
        HarnessError: The judge has no weights here or no usable tokenizer, or its engine failed;
            what it made before is stored.
        ValueError: If there is no pair, or two sets have one name.
    """
    if len({one.name for one in gold}) < len(gold) or not gold:
        raise ValueError("a passport is made on one gold set at least, each with its own name")
    session = JudgeSession(judge, settings=settings, progress=progress, tell=tell)
    try:
        drawn = pairs_to_ask_twice(gold, settings.limit)
        cases: list[AnyCase] = [
            case
            for one in gold
            for pair in one.pairs[: settings.limit]
            for case in _cases(one.name, pair, rubric, pairwise, session.controls, max_answer_chars)
        ]
        cases += wording_cases(drawn, wordings, session.controls, max_answer_chars)
        if points is not None:
            cases += points.cases(session.controls, settings.limit, max_answer_chars)
        bench = session.rule(cases)
        orders = {order_id(name, pair, side) for name, pair in drawn for side in _SIDES[:2]}
        again = session.rule_anew([one for one in cases if one.id in orders], keep=True)
    finally:
        session.close()
    spent = with_tokens_of(bench, again)
    sets = [
        measure(
            one,
            [_ruled(one.name, pair, bench.rulings) for pair in one.pairs[: settings.limit]],
            passing=passing,
        )
        for one in gold
    ]
    passport = Passport(
        judge=judge.model,
        model_digest=session.digest,
        engine=session.engine,
        dtype=session.dtype,
        manner=session.manner(max_answer_chars=max_answer_chars),
        version=bench.engine.version,
        rubric=BoundRubric(rubric.path, rubric.digest),
        pairwise=BoundRubric(pairwise.path, pairwise.digest),
        made=made,
        passing=passing,
        sets=tuple(sets),
        points=points.measured(bench.points, settings.limit) if points is not None else None,
        source=_source(judge.spec),
        retest=retest(gold, drawn, bench.rulings, again.rulings, settings.root),
        reworded=reworded(drawn, wordings, bench.rulings),
    )
    return Certified(
        passport,
        bench.engine,
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=bench_cost(judge.spec, spent),
    )


def _source(spec: ModelSpec) -> str:
    """Return where a judge is from, an endpoint's address included."""
    if not spec.remote:
        return spec.source or ""
    endpoint = EndpointSpec.model_validate(spec.options_for("openai"))
    return f"{spec.source} at {' and '.join(endpoint.base_url)}"


def _cases(
    name: str,
    pair: GoldPair,
    rubric: Rubric,
    pairwise: Rubric,
    controls: re.Pattern[str] | None,
    max_chars: int,
) -> list[Case]:
    """Return the four questions about a pair."""

    def good(answer: str) -> tuple[Message, ...]:
        messages = absolute_messages(
            rubric,
            question=pair.instruction,
            points=pair.points,
            answer=fence(answer, controls=controls, max_chars=max_chars),
            controls=controls,
        )
        return tuple(messages)

    return [
        *order_cases(name, pair, pairwise, controls, max_chars),
        Case(order_id(name, pair, "first"), "absolute", good(pair.first), rubric.dialect),
        Case(order_id(name, pair, "second"), "absolute", good(pair.second), rubric.dialect),
    ]


def _ruled(name: str, pair: GoldPair, rulings: Mapping[str, Ruling]) -> RuledPair:
    return RuledPair(pair, *(rulings[order_id(name, pair, side)] for side in _SIDES))
