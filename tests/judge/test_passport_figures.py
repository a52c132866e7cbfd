from __future__ import annotations

from dataclasses import replace

import pytest
from judges import (
    coin,
    first_shown,
    longer,
    make_gold,
    oracle,
    oracle_score,
    rule,
    undecided,
)
from reasoned import because

from harness.judge.gold import GoldPair
from harness.judge.passport_figures import measure
from harness.judge.ruled_pair import RuledPair
from harness.reasons import Reason
from harness.records import Ruling
from harness.stats.intervals import clopper_pearson_interval

GOLD = make_gold(80)
NOT_JSON = Reason("verdict_not_json").text
REFUSED = Reason("endpoint_refused", {"status": 400, "type": "too_long", "said": "of p1"})


def measured(choose, score=oracle_score, *, gold=GOLD, passing=7.0):
    return measure(gold, rule(gold.pairs, choose, score), passing=passing)


def values(found):
    return {name: figure.value for name, figure in found.figures.items()}


def test_an_oracle_is_right_in_everything():
    found = measured(oracle)
    assert values(found) == {
        "accuracy": 1,
        "accuracy_decided": 1,
        "both_orders_correct": 1,
        "order_agreement": 1,
        "kappa": 1,
        "accuracy_verdicts": 1,
        "kappa_verdicts": 1,
        "human_prefers_longer": 0.5,
        "accuracy_forward": 1,
        "accuracy_backward": 1,
        "prefers_longer": 0.5,
        "prefers_first": 0.5,
        "tie_rate": 0,
        "parse_rate": 1,
        "score_accuracy": 1,
        "score_ties": 0,
        "sensitivity": 1,
        "specificity": 1,
        "score_parse_rate": 1,
        "score_expected": 0,
    }
    assert found.counts == {
        "true_positives": 40, "positives": 40, "true_negatives": 40, "negatives": 40,
        "score_true_positives": 80, "score_positives": 80, "score_true_negatives": 80,
        "score_negatives": 80,
    }  # fmt: skip
    assert (found.n, found.scored, found.certifies) == (80, 80, True)
    accuracy = found.figures["accuracy"]
    assert (accuracy.low, accuracy.high) == clopper_pearson_interval(80, 80)
    # Certain of nothing: even a perfect record has an interval.
    assert all(0 < f.high - f.low < 0.3 for f in found.figures.values())


def test_a_coin_is_at_chance():
    choose, score = coin(3)
    found = measured(choose, score, gold=make_gold(800))
    figures = found.figures
    assert figures["accuracy"].value == pytest.approx(0.25, abs=0.05)
    assert figures["kappa"].value == pytest.approx(0, abs=0.05)
    for name in ("accuracy_decided", "accuracy_forward", "accuracy_backward", "order_agreement",
                 "prefers_first", "prefers_longer"):  # fmt: skip
        assert figures[name].low < 0.5 < figures[name].high, name
    assert figures["score_ties"].value == pytest.approx(0.1, abs=0.04)
    assert figures["score_accuracy"].value == pytest.approx(0.45, abs=0.06)


def test_a_preference_for_the_first_place_shows_in_its_figure_alone():
    figures = measured(first_shown).figures
    assert (figures["prefers_first"].value, figures["order_agreement"].value) == (1, 0)
    # What is asked twice is not known twice as well.
    assert figures["prefers_first"].low == pytest.approx(clopper_pearson_interval(80, 80)[0])
    assert figures["prefers_longer"].value == 0.5
    assert (figures["accuracy_forward"].value, figures["accuracy_backward"].value) == (0.5, 0.5)
    assert (figures["accuracy"].value, figures["kappa"].value) == (0, 0)
    assert "accuracy_decided" not in figures


def test_a_preference_for_length_shows_in_its_figure_alone():
    figures = measured(longer).figures
    assert (figures["prefers_longer"].value, figures["human_prefers_longer"].value) == (1, 0.5)
    assert figures["prefers_longer"].low > 0.9
    assert (figures["prefers_first"].value, figures["order_agreement"].value) == (0.5, 1)
    assert figures["accuracy"].value == figures["accuracy_decided"].value == 0.5


def test_answers_of_one_length_say_nothing_of_length():
    even = replace(GOLD, pairs=tuple(
        replace(pair, first=pair.first.ljust(12, "."), second=pair.second.ljust(12, "."))
        for pair in GOLD.pairs))  # fmt: skip
    figures = measured(oracle, gold=even).figures
    assert "prefers_longer" not in figures
    assert "human_prefers_longer" not in figures


def test_ties_are_right_only_where_people_see_one():
    gold = make_gold(40, ties=4)
    figures = measured(undecided, gold=gold).figures
    assert figures["accuracy"].value == 0.1
    assert (figures["tie_rate"].value, figures["order_agreement"].value) == (1, 1)
    assert "prefers_first" not in figures
    # Two orders that disagree are not a tie that was seen.
    assert measured(first_shown, gold=gold).figures["accuracy"].value == 0
    # Human ties are not pairs in which an answer is better.
    assert measured(oracle, gold=gold).figures["score_accuracy"].n == 36
    assert measured(oracle, gold=gold).figures["human_prefers_longer"].n == 36


def test_a_missing_verdict_is_neither_right_nor_wrong():
    gold = make_gold(40)
    ruled = rule(gold.pairs, oracle)
    silent = Ruling(problem=Reason("verdict_not_json"))
    ruled[0] = replace(ruled[0], forward=silent)
    ruled[1] = replace(ruled[1], forward=Ruling(problem=REFUSED), backward=silent)
    ruled[2] = replace(ruled[2], first=silent)
    found = measure(gold, ruled, passing=7.0)
    figures = found.figures
    assert (found.n, found.scored) == (40, 38)
    assert found.unscored == {
        NOT_JSON: 1,
        "the endpoint refused the request: status 400 (too_long): …": 1,
    }
    assert found.score_unscored == {NOT_JSON: 1}
    assert (figures["accuracy"].value, figures["accuracy"].n) == (1, 38)
    assert (figures["both_orders_correct"].value, figures["both_orders_correct"].n) == (0.95, 40)
    assert (figures["parse_rate"].value, figures["parse_rate"].n) == (77 / 80, 80)
    assert (figures["score_parse_rate"].value, figures["score_parse_rate"].n) == (79 / 80, 80)
    assert figures["score_accuracy"].n == 39
    # Pair 0 has a verdict in one order.
    assert (figures["accuracy_forward"].n, figures["accuracy_backward"].n) == (38, 39)


def test_without_any_verdict_there_is_a_parse_rate_and_nothing_else():
    silent = Ruling(problem=Reason("verdict_not_json"))
    ruled = [RuledPair(pair, silent, silent, silent, silent) for pair in GOLD.pairs]
    found = measure(GOLD, ruled, passing=7.0)
    assert values(found) == {"both_orders_correct": 0, "parse_rate": 0, "score_parse_rate": 0}
    assert (found.scored, found.certifies, found.unscored) == (0, True, {NOT_JSON: 80})


def test_counts_are_of_wins_in_both_orders_and_of_passing_scores():
    gold = make_gold(8, ties=1)
    better = ["first", "second", "first", "second", "first", "second", "first", "tie"]
    assert [pair.better for pair in gold.pairs] == better
    ruled = rule(gold.pairs, oracle)
    # One win missed, one made up, one undecided where the second is better, one seen in a tie.
    ruled[0] = replace(ruled[0], backward=Ruling(choice="A"))
    ruled[1] = replace(ruled[1], forward=Ruling(choice="A"), backward=Ruling(choice="B"))
    ruled[3] = replace(ruled[3], forward=Ruling(choice="tie"))
    ruled[7] = replace(ruled[7], forward=Ruling(choice="A"), backward=Ruling(choice="B"))
    found = measure(gold, ruled, passing=9.5)
    assert found.counts == {
        "true_positives": 3, "positives": 4, "true_negatives": 2, "negatives": 4,
        "score_true_positives": 0, "score_positives": 7, "score_true_negatives": 7,
        "score_negatives": 7,
    }  # fmt: skip
    assert found.figures["sensitivity"].value == 0
    assert found.figures["accuracy"].value == 4 / 8
    assert (found.figures["accuracy_decided"].value, found.figures["accuracy_decided"].n) == (
        0.8,
        5,
    )


def test_kappa_is_that_of_scikit_learn():
    from sklearn.metrics import cohen_kappa_score

    choose, _ = coin(1)
    gold = make_gold(60, ties=8)
    ruled = rule(gold.pairs, lambda a, b: oracle(a, b) if len(a) % 3 else choose(a, b))
    found = measure(gold, ruled, passing=7.0).figures["kappa"]
    people, judge = zip(*((one.pair.better, one.settled) for one in ruled), strict=True)
    assert found.value == pytest.approx(cohen_kappa_score(people, judge))
    assert 0.1 < found.low < found.value < found.high < 1


def test_kappa_is_left_out_where_chance_alone_agrees():
    pair = GoldPair("a", "?", "good", "poor!", "first")
    ruled = rule([pair, replace(pair, id="b")], oracle)
    assert "kappa" not in measure(GOLD, ruled, passing=7.0).figures


def test_a_single_pair_has_no_narrow_interval():
    found = measure(GOLD, rule(GOLD.pairs[:1], first_shown), passing=7.0).figures
    assert (found["prefers_first"].low, found["prefers_first"].high) == (0, 1)
    assert found["accuracy"].high > 0.97


def test_scores_say_whether_they_are_expectations():
    ruled = rule(GOLD.pairs, oracle)
    silent = Ruling(problem=because("-"))
    ruled[0] = replace(ruled[0], first=Ruling(value=8.7, expected=True), second=silent)
    found = measure(GOLD, ruled, passing=7.0).figures["score_expected"]
    assert (found.value, found.n) == (1 / 159, 159)


@pytest.mark.parametrize("n", range(4, 64, 4))
def test_no_figure_is_out_of_its_interval(n):
    choose, score = coin(n)
    for found in (measured(oracle, gold=make_gold(n)), measured(choose, score, gold=make_gold(n)),
                  measured(oracle, gold=make_gold(n, ties=1))):  # fmt: skip
        for name, figure in found.figures.items():
            least = -1 if name.startswith("kappa") else 0
            assert least <= figure.low <= figure.value <= figure.high <= 1, name


def test_equal_scores_do_not_tell_the_better():
    figures = measured(oracle, lambda answer: 8.0).figures
    assert (figures["score_accuracy"].value, figures["score_ties"].value) == (0, 1)
    assert (figures["sensitivity"].value, figures["specificity"].value) == (1, 0)


def test_nothing_is_measured_on_nothing():
    with pytest.raises(ValueError, match="one gold pair at least"):
        measure(GOLD, [], passing=7.0)


@pytest.mark.parametrize(("n", "certifies"), [(28, False), (32, True)])
def test_a_small_set_is_a_smoke_test(n, certifies):
    assert measured(oracle, gold=make_gold(n)).certifies is certifies
