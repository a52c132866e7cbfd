"""Other wordings of a pairwise rubric: how much of what a judge says hangs on the words?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.judge.bench import Case
from harness.judge.passport import BoundRubric, Reworded
from harness.judge.retest import DrawnPairs, choices, order_cases
from harness.prompts.rubric import Rubric, load_rubric
from harness.records import Figure, Ruling
from harness.stats.intervals import clopper_pearson_interval

MOST_REWORDED = 40
"""Gold pairs that a judge is asked about by each other wording, at most."""


def wordings_of(rubric: Rubric, root: Path) -> list[Rubric]:
    """Return the other wordings of a rubric, which lie beside it.

    Those of `pairwise.en.j2` are `pairwise.en.wording-*.j2`.

    Args:
        rubric: Of pairs.
        root: The project.

    Raises:
        SpecError: One of them is no such rubric.
    """
    path = root / rubric.path
    stem = path.name.removesuffix(".j2")
    beside = sorted(one for one in path.parent.glob("*.j2")
                    if one.name.startswith(f"{stem}.wording-"))  # fmt: skip
    folder = root / "prompts"
    return [
        load_rubric(one.relative_to(folder).as_posix(), root=root, kind=rubric.kind)
        for one in beside
    ]


def wording_cases(
    drawn: DrawnPairs,
    wordings: Sequence[Rubric],
    controls: re.Pattern[str] | None,
    max_chars: int,
) -> list[Case]:
    """Return the questions about pairs by each of several wordings, in both orders.

    Args:
        drawn: Pairs, of which the first are asked about.
        wordings: Other ones than the passport's own rubric.
        controls: Control tokens of the judge, which answers may not hold.
        max_chars: Longer answers are cut.
    """
    return [
        case
        for rubric in wordings
        for name, pair in drawn[:MOST_REWORDED]
        for case in order_cases(name, pair, rubric, controls, max_chars, wording=rubric.path)
    ]


def reworded(
    drawn: DrawnPairs, wordings: Sequence[Rubric], rulings: Mapping[str, Ruling]
) -> tuple[Reworded, ...]:
    """Return of how many pairs a judge says another thing by each wording.

    Args:
        drawn: See `wording_cases`.
        wordings: Other ones than the passport's own rubric.
        rulings: By id of the case, those by the passport's own rubric included. A pair without a
            verdict in an order, by either, says nothing of a change.
    """
    drawn, found = drawn[:MOST_REWORDED], []
    for rubric in wordings:
        changed = [
            now != own
            for name, pair in drawn
            if (own := choices(name, pair, rulings))
            and (now := choices(name, pair, rulings, wording=rubric.path))
        ]
        figure = None
        if changed:
            low, high = clopper_pearson_interval(sum(changed), len(changed))
            figure = Figure(sum(changed) / len(changed), low, high, len(changed))
        found.append(Reworded(BoundRubric(rubric.path, rubric.digest), len(drawn), figure))
    return tuple(found)
