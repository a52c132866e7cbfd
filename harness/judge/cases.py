"""One round of a judge set: replies -> cases for a judge, and rulings -> results; pure."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judge.bench import Case
from harness.judge.canaries import Canary, canaries
from harness.judge.verdict import settle
from harness.prompts.fence import Fenced, fence
from harness.prompts.rubric import Rubric, absolute_messages, pairwise_messages
from harness.reasons import Reason
from harness.records import (
    CanaryKind,
    CanaryResult,
    JudgedAnswer,
    PairResult,
    ProbeResult,
    Ruling,
    Thought,
)
from harness.spec.judgeset import JudgeSet, ProbeSpec

Rulings = Mapping[str, Ruling]
"""One judge's rulings by id of the case."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to a probe; see `JudgedAnswer`."""

    number: int
    seed: int
    text: str = ""
    tokens: int = 0
    cut: bool = False
    problem: Reason | None = None
    thought: Thought | None = None


_Side = tuple[str, Reply]
Replies = Mapping[tuple[str, str], Sequence[Reply]]
"""By model and probe, each by number."""


@dataclass(frozen=True, slots=True)
class CaseSet:
    """What a judge is asked about in a judge set.

    Attributes:
        path: The set, relative to the root.
        pairwise: None where no pairs are compared.
    """

    evalset: JudgeSet
    path: str
    replies: Replies
    rubric: Rubric
    pairwise: Rubric | None

    def cases(self, controls: re.Pattern[str] | None) -> list[Case]:
        """Return all cases for one judge.

        Args:
            controls: Finds what the judge's tokenizer would not read as text.
        """
        return [*self._absolute(controls), *self._pairs(controls), *self._canaries(controls)]

    def results(self, rulings: Mapping[str, Rulings]) -> list[ProbeResult]:
        """Return the judged answers; a score is the mean of all judges' values.

        Args:
            rulings: By judge.
        """
        found: list[ProbeResult] = []
        for probe, model, replies in self._each():
            names = [_answer_id(model, probe, reply) for reply in replies]
            answers = [
                self._answered(reply, {judge: own.get(name) for judge, own in rulings.items()})
                for reply, name in zip(replies, names, strict=True)
            ]
            found.append(
                ProbeResult(
                    evalset=self.path,
                    model=model,
                    probe=probe.id,
                    kind=probe.kind,
                    question=probe.question,
                    points=tuple(probe.points),
                    answers=tuple(answers),
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

    def canary_results(self, judge: str, rulings: Rulings) -> list[CanaryResult]:
        """Return how one judge took the deliberately bad answers."""
        limit = self.evalset.judge.canary_limit
        found: list[CanaryResult] = []
        for probe, canary in self._all_canaries():
            ruling = rulings[_canary_id(probe, canary.kind)]
            broke = ruling.value is not None and ruling.value > limit
            found.append(
                CanaryResult(self.path, judge, probe.id, canary.kind, ruling, limit, broke)
            )
        return found

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

    def _absolute(self, controls: re.Pattern[str] | None) -> list[Case]:
        return [
            Case(
                _answer_id(model, probe, reply),
                "absolute",
                tuple(
                    absolute_messages(
                        self.rubric,
                        question=probe.question,
                        points=probe.points,
                        answer=self._fence(reply.text, controls),
                        controls=controls,
                    )
                ),
            )
            for probe, model, replies in self._each()
            for reply in replies
            if reply.problem is None
        ]

    def _pairs(self, controls: re.Pattern[str] | None) -> list[Case]:
        found: list[Case] = []
        for probe, (model, reply), (against, other) in self._paired():
            assert self.pairwise is not None
            sides = self._fence(reply.text, controls), self._fence(other.text, controls)
            for turned, (first, second) in enumerate((sides, sides[::-1])):
                messages = pairwise_messages(
                    self.pairwise,
                    question=probe.question,
                    points=probe.points,
                    first=first,
                    second=second,
                    controls=controls,
                )
                name = _pair_id(model, against, probe, reply, turned)
                found.append(Case(name, "pairwise", tuple(messages)))
        return found

    def _canaries(self, controls: re.Pattern[str] | None) -> list[Case]:
        return [
            Case(
                _canary_id(probe, canary.kind),
                "absolute",
                tuple(
                    absolute_messages(
                        self.rubric,
                        question=probe.question,
                        points=canary.points,
                        answer=self._fence(canary.answer, controls),
                        controls=controls,
                    )
                ),
            )
            for probe, canary in self._all_canaries()
        ]

    def _all_canaries(self) -> list[tuple[ProbeSpec, Canary]]:
        """Return the canaries of every probe that was answered."""
        asked = {probe.id for probe, _, _ in self._each()}
        probes = [probe for probe in self.evalset.probes if probe.id in asked]
        answers = [self._some_answer(probe) for probe in probes]
        found: list[tuple[ProbeSpec, Canary]] = []
        for place, probe in enumerate(probes):
            # The next probe's answer is about something else, unless it was given here as well, as
            # one refusal may be to two probes.
            own = self._texts(probe)
            later = answers[place + 1 :] + answers[:place]
            others = [text for text in later if text and text not in own]
            made = canaries(
                probe.question,
                probe.points,
                others=[one.points for one in self.evalset.probes if one.id != probe.id],
                other_answer=next(iter(others), ""),
                answer=answers[place],
                lang=self.evalset.lang,
            )
            found += [(probe, canary) for canary in made]
        return found

    def _texts(self, probe: ProbeSpec) -> list[str]:
        """Return all answers to a probe."""
        return [
            reply.text
            for model in self.evalset.models
            for reply in self.replies.get((model, probe.id), ())
            if reply.problem is None
        ]

    def _some_answer(self, probe: ProbeSpec) -> str:
        """Return the first answer with text to a probe, or nothing."""
        return next((text for text in self._texts(probe) if text.strip()), "")

    def _answered(self, reply: Reply, rulings: Mapping[str, Ruling | None]) -> JudgedAnswer:
        known = {judge: ruling for judge, ruling in rulings.items() if ruling is not None}
        values = [ruling.value for ruling in known.values()]
        whole = [value for value in values if value is not None]
        return JudgedAnswer(
            number=reply.number,
            seed=reply.seed,
            text=reply.text,
            tokens=reply.tokens,
            cut=reply.cut,
            problem=reply.problem,
            rulings=known,
            score=statistics.fmean(whole) if whole and len(whole) == len(rulings) else None,
            thought=reply.thought,
        )


def _answer_id(model: str, probe: ProbeSpec, reply: Reply) -> str:
    return f"answer {model} {probe.id} {reply.number}"


def _pair_id(model: str, against: str, probe: ProbeSpec, reply: Reply, turned: int) -> str:
    return f"pair {model} {against} {probe.id} {reply.number} {turned}"


def _canary_id(probe: ProbeSpec, kind: CanaryKind) -> str:
    return f"canary {probe.id} {kind}"
