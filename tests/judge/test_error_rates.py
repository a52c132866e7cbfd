from __future__ import annotations

from dataclasses import replace

import pytest
from judges import coin, make_gold, make_passport, oracle, oracle_score, rule

from harness.judge.error_rates import judge_errors
from harness.judge.gold import GoldSet
from harness.judge.passport import Passport, load_passport, save_passport
from harness.judge.passport_figures import measure
from harness.stats import GoldCounts


def passport(judge: str, choose=oracle, score=oracle_score, *, golds=None) -> Passport:
    sets = [measure(gold, rule(gold.pairs, choose, score), passing=7.0)
            for gold in golds or [make_gold(80)]]  # fmt: skip
    return replace(make_passport(*sets), judge=judge)


def slip(answer: str) -> float:
    """Score three of ten good answers 4, and the others and the poor ones as they deserve."""
    return 4.0 if answer.split()[1][-1] in "036" and "good" in answer else oracle_score(answer)


def test_one_judge_errs_as_its_passport_counts():
    gold = make_gold(80)
    own = passport("wise", score=slip, golds=[gold])
    found = judge_errors([own], passing=7.0)
    assert found.wins == {"wise": GoldCounts(40, 40, 40, 40)}
    assert found.passes == GoldCounts(56, 80, 80, 80)
    assert own.sets[0].counts["score_true_positives"] == 56


def test_the_mean_score_of_a_jury_errs_in_its_own_way():
    kind = passport("kind")
    dull = passport("dull", coin(1)[0], slip)
    found = judge_errors([kind, dull], passing=7.0)
    assert set(found.wins) == {"kind", "dull"}
    assert found.wins["dull"].true_positives < found.wins["kind"].true_positives
    # 9 and 4 make 6.5, so where one slips the jury fails a good answer; at 6 it passes all.
    assert found.passes == GoldCounts(56, 80, 80, 80)
    assert judge_errors([kind, dull], passing=6.0).passes == GoldCounts(80, 80, 80, 80)
    # A score that is as great as `passing` is a pass, as in the set.
    assert judge_errors([kind, dull], passing=6.5).passes == GoldCounts(80, 80, 80, 80)


def test_the_gold_set_counts_that_all_know_and_do_worst_on():
    easy, hard = make_gold(40, name="easy"), make_gold(80, name="hard")
    worse = coin(1)[0]
    both = [measure(easy, rule(easy.pairs, oracle), passing=7.0),
            measure(hard, rule(hard.pairs, worse), passing=7.0)]  # fmt: skip
    first = replace(make_passport(*both), judge="first")
    assert judge_errors([first], passing=7.0).wins["first"].positives == 40
    second = passport("second", golds=[easy])
    shared = judge_errors([first, second], passing=7.0)
    assert {counts.positives for counts in shared.wins.values()} == {20}
    # Another file of the same name is another set.
    other = GoldSet("easy", "1" * 64, easy.pairs)
    assert judge_errors([first, passport("third", golds=[other])], passing=7.0) is None


def test_a_set_that_is_a_smoke_test_tells_nothing():
    assert judge_errors([passport("wise", golds=[make_gold(8)])], passing=7.0) is None


def test_wins_are_known_of_all_judges_or_of_none():
    own, other = passport("wise"), passport("other")
    counts = {**other.sets[0].counts, "positives": 0, "true_positives": 0}
    bare = replace(other, sets=(replace(other.sets[0], counts=counts),))
    assert set(judge_errors([own, other], passing=7.0).wins) == {"wise", "other"}
    assert judge_errors([own, bare], passing=7.0).wins == {}


def test_a_passport_without_scores_tells_nothing_of_passes():
    own = passport("wise")
    mute = replace(own, sets=tuple(replace(one, scores={}) for one in own.sets))
    assert judge_errors([own], passing=7.0).passes == GoldCounts(80, 80, 80, 80)
    assert judge_errors([mute], passing=7.0).passes is None
    assert judge_errors([mute, passport("other")], passing=7.0).passes is None


def test_answers_that_one_judge_did_not_score_are_left_out():
    own = passport("wise")
    scores = dict(own.sets[0].scores)
    scores["p0"] = (None, 3.0)
    mute = replace(own, judge="mute", sets=(replace(own.sets[0], scores=scores),))
    assert judge_errors([own, mute], passing=7.0).passes == GoldCounts(79, 79, 80, 80)


def test_scores_are_kept_in_the_file_and_checked(tmp_path):
    path = tmp_path / "passports/wise.json"
    own = passport("wise", score=slip)
    save_passport(path, own)
    assert load_passport(path) == own
    assert own.sets[0].scores["p0"] == (4.0, 3.0)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("4.0", "11.0", 1), encoding="utf-8")
    with pytest.raises(Exception, match="11 is not a score"):
        load_passport(path)
