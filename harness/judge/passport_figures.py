"""Rulings on gold pairs -> what they say of the judge, each figure with n and interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.judge.gold import GoldSet
from harness.judge.ruled_pair import BACKWARD, FORWARD, RuledPair, longer_answer
from harness.markdown import cut
from harness.records import Figure, PointRuling, Ruling
from harness.stats.agreement import cohens_kappa, mean_kappa
from harness.stats.clusters import clustered_share
from harness.stats.intervals import clopper_pearson_interval

SMOKE = 30
"""Pairs below which a set is a smoke test, which certifies nothing."""


@dataclass(frozen=True, slots=True)
class PassportSet:
    """What one gold set says of a judge.

    Attributes:
        name: Of the gold set.
        digest: SHA-256 of its file.
        n: Pairs asked about, of `total` in the file, near copies of others left out.
        scored: Pairs with a verdict in both orders.
        figures: By name, see `measure`; what had nothing to be counted on is left out.
        counts: By name, see `measure`.
        unscored: Pairs without a verdict in an order, by reason.
        score_unscored: Answers without a score, by reason.
        scores: By id of a pair without a human tie, the scores of people's answer and of the
            other, None for one without: how several judges' means would have come out.
    """

    name: str
    digest: str
    n: int
    total: int
    scored: int
    figures: dict[str, Figure]
    counts: dict[str, int]
    unscored: dict[str, int] = field(default_factory=dict)
    score_unscored: dict[str, int] = field(default_factory=dict)
    scores: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)

    @property
    def certifies(self) -> bool:
        """Whether it is more than a smoke test: large, verdicts or not, and a whole file."""
        return self.n >= SMOKE and self.n >= self.total


def measure(gold: GoldSet, ruled: Sequence[RuledPair], *, passing: float) -> PassportSet:
    """Return what a gold set says of a judge.

    A pair is *scored* with a verdict in both orders, *settled* for an answer that both orders
    prefer, and undecided (as a tie) otherwise. Figures over pairs have Clopper and Pearson's
    interval; those over verdicts have one that allows for the two verdicts of a pair.

    Of pairs:

    - `accuracy`: scored pairs where both orders say what people say. A tie or a disagreement is
      right only where people see a tie and both orders do. A coin reaches 1/4, not 1/2.
    - `accuracy_decided`: settled pairs, of those where people see no tie, that are settled for
      people's answer. A coin reaches 1/2, whatever its preference for a place.
    - `both_orders_correct`: as `accuracy`, but of all pairs: one without a verdict is not right.
    - `order_agreement`: scored pairs where both orders prefer the same answer, or both see a tie.
    - `kappa`: Cohen's, of people's and the settled verdicts first, second and undecided: the
      agreement beyond that of chance, from -1 to 1.
    - `human_prefers_longer`: scored pairs without a human tie, of unequal length in characters,
      where people prefer the longer answer; the measure for `prefers_longer`.

    Of verdicts:

    - `accuracy_forward`: verdicts with the file's first answer shown first that are people's own;
      `accuracy_backward` with it shown second. A coin without ties reaches 1/2.
    - `accuracy_verdicts`: verdicts of scored pairs that are people's own: the mean of both orders,
      which papers mostly call accuracy.
    - `kappa_verdicts`: the mean over both orders of Cohen's kappa of people's verdicts and the
      order's, in scored pairs; a tie is a word of its own where there is one.
    - `prefers_longer`: verdicts for one of two answers, on the pairs of `human_prefers_longer`,
      that are for the longer. Preferences for a place cancel, as both orders count.
    - `prefers_first`: verdicts for one of two answers, in scored pairs, that are for the one shown
      first; 1/2 without a preference.
    - `tie_rate`: verdicts that are ties.
    - `parse_rate`: pairwise questions that have a verdict.

    Of absolute scores:

    - `score_accuracy`: pairs without a human tie and with both scores, where people's answer has
      the higher score; an equal score is not right.
    - `score_ties`: the same pairs, where both scores are equal.
    - `sensitivity`: people's answers, of those with a score, that score at least `passing`.
    - `specificity`: the others, of those with a score, that score less.
    - `score_parse_rate`: answers that have a score.
    - `score_expected`: scores that are an expectation over probabilities, not the written number.

    Counts, to correct the rate of pairs that an answer wins in both orders (see
    `harness.judge.error_rates`): `positives` are scored pairs whose first answer people
    prefer, `true_positives` those settled for it; `negatives` all other scored pairs,
    `true_negatives` those not settled for the first. Each pair counts once. Those named `score_`
    are what sensitivity and specificity are made of: better answers are positive, worse ones
    negative, and one passes that scores at least `passing`. That a worse answer should fail is a
    demand of its own, which people were not asked about.

    Args:
        gold: The set.
        ruled: Its pairs, or the first of them, with the rulings.
        passing: Score from which an answer counts as good.

    Raises:
        ValueError: If there are no pairs.
    """
    if not ruled:
        raise ValueError("a judge is measured on one gold pair at least")
    scored = [one for one in ruled if one.settled is not None]
    unscored = Counter(reason_text(o.forward, o.backward) for o in ruled if o.settled is None)
    answers = [side for one in ruled for side in (one.first, one.second)]
    lost = Counter(reason_text(side) for side in answers if side.value is None)
    return PassportSet(
        name=gold.name,
        digest=gold.digest,
        n=len(ruled),
        total=len(gold.pairs),
        scored=len(scored),
        figures=_of_pairs(ruled, scored) | _of_verdicts(ruled, scored) | _of_scores(ruled, passing),
        counts=_win_counts(scored) | _score_counts(ruled, passing),
        unscored=dict(unscored),
        score_unscored=dict(lost),
        scores=dict(_scores(ruled)),
    )


def reason_text(*rulings: Ruling | PointRuling) -> str:
    """Return why there is no verdict, without texts, which may repeat what was asked."""
    problem = next((one.problem for one in rulings if one.problem), None)
    if problem is None:
        return "no verdict"
    left = cut(problem.redacted().text, 200)
    # Of what an engine said in its own words, what stands before the details.
    return left if any(map(str.isalnum, left)) else problem.text.partition(":")[0][:80]


def _of_pairs(ruled: Sequence[RuledPair], scored: Sequence[RuledPair]) -> dict[str, Figure]:
    decided = [one for one in scored if "tie" not in (one.settled, one.pair.better)]
    uneven = [one for one in scored if longer_answer(one.pair) and one.pair.better != "tie"]
    found = {
        "accuracy": _share([one.right for one in scored]),
        "accuracy_decided": _share([one.right for one in decided]),
        "both_orders_correct": _share([one.right for one in ruled]),
        "order_agreement": _share([one.agree is True for one in scored]),
        "kappa": _kappa(scored),
        "human_prefers_longer": _share(
            [longer_answer(one.pair) == one.pair.better for one in uneven]
        ),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _of_verdicts(ruled: Sequence[RuledPair], scored: Sequence[RuledPair]) -> dict[str, Figure]:
    every = [(one.pair, side.choice) for one in ruled for side in (one.forward, one.backward)]
    longer = [
        (pair.id, verdict == longer_answer(pair))
        for one in scored
        for pair in (one.pair,)
        for verdict in one.words
        if longer_answer(pair) and pair.better != "tie" and verdict != "tie"
    ]
    first = [
        (one.pair.id, side.choice == "A")
        for one in scored
        for side in (one.forward, one.backward)
        if side.choice in ("A", "B")
    ]
    forward = [one for one in ruled if one.forward.choice is not None]
    backward = [one for one in ruled if one.backward.choice is not None]
    found = {
        "accuracy_verdicts": clustered_share(
            [(one.pair.id, word == one.pair.better) for one in scored for word in one.words]
        ),
        "kappa_verdicts": _mean_kappa(scored),
        "accuracy_forward": _share([FORWARD[o.forward.choice] == o.pair.better for o in forward]),
        "accuracy_backward": _share(
            [BACKWARD[o.backward.choice] == o.pair.better for o in backward]
        ),
        "prefers_longer": clustered_share(longer),
        "prefers_first": clustered_share(first),
        "tie_rate": clustered_share([(pair.id, c == "tie") for pair, c in every if c is not None]),
        "parse_rate": clustered_share([(pair.id, choice is not None) for pair, choice in every]),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _of_scores(ruled: Sequence[RuledPair], passing: float) -> dict[str, Figure]:
    answers = [(one.pair.id, side.value is not None)
               for one in ruled for side in (one.first, one.second)]  # fmt: skip
    whole = [(better, worse) for _, (better, worse) in _scores(ruled)
             if better is not None and worse is not None]  # fmt: skip
    scores = [side for one in ruled for side in (one.first, one.second) if side.value is not None]
    counts = _score_counts(ruled, passing)
    found = {
        "score_accuracy": _share([better > worse for better, worse in whole]),
        "score_ties": _share([better == worse for better, worse in whole]),
        "sensitivity": _rate(counts["score_true_positives"], counts["score_positives"]),
        "specificity": _rate(counts["score_true_negatives"], counts["score_negatives"]),
        "score_parse_rate": clustered_share(answers),
        "score_expected": _share([score.expected for score in scores]),
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _win_counts(scored: Sequence[RuledPair]) -> dict[str, int]:
    positive = [one.settled == "first" for one in scored if one.pair.better == "first"]
    negative = [one.settled != "first" for one in scored if one.pair.better != "first"]
    return {
        "true_positives": sum(positive),
        "positives": len(positive),
        "true_negatives": sum(negative),
        "negatives": len(negative),
    }


def _score_counts(ruled: Sequence[RuledPair], passing: float) -> dict[str, int]:
    better = [score for _, (score, _) in _scores(ruled) if score is not None]
    worse = [score for _, (_, score) in _scores(ruled) if score is not None]
    return {
        "score_true_positives": sum(score >= passing for score in better),
        "score_positives": len(better),
        "score_true_negatives": sum(score < passing for score in worse),
        "score_negatives": len(worse),
    }


def _scores(ruled: Sequence[RuledPair]) -> list[tuple[str, tuple[float | None, float | None]]]:
    """Return the scores of people's answer and of the other, without pairs that they call even."""
    sides = ((one.pair, one.first.value, one.second.value) for one in ruled)
    return [(pair.id, (first, second) if pair.better == "first" else (second, first))
            for pair, first, second in sides if pair.better != "tie"]  # fmt: skip


def _rate(passed: int, n: int) -> Figure | None:
    return Figure(passed / n, *clopper_pearson_interval(passed, n), n) if n else None


def _share(passed: Sequence[bool]) -> Figure | None:
    return _rate(sum(passed), len(passed))


def _kappa(scored: Sequence[RuledPair]) -> Figure | None:
    """Return Cohen's kappa, None where people and judge are of one opinion throughout."""
    people = [one.pair.better for one in scored]
    judge = [one.settled or "tie" for one in scored]
    if len({*people, *judge}) < 2:
        return None
    found = cohens_kappa(people, judge)
    # Rounding must not make it more than perfect, nor put it outside of its interval.
    value = max(-1.0, min(1.0, found.value))
    return Figure(value, min(found.low, value), max(found.high, value), found.n)


def _mean_kappa(scored: Sequence[RuledPair]) -> Figure | None:
    """Return the mean kappa of both orders, None where one of them has none."""
    people = [one.pair.better for one in scored]
    orders = tuple(zip(*(one.words for one in scored), strict=True))
    defined = len(people) > 1 and all(len({*people, *order}) > 1 for order in orders)
    return mean_kappa(people, orders) if defined else None
