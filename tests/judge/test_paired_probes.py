"""A judged model in two runs: means of probes, their difference, and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.gates.judged_paired import judged_kind
from harness.gates.paired import contrast_verdict
from harness.judge.paired_probes import (
    contrasts,
    differences,
    paired_means,
    probe_means,
    refusal,
    without_verdict,
)
from harness.records import JudgedAnswer, JudgedBasis, ProbeResult, Provenance, Ruling

ORIGIN = Provenance("d", "w", "w", "s", "weights", "", "vllm 1", "bfloat16, H100")
BASIS = JudgedBasis(
    "evalsets/p.yaml",
    "m",
    ORIGIN,
    '{"temperature": 0.7}',
    {"judge wise, weights": "a" * 64, "judge.rubric": "b" * 64},
    {"one": "x", "two": "y"},
    {"wise": "vllm 1, H100"},
    7.0,
)


def answer(number, score=None, share=None):
    return JudgedAnswer(
        number, number, "text", 3, cut=False, problem=None,
        rulings={"wise": Ruling(value=score)}, score=score, share=share,
    )  # fmt: skip


def probe(name, scores=(), shares=()):
    answers = [answer(i, score=one) for i, one in enumerate(scores)]
    answers += [answer(len(scores) + i, share=one) for i, one in enumerate(shares)]
    return ProbeResult("evalsets/p.yaml", "m", name, "k", "?", ("so",), tuple(answers))


def test_a_probe_counts_once_by_the_mean_of_its_answers():
    probes = [probe("one", (9, 5, None)), probe("two", (None, 7)), probe("none", (None,))]
    assert probe_means(probes, "score", passing=7) == {"one": 7, "two": 7}
    assert probe_means(probes, "pass_rate", passing=7) == {"one": 0.5, "two": 1}
    assert probe_means(probes, "pass_rate", passing=None) == {}
    assert probe_means(probes, "points", passing=7) == {}
    assert without_verdict(probes, "score") == pytest.approx(3 / 6)
    assert without_verdict([], "points") == 1


def test_the_interval_is_student_s_over_the_probes_differences():
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(1)
    first, second = rng.uniform(1, 10, 12), rng.uniform(1, 10, 12)
    names = [f"p{i}" for i in range(12)]
    sides = [dict(zip(names, side, strict=True)) for side in (first, second)]
    found = paired_means(*sides, "score", probes=[*names, "more"])
    known = ttest_rel(second, first)
    low, high = known.confidence_interval(0.95)
    assert (found.low, found.high, found.p) == pytest.approx((low, high, known.pvalue))
    assert (found.first, found.second) == pytest.approx((first.mean(), second.mean()))
    assert (found.n, found.left_out) == (12, 1)
    assert (found.lost, found.won) == (int((second < first).sum()), int((second > first).sum()))


def test_one_probe_tells_nothing_and_no_probe_is_no_difference():
    found = paired_means({"one": 9.0}, {"one": 2.0}, "score", probes=["one"])
    assert (found.low, found.high, found.p) == (-9, 9, 1)
    assert paired_means({"one": 9.0}, {"two": 2.0}, "score", probes=["one", "two"]) is None


def test_equal_changes_of_all_probes_keep_an_interval():
    names = [f"p{i}" for i in range(8)]
    found = paired_means(dict.fromkeys(names, 1.0), dict.fromkeys(names, 0.5), "points",
                         probes=names)  # fmt: skip
    assert found.value == -0.5
    assert -1 <= found.low < -0.5 < found.high < 0
    assert found.p == pytest.approx(2 / 2**8)


def test_the_same_results_of_the_same_system_differ_by_nothing():
    probes = [probe("one", (9, 5)), probe("two", (3, 7))]
    score, passed = contrasts(probes, probes, passing=7, alike=True)
    assert (score.low, score.high, passed.low, passed.high) == (0, 0, 0, 0)
    other, _ = contrasts(probes, probes, passing=7, alike=False)
    assert other.low < 0 < other.high
    changed, _ = contrasts(probes, [probes[0], probe("two", (7, 3))], passing=7, alike=True)
    assert changed.low < 0 < changed.high


def test_the_same_basis_is_compared_and_the_treatment_is_named():
    assert refusal(BASIS, BASIS) is None
    now = replace(BASIS, provenance=replace(ORIGIN, adapter="f" * 64, model="other"),
                  sampling='{"temperature": 0}', judged_by={"wise": "vllm 2, H100"})  # fmt: skip
    assert refusal(BASIS, now) is None
    treatment, changed = differences(BASIS, now)
    assert treatment == ("weights", "adapter", "sampling")
    assert changed == (
        "model's files weights → other",
        f"adapter none → {'f' * 12}",
        'sampling {"temperature": 0.7} → {"temperature": 0}',
        "engine of judge wise vllm 1, H100 → vllm 2, H100",
    )
    assert differences(BASIS, BASIS) == ((), ())


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ({"judge wise, weights": "c" * 64}, f"judge wise, weights {'a' * 12} → {'c' * 12}"),
        ({"judge.points": "c" * 64}, f"judge.points none → {'c' * 12}"),
    ],
)
def test_another_scale_is_refused(scale, said):
    reason = refusal(BASIS, replace(BASIS, scale={**BASIS.scale, **scale}))
    assert reason.text == f"its scores are of another scale: {said}"


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ({"one": "x", "two": "z"}, "; another question or other points: two"),
        ({"one": "x"}, "; no more there: two"),
        ({"one": "x", "two": "y", "three": "z"}, "; new: three"),
    ],
)
def test_other_probes_are_refused(probes, said):
    assert refusal(BASIS, replace(BASIS, probes=probes)).text == f"made on other probes{said}"


def alarms(draws: int, *, loss: float, probes: int = 200) -> float:
    """Return in which share of draws a gate without a margin fails.

    A probe has three points, which each of two answers meets with the probe's own chance; in the
    second run of each it is lower by the loss on average.
    """
    rng = np.random.default_rng(7)
    names = [f"p{i}" for i in range(probes)]
    failed = 0
    for _ in range(draws):
        chance = rng.beta(2, 1, probes)
        lower = chance * (1 - loss / (2 / 3))
        means = (rng.binomial(6, own) / 6 for own in (chance, lower))
        sides = [dict(zip(names, own, strict=True)) for own in means]
        found = paired_means(*sides, "points", probes=names)
        failed += contrast_verdict(found, "no_worse_than", 0, kind=judged_kind("points")) == "fail"
    return failed / draws


def test_a_loss_of_ten_points_is_found_and_nothing_seldom_alarms():
    assert alarms(60, loss=0.1) >= 0.8
    assert alarms(300, loss=0.0) <= 0.05
