"""Two runs, cell by cell: the report's own tests, what differs, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from by_hand import cell, join, right_but
from drawn import drawn_cell, make_run
from reports import compare

from harness.analysis.compare_runs import compare_runs
from harness.analysis.flips import flips
from harness.errors import HarnessError
from harness.records import (
    CellProvenance,
    EngineInfo,
    Provenance,
    Result,
    Run,
    RunInfo,
    TemplateUse,
)
from harness.stats import clopper_pearson_interval
from harness.stats.paired import paired_accuracy

INFO = RunInfo(id="r", started="now", wall_s=1.0, command="pytest", machine={}, versions={})
KEPT = Provenance(
    data="d",
    wording="w",
    prompts="p",
    scoring="s",
    model="weights",
    adapter="",
    engine="fake 1",
    numbers="float32, cpu",
    template=TemplateUse("t"),
)


def run_of(*cells, kept: Provenance | None = None, **changes: object) -> Run:
    """Return a run of rows with their results."""
    run = make_run(*cells)
    kept_of = tuple(CellProvenance(row.evalset, row.cell, kept) for row, _ in cells) if kept else ()
    return replace(run, provenances=kept_of, **changes)


def with_right(wrong: range, **changes: object):
    """Return a cell of 200 samples, right but for some, as `cell` names it."""
    row, results = cell(right_but(wrong))
    return replace(row, **changes), results


def test_one_pair_is_the_reports_comparison_of_two_models():
    """The same effect, interval and p as where both cells stand in one run as two models."""
    a, b = drawn_cell(n=200), drawn_cell(prompt="other", n=200, skill=2.5)
    first = (replace(a[0], model="a", cell="a"), [replace(one, cell="a") for one in a[1]])
    second = (
        replace(b[0], model="b", cell="b", prompt=a[0].prompt),
        [replace(one, cell="b") for one in b[1]],
    )
    found = compare(*join(first, second))
    (expected,) = [c for c in found if c.kind == "model" and c.primary]
    (pair,) = compare_runs(run_of(a), run_of(b), renamed={a[0].prompt: "other"}).pairs
    effect = pair.effect
    assert (effect.first, effect.second) == (expected.difference.first, expected.difference.second)
    # Sums under random signs have seven digits.
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert effect.p == pytest.approx(expected.adjusted, abs=1e-3)
    assert (pair.figure, effect.sign) == ("auc", expected.sign)


def test_won_and_lost_by_hand():
    a, b = with_right(range(10)), with_right(range(6, 40))
    (pair,) = compare_runs(run_of(a), run_of(b)).pairs
    by_hand = paired_accuracy([i >= 10 for i in range(200)],
                              [not 6 <= i < 40 for i in range(200)])  # fmt: skip
    assert (pair.lost, pair.won, pair.n, pair.left_out) == (30, 6, 200, 0)
    assert pair.effect.value == pytest.approx(by_hand.value)
    assert pair.effect.low <= by_hand.low < by_hand.high <= pair.effect.high
    assert pair.effect.sign == -1
    assert pair.flips.count == 36


def test_cells_are_one_family_and_their_mean_one_test():
    skills = {"plain": 2.0, "terse": 2.2, "long": 2.4}
    a = run_of(*(drawn_cell(prompt=name, n=300) for name in skills))
    b = run_of(*(drawn_cell(prompt=name, n=300, skill=s, shift=0.1) for name, s in skills.items()))
    found = compare_runs(a, b)
    assert len(found.pairs) == 3
    (mean,) = found.pooled
    assert mean.cells == 3
    values = [one.effect.value for one in found.pairs]
    assert mean.effect.value == pytest.approx(np.mean(values))
    single = compare_runs(replace(a, rows=a.rows[:1]), replace(b, rows=b.rows[:1]))
    assert single.pooled == ()
    alone, among = single.pairs[0].effect, found.pairs[0].effect
    assert among.low < alone.low
    assert among.p >= alone.p
    assert mean.effect.high - mean.effect.low < min(
        one.effect.high - one.effect.low for one in found.pairs
    )


def test_equal_runs_differ_in_nothing():
    one = run_of(drawn_cell(), drawn_cell(prompt="terse"), kept=KEPT)
    found = compare_runs(one, one)
    for pair in found.pairs:
        assert (pair.effect.value, pair.effect.p, pair.effect.sign) == (0.0, 1.0, 0)
        assert (pair.lost, pair.won, pair.flips.count, pair.flips.gap) == (0, 0, 0, 0.0)
        assert (pair.treatment, pair.changed, pair.known) == ((), (), True)
    (mean,) = found.pooled
    assert (mean.effect.value, mean.effect.p) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "treatment", "said"),
    [
        ({"wording": "v", "prompts": "q"}, ("wording",), ""),
        ({"prompts": "q"}, ("shots",), ""),
        ({"model": "others"}, ("weights",), "model's files weights → others"),
        ({"adapter": "lora"}, ("adapter",), "adapter none → lora"),
        ({"engine": "vllm 1"}, ("engine",), "engine fake 1 → vllm 1"),
        ({"numbers": "float16, cuda"}, ("dtype",), "dtype float32, cpu → float16, cuda"),
        ({"thinking": "off"}, ("thinking",), "thinking none → off"),
        ({"template": TemplateUse("u")}, ("template",), "chat template t → u"),
    ],
)
def test_what_differs_is_named(changes, treatment, said):
    a, b = run_of(drawn_cell(), kept=KEPT), run_of(drawn_cell(), kept=replace(KEPT, **changes))
    (pair,) = compare_runs(a, b).pairs
    assert pair.treatment == treatment
    assert said in "; ".join(pair.changed)
    assert pair.known


@pytest.mark.parametrize(
    ("changes", "treatment"),
    [
        ({"thinking": "budget 64", "place": "behind"}, ("thinking",)),
        ({"thinking": "", "place": "before"}, ("thinking",)),
        ({"thinking": "off", "place": "absent"}, ("thinking",)),
        ({"thinking": "off", "place": "empty"}, ()),
        # A run of before thoughts were known.
        ({"thinking": "off", "place": "none"}, ()),
        ({"template": TemplateUse("u")}, ("template",)),
        ({"mode": "fewshot5-chat-s0"}, ("shots",)),
    ],
)
def test_runs_that_an_earlier_version_saved_say_what_their_tables_do(changes, treatment):
    row, results = drawn_cell()
    row = replace(row, thinking="off", place="empty", template=TemplateUse("t"))
    found = compare_runs(run_of((replace(row, **changes), results)), run_of((row, results)))
    (pair,) = found.pairs
    assert (pair.treatment, pair.known) == (treatment, False)


def test_the_engine_of_an_earlier_run_is_known_from_its_table():
    own = drawn_cell()
    engine = EngineInfo("small", "", "d1", "fake", "1", "float32", "cpu", 1, 1, 1, 0, 1, 0, 1)
    runs = [run_of(own, info=replace(INFO, engines=(one,)))
            for one in (engine, replace(engine, digest="d2", dtype="float16"))]  # fmt: skip
    (pair,) = compare_runs(*runs).pairs
    assert pair.treatment == ("weights", "dtype")


ROW, RESULTS = drawn_cell()


@pytest.mark.parametrize(
    ("row", "results", "kept", "reason"),
    [
        (ROW, RESULTS[:100], KEPT,
         "other samples: A has 120, B has 100, and 100 of them are the same; run both on the same "
         "data"),
        (ROW, [replace(RESULTS[0], text="changed"), *RESULTS[1:99],
               replace(RESULTS[99], target="neither")], KEPT,
         "other samples: A has 120, B has 100, and 98 of them are the same; run both on the same "
         "data"),
        (ROW, [replace(RESULTS[0], target="negative"), *RESULTS[1:]], KEPT,
         "other targets: of 120 samples 1 have another target"),
        (ROW, [replace(RESULTS[0], text="changed"), *RESULTS[1:]], KEPT,
         "other samples: of 120 samples 1 have another text under the same id"),
        (ROW, [replace(one, text="") for one in RESULTS], replace(KEPT, data="e"),
         "other samples: their texts or their order differ"),
        (replace(ROW, scoring="generate"), RESULTS, KEPT,
         "other scoring: logprobs in A, generate in B"),
        (ROW, RESULTS, replace(KEPT, scoring="t"), "other scoring: s in A, t in B"),
        (replace(ROW, targets={"good": 0.5, "bad": 0.5}), RESULTS, KEPT,
         "other labels: positive, negative in A, good, bad in B"),
    ],
)  # fmt: skip
def test_other_samples_targets_and_scoring_are_refused(row, results, kept, reason):
    found = compare_runs(run_of((ROW, RESULTS), kept=KEPT), run_of((row, results), kept=kept))
    assert found.pairs == ()
    (refused,) = found.refused
    assert (refused.evalset, refused.first, refused.second) == (row.evalset, row.cell, row.cell)
    assert refused.reason == reason


def test_texts_that_one_run_did_not_keep_refuse_nothing():
    results = [replace(one, text="") for one in RESULTS]
    (pair,) = compare_runs(
        run_of((ROW, RESULTS), kept=KEPT), run_of((ROW, results), kept=KEPT)
    ).pairs
    assert pair.n == 120


def test_cells_are_matched_by_new_names_and_against_one():
    a = run_of(drawn_cell(), drawn_cell(placement="chat"), drawn_cell(prompt="gone"))
    b = run_of(drawn_cell(prompt="new"), drawn_cell(prompt="new", placement="chat"))
    assert compare_runs(a, b).pairs == ()
    found = compare_runs(a, b, renamed={"plain": "new"})
    names = [(one.first, one.second) for one in found.pairs]
    assert names == [
        ("small-plain-zeroshot", "small-new-zeroshot"),
        ("small-plain-fewshot5-chat-s0", "small-new-fewshot5-chat-s0"),
    ]
    assert found.only_first == (("evalsets/mini.yaml", "small-gone-zeroshot"),)
    assert found.pairs[0].changed == ("prompt plain → new",)
    (one, other) = compare_runs(a, b, against="small-plain-zeroshot").pairs
    assert {one.first, other.first} == {"small-plain-zeroshot"}
    whole = {"small-gone-zeroshot": "small-new-zeroshot"}
    (one,) = compare_runs(a, b, renamed=whole).pairs
    assert (one.first, one.second) == ("small-gone-zeroshot", "small-new-zeroshot")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"renamed": {"plane": "plain"}}, "--match plane=plain: 'plane' is not a cell, model or "
         "prompt of run A; did you mean 'plain'?"),
        ({"renamed": {"plain": "plane"}}, "--match plain=plane: 'plane' is not a cell, model or "
         "prompt of run B; did you mean 'plain'?"),
        ({"against": "small-plain"}, "--against small-plain: is not a cell of run A; did you mean "
         "'small-plain-zeroshot'?"),
    ],
)  # fmt: skip
def test_names_that_are_none_are_one_line(options, line):
    one = run_of(drawn_cell())
    with pytest.raises(HarnessError) as caught:
        compare_runs(one, one, **options)
    assert str(caught.value) == line


def test_cells_without_answers_have_no_effect():
    row, results = ROW, [replace(one, correct=None, answer=None, calibrated=None, log_odds=None)
                         for one in RESULTS]  # fmt: skip
    (pair,) = compare_runs(run_of((ROW, RESULTS)), run_of((row, results))).pairs
    assert pair.effect is None
    assert (pair.n, pair.left_out) == (0, 120)
    assert (pair.flips.share, pair.flips.gap, pair.flips.unscored) == (None, None, (0, 120))


def result(sample: str, odds: float | None, **changes: object) -> Result:
    answer = None if not odds else "positive" if odds > 0 else "negative"
    made = replace(RESULTS[0], sample=sample, target="positive", answer=answer, log_odds=odds,
                   correct=None if answer is None else answer == "positive")  # fmt: skip
    return replace(made, **changes)


def test_flips_gaps_and_unscored_samples():
    a, b = (
        {f"s{i}": result(f"s{i}", odds) for i, odds in enumerate(side)}
        for side in ([1.0, -2.0, 0.5, 0.0, 3.0, 1.0], [1.25, 2.0, 0.5, 0.5, None, 1.0])
    )
    found = flips(a, b)
    assert (found.count, found.share.n, found.share.value) == (1, 4, 0.25)
    assert (found.share.low, found.share.high) == clopper_pearson_interval(1, 4)
    assert found.gap == 4.0
    assert (found.unscored, found.lost, found.won) == ((1, 1), 0, 1)


def test_equal_infinities_are_no_gap():
    one = {"s0": result("s0", math.inf), "s1": result("s1", -math.inf), "s2": result("s2", 0.25)}
    assert flips(one, one).gap == 0.0
