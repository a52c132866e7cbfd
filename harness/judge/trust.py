"""Whether a passport covers a judge as it is used, and meets what a judge set demands."""

from __future__ import annotations

from pathlib import Path

from harness.judge.passport import (
    CHANCE,
    MAX_UNSCORED,
    Manner,
    Passport,
    PassportError,
    doubt,
    large_sets,
    load_passport,
    shown_path,
)
from harness.judge.passport_figures import SMOKE, PassportSet
from harness.records import Figure, PassportCheck
from harness.spec.judgeset import PassportSpec


def check_passport(
    path: Path,
    *,
    judge: str,
    model_digest: str,
    engine: str,
    dtype: str,
    manner: Manner,
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
        manner: How the judge is run and asked here.
        rubric_digest: Of the absolute rubric in use.
        pairwise_digest: Of the pairwise rubric in use; None where no pairs are compared.
        spec: What is demanded.
        options: Of the command that makes such a passport, where its defaults would not.
    """
    fix = f"run: harness judge passport {judge}{options}"
    shown = shown_path(path)
    try:
        passport = load_passport(path)
    except PassportError as error:
        return PassportCheck(judge, trusted=False, problem=f"{error}; {fix}")
    large = large_sets(passport)
    figures = large[0].figures if large else {}
    problem = _other(passport, judge, model_digest, engine, dtype, rubric_digest, pairwise_digest)
    problem = problem or _otherwise(passport.manner, manner)
    if problem:
        problem = f"{shown}: {problem}; {fix}"
    elif not large:
        most = max((one.n for one in passport.sets), default=0)
        problem = (f"{shown}: no gold set is large enough to certify (the largest has {most} "
                   f"pairs; {SMOKE} and a whole file are needed); {fix} --gold FILE")  # fmt: skip
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


def _otherwise(then: Manner, now: Manner) -> str:
    """Say what differs in how the judge is run and asked."""
    # A switch of thinking is a variable of the template as well.
    if then.thinking != now.thinking:
        return (f"was made with {_thinking(then.thinking)}, this run has "
                f"{_thinking(now.thinking)}")  # fmt: skip
    if then.template != now.template:
        # At an endpoint, whose server has the template, only a system text is known.
        what = "chat template" if then.template and now.template else "system text"
        return f"was made with another {what} ({_both(then.template, now.template)})"
    if then.options != now.options:
        return f"was made with the engine options {then.options}, this run has {now.options}"
    if then.grammar != now.grammar:
        return "was made with verdicts that another grammar held to their form"
    if then.served and now.served and then.served != now.served:
        return f"was made with answers of {then.served}, this run has those of {now.served}"
    if then.max_answer_chars != now.max_answer_chars:
        return (f"was made with answers cut at {then.max_answer_chars} characters, this set cuts "
                f"them at {now.max_answer_chars}")  # fmt: skip
    return ""


def _thinking(said: str) -> str:
    return f"thinking {said or 'left to the template or the server'}"


def _both(then: str, now: str) -> str:
    return f"{then[:12] or 'none'}, now {now[:12] or 'none'}"


def _complaint(one: PassportSet, demands: PassportSpec) -> str:
    """Say why a set does not vouch for a judge, or return an empty string."""
    reason = doubt(one, demands)
    figures = one.figures
    match reason:
        case None:
            return ""
        case "small":
            return f"{one.name} is a smoke test of {one.n} pairs"
        case "unscored":
            lost = one.n - one.scored
            return (f"on {one.name} {lost} of {one.n} pairs and "
                    f"{sum(one.score_unscored.values())} of {2 * one.n} answers have no verdict, "
                    f"more than {MAX_UNSCORED:.0%} of one of them")  # fmt: skip
        case "chance":
            decided = figures.get("accuracy_decided")
            if decided is None:
                return (f"on {one.name} there is no pair of which people prefer one answer and the "
                        "judge, in both orders, the same one: near chance")  # fmt: skip
            rank = "worse than chance" if decided.high < CHANCE else "near chance"
            return (f"on {one.name}, where both orders prefer the same answer, it is people's own "
                    f"in {_known(decided)}: {rank}")  # fmt: skip
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
