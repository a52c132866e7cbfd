"""A judge set as users write it: probe questions, the models that answer, the judges, the gates."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.records import Json, Tier
from harness.spec.base import Name, Strict, Word, complain
from harness.spec.gatespec import check_tier, on_inconclusive_default
from harness.spec.probespec import ProbeSpec, check_unique

LOWEST, HIGHEST = 1, 10
"""The scale of an absolute verdict, both ends included."""

MAX_ANSWER_CHARS = 8000
"""Characters of an answer that a judge is shown, unless a set or an option says otherwise."""

Share = Annotated[float, Field(ge=0, le=1)]
JudgedFigure = Literal["score", "points", "pass_rate", "win_rate", "unscored"]
Per = Literal["point", "answer"]


def ends_of(figure: JudgedFigure) -> tuple[float, float]:
    """Return the least and the greatest value of a figure."""
    return (LOWEST, HIGHEST) if figure == "score" else (0, 1)


class AnswerSpec(Strict):
    """How the models answer.

    Attributes:
        n: Answers to each probe.
        seed: Of the first answer; the following ones count on from it.
        system: System message, empty for none.
    """

    n: Annotated[int, Field(ge=1, le=100)] = 3
    seed: Annotated[int, Field(ge=0)] = 0
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    max_tokens: Annotated[int, Field(ge=1)] = 512
    system: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.n > 1 and self.temperature == 0:
            raise complain("several answers at temperature 0 are one answer; raise it, or write "
                           "n: 1")  # fmt: skip
        return self


class PassportSpec(Strict):
    """What a judge must have shown on gold labels before its scores gate anything.

    Attributes:
        gold: Files of gold pairs, or `hub:OWNER/NAME/FILE`; `point_gold` files of marked answers.
    """

    min_accuracy: Share = 0.7
    min_order_agreement: Share = 0.7
    min_point_accuracy: Share = 0.7
    gold: list[Word] = Field(default_factory=list)
    point_gold: list[Word] = Field(default_factory=list)


class JudgeSpec(Strict):
    """Who judges, and how.

    Attributes:
        models: Judges of `models.yaml`; several are a jury, whose scores are averaged.
        rubric: Absolute rubric under `prompts/`; None scores nothing on the scale.
        points: Rubric for points under `prompts/`; None gives no verdict on single points.
        per: Whether a request asks about one point, or about all points of an answer.
        pairwise: Pairwise rubric under `prompts/`; None compares no pairs.
        against: The model that the others are compared with; None takes the set's first.
        passing: Score from which an answer counts as good, for `pass_rate`.
        canary_limit: Highest score that a deliberately bad answer may be given.
        canary_share: Highest share of the points that may be found in one.
        max_answer_chars: Longer answers are cut for the judge, with a mark.
    """

    models: list[Name]
    rubric: Word | None = None
    points: Word | None = None
    per: Per = "point"
    pairwise: Word | None = None
    against: Name | None = None
    passing: Annotated[float, Field(ge=LOWEST, le=HIGHEST)] = 7.0
    canary_limit: Annotated[float, Field(ge=LOWEST, le=HIGHEST)] = 4.0
    canary_share: Share = 0.5
    max_answer_chars: Annotated[int, Field(ge=100)] = MAX_ANSWER_CHARS
    passport: PassportSpec = PassportSpec()

    @property
    def rubrics(self) -> dict[str, str]:
        """The rubrics that there are, by key."""
        found = {"rubric": self.rubric, "points": self.points, "pairwise": self.pairwise}
        return {key: template for key, template in found.items() if template is not None}

    @field_validator("models")
    @classmethod
    def _some(cls, models: list[str]) -> list[str]:
        if not models:
            raise complain("is empty; name at least one judge")
        check_unique(models, "judge")
        return models

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rubric is None and self.points is None:
            raise complain("no rubric says how an answer is judged; add rubric (a score from 1 to "
                           "10) or points (a verdict on each point)")  # fmt: skip
        for key in ("per", "canary_share"):
            if self.points is None and key in self.model_fields_set:
                raise complain(f"'{key}' belongs to verdicts on points; add points, or remove it")
        for key in ("passing", "canary_limit"):
            if self.rubric is None and key in self.model_fields_set:
                raise complain(f"'{key}' belongs to scores from 1 to 10; add rubric, or remove it")
        if self.canary_limit >= self.passing:
            raise complain(
                f"canary_limit {self.canary_limit:g} is not below passing {self.passing:g}, so a "
                "deliberately bad answer could count as good; lower it, or raise passing"
            )
        return self


class JudgedGateSpec(Strict):
    """A requirement on a figure of the models whose name matches a shell pattern.

    Attributes:
        models: Shell pattern of model names.
        figure: Mean `score` (1 to 10), `points` (mean share of the points), `pass_rate`, `win_rate`
            against the reference model, or `unscored`, the share of answers without a verdict.
        no_worse_than: `baseline`: `score`, `points` or `pass_rate` is compared with the model's
            committed baseline, probe by probe.
        by: Loss against the baseline that is tolerated, in units of the figure.
        looks: How often the baseline will be looked at: the chance of a false alarm is spread over
            them, see `harness.gates.looks`.
        on_inconclusive: What becomes of a gate whose interval straddles the threshold: by default
            `fail` of `no_worse_than` without `looks`, which else would accept what it has not
            shown, and `warn` of the others.
        max_unscored: Share of answers without a verdict above which the gate fails.
        anytime: Whether it may be judged again after each further probe, and stopped at will: by an
            interval that holds at all numbers of probes, see `harness.stats.anytime`.
        tier: `advisory` is judged and told, and fails nothing.
    """

    models: str = "*"
    figure: JudgedFigure
    at_least: float | None = None
    at_most: float | None = None
    no_worse_than: Literal["baseline"] | None = None
    by: Annotated[float, Field(ge=0)] = 0.0
    looks: Annotated[int, Field(ge=1)] | None = None
    # Before what it is the default of.
    tier: Tier = "critical"
    on_inconclusive: Annotated[
        Literal["pass", "warn", "fail"], Field(default_factory=on_inconclusive_default)
    ]
    max_unscored: Share = 0.02
    anytime: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        check_tier(self.tier, self.on_inconclusive)
        if self.anytime and self.figure == "unscored":
            raise complain("'anytime' belongs to score, points, pass_rate and win_rate; leave it "
                           "out")  # fmt: skip
        bounds = (self.at_least, self.at_most, self.no_worse_than)
        if sum(bound is not None for bound in bounds) != 1:
            raise complain("needs exactly one of at_least, at_most and no_worse_than")
        if self.no_worse_than is not None:
            self._check_paired()
            return self
        for key in ("by", "looks"):
            if key in self.model_fields_set:
                raise complain(f"'{key}' belongs to no_worse_than: baseline; leave it out")
        low, high = ends_of(self.figure)
        if not low <= self.threshold <= high:
            raise complain(f"{self.bound} {self.threshold:g} is out of range: {self.figure} goes "
                           f"from {low} to {high}")  # fmt: skip
        return self

    def _check_paired(self) -> None:
        if self.figure not in ("score", "points", "pass_rate"):
            raise complain(f"{self.figure} is not compared with a baseline; compare score, points "
                           "or pass_rate")  # fmt: skip
        if self.anytime:
            raise complain("'anytime' belongs to at_least and at_most; leave it out, or plan looks")
        low, high = ends_of(self.figure)
        if self.by > high - low:
            raise complain(f"by: {self.by:g} is more than {self.figure} can differ; it goes from "
                           f"{low} to {high}")  # fmt: skip

    @property
    def bound(self) -> Literal["at_least", "at_most", "no_worse_than"]:
        """Which of the three requirements it is."""
        if self.no_worse_than is not None:
            return "no_worse_than"
        return "at_least" if self.at_least is not None else "at_most"

    @property
    def threshold(self) -> float:
        """The threshold, in units of the figure, or the loss that is tolerated."""
        if self.at_least is not None:
            return self.at_least
        return self.at_most if self.at_most is not None else self.by


class JudgeSet(Strict):
    """One YAML file under `evalsets/` with `kind: judge`."""

    kind: Literal["judge"]
    description: str = ""
    lang: Literal["en", "ru"] = "en"
    models: list[Name]
    answers: AnswerSpec = AnswerSpec()
    probes: list[ProbeSpec]
    judge: JudgeSpec
    gates: list[JudgedGateSpec] = Field(default=[])

    @field_validator("models", "probes")
    @classmethod
    def _some(cls, entries: list[Json]) -> list[Json]:
        if not entries:
            raise complain("is empty; name at least one")
        return entries

    @property
    def reference(self) -> str:
        """The model that the others are compared with."""
        return self.judge.against or self.models[0]
