"""What the passports of a set's judges say of the errors that their rates are corrected by."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.judge.passport import Passport, large_sets, load_passport
from harness.judge.passport_figures import PassportSet
from harness.records import JudgeInfo
from harness.stats.corrected_rate import GoldCounts


@dataclass(frozen=True, slots=True)
class JudgeErrors:
    """What a set's judges made of gold pairs.

    Attributes:
        wins: By judge, of pairs: whether it saw that the first answer wins in both orders.
        passes: Of answers: whether the mean of all judges' scores is a pass; None where the
            passports do not tell.
    """

    wins: Mapping[str, GoldCounts]
    passes: GoldCounts | None


def errors_of(folder: Path, judges: Sequence[JudgeInfo], *, passing: float) -> JudgeErrors | None:
    """Return what judges got wrong on gold pairs; None where one is not trusted.

    Args:
        folder: Of the passports.
        judges: Of a set, with what their passports say of their use.
        passing: As for `judge_errors`.
    """
    if not all(one.check.trusted for one in judges):
        return None
    passports = [load_passport(folder / f"{one.judge}.json") for one in judges]
    return judge_errors(passports, passing=passing)


def judge_errors(passports: Sequence[Passport], *, passing: float) -> JudgeErrors | None:
    """Return the errors on the gold set that all judges know and did worst on.

    Args:
        passports: One a judge, at least one.
        passing: Score from which an answer counts as good.

    Returns:
        None where no gold set is common to all that is more than a smoke test to each.
    """
    common = _common(passports)
    if common is None:
        return None
    wins = {passport.judge: _wins(one.counts)
            for passport, one in zip(passports, common, strict=True)}  # fmt: skip
    known = {judge: counts for judge, counts in wins.items() if counts is not None}
    passes = _passes([one.scores for one in common], passing)
    return JudgeErrors(known if len(known) == len(wins) else {}, passes)


def _common(passports: Sequence[Passport]) -> list[PassportSet] | None:
    """Return one gold set as each judge did on it: where they are least accurate on average."""
    by_judge = [{(one.name, one.digest): one for one in large_sets(p)} for p in passports]
    shared = set.intersection(*(set(sets) for sets in by_judge))
    if not shared:
        return None

    def ends(key: tuple[str, str]) -> tuple[float, str]:
        found = [sets[key].figures["accuracy"].low for sets in by_judge]
        return statistics.fmean(found), key[0]

    worst = min(shared, key=ends)
    return [sets[worst] for sets in by_judge]


def _passes(
    scores: Sequence[Mapping[str, tuple[float | None, float | None]]], passing: float
) -> GoldCounts | None:
    """Return what the mean score of all judges makes of the answers that each of them scored."""
    pairs = set.intersection(*(set(own) for own in scores))
    judged = [[_passed([own[pair][side] for own in scores], passing) for pair in pairs]
              for side in (0, 1)]  # fmt: skip
    better, worse = ([one for one in side if one is not None] for side in judged)
    if not better or not worse:
        return None
    return GoldCounts(better.count(True), len(better), worse.count(False), len(worse))


def _passed(values: Sequence[float | None], passing: float) -> bool | None:
    whole = [value for value in values if value is not None]
    return statistics.fmean(whole) >= passing if len(whole) == len(values) else None


def _wins(counts: Mapping[str, int]) -> GoldCounts | None:
    names = ("true_positives", "positives", "true_negatives", "negatives")
    found = [counts.get(name, 0) for name in names]
    return GoldCounts(*found) if found[1] and found[3] else None
