"""A judged model in two runs of the same probes: whether they can be compared, and what differs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from harness.gates.threshold import half_width_detectable
from harness.reasons import Reason
from harness.records import Contrast, JudgedBasis, PairedFigure, ProbeResult, Treatment
from harness.run.provenance import told_changes
from harness.run.treatment import changed, treatment
from harness.spec.judgeset import ends_of
from harness.stats.paired import paired_clusters

PAIRED: tuple[PairedFigure, ...] = ("points", "score", "pass_rate")
"""The figures that are compared, the one that tells most first."""

_DIGEST = re.compile(r"\b[0-9a-f]{16,}\b")
_SHOWN = 12


def refusal(before: JudgedBasis, now: JudgedBasis) -> Reason | None:
    """Return why figures of two runs cannot be compared, None where they can.

    Another judge, rubric or way of asking is another scale, and other probes or points are another
    question.
    """
    if before.scale != now.scale:
        names = list(dict.fromkeys([*before.scale, *now.scale]))
        pairs = [(name, before.scale.get(name, ""), now.scale.get(name, "")) for name in names]
        return Reason("judged_scale", {"changed": _short("; ".join(told_changes(pairs)))})
    if before.probes == now.probes:
        return None
    gone, new = before.probes.keys() - now.probes.keys(), now.probes.keys() - before.probes.keys()
    other = [name for name in now.probes
             if name in before.probes and before.probes[name] != now.probes[name]]  # fmt: skip
    facts = {
        "other": ", ".join(other),
        "gone": ", ".join(name for name in before.probes if name in gone),
        "new": ", ".join(name for name in now.probes if name in new),
    }
    return Reason("judged_probes", facts)


def differences(
    before: JudgedBasis, now: JudgedBasis
) -> tuple[tuple[Treatment, ...], tuple[str, ...]]:
    """Return what differs between two runs that can be compared: its names, and each in words."""
    found = treatment(before.provenance, now.provenance)
    told = changed(before.provenance, now.provenance)
    if before.sampling != now.sampling:
        found += ("sampling",)
        told += told_changes([("sampling", before.sampling, now.sampling)])
    judges = [(f"engine of judge {name}", old, now.judged_by.get(name, ""))
              for name, old in before.judged_by.items()]  # fmt: skip
    return found, tuple(map(_short, told + told_changes(judges)))


def _short(words: str) -> str:
    """Return words with the beginnings of digests in their place."""
    return _DIGEST.sub(lambda found: found[0][:_SHOWN], words)


def probe_means(
    probes: Sequence[ProbeResult], figure: PairedFigure, *, passing: float | None
) -> dict[str, float]:
    """Return a figure of each probe that has it: the mean over its answers.

    Args:
        probes: Of one model.
        figure: Which.
        passing: Score from which an answer counts as good; None where nothing is scored.
    """
    values: dict[str, list[float]] = {}
    for one in probes:
        if figure == "points":
            own = one.shares
        elif figure == "score":
            own = one.scores
        else:
            own = [] if passing is None else [float(score >= passing) for score in one.scores]
        if own:
            values[one.probe] = own
    return {probe: fmean(own) for probe, own in values.items()}


def without_verdict(probes: Sequence[ProbeResult], figure: PairedFigure) -> float:
    """Return the share of a model's answers that a figure does not know."""
    answers = [one for probe in probes for one in probe.answers]
    lost = sum((one.share if figure == "points" else one.score) is None for one in answers)
    return lost / len(answers) if answers else 1.0


def contrasts(
    before: Sequence[ProbeResult],
    now: Sequence[ProbeResult],
    *,
    passing: float | None,
    alike: bool = False,
) -> tuple[Contrast, ...]:
    """Return the figures of two runs of a model on the probes that have them in both.

    Args:
        before: Of one run.
        now: Of the run that is judged.
        passing: Of `probe_means`.
        alike: Whether both are of the very same system. Where all answers have the same verdicts as
            well, the two differ by nothing.
    """
    unchanged = alike and gave(before) == gave(now)
    found = (
        paired_means(
            probe_means(before, figure, passing=passing),
            probe_means(now, figure, passing=passing),
            figure,
            probes=[one.probe for one in now],
            unchanged=unchanged,
        )
        for figure in PAIRED
    )
    return tuple(one for one in found if one is not None)


def paired_means(
    before: Mapping[str, float],
    now: Mapping[str, float],
    figure: PairedFigure,
    *,
    probes: Sequence[str],
    unchanged: bool = False,
) -> Contrast | None:
    """Return a figure of two runs, each probe counting once: now minus before.

    The interval is Student's over the probes' differences, see `paired_clusters`. A single probe
    says nothing of how probes differ, and its interval holds all that there can be.

    Args:
        before: Means of the probes of one run, in units of the figure.
        now: Of the run that is judged.
        figure: Which.
        probes: All that were asked.
        unchanged: Whether both are the same results of the same system.

    Returns:
        The difference; `lost` and `won` count probes that became worse and better. None where no
        probe has a mean in both.
    """
    shared = [name for name in probes if name in before and name in now]
    if not shared:
        return None
    least, greatest = ends_of(figure)
    span = float(greatest - least)
    first, second = (
        np.clip((np.array([side[name] for name in shared]) - least) / span, 0.0, 1.0)
        for side in (before, now)
    )
    low, high, p = -1.0, 1.0, 1.0
    if unchanged:
        low, high = 0.0, 0.0
    elif len(shared) > 1:
        found = paired_clusters(first, second, range(len(shared)))
        low, high, p = found.low, found.high, found.p
    return Contrast(
        figure=figure,
        first=least + span * float(first.mean()),
        second=least + span * float(second.mean()),
        low=span * low,
        high=span * high,
        p=p,
        lost=int((second < first).sum()),
        won=int((second > first).sum()),
        n=len(shared),
        left_out=len(probes) - len(shared),
        detectable=half_width_detectable(span * low, span * high, most=span),
    )


def gave(probes: Sequence[ProbeResult]) -> dict[str, list[tuple[object, ...]]]:
    """Return what each answer's figures are made of."""
    return {
        one.probe: [(answer.seed, answer.score, answer.share) for answer in one.answers]
        for one in probes
    }
