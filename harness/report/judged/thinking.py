"""What the models and the judges of a judge set thought before they wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from harness.markdown import escape
from harness.records import Judged, Ruling, Thought, sum_up
from harness.report.tables import table
from harness.report.thoughts import thought_line

Words = Mapping[str, str]


def thought_table(judged: Judged, evalset: str, t: Words) -> str:
    """Return one line for each model and judge of a set that thought, "" where none did."""
    answers: dict[str, list[Thought]] = {}
    for probe in judged.probes:
        if probe.evalset == evalset:
            found = [one.thought for one in probe.answers if one.thought is not None]
            answers.setdefault(probe.model, []).extend(found)
    rulings: dict[str, list[Thought]] = {}
    for judge, ruling in _rulings(judged, evalset):
        if ruling.thought is not None:
            rulings.setdefault(judge, []).append(ruling.thought)
    lines: list[dict[str, str]] = []
    for phrase, groups in (("th_answers", answers), ("th_rulings", rulings)):
        for name, thoughts in groups.items():
            if (summed := sum_up(thoughts)) is not None:
                who = {t["h_model"]: escape(name), t["h_thought_before"]: t[phrase]}
                lines.append({**who, **thought_line(summed, t)})
    return table(lines, keep=set())


def _rulings(judged: Judged, evalset: str) -> Iterable[tuple[str, Ruling]]:
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
    return chain(of_answers, of_pairs, of_canaries)
