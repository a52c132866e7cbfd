from __future__ import annotations

import pytest

from harness.judge.verdict import settle
from harness.records import Ruling


@pytest.mark.parametrize(
    ("forward", "backward", "points", "agree"),
    [
        ("A", "B", 1.0, True),
        ("B", "A", 0.0, True),
        ("tie", "tie", 0.5, True),
        ("A", "A", 0.5, False),  # the first place wins, whoever stands there
        ("B", "B", 0.5, False),
        ("A", "tie", 0.5, False),
        ("tie", "B", 0.5, False),
        ("tie", "A", 0.5, False),
        ("B", "tie", 0.5, False),
        ("A", None, None, None),
        (None, "tie", None, None),
        (None, None, None, None),
    ],
)
def test_both_orders(forward, backward, points, agree):
    assert settle(Ruling(choice=forward), Ruling(choice=backward)) == (points, agree)


def test_points_of_both_models_make_one():
    for forward in ("A", "B", "tie"):
        for backward in ("A", "B", "tie"):
            one, _ = settle(Ruling(choice=forward), Ruling(choice=backward))
            other, _ = settle(Ruling(choice=backward), Ruling(choice=forward))
            assert one + other == 1
