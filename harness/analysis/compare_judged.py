"""The judged models of two runs, A and B, probe by probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.judged_findings import Trust
from harness.analysis.judged_pairs import JudgedSide, model_changes, pair_runs
from harness.analysis.judged_sets import trust
from harness.analysis.match_runs import match_models
from harness.analysis.run_findings import ModelPair, RefusedPair
from harness.reasons import Reason
from harness.records import Judged

Named = tuple[str, str]
"""A judged model by eval set and name."""


@dataclass(frozen=True, slots=True)
class ComparedModels:
    """What becomes of the judged models of two runs; see `RunComparison`."""

    pairs: tuple[ModelPair, ...]
    refused: tuple[RefusedPair, ...]
    only_first: tuple[Named, ...]
    only_second: tuple[Named, ...]


def compare_judged(
    a: Judged, b: Judged, *, renamed: Mapping[str, str], against: str
) -> ComparedModels:
    """Return what the judged models of run B differ from those of run A in.

    All figures of all models are one family of tests.

    Args:
        a: Of the run that is compared with.
        b: Of the run that is judged.
        renamed: See `match_rows`.
        against: Likewise.
    """
    matched = match_models(models_of(a), models_of(b), renamed=renamed, against=against)
    refused, fit = list[RefusedPair](), []
    for first, second in matched.pairs:
        before, now = _side(a, first), _side(b, second)
        if before is None or now is None:
            refused.append(RefusedPair(second[0], first[1], second[1], Reason("judged_untold")))
            continue
        pair = pair_runs(before, now)
        if pair.refused:
            refused.append(RefusedPair(second[0], first[1], second[1], pair.refused))
        else:
            fit.append(pair)
    changes = model_changes(fit)
    pairs = tuple(
        ModelPair(
            _worse(trust(a, one.evalset), trust(b, one.evalset)),
            one,
            tuple(c for c in changes if (c.evalset, c.model) == (one.evalset, one.model)),
        )
        for one in fit
    )
    return ComparedModels(pairs, tuple(refused), matched.only_first, matched.only_second)


def models_of(judged: Judged) -> list[Named]:
    """Return the judged models of a run, in their order."""
    return [(one.evalset, one.model) for one in judged.standings]


def point_texts(judged: Judged, evalsets: Sequence[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the points of the probes of eval sets."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in judged.probes:
        if one.evalset in evalsets:
            found.setdefault(one.evalset, {})[one.probe] = one.points
    return found


def _side(judged: Judged, of: Named) -> JudgedSide | None:
    basis = next((one for one in judged.bases if (one.evalset, one.model) == of), None)
    if basis is None:
        return None
    return JudgedSide(basis, tuple(one for one in judged.probes if (one.evalset, one.model) == of))


def _worse(first: Trust, second: Trust) -> Trust:
    order: tuple[Trust, ...] = ("void", "untrusted", "trusted")
    return min((first, second), key=order.index)
