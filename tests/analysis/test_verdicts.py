"""What several comparisons say together."""

from __future__ import annotations

from typing import cast

import pytest

from harness.analysis.findings import Comparison
from harness.analysis.verdicts import overall, verdict
from harness.records import Row
from harness.stats.paired import Difference


def group(primary: str = "auc", **signs: int) -> list[Comparison]:
    """Comparisons of two cells whose figures rise, fall or do neither."""
    row = cast(Row, None)
    return [
        Comparison("shots", row, row, name,
                   Difference(0.5, 0.5 + sign / 10, -0.2, 0.2, 0.01, 1, 2, 99), 0,
                   adjusted=0.01 if sign else 1.0, primary=name == primary)
        for name, sign in signs.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (group(auc=1, calibrated_accuracy=0, accuracy=-1), "helps"),
        (group(auc=0, calibrated_accuracy=-1, accuracy=-1), "same"),
        (group(auc=1, calibrated_accuracy=-1), "helps"),
        (group(auc=-1, calibrated_accuracy=1, accuracy=1), "hurts"),
        (group("accuracy", auc=1, calibrated_accuracy=1, accuracy=-1), "hurts"),
        (group("calibrated_accuracy", auc=1, calibrated_accuracy=0), "same"),
        (group("accuracy", accuracy=1), "helps"),
        (group("auc", calibrated_accuracy=1, accuracy=1), "open"),
        ([], "open"),
    ],
)
def test_the_primary_figure_decides_and_nothing_else(found, expected):
    assert verdict(found) == expected
    assert verdict(found[::-1]) == expected


HELPS, HURTS, SAME = group(auc=1), group(auc=-1), group(auc=0)
OPEN, SECONDARY = group("auc", accuracy=1), group(auc=0, calibrated_accuracy=1, accuracy=1)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([HELPS, HELPS], "helps"),
        ([HELPS, SAME], "partly_helps"),
        ([HELPS, SECONDARY], "partly_helps"),
        ([HELPS, OPEN], "helps"),
        ([HURTS], "hurts"),
        ([HURTS, SAME], "partly_hurts"),
        ([HELPS, HURTS], "mixed"),
        ([group(auc=1, calibrated_accuracy=-1), HELPS], "helps"),
        ([SECONDARY, SAME], "same"),
        ([OPEN], "same"),
    ],
)
def test_pairs_are_summed_up(groups, expected):
    assert overall(groups) == expected
