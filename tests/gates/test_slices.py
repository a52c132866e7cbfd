from __future__ import annotations

import pytest
from builders import make_row

from harness.figures import by_sample
from harness.gates.slice_contrasts import slice_contrasts
from harness.gates.slices import OtherSide, judge_slice
from harness.records import Result
from harness.records.provenance import Provenance
from harness.run.score_cell import Outcome
from harness.spec import GateSpec
from harness.stats import clopper_pearson_interval

TOPICS = ("film", "music", "sport")


def outcome(shares: dict[str, tuple[int, int]], *, unscored: int = 0, cluster: int = 0) -> Outcome:
    """Return a cell of which in each topic some samples are right: {topic: (right, of)}."""
    results = [
        Result(
            evalset="evalsets/s.yaml", cell="c", sample=f"{topic}{i}", prompt_key="", text="",
            target="positive", answer="positive" if i < right else "negative",
            calibrated=None, correct=None if topic == "sport" and i < unscored else i < right,
            reason=None, logprobs={}, log_odds=None, slices={"topic": topic},
            cluster=f"{topic}{i // cluster}" if cluster else "",
        )
        for topic, (right, n) in shares.items()
        for i in range(n)
    ]  # fmt: skip
    scored = [one for one in results if one.correct is not None]
    row = make_row(
        evalset="evalsets/s.yaml", cell="c", n=len(scored), unscored=len(results) - len(scored),
        slices={"topic": 20}, targets={"positive": 1.0, "negative": 0.0}, scoring="choice",
        clusters=len({one.cluster for one in scored}) if cluster else None,
    )  # fmt: skip
    return Outcome(row, tuple(results), Provenance(*[""] * 8))


def judge(cell: Outcome, *, other: Outcome | None = None, **gate):
    spec = GateSpec.model_validate({"figure": "accuracy", **gate})
    side = OtherSide("o", by_sample(other.results), other.row) if other else None
    return judge_slice(spec, cell, gate_id="g", other=side)


GOOD = {"film": (90, 100), "music": (90, 100), "sport": (90, 100)}
BAD = GOOD | {"sport": (60, 100)}


@pytest.mark.parametrize(
    ("slice_", "bound", "verdict"),
    [
        ("topic=film", 0.8, "pass"),
        ("topic=sport", 0.8, "fail"),
        ("topic=sport", 0.6, "inconclusive"),
        ("worst", 0.8, "fail"),
        ("worst:topic", 0.4, "pass"),
        ("worst", 0.55, "inconclusive"),
        ("topic=", 0.1, "inconclusive"),
    ],
)
def test_thresholds(slice_, bound, verdict):
    gate = judge(outcome(BAD), slice=slice_, at_least=bound)
    assert gate.verdict == verdict
    assert gate.slice.asked == slice_


def test_the_worst_slice_is_judged_by_a_simultaneous_interval():
    # By itself the slice would fail: the gate that looks for the worst of three needs more.
    cell = outcome(GOOD | {"sport": (70, 100)})
    alone = judge(cell, slice="topic=sport", at_least=0.79)
    worst = judge(cell, slice="worst", at_least=0.79)
    assert (alone.verdict, worst.verdict) == ("fail", "inconclusive")
    figure = worst.slice.figure
    assert (figure.low, figure.high) == clopper_pearson_interval(70, 100, level=1 - 0.05 / 3)
    assert worst.line.startswith("accuracy of the worst of 3 slices, topic=sport, 0.700 [")


def test_missing_verdicts_of_a_slice_fail_and_are_no_pass():
    cell = outcome(GOOD, unscored=5)
    for name in ("topic=sport", "worst"):
        gate = judge(cell, slice=name, at_least=0.5)
        assert (gate.verdict, gate.slice.problem) == ("fail", "unscored")
        assert "unscored 5.0% of the samples" in gate.line
    assert judge(cell, slice="topic=film", at_least=0.5).verdict == "pass"
    none = outcome(GOOD, unscored=100)
    assert judge(none, slice="worst", at_least=0.1, max_unscored=0.9).verdict == "fail"


def test_a_slice_without_the_figure_does_not_pass():
    gate = judge(outcome(GOOD), slice="worst", figure="balanced_accuracy", at_least=0.0)
    assert gate.verdict != "pass"


@pytest.mark.parametrize("cluster", [0, 2])
def test_comparisons_find_the_loss_in_a_slice(cluster):
    # Nothing is lost overall: film has won what sport has lost.
    before = outcome(GOOD, cluster=cluster)
    now = outcome({"film": (100, 100), "music": (90, 100), "sport": (55, 100)}, cluster=cluster)
    limits = {"no_worse_than": "o", "by": 0.1}
    assert judge(now, other=before, slice="worst", **limits).verdict == "fail"
    assert judge(now, other=before, slice="topic=sport", **limits).verdict == "fail"
    assert judge(now, other=before, slice="topic=music", **limits).verdict == "pass"
    worst = judge(now, other=before, slice="worst", **limits)
    assert (worst.slice.value, worst.contrast.n) == ("sport", 100)
    alone = judge(now, other=before, slice="topic=sport", **limits)
    assert worst.contrast.high > alone.contrast.high
    found = slice_contrasts([by_sample(before.results)], by_sample(now.results), now.row,
                            now.results)  # fmt: skip
    shown = {one.value for one in found if one.adjusted < 0.05}
    assert "sport" in shown
    assert "music" not in shown
