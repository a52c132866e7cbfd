from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.error_rates import JudgeErrors
from harness.judge.standings import jury_agreement, standings
from harness.reasons import Reason
from harness.records import JudgedAnswer, PairResult, ProbeResult, Ruling
from harness.spec.judgeset import JudgeSet
from harness.stats.anytime import anytime_interval
from harness.stats.corrected_rate import GoldCounts

GOLD = GoldCounts(45, 50, 40, 50)
ERRORS = JudgeErrors({"wise": GOLD}, None)


def judge_set(probes: int) -> JudgeSet:
    return JudgeSet.model_validate(
        {
            "kind": "judge",
            "models": ["base", "one", "two"],
            "probes": [
                {"id": f"p{i}", "kind": "k", "question": "?", "points": ["so"]}
                for i in range(probes)
            ],
            "judge": {"models": ["wise"], "rubric": "a.j2", "passing": 7},
        }
    )


def probe(model: str, name: str, *scores: float | None) -> ProbeResult:
    answers = tuple(
        JudgedAnswer(
            number=number,
            seed=number,
            text="so",
            tokens=1,
            cut=False,
            problem=None,
            rulings={
                "wise": Ruling(value=score, problem=None if score else Reason("two_verdicts"))
            },
            score=score,
        )
        for number, score in enumerate(scores)
    )
    return ProbeResult("p.yaml", model, name, "k", "?", ("so",), answers)


def pair(model: str, name: str, points: float | None, against: str = "base") -> PairResult:
    return PairResult(
        "p.yaml", model, against, name, 0, "wise", Ruling(), Ruling(), points, points != 0.5
    )


def test_the_score_is_the_mean_with_an_interval_over_probes():
    results = [probe("one", f"p{i}", 6.0 + i % 2, 6.0 + i % 2) for i in range(10)]
    (found,) = standings(judge_set(10), "p.yaml", results, [])
    score = found.figures["score"]
    assert (score.value, score.n, found.n, found.probes) == (6.5, 20, 20, 10)
    # Ten probe means of 6 and 7: standard error 0.527 / sqrt(10), t of 9 degrees 2.262.
    assert score.low == pytest.approx(6.5 - 2.262 * 0.527 / 10**0.5, abs=0.001)
    assert found.spread == 0.0
    assert found.figures["pass_rate"].value == 0.5
    assert found.figures["pass_rate"].high - found.figures["pass_rate"].low > 0.55


def test_more_answers_to_the_same_probes_do_not_make_it_sharper():
    def width(times: int) -> float:
        results = [probe("one", f"p{i}", *[5.0 + i % 3] * times) for i in range(6)]
        (found,) = standings(judge_set(6), "p.yaml", results, [])
        return found.figures["score"].high - found.figures["score"].low

    assert width(10) == pytest.approx(width(1))


def test_each_probe_counts_once_however_many_of_its_answers_have_a_score():
    results = [probe("one", "p0", 8.0, 8.0, 8.0), probe("one", "p1", 4.0, None, None)]
    (found,) = standings(judge_set(2), "p.yaml", results, [])
    assert found.figures["score"].value == 6.0
    assert found.figures["score"].n == 4
    assert found.figures["pass_rate"].value == 0.75


def test_one_probe_says_nothing_of_others():
    (found,) = standings(judge_set(1), "p.yaml", [probe("one", "p0", 9.0, 9.0)], [])
    assert (found.figures["score"].low, found.figures["score"].high) == (1, 10)
    assert found.figures["pass_rate"].low < 0.03


@pytest.mark.parametrize(("probes", "low", "high"), [(2, 2.26, 9.84), (10, 6.53, 9.31)])
def test_equal_scores_of_a_few_probes_are_no_point(probes, low, high):
    results = [probe("one", f"p{i}", 9.0, 9.0) for i in range(probes)]
    (found,) = standings(judge_set(probes), "p.yaml", results, [])
    score = found.figures["score"]
    assert score.value == 9
    # 0.025 ** (1 / n) of the probes at least have this score, the others any from 1 to 10.
    assert (score.low, score.high) == pytest.approx((low, high), abs=0.01)


def test_a_probe_that_differs_a_little_makes_no_narrow_interval():
    results = [probe("one", f"p{i}", 9.0, 9.0 if i else 8.9) for i in range(10)]
    (found,) = standings(judge_set(10), "p.yaml", results, [])
    # Student's is [8.98, 9.01].
    assert 6.3 < found.figures["score"].low < 6.6
    assert found.figures["score"].high > 9.2


def test_what_has_no_verdict_is_counted_and_never_a_number():
    results = [probe("one", "p0", 8.0, None), probe("one", "p1", None, None)]
    (found,) = standings(judge_set(2), "p.yaml", results, [])
    assert (found.n, found.unscored, found.reasons) == (1, 3, {Reason("two_verdicts"): 3})
    assert found.figures["score"].value == 8.0
    (none,) = standings(judge_set(1), "p.yaml", [probe("one", "p0", None)], [])
    assert (none.n, none.figures, none.spread) == (0, {}, None)


def test_the_win_rate_is_against_the_reference_alone():
    results = [probe(model, "p0", 5.0) for model in ("base", "one", "two")]
    pairs = [pair("one", f"p{i}", 1.0) for i in range(8)] + [pair("one", "p8", 0.5)]
    pairs += [pair("two", f"p{i}", 0.0, against="one") for i in range(9)]
    base, one, two = standings(judge_set(9), "p.yaml", results, pairs)
    assert one.figures["win_rate"].value == pytest.approx(8.5 / 9)
    assert one.figures["win_rate"].n == 9
    assert "win_rate" not in base.figures
    assert "win_rate" not in two.figures
    assert one.strength.value > base.strength.value > two.strength.value


def test_two_models_have_no_strengths():
    results = [probe(model, "p0", 5.0) for model in ("base", "one")]
    found = standings(judge_set(1), "p.yaml", results, [pair("one", "p0", 1.0)])
    assert [one.strength for one in found] == [None, None]


def test_a_win_rate_is_corrected_by_what_is_known_of_the_judge():
    results = [probe("one", f"p{i}", 5.0) for i in range(20)]
    pairs = [pair("one", f"p{i}", float(i < 11)) for i in range(20)]
    (found,) = standings(judge_set(20), "p.yaml", results, pairs, errors=ERRORS)
    corrected, raw = found.figures["corrected_win_rate"], found.figures["win_rate"]
    # Sensitivity 0.9, specificity 0.8: (0.55 + 0.8 - 1) / 0.7.
    assert corrected.value == pytest.approx(0.5)
    assert corrected.high - corrected.low > raw.high - raw.low
    chance = JudgeErrors({"wise": GoldCounts(20, 50, 25, 50)}, None)
    (plain,) = standings(judge_set(20), "p.yaml", results, pairs, errors=chance)
    assert "corrected_win_rate" not in plain.figures


def test_a_win_rate_is_not_corrected_by_some_of_its_judges():
    results = [probe("one", f"p{i}", 5.0) for i in range(20)]
    pairs = [replace(pair("one", f"p{i}", float(i < 11)), judge=judge)
             for i in range(20) for judge in ("wise", "other")]  # fmt: skip
    (found,) = standings(judge_set(20), "p.yaml", results, pairs, errors=ERRORS)
    assert found.figures["win_rate"].n == 40
    assert "corrected_win_rate" not in found.figures


def test_a_corrected_rate_goes_by_probes():
    results = [probe("one", f"p{i}", *[5.0] * 10) for i in range(4)]
    pairs = [pair("one", f"p{i}", float(i < 2)) for i in range(4) for _ in range(10)]
    (found,) = standings(judge_set(4), "p.yaml", results, pairs, errors=ERRORS)
    corrected, raw = found.figures["corrected_win_rate"], found.figures["win_rate"]
    assert corrected.n == 40
    assert corrected.high - corrected.low >= raw.high - raw.low
    (alone,) = standings(judge_set(4), "p.yaml", results[:1], pairs[:10], errors=ERRORS)
    only = alone.figures["corrected_win_rate"]
    assert only.low < 0.05
    assert only.high > 0.95


def test_a_pass_rate_is_corrected_by_what_the_passports_tell():
    results = [probe("one", f"p{i}", 8.0 if i < 11 else 3.0) for i in range(20)]
    (plain,) = standings(judge_set(20), "p.yaml", results, [], errors=ERRORS)
    assert "corrected_pass_rate" not in plain.figures
    errors = JudgeErrors({}, GOLD)
    (found,) = standings(judge_set(20), "p.yaml", results, [], errors=errors)
    assert found.figures["pass_rate"].value == 0.55
    assert found.figures["corrected_pass_rate"].value == pytest.approx(0.5)


def test_pairs_are_due_of_every_judge():
    results = [probe("one", "p0", 5.0), probe("one", "p1", 5.0)]
    pairs = [replace(pair("one", f"p{i}", 1.0), judge=j) for i in range(2) for j in ("a", "b")]
    (found,) = standings(judge_set(2), "p.yaml", results, pairs)
    assert (found.n, found.pairs) == (2, 4)


def test_a_pair_without_a_verdict_is_left_out_of_the_rate():
    pairs = [pair("one", "p0", 1.0), pair("one", "p1", None)]
    results = [probe("one", "p0", 5.0), probe("one", "p1", 5.0)]
    (found,) = standings(judge_set(2), "p.yaml", results, pairs)
    assert found.figures["win_rate"].n == 1


def jury(*values: tuple[float | None, float | None]) -> list[ProbeResult]:
    answers = [
        JudgedAnswer(
            number=0,
            seed=0,
            text="so",
            tokens=1,
            cut=False,
            problem=None,
            rulings={"a": Ruling(value=first), "b": Ruling(value=second)},
            score=None,
        )
        for first, second in values
    ]
    return [
        ProbeResult("p.yaml", "one", f"p{i}", "k", "?", ("so",), (answer,))
        for i, answer in enumerate(answers)
    ]


def test_a_jury_that_agrees_has_an_alpha_of_one():
    assert jury_agreement(jury((3, 3), (9, 9), (5, 5))).value == pytest.approx(1)
    assert jury_agreement(jury((3, 9), (9, 3), (5, 6))).value < 0
    assert jury_agreement(jury((3, None), (None, 9))) is None
    assert jury_agreement(jury((5, 5), (5, 5))) is None


def test_figures_that_hold_at_any_time_are_means_over_probes_in_the_set_s_order():
    results = [probe("one", f"p{i}", 7.0 if i < 6 else 1.0, 4.0) for i in range(12)]
    pairs = [pair("one", f"p{i}", 1.0 if i else 0.5) for i in range(12)]
    (found,) = standings(judge_set(12), "p.yaml", results[::-1], pairs[::-1])
    score, won = found.anytime["score"], found.anytime["win_rate"]
    assert score.value == pytest.approx(4.0)
    means = [((7.0 if i < 6 else 1.0) + 4.0) / 2 for i in range(12)]
    low, high = anytime_interval([(one - 1) / 9 for one in means])
    assert (score.low, score.high) == pytest.approx((1 + 9 * low, 1 + 9 * high))
    assert (won.low, won.high) == pytest.approx(anytime_interval([0.5] + [1.0] * 11))
    assert found.anytime["pass_rate"].value == pytest.approx(0.25)
    assert score.low < found.figures["score"].low < found.figures["score"].high < score.high
