"""One round of a judge set: replies -> cases for a judge, and rulings -> results; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judge.bench import AnyCase, Case
from harness.judge.canaries import canaries_of
from harness.judge.judged_answer import judged_answer
from harness.judge.points import (
    PointCase,
    PointRulings,
    point_cases,
    point_rulings,
    weighted_share,
)
from harness.judge.replies import Replies, Reply, earlier_of, filled
from harness.judge.verdict import settle
from harness.prompts.dialogue import said_before
from harness.prompts.fence import Fenced, fence
from harness.prompts.rubric import Rubric, absolute_messages, pairwise_messages
from harness.records import (
    CanaryKind,
    CanaryResult,
    PairResult,
    ProbeResult,
    Ruling,
)
from harness.spec.judgeset import JudgeSet
from harness.spec.probespec import ProbeSpec

Rulings = Mapping[str, Ruling]
"""One judge's rulings by id of the case."""


_Side = tuple[str, Reply]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A text that is judged, against which points, and the answers before it in a dialogue."""

    id: str
    probe: ProbeSpec
    points: Sequence[str]
    text: str
    earlier: Sequence[str]


@dataclass(frozen=True, slots=True)
class CaseSet:
    """What a judge is asked about in a judge set.

    Attributes:
        path: The set, relative to the root.
        rubric: None where nothing is scored on the scale.
        pairwise: None where no pairs are compared.
        points: Rubric for points, None where none are judged.
    """

    evalset: JudgeSet
    path: str
    replies: Replies
    rubric: Rubric | None
    pairwise: Rubric | None
    points: Rubric | None = None

    @property
    def rubrics(self) -> dict[str, Rubric]:
        """The rubrics that there are, by their keys in the set."""
        found = {"rubric": self.rubric, "points": self.points, "pairwise": self.pairwise}
        return {key: rubric for key, rubric in found.items() if rubric is not None}

    def cases(self, controls: re.Pattern[str] | None) -> list[AnyCase]:
        """Return all cases for one judge.

        Args:
            controls: Finds what the judge's tokenizer would not read as text.
        """
        asked = [
            _Asked(_answer_id(model, probe, reply), probe, _texts(probe), reply.text, reply.earlier)
            for probe, model, replies in self._each()
            for reply in replies
            if reply.problem is None
        ]
        bad = [
            _Asked(
                _canary_id(probe, canary.kind),
                probe,
                canary.points,
                canary.answer,
                earlier_of(self.evalset, self.replies, probe),
            )
            for probe, canary in canaries_of(self.evalset, self.replies)
        ]
        return [
            *(self._absolute(one, controls) for one in asked if self.rubric),
            *self._pairs(controls),
            *(self._absolute(one, controls) for one in bad if self.rubric),
            *(case for one in (*asked, *bad) for case in self._points(one, controls)),
        ]

    def results(
        self, rulings: Mapping[str, Rulings], points: Mapping[str, PointRulings] | None = None
    ) -> list[ProbeResult]:
        """Return the judged answers; a score or share is the mean of all judges'.

        Args:
            rulings: By judge.
            points: By judge, its rulings on points.
        """
        found: list[ProbeResult] = []
        for probe, model, replies in self._each():
            names = [_answer_id(model, probe, reply) for reply in replies]
            weights = tuple(point.weight for point in probe.points)
            answers = [
                judged_answer(
                    reply,
                    {judge: own.get(name) for judge, own in rulings.items()},
                    {judge: point_rulings(name, own) for judge, own in (points or {}).items()},
                    weights,
                )
                for reply, name in zip(replies, names, strict=True)
            ]
            found.append(
                ProbeResult(
                    evalset=self.path,
                    model=model,
                    probe=probe.id,
                    kind=probe.kind,
                    question=probe.asked,
                    points=_texts(probe),
                    answers=tuple(answers),
                    weights=weights if set(weights) != {1.0} else (),
                    turns=tuple(one["content"] for one in probe.before),
                )
            )
        return found

    def pair_results(self, judge: str, rulings: Rulings) -> list[PairResult]:
        """Return the pairs as one judge ruled on them."""
        found: list[PairResult] = []
        for probe, (model, reply), (against, _) in self._paired():
            forward = rulings[_pair_id(model, against, probe, reply, 0)]
            backward = rulings[_pair_id(model, against, probe, reply, 1)]
            points, agree = settle(forward, backward)
            found.append(
                PairResult(
                    evalset=self.path,
                    model=model,
                    against=against,
                    probe=probe.id,
                    number=reply.number,
                    judge=judge,
                    forward=forward,
                    backward=backward,
                    points=points,
                    agree=agree,
                )
            )
        return found

    def canary_results(
        self, judge: str, rulings: Rulings, points: PointRulings | None = None
    ) -> list[CanaryResult]:
        """Return how one judge took the deliberately bad answers, scored and by their points."""
        spec, found = self.evalset.judge, list[CanaryResult]()
        for probe, canary in canaries_of(self.evalset, self.replies):
            name, about = _canary_id(probe, canary.kind), (self.path, judge, probe.id, canary.kind)
            if self.rubric is not None:
                ruling, limit = rulings[name], spec.canary_limit
                broke = ruling.value is not None and ruling.value > limit
                found.append(CanaryResult(*about, ruling, limit, broke))
            if self.points is not None:
                own, limit = point_rulings(name, points or {}), spec.canary_share
                share = weighted_share([one.value for one in own], ())
                broke = share is not None and share > limit
                lost = Ruling(problem=next((one.problem for one in own if one.problem), None))
                found.append(CanaryResult(*about, lost, limit, broke, by="points", share=share))
        return sorted(found, key=lambda one: one.by == "points")

    def _each(self) -> list[tuple[ProbeSpec, str, Sequence[Reply]]]:
        return [
            (probe, model, self.replies[model, probe.id])
            for model in self.evalset.models
            for probe in self.evalset.probes
            if (model, probe.id) in self.replies
        ]

    def _paired(self) -> list[tuple[ProbeSpec, _Side, _Side]]:
        """Return every two models' answers of the same number to a probe.

        The reference model is always the second side.
        """
        if self.pairwise is None:
            return []
        reference = self.evalset.reference
        models = [reference, *(one for one in self.evalset.models if one != reference)]
        return [
            (probe, (model, reply), (against, other))
            for probe in self.evalset.probes
            for place, model in enumerate(models)
            for against in models[:place]
            for reply, other in zip(
                self.replies.get((model, probe.id), ()),
                self.replies.get((against, probe.id), ()),
                strict=False,
            )
            if reply.problem is None and other.problem is None
        ]

    def _fence(self, text: str, controls: re.Pattern[str] | None) -> Fenced:
        return fence(text, controls=controls, max_chars=self.evalset.judge.max_answer_chars)

    def _before(
        self, probe: ProbeSpec, earlier: Sequence[Sequence[str]], controls: re.Pattern[str] | None
    ) -> str:
        return said_before(
            [filled(probe.before, own) for own in earlier],
            lang=self.evalset.lang,
            controls=controls,
            max_chars=self.evalset.judge.max_answer_chars,
        )

    def _absolute(self, one: _Asked, controls: re.Pattern[str] | None) -> Case:
        """Return what the scale asks; what counts against an answer is no part of a good one."""
        assert self.rubric is not None
        unwanted = {point.point for point in one.probe.points if point.weight < 0}
        messages = absolute_messages(
            self.rubric,
            question=one.probe.asked,
            before=self._before(one.probe, [one.earlier], controls),
            points=[point for point in one.points if point not in unwanted],
            answer=self._fence(one.text, controls),
            controls=controls,
        )
        return Case(one.id, "absolute", tuple(messages), self.rubric.dialect)

    def _points(self, one: _Asked, controls: re.Pattern[str] | None) -> list[PointCase]:
        if self.points is None:
            return []
        return point_cases(
            one.id,
            rubric=self.points,
            per=self.evalset.judge.per,
            question=one.probe.asked,
            before=self._before(one.probe, [one.earlier], controls),
            answer=self._fence(one.text, controls),
            points=one.points,
            controls=controls,
        )

    def _pairs(self, controls: re.Pattern[str] | None) -> list[Case]:
        found: list[Case] = []
        for probe, (model, reply), (against, other) in self._paired():
            assert self.pairwise is not None
            sides = self._fence(reply.text, controls), self._fence(other.text, controls)
            earlier = [reply.earlier, other.earlier]
            for turned, (first, second) in enumerate((sides, sides[::-1])):
                before = self._before(probe, earlier[::-1] if turned else earlier, controls)
                messages = pairwise_messages(
                    self.pairwise,
                    question=probe.asked,
                    before=before,
                    points=probe.wanted,
                    first=first,
                    second=second,
                    controls=controls,
                )
                name = _pair_id(model, against, probe, reply, turned)
                found.append(Case(name, "pairwise", tuple(messages), self.pairwise.dialect))
        return found


def _texts(probe: ProbeSpec) -> tuple[str, ...]:
    return tuple(point.point for point in probe.points)


def _answer_id(model: str, probe: ProbeSpec, reply: Reply) -> str:
    return f"answer {model} {probe.id} {reply.number}"


def _pair_id(model: str, against: str, probe: ProbeSpec, reply: Reply, turned: int) -> str:
    return f"pair {model} {against} {probe.id} {reply.number} {turned}"


def _canary_id(probe: ProbeSpec, kind: CanaryKind) -> str:
    return f"canary {probe.id} {kind}"
