"""Which gates are said to have too few samples, whatever these turn out to be."""

from __future__ import annotations

import numpy as np
import pytest

from harness.gates.plan import PlannedGate
from harness.planning.undecidable import undecidable
from harness.spec.gatespec import GateSpec
from harness.stats import auc_interval, paired_auc

MASK = np.arange(20) >= 10


def why(n: int, **spec) -> str:
    return undecidable(PlannedGate("gate", GateSpec(**spec), cell=None), n)


@pytest.mark.parametrize(
    ("n", "spec", "said"),
    [
        (6, {"figure": "accuracy", "at_least": 0.9}, "accuracy 1 has an interval down to 0.541"),
        (6, {"figure": "accuracy", "no_worse_than": "baseline", "by": 0.2}, "a loss of 0.459"),
        (3, {"figure": "auc", "at_least": 0.6}, "an AUC of 1 samples of the rarer label"),
    ],
)
def test_too_few_samples_to_pass(n, spec, said):
    assert said in why(n, **spec)


def test_an_auc_below_1_can_show_more_than_one_of_1():
    scores, mask = np.arange(200.0), np.arange(200) >= 100
    scores[100:110] -= 10.5
    assert auc_interval(scores, mask)[0] > 0.97 > auc_interval(np.arange(200.0), mask)[0]
    assert why(200, figure="auc", at_least=0.97) == ""


def test_areas_that_hardly_differ_exclude_a_loss():
    before = np.random.default_rng(0).normal(size=20) + MASK
    now = before + np.random.default_rng(1).normal(size=20) / 20
    assert paired_auc(before, now, MASK).low > -0.2
    assert why(20, figure="auc", no_worse_than="baseline", by=0.2) == ""
