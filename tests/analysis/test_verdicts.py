"""What several comparisons say together."""

from __future__ import annotations

from typing import cast

import pytest

from harness.analysis.findings import Comparison
from harness.analysis.verdicts import overall, verdict
from harness.records import Row
from harness.stats.paired import Difference


def group(**signs: int) -> list[Comparison]:
    """Comparisons of two cells whose figures rise, fall or do neither."""
    row = cast(Row, None)
    return [
        Comparison("shots", row, row, name,
                   Difference(0.5, 0.5 + sign / 10, -0.2, 0.2, 0.01, 1, 2, 99), 0,
                   adjusted=0.01 if sign else 1.0)
        for name, sign in signs.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ({"auc": 1, "calibrated_accuracy": 0, "accuracy": -1}, "helps"),
        ({"auc": 0, "calibrated_accuracy": -1}, "hurts"),
        ({"auc": 1, "calibrated_accuracy": -1}, "mixed"),
        ({"auc": 0, "accuracy": 1}, "raw_up"),
        ({"auc": 0, "accuracy": -1}, "raw_down"),
        ({"accuracy": 1}, "helps"),
        ({"accuracy": 0}, "same"),
    ],
)
def test_raw_accuracy_decides_only_where_it_is_alone(signs, expected):
    assert verdict(group(**signs)) == expected


HELPS, HURTS, SAME, RAW = group(auc=1), group(auc=-1), group(auc=0), group(auc=0, accuracy=1)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([HELPS, HELPS], "helps"),
        ([HELPS, SAME], "partly_helps"),
        ([HELPS, RAW], "partly_helps"),
        ([HURTS], "hurts"),
        ([HURTS, SAME], "partly_hurts"),
        ([HELPS, HURTS], "mixed"),
        ([group(auc=1, calibrated_accuracy=-1)], "mixed"),
        ([RAW, SAME], "same"),
    ],
)
def test_pairs_are_summed_up(groups, expected):
    assert overall(groups) == expected
