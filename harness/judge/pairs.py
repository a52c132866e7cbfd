"""One comparison asked in both orders -> points for a model, and whether the orders agree."""

from __future__ import annotations

from harness.records import Ruling

_FIRST = {"A": 1.0, "B": 0.0, "tie": 0.5}


def settle(forward: Ruling, backward: Ruling) -> tuple[float | None, bool | None]:
    """Return the points of the model shown first in `forward`, and whether both orders agree.

    Points are 1 for a win in both orders, 0 for a loss in both, and 0.5 for a tie in both or for
    two orders that disagree, as a judge that goes by the place has not told the answers apart.
    Both are None where an order has no verdict.

    Args:
        forward: The ruling with the model's answer shown first, as A.
        backward: The ruling with the model's answer shown second, as B.

    Source: Zheng et al. (2023), arXiv 2306.05685, section 3.4, for the two orders.
    """
    if forward.choice is None or backward.choice is None:
        return None, None
    ahead, behind = _FIRST[forward.choice], 1 - _FIRST[backward.choice]
    agree = ahead == behind
    return ahead if agree else 0.5, agree
