"""Whether a passport covers a judge as it is used, and meets what a judge set demands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from harness.judge.passport import (
    CHANCE,
    MAX_UNSCORED,
    Manner,
    Passport,
    PassportError,
    doubts,
    large_sets,
    load_passport,
    shown_path,
)
from harness.judge.passport_figures import SMOKE, PassportSet
from harness.judge.point_figures import CLASSES, PointPassport, point_doubt
from harness.judge.tried import as_demanded
from harness.reasons import Fact, Reason
from harness.records import Figure, PassportCheck
from harness.spec.judgeset import PassportSpec, Per

# The kind of the reason, the figure that it names, and the kind where there is no such figure.
_BY_FIGURE: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "chance": ("gold_chance", "accuracy_decided", "gold_undecided"),
        "scores": ("gold_scores", "score_accuracy", "gold_no_scores"),
        "length": ("gold_length", "human_prefers_longer", ""),
        "accuracy": ("gold_accuracy", "accuracy", ""),
        "order_agreement": ("gold_orders", "order_agreement", ""),
    }
)


def check_passport(
    path: Path,
    *,
    judge: str,
    model_digest: str,
    engine: str,
    dtype: str,
    manner: Manner,
    rubric_digest: str | None,
    pairwise_digest: str | None,
    points: tuple[str, Per] | None = None,
    spec: PassportSpec,
    options: str = "",
) -> PassportCheck:
    """Return whether a judge's passport covers it as it is used here, and meets the demands.

    Every set that is more than a smoke test must vouch for the judge (see `doubts`): a hard set
    cannot be made up for by an easy one. The figures given are those of the least accurate.

    Args:
        path: The passport, `passports/<judge>.json` in the project.
        judge: Name in models.yaml.
        model_digest: Of the weights in use.
        engine: In use.
        dtype: In use.
        manner: How the judge is run and asked here.
        rubric_digest: Of the absolute rubric in use; None where nothing is scored on the scale.
        pairwise_digest: Of the pairwise rubric in use; None where no pairs are compared.
        points: Digest of the rubric for points in use, and whether a request asks about one point;
            None where no points are judged.
        spec: What is demanded.
        options: Of the command that makes such a passport, where its defaults would not.
    """
    command = f"harness judge passport {judge}{options}"
    shown = shown_path(path)
    try:
        passport = as_demanded(load_passport(path))
    except PassportError as error:
        return _untrusted(judge, Reason("certify", {"command": command}, (error.why,)))
    large = large_sets(passport)
    figures = large[0].figures if large else {}
    reason = _other(passport, judge, model_digest, engine, dtype, rubric_digest, pairwise_digest)
    reason = reason or _otherwise(passport.manner, manner)
    reason = reason or (_other_points(passport.points, points) if points else None)
    # Pairs say nothing of a judge that decides on points alone.
    paired = rubric_digest is not None or pairwise_digest is not None
    if reason is None and paired and not large:
        most = max((one.n for one in passport.sets), default=0)
        reason = Reason("gold_too_small", {"most": most, "needed": SMOKE})
        command += "" if " --gold " in command else " --gold FILE"
    if reason:
        cause = Reason("passport", {"path": shown}, (reason,))
        found = _untrusted(judge, Reason("certify", {"command": command}, (cause,)))
    elif doubts := [
        *(line for one in large if paired and (line := _complaint(one, spec))),
        *_point_complaints(passport.points if points else None, spec),
    ]:
        found = _untrusted(judge, Reason("passport", {"path": shown}, (doubts[0],)))
    else:
        found = PassportCheck(judge, trusted=True)
    return replace(
        found,
        accuracy=figures.get("accuracy"),
        order_agreement=figures.get("order_agreement"),
        path=shown,
        points=_weakest(passport.points) if points else None,
    )


def _untrusted(judge: str, reason: Reason) -> PassportCheck:
    return PassportCheck(judge, trusted=False, problem=reason)


def _other(
    passport: Passport,
    judge: str,
    model_digest: str,
    engine: str,
    dtype: str,
    rubric: str | None,
    pairwise: str | None,
) -> Reason | None:
    """Return what differs from the conditions that the passport holds for."""
    if passport.judge != judge:
        return Reason("other_judge", {"then": passport.judge, "now": judge})
    if passport.model_digest != model_digest:
        return _digests("other_weights", passport.model_digest, model_digest)
    if (passport.engine, passport.dtype) != (engine, dtype):
        return Reason("other_engine", {"then": passport.engine, "then_dtype": passport.dtype,
                                       "now": engine, "now_dtype": dtype})  # fmt: skip
    if rubric is not None and passport.rubric.digest != rubric:
        return _digests("other_rubric", passport.rubric.digest, rubric)
    if pairwise is not None and passport.pairwise.digest != pairwise:
        return _digests("other_pairwise", passport.pairwise.digest, pairwise)
    return None


def _otherwise(then: Manner, now: Manner) -> Reason | None:
    """Return what differs in how the judge is run and asked."""
    # A switch of thinking is a variable of the template as well.
    if then.thinking != now.thinking:
        kind = "other_thinking" if then.thinking and now.thinking else (
            "thinking_is_left" if then.thinking else "thinking_was_left")  # fmt: skip
        return _changed(kind, then.thinking, now.thinking)
    if then.template != now.template:
        # At an endpoint, whose server has the template, only a system text is known.
        kind = "other_template" if then.template and now.template else (
            "system_is_gone" if then.template else "system_is_new")  # fmt: skip
        return _changed(kind, then.template[:12], now.template[:12])
    if then.options != now.options:
        return Reason("other_options", {"then": then.options, "now": now.options})
    if then.grammar != now.grammar:
        return Reason("other_grammar")
    if then.served and now.served and then.served != now.served:
        return Reason("other_served", {"then": then.served, "now": now.served})
    if then.max_answer_chars != now.max_answer_chars:
        return Reason("other_cut", {"then": then.max_answer_chars, "now": now.max_answer_chars})
    return None


def _changed(kind: str, then: str, now: str) -> Reason:
    """Return a reason of a kind that names no side which is empty."""
    return Reason(kind, {name: one for name, one in (("then", then), ("now", now)) if one})


def _digests(kind: str, then: str, now: str) -> Reason:
    return Reason(kind, {"then": then[:12] or "none", "now": now[:12] or "none"})


def _complaint(one: PassportSet, demands: PassportSpec) -> Reason | None:
    """Return the gravest reason why a set does not vouch for a judge, or None."""
    facts: dict[str, Fact] = {"set": one.name}
    reason = next(iter(doubts(one, demands)), None)
    if reason is None:
        return None
    if reason == "small":
        return Reason("gold_smoke", {**facts, "n": one.n})
    if reason == "unscored":
        return Reason("gold_unscored", {
            **facts, "lost": one.n - one.scored, "n": one.n,
            "lost_answers": sum(one.score_unscored.values()), "answers": 2 * one.n,
            "most": MAX_UNSCORED,
        })  # fmt: skip
    kind, name, absent = _BY_FIGURE[reason]
    figure = one.figures.get(name)
    if figure is None:
        return Reason(absent, facts)
    if reason == "chance" and figure.high < CHANCE:
        kind = "gold_worse"
    demand = {"accuracy": demands.min_accuracy, "order_agreement": demands.min_order_agreement}
    asked = {"demand": demand[reason]} if reason in demand else {}
    return Reason(kind, {**facts, **_known(figure), **asked})


_SIDES = {"found": "points_gold_found", "left_out": "points_gold_left_out"}


def _other_points(then: PointPassport | None, now: tuple[str, Per]) -> Reason | None:
    """Return what differs in how verdicts on points are asked for, or that none were."""
    digest, per = now
    if then is None:
        return Reason("points_unmeasured")
    if then.digest != digest:
        return _digests("other_points", then.digest, digest)
    if then.per != per:
        return Reason("other_per", {"then": then.per, "now": per})
    if not any(one.certifies for one in then.sets):
        most = max((one.n for one in then.sets), default=0)
        return Reason("points_gold_small", {"most": most, "needed": SMOKE})
    return None


def _point_complaints(passport: PointPassport | None, demands: PassportSpec) -> Iterator[Reason]:
    for one in passport.sets if passport else ():
        match point_doubt(one, demands):
            case "unscored":
                yield Reason("points_gold_unscored", {
                    "set": one.name, "lost": one.points - one.scored, "n": one.points,
                    "most": MAX_UNSCORED,
                })  # fmt: skip
            case "one_sided":
                yield Reason("points_gold_one_sided", {"set": one.name})
            case "found" | "left_out" as side:
                figure = one.figures[side]
                yield Reason(_SIDES[side], {
                    "set": one.name, **_known(figure), "demand": demands.min_point_accuracy,
                })  # fmt: skip


def _weakest(passport: PointPassport | None) -> Figure | None:
    figures = [one.figures[name] for one in (passport.sets if passport else ()) if one.certifies
               for name in CLASSES if name in one.figures]  # fmt: skip
    return min(figures, key=lambda one: one.low, default=None)


def _known(figure: Figure) -> dict[str, str | int]:
    interval = f"{figure.value:.3f} [{figure.low:.2f}, {figure.high:.2f}]"
    return {"known": interval, "pairs": figure.n}
