"""Judge sets: what their scores are worth, what the orders of pairs show, who thought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from harness.analysis.compare_models import (
    duels,
    probe_points,
    probe_scores,
    probe_shares,
    reference_of,
)
from harness.analysis.findings import (
    Duel,
    JudgedSet,
    ModelChange,
    ModelProbes,
    Orders,
    Reach,
    Reliable,
    Thinkers,
    Trust,
)
from harness.analysis.judged_pairs import model_changes
from harness.analysis.points import point_moves, probe_matrices
from harness.records import (
    Figure,
    Gate,
    Judged,
    JudgeInfo,
    PairResult,
    PointRuling,
    Ruling,
    Thought,
    sum_up,
)
from harness.stats import clopper_pearson_interval, cluster_proportion_interval

GUESSING = 0.5
"""Share of pairs in which a judge that says A or B at random agrees with itself."""
# Krippendorff (2004), Content Analysis, 2nd ed., p. 241.
_TENTATIVE, _RELIABLE = 2 / 3, 0.8


def judged_sets(judged: Judged) -> list[str]:
    """Return the paths of all judge sets of a run, in their order."""
    parts: tuple[Sequence[str], ...] = (
        [one.evalset for one in judged.standings],
        [one.evalset for one in judged.judges],
        [one.evalset for one in judged.probes],
    )
    return list(dict.fromkeys(evalset for part in parts for evalset in part))


def judges_of(judged: Judged, evalset: str) -> list[JudgeInfo]:
    """Return the judges of one set."""
    return [one for one in judged.judges if one.evalset == evalset]


def trust(judged: Judged, evalset: str) -> Trust:
    """Return what a set's scores are worth; `trusted` only where everything says so."""
    judges = judges_of(judged, evalset)
    standings = [one for one in judged.standings if one.evalset == evalset]
    if any([*(one.void for one in judges), *(one.void for one in standings)]):
        return "void"
    checks = [one.check.trusted for one in judges] + [one.trusted for one in standings]
    return "trusted" if judges and standings and all(checks) else "untrusted"


def all_judged(judged: Judged, gates: Sequence[Gate] = ()) -> list[JudgedSet]:
    """Return the findings on each judge set.

    The p-values of duels are adjusted over all of them, and so are those of baselines.

    Args:
        judged: What the sets came to.
        gates: Of the run; what one plans looks for is shown where a look shows it.
    """
    found, changes = duels(judged), model_changes(judged.baselines, gates)
    return [_of_set(judged, evalset, found, changes) for evalset in judged_sets(judged)]


def _of_set(
    judged: Judged, evalset: str, found: Sequence[Duel], changes: Sequence[ModelChange]
) -> JudgedSet:
    own = [one for one in found if one.evalset == evalset]
    standings = [one for one in judged.standings if one.evalset == evalset]
    models = [one.model for one in standings]
    models += [one.model for one in judged.probes if one.evalset == evalset]
    alpha, on_points = (one.get(evalset) for one in (judged.agreement, judged.point_agreement))
    reference = reference_of(judged, evalset) or ""
    matrices = probe_matrices(judged, evalset)
    return JudgedSet(
        evalset,
        trust=trust(judged, evalset),
        reference=reference,
        agreement=alpha,
        reliable=_reliable(alpha),
        standings=tuple(replace(one, reasons={}, void=None, template=None) for one in standings),
        models=tuple(
            ModelProbes(
                model,
                probe_scores(judged, evalset, model),
                probe_points(judged, evalset, model),
                probe_shares(judged, evalset, model),
            )
            for model in dict.fromkeys(models)
        ),
        duels=tuple(own),
        orders=tuple(orders(judged, evalset)),
        reach=_reach(own, len(found)) if own else None,
        thoughts=tuple(_thinkers(judged, evalset)),
        points=tuple(matrices),
        moves=tuple(point_moves(matrices, reference)) if matrices else (),
        point_agreement=on_points,
        point_reliable=_reliable(on_points),
        changes=tuple(one for one in changes if one.evalset == evalset),
    )


def _reliable(alpha: Figure | None) -> Reliable | None:
    if alpha is None:
        return None
    return "high" if alpha.low >= _RELIABLE else "mid" if alpha.low >= _TENTATIVE else "low"


def _reach(own: Sequence[Duel], tests: int) -> Reach:
    probes = max(one.difference.n for one in own)
    low, _ = clopper_pearson_interval(probes, probes)
    # The sign-flip test has 2^n patterns, and two of them are as extreme as a clean sweep.
    return Reach(probes, low, min(1.0, tests * 2.0 ** (1 - probes)))


def orders(judged: Judged, evalset: str) -> list[Orders]:
    """Return what the pairs of a set say of each judge."""
    by: dict[str, list[PairResult]] = {}
    for pair in judged.pairs:
        if pair.evalset == evalset and pair.agree is not None:
            by.setdefault(pair.judge, []).append(pair)
    return [_orders(judge, pairs) for judge, pairs in by.items()]


def _orders(judge: str, pairs: Sequence[PairResult]) -> Orders:
    n, agree = len(pairs), [bool(pair.agree) for pair in pairs]
    probes = [pair.probe for pair in pairs]
    low, high = (
        cluster_proportion_interval(agree, probes)
        if len(set(probes)) > 1
        # One probe says nothing of how probes differ.
        else (0.0, 1.0)
    )
    split = [(pair.forward.choice, pair.backward.choice) for pair in pairs if not pair.agree]
    return Orders(
        judge,
        Figure(sum(agree) / n, low, high, n),
        first=split.count(("A", "A")),
        second=split.count(("B", "B")),
        tie=sum("tie" in choices for choices in split),
        better=low > GUESSING,
    )


def _thinkers(judged: Judged, evalset: str) -> Iterable[Thinkers]:
    """Yield what each model and each judge of a set thought."""
    answers: dict[str, list[Thought]] = {}
    for probe in judged.probes:
        if probe.evalset == evalset:
            found = [one.thought for one in probe.answers if one.thought is not None]
            answers.setdefault(probe.model, []).extend(found)
    rulings: dict[str, list[Thought]] = {}
    for judge, ruling in _rulings(judged, evalset):
        if ruling.thought is not None:
            rulings.setdefault(judge, []).append(ruling.thought)
    for who, thoughts in answers.items():
        if (summed := sum_up(thoughts)) is not None:
            yield Thinkers(who, "answers", summed)
    for who, thoughts in rulings.items():
        if (summed := sum_up(thoughts)) is not None:
            yield Thinkers(who, "rulings", summed)


def _rulings(judged: Judged, evalset: str) -> Iterable[tuple[str, Ruling | PointRuling]]:
    """Return all that the judges of a set ruled."""
    of_answers = (
        item
        for probe in judged.probes
        if probe.evalset == evalset
        for answer in probe.answers
        for item in answer.rulings.items()
    )
    of_pairs = (
        (pair.judge, ruling)
        for pair in judged.pairs
        if pair.evalset == evalset
        for ruling in (pair.forward, pair.backward)
    )
    of_canaries = ((one.judge, one.ruling) for one in judged.canaries if one.evalset == evalset)
    of_points = (
        (judge, ruling)
        for probe in judged.probes
        if probe.evalset == evalset
        for answer in probe.answers
        for judge, rulings in answer.points.items()
        for ruling in rulings
    )
    return chain(of_answers, of_points, of_pairs, of_canaries)
