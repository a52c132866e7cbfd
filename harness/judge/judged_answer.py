"""A reply and all judges' rulings on it -> the answer with its score and share of points."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from harness.judge.points import mean_share
from harness.judge.replies import Reply
from harness.records import JudgedAnswer, PointRuling, Ruling


def judged_answer(
    reply: Reply,
    rulings: Mapping[str, Ruling | None],
    points: Mapping[str, tuple[PointRuling, ...]],
    weights: Sequence[float],
) -> JudgedAnswer:
    """Return an answer with what was said of it.

    Args:
        reply: The answer.
        rulings: By judge; None where one was not asked.
        points: By judge, its rulings on the points, empty where it was asked about none.
        weights: Of the points.
    """
    known = {judge: ruling for judge, ruling in rulings.items() if ruling is not None}
    values = [ruling.value for ruling in known.values()]
    whole = [value for value in values if value is not None]
    return JudgedAnswer(
        number=reply.number,
        seed=reply.seed,
        text=reply.text,
        tokens=reply.tokens,
        cut=reply.cut,
        problem=reply.problem,
        rulings=known,
        score=statistics.fmean(whole) if whole and len(whole) == len(rulings) else None,
        thought=reply.thought,
        earlier=reply.earlier,
        points={judge: own for judge, own in points.items() if own},
        share=mean_share(points, weights) if all(points.values()) else None,
    )
