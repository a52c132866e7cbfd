"""Passports: what gold labels say of a judge, kept in a file and asked for before it may gate."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

from pydantic import TypeAdapter, ValidationError

from harness.errors import HarnessError
from harness.jsontext import json_text
from harness.judge.passport_checks import check_figures, check_share
from harness.judge.passport_figures import PassportSet
from harness.judge.point_figures import PointPassport
from harness.reasons import Reason
from harness.records import Choice, Figure
from harness.spec.judgeset import MAX_ANSWER_CHARS, PassportSpec
from harness.writing import write_whole

FOLDER = "passports"
FORMAT = 2
MAX_UNSCORED = 0.02
"""Share of gold pairs without a verdict, or of answers without a score, above which a set does not
certify: what a judge leaves out may be what it gets wrong."""
CHANCE = 0.5
LENGTH_ALONE = 0.95
"""Share of a set's pairs that the rule "the longer is better", or its contrary, gets right, from
which the set says nothing of a judge."""

Doubt = Literal["small", "unscored", "chance", "scores", "length", "accuracy", "order_agreement"]


class PassportError(HarnessError):
    """A passport that is missing, damaged or of another format."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason=reason)
        self.why = reason


@dataclass(frozen=True, slots=True)
class BoundRubric:
    """The rubric that a passport holds for: its path in the project, and the file's digest."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Manner:
    """How a judge is run and asked, besides its weights and rubrics.

    Attributes:
        template: Digest of the chat template and of the place of the system message; at an
            endpoint, whose server has them, of the system text of models.yaml, empty without one.
        options: The engine's options that can change a verdict, as JSON.
        max_answer_chars: Longer answers are cut for the judge.
        thinking: Whether it thinks before its verdict, in words; empty where that is left to its
            template or server.
        grammar: What holds a verdict to its schema, where that is not the engine's own reading.
        served: At an endpoint: the names that its responses had of the model; empty where they
            had none.
    """

    template: str = ""
    options: str = "{}"
    max_answer_chars: int = MAX_ANSWER_CHARS
    thinking: str = ""
    grammar: str = ""
    served: str = ""


@dataclass(frozen=True, slots=True)
class AskedTwice:
    """A gold pair that a judge was asked about twice, and what it said at first.

    Attributes:
        gold: Name of the set.
        pair: Its id there.
        forward: The verdict with the file's first answer shown first.
        backward: With the second one shown first.
    """

    gold: str
    pair: str
    forward: Choice
    backward: Choice


@dataclass(frozen=True, slots=True)
class Retest:
    """How well a judge repeats itself, and what it is known by again.

    Attributes:
        files: Where each gold set is, by its name: in the project, or on the hub.
        asked: The pairs that it was asked about twice, with a verdict in both orders each time.
        moved: Those of them that had another verdict in an order at the second time.
    """

    files: dict[str, str]
    asked: tuple[AskedTwice, ...]
    moved: int


@dataclass(frozen=True, slots=True)
class Reworded:
    """How much of a judge's verdicts hangs on the words of the rubric.

    Attributes:
        rubric: Another wording of the pairwise rubric.
        asked: Gold pairs that the judge was asked about by it, too.
        moved: Share of those with a verdict in both orders by both wordings that have another
            verdict in an order; None where there are none.
    """

    rubric: BoundRubric
    asked: int
    moved: Figure | None


@dataclass(frozen=True, slots=True)
class Passport:
    """What is known of a judge, and under which conditions.

    Attributes:
        judge: Name in models.yaml.
        model_digest: Of its weights, or of an endpoint's address and model.
        source: Where it is from, as models.yaml says: of an endpoint, model name and address; for
            the reader.
        engine: Name of the engine.
        dtype: Precision of the weights.
        manner: How it was run and asked.
        version: Of the engine; for the reader, a passport is not bound to it.
        rubric: Absolute rubric.
        pairwise: Pairwise rubric.
        made: Day, as YYYY-MM-DD.
        passing: Score from which an answer counts as good in sensitivity and specificity.
        sets: One for each gold file.
        points: Of its verdicts on points, None where they were not measured.
        retest: How well it repeats itself; None where it never had a verdict twice, and of
            passports made before this was asked.
        tried: By digest of a gold set, the digests of other rubrics that the judge was measured
            by on it before, as far as its passports followed one another in one file.
        reworded: What other wordings of the pairwise rubric change.
    """

    judge: str
    model_digest: str
    engine: str
    dtype: str
    manner: Manner
    version: str
    rubric: BoundRubric
    pairwise: BoundRubric
    made: str
    passing: float
    sets: tuple[PassportSet, ...]
    points: PointPassport | None = None
    source: str = ""
    retest: Retest | None = None
    tried: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reworded: tuple[Reworded, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    format: int
    passport: Passport


_FILE = TypeAdapter(_File)


def save_passport(path: Path, passport: Passport) -> None:
    """Write a passport whole, in place of an earlier one.

    Raises:
        OSError: It cannot be written.
    """
    text = json_text(asdict(_File(FORMAT, passport)), indent=1)
    write_whole(path, text + "\n")


def load_passport(path: Path) -> Passport:
    """Read a passport.

    Raises:
        PassportError: There is none, or it is damaged or of another format; without a fix.
    """
    shown = shown_path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise PassportError(
                Reason("passport_format", {"path": shown, "found": str(found), "present": FORMAT})
            )
        passport = _FILE.validate_json(json.dumps(data), strict=True).passport
        check_figures(passport.sets, passport.points)
        _check_retest(passport.retest)
        for one in passport.reworded:
            check_share(f"{one.rubric.path}: moved", one.moved, one.asked)
    except FileNotFoundError as error:
        raise PassportError(Reason("passport_missing", {"path": shown})) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _damaged(shown, f"{where}: {first['msg'].lower()}") from error
    except (OSError, ValueError, RecursionError) as error:
        first_line = " ".join(str(error).splitlines()[:1])
        raise _damaged(shown, first_line) from error
    return passport


def _damaged(shown: str, detail: str) -> PassportError:
    return PassportError(Reason("passport_damaged", {"path": shown, "detail": detail}))


def shown_path(path: Path) -> str:
    """Return a passport's path as users know it: `passports/<judge>.json`."""
    return f"{path.parent.name}/{path.name}"


def doubts(one: PassportSet, demands: PassportSpec) -> list[Doubt]:
    """Return why a set does not vouch for a judge, the gravest reason first; none if it does.

    A demand is met when the lower end of the figure's 95% interval reaches it: 9 of 10 pairs are
    no proof of 0.7, 90 of 100 are. Whatever the demands, a judge must be shown to be better than
    chance: where it settles pairs, and by its absolute scores; and on pairs of which the longer
    answer, or the shorter, is not nearly always the better: there a ruler would do as well. What
    a small set or one with many verdicts missing says otherwise is not looked at.
    """
    if not one.certifies:
        return ["small"]
    answers = sum(one.score_unscored.values())
    if one.n - one.scored > MAX_UNSCORED * one.n or answers > MAX_UNSCORED * 2 * one.n:
        return ["unscored"]
    by_length = one.figures.get("human_prefers_longer")
    found: dict[Doubt, bool] = {
        "chance": not _exceeds(one, "accuracy_decided", CHANCE),
        "scores": not _exceeds(one, "score_accuracy", CHANCE),
        "length": by_length is not None and abs(by_length.value - 0.5) >= LENGTH_ALONE - 0.5,
        "accuracy": one.figures["accuracy"].low < demands.min_accuracy,
        "order_agreement": one.figures["order_agreement"].low < demands.min_order_agreement,
    }
    return [name for name, holds in found.items() if holds]


def large_sets(passport: Passport) -> list[PassportSet]:
    """Return the sets that are more than smoke tests, the least accurate first."""
    large = [one for one in passport.sets if one.certifies]
    return sorted(large, key=lambda one: (_accuracy(one), one.name))


def _accuracy(one: PassportSet) -> float:
    """Return the lower end of the accuracy, below all others where no pair has a verdict."""
    return one.figures["accuracy"].low if "accuracy" in one.figures else -1.0


def _exceeds(one: PassportSet, name: str, bound: float) -> bool:
    figure = one.figures.get(name)
    return figure is not None and figure.low > bound


def _check_retest(known: Retest | None) -> None:
    if known and not 0 <= known.moved <= len(known.asked) > 0:
        raise ValueError(f"{known.moved} moved of {len(known.asked)}")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of a passport")
