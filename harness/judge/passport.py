"""Passports: what gold labels say of a judge, kept in a file and asked for before it may gate."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NoReturn

from pydantic import TypeAdapter, ValidationError

from harness.errors import HarnessError
from harness.judge.measures import SMOKE, PassportSet
from harness.records import Figure, PassportCheck
from harness.spec.judgeset import PassportSpec

FOLDER = "passports"
FORMAT = 1
MAX_UNSCORED = 0.02
"""Share of gold pairs without a verdict, or of answers without a score, above which a set does not
certify: what a judge leaves out may be what it gets wrong."""
CHANCE = 0.5

Doubt = Literal["small", "unscored", "chance", "accuracy", "order_agreement", "scores"]
# Figures that every set has which is large enough to certify.
_NEEDED = ("accuracy", "order_agreement")


class PassportError(HarnessError):
    """A passport that is missing, damaged or of another format."""


@dataclass(frozen=True, slots=True)
class BoundRubric:
    """The rubric that a passport holds for: its path in the project, and the file's digest."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Passport:
    """What is known of a judge, and under which conditions.

    Attributes:
        judge: Name in models.yaml.
        model_digest: Of its weights, or of an endpoint's address and model.
        engine: Name of the engine.
        dtype: Precision of the weights.
        rubric: Absolute rubric.
        pairwise: Pairwise rubric.
        made: Day, as YYYY-MM-DD.
        passing: Score from which an answer counts as good in sensitivity and specificity.
        sets: One for each gold file.
    """

    judge: str
    model_digest: str
    engine: str
    dtype: str
    rubric: BoundRubric
    pairwise: BoundRubric
    made: str
    passing: float
    sets: tuple[PassportSet, ...]


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
    text = json.dumps(asdict(_File(FORMAT, passport)), ensure_ascii=False, allow_nan=False,
                      indent=1)  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def load_passport(path: Path) -> Passport:
    """Read a passport.

    Raises:
        PassportError: There is none, or it is damaged or of another format; without a mend.
    """
    shown = shown_path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise PassportError(f"{shown}: format {found} is not {FORMAT}")
        passport = _FILE.validate_json(json.dumps(data), strict=True).passport
        _check_figures(passport)
    except FileNotFoundError as error:
        raise PassportError(f"no passport {shown}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise PassportError(f"{shown}: damaged ({where}: {first['msg'].lower()})") from error
    except (OSError, ValueError, RecursionError) as error:
        first_line = " ".join(str(error).splitlines()[:1])
        raise PassportError(f"{shown}: damaged ({first_line})") from error
    return passport


def shown_path(path: Path) -> str:
    """Return a passport's path as users know it: `passports/<judge>.json`."""
    return f"{path.parent.name}/{path.name}"


def doubt(one: PassportSet, demands: PassportSpec) -> Doubt | None:
    """Return why a set does not vouch for a judge, the gravest reason first, or None.

    A demand is met when the lower end of the figure's 95% interval reaches it: 9 of 10 pairs are
    no proof of 0.7, 90 of 100 are. Whatever the demands, a judge must be shown to be better than
    chance: where it settles pairs, and by its absolute scores.
    """
    if not one.certifies:
        return "small"
    answers = sum(one.score_unscored.values())
    if one.n - one.scored > MAX_UNSCORED * one.n or answers > MAX_UNSCORED * 2 * one.n:
        return "unscored"
    if not _exceeds(one, "accuracy_decided", CHANCE):
        return "chance"
    if one.figures["accuracy"].low < demands.min_accuracy:
        return "accuracy"
    if one.figures["order_agreement"].low < demands.min_order_agreement:
        return "order_agreement"
    if not _exceeds(one, "score_accuracy", CHANCE):
        return "scores"
    return None


def large_sets(passport: Passport) -> list[PassportSet]:
    """Return the sets that are more than smoke tests, the least accurate first."""
    large = [one for one in passport.sets if one.certifies]
    return sorted(large, key=lambda one: (one.figures["accuracy"].low, one.name))


def check_passport(
    path: Path,
    *,
    judge: str,
    model_digest: str,
    engine: str,
    dtype: str,
    rubric_digest: str,
    pairwise_digest: str | None,
    spec: PassportSpec,
    options: str = "",
) -> PassportCheck:
    """Return whether a judge's passport covers it as it is used here, and meets the demands.

    Every set that is more than a smoke test must vouch for the judge (see `doubt`): a hard set
    cannot be made up for by an easy one. The figures given are those of the least accurate.

    Args:
        path: The passport, `passports/<judge>.json` in the project.
        judge: Name in models.yaml.
        model_digest: Of the weights in use.
        engine: In use.
        dtype: In use.
        rubric_digest: Of the absolute rubric in use.
        pairwise_digest: Of the pairwise rubric in use; None where no pairs are compared.
        spec: What is demanded.
        options: Of the command that makes such a passport, where its defaults would not.
    """
    mend = f"run: harness judge passport {judge}{options}"
    shown = shown_path(path)
    try:
        passport = load_passport(path)
    except PassportError as error:
        return PassportCheck(judge, trusted=False, problem=f"{error}; {mend}")
    large = large_sets(passport)
    figures = large[0].figures if large else {}
    problem = _other(passport, judge, model_digest, engine, dtype, rubric_digest, pairwise_digest)
    if problem:
        problem = f"{shown}: {problem}; {mend}"
    elif not large:
        most = max((one.scored for one in passport.sets), default=0)
        problem = (f"{shown}: no gold set is large enough to certify (the largest has {most} pairs "
                   f"with a verdict, {SMOKE} are needed); {mend} --gold FILE")  # fmt: skip
    else:
        doubts = (_complaint(one, spec) for one in large)
        problem = next((f"{shown}: {line}" for line in doubts if line), "")
    return PassportCheck(
        judge,
        trusted=not problem,
        problem=problem,
        accuracy=figures.get("accuracy"),
        order_agreement=figures.get("order_agreement"),
        path=shown,
    )


def _other(
    passport: Passport,
    judge: str,
    model_digest: str,
    engine: str,
    dtype: str,
    rubric: str,
    pairwise: str | None,
) -> str:
    """Say what differs from the conditions that the passport holds for."""
    if passport.judge != judge:
        return f"is the passport of {passport.judge}, not of {judge}"
    if passport.model_digest != model_digest:
        return f"was made with other weights ({_both(passport.model_digest, model_digest)})"
    if (passport.engine, passport.dtype) != (engine, dtype):
        return (f"was made on {passport.engine} in {passport.dtype}, this run is on {engine} in "
                f"{dtype}")  # fmt: skip
    if passport.rubric.digest != rubric:
        return f"was made with another rubric ({_both(passport.rubric.digest, rubric)})"
    if pairwise is not None and passport.pairwise.digest != pairwise:
        return (
            f"was made with another pairwise rubric ({_both(passport.pairwise.digest, pairwise)})"
        )
    return ""


def _both(then: str, now: str) -> str:
    return f"{then[:12]}, now {now[:12]}"


def _complaint(one: PassportSet, demands: PassportSpec) -> str:
    """Say why a set does not vouch for a judge, or return an empty string."""
    reason = doubt(one, demands)
    figures = one.figures
    match reason:
        case None:
            return ""
        case "small":
            return f"{one.name} has {one.scored} pairs with a verdict, {SMOKE} are needed"
        case "unscored":
            lost = one.n - one.scored
            return (f"on {one.name} {lost} of {one.n} pairs and "
                    f"{sum(one.score_unscored.values())} of {2 * one.n} answers have no verdict, "
                    f"more than {MAX_UNSCORED:.0%} of one of them")  # fmt: skip
        case "chance":
            return (f"on {one.name} the pairs that both orders settle are right in "
                    f"{_known(figures.get('accuracy_decided'))}: near chance")  # fmt: skip
        case "scores":
            return (f"on {one.name} the better answer has the higher score in "
                    f"{_known(figures.get('score_accuracy'))}: near chance")  # fmt: skip
        case "accuracy":
            return _below(one, "accuracy", demands.min_accuracy, "min_accuracy")
        case "order_agreement":
            return _below(one, "order_agreement", demands.min_order_agreement,
                          "min_order_agreement")  # fmt: skip


def _below(one: PassportSet, name: str, demand: float, key: str) -> str:
    words = name.replace("_", " ")
    return (f"{words} on {one.name} is {_known(one.figures[name])}; the interval's lower end does "
            f"not reach {key} {demand:g}")  # fmt: skip


def _known(figure: Figure | None) -> str:
    if figure is None:
        return "none of them"
    return f"{figure.value:.3f} [{figure.low:.2f}, {figure.high:.2f}] of {figure.n}"


def _exceeds(one: PassportSet, name: str, bound: float) -> bool:
    figure = one.figures.get(name)
    return figure is not None and figure.low > bound


def _check_figures(passport: Passport) -> None:
    """Refuse figures that no measurement has, which would pass or fail a demand at random."""
    for one in passport.sets:
        if not 0 <= one.scored <= one.n:
            raise ValueError(f"{one.name}: {one.scored} scored of {one.n}")
        for name in _NEEDED if one.certifies else ():
            if name not in one.figures:
                raise ValueError(f"{one.name}: no {name}")
        for name, figure in one.figures.items():
            least = -1 if name == "kappa" else 0
            ends = (least, figure.low, figure.value, figure.high, 1)
            if not all(map(math.isfinite, ends)) or list(ends) != sorted(ends) or figure.n < 1:
                raise ValueError(f"{one.name}: {name} is no figure")
        for part in [name for name in one.counts if "true_" in name]:
            if not 0 <= one.counts[part] <= one.counts.get(part.replace("true_", ""), -1):
                raise ValueError(f"{one.name}: {part} is no count")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of a passport")
