from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from judges import (
    coin,
    first_shown,
    longer,
    make_gold,
    make_pairs,
    make_passport,
    mistaken,
    one_set,
    oracle,
    rule,
)
from reasoned import because

from harness.judge.gold import GoldSet
from harness.judge.passport import (
    Manner,
    Passport,
    PassportError,
    doubts,
    load_passport,
    save_passport,
)
from harness.judge.passport_figures import SMOKE, measure
from harness.judge.trust import check_passport
from harness.reasons import Reason
from harness.records import PassportCheck, Ruling
from harness.spec.judgeset import PassportSpec

CONDITIONS = {
    "judge": "wise",
    "model_digest": "a" * 64,
    "engine": "vllm",
    "dtype": "bfloat16",
    "manner": Manner("e" * 64),
    "rubric_digest": "b" * 64,
    "pairwise_digest": "c" * 64,
}
DEMANDS = PassportSpec(min_accuracy=0.7, min_order_agreement=0.7)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "passports" / "wise.json"


def check(path: Path, passport: Passport | None = None, **changes: object) -> PassportCheck:
    if passport is not None:
        save_passport(path, passport)
    spec = changes.pop("spec", DEMANDS)
    return check_passport(path, spec=spec, **(CONDITIONS | changes))


def test_a_passport_is_read_as_it_was_written(path):
    passport = make_passport(one_set(), one_set(first_shown, n=8, name="gold/small"))
    save_passport(path, passport)
    assert load_passport(path) == passport
    assert [one.name for one in path.parent.iterdir()] == ["wise.json"]


def test_a_passport_holds_no_text_of_the_gold_data(path):
    save_passport(path, make_passport())
    text = path.read_text(encoding="utf-8")
    for pair in make_pairs(80):
        assert pair.instruction not in text
        assert pair.first not in text


def test_an_oracle_may_gate(path):
    found = check(path, make_passport())
    assert (found.trusted, found.problem, found.path) == (True, None, "passports/wise.json")
    assert found.accuracy is not None
    assert (found.accuracy.value, found.accuracy.n) == (1, 80)
    assert found.order_agreement is not None
    assert found.order_agreement.value == 1


def test_a_set_that_compares_no_pairs_asks_for_no_pairwise_rubric(path):
    assert check(path, make_passport(), pairwise_digest=None).trusted


@pytest.mark.parametrize("seed", range(5))
def test_a_coin_may_not(path, seed):
    found = check(path, make_passport(one_set(*coin(seed))), spec=PassportSpec(
        min_accuracy=0.0, min_order_agreement=0.0))  # fmt: skip
    assert not found.trusted
    assert "not shown to be better than chance" in found.problem.text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"judge": "other"}, "is the passport of wise, not of other"),
        ({"model_digest": "d" * 64}, "other files of the model (aaaaaaaaaaaa, now dddddddddddd)"),
        ({"engine": "transformers"}, "made on vllm in bfloat16, this run is on transformers in"),
        ({"dtype": "float32"}, "made on vllm in bfloat16, this run is on vllm in float32"),
        (
            {"manner": Manner("d" * 64, thinking="off, behind an empty thought")},
            "made with thinking left to the template or the server, this run has thinking off, "
            "behind an empty thought",
        ),
        (
            {"manner": Manner("e" * 64, grammar="spelled")},
            "was made with verdicts that another grammar held to their form",
        ),
        ({"manner": Manner("d" * 64)}, "another chat template (eeeeeeeeeeee, now dddddddddddd)"),
        ({"manner": Manner()}, "another system text (eeeeeeeeeeee, now none)"),
        (
            {"manner": Manner("e" * 64, '{"quantization": "fp8"}')},
            'with the engine options {}, this run has {"quantization": "fp8"}',
        ),
        (
            {"manner": Manner("e" * 64, max_answer_chars=500)},
            "made with answers cut at 8000 characters, this set cuts them at 500",
        ),
        ({"rubric_digest": "d" * 64}, "made with another rubric (bbbbbbbbbbbb, now dddddddddddd)"),
        ({"pairwise_digest": "d" * 64}, "another pairwise rubric (cccccccccccc, now dddddddddddd"),
    ],
)
def test_other_conditions_are_named_with_the_fix(path, changes, problem):
    found = check(path, make_passport(), **changes)
    assert not found.trusted
    assert found.problem.text.startswith("passports/wise.json: ")
    assert problem in found.problem.text
    judge = changes.get("judge", "wise")
    assert found.problem.text.endswith(f"; run: harness judge passport {judge}")
    assert found.accuracy is not None


def test_without_a_file(path):
    found = check(path)
    assert found == PassportCheck(
        "wise",
        trusted=False,
        problem=Reason(
            "certify",
            {"command": "harness judge passport wise"},
            (Reason("passport_missing", {"path": "passports/wise.json"}),),
        ),
    )
    assert found.problem.text == (
        "no passport passports/wise.json; run: harness judge passport wise"
    )


def spoil(path: Path, change) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data["passport"]["sets"][0])
    path.write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.pop("digest"),
        lambda one: one.update(scored=81),
        lambda one: one.update(n="80"),
        lambda one: one["figures"].pop("accuracy"),
        lambda one: one["figures"]["accuracy"].update(low=float("nan")),
        lambda one: one["figures"]["accuracy"].update(low=1.5, value=1.5, high=1.5),
        lambda one: one["figures"]["accuracy"].update(low=0.9, value=0.8),
        lambda one: one["figures"]["order_agreement"].update(n=0),
        lambda one: one["counts"].update(true_positives=41),
        lambda one: one["counts"].pop("negatives"),
    ],
)
def test_a_damaged_passport_trusts_nobody(path, change):
    save_passport(path, make_passport())
    assert check(path).trusted
    spoil(path, change)
    found = check(path)
    assert not found.trusted
    assert found.problem.text.startswith("passports/wise.json: damaged (")
    assert found.problem.text.endswith("; run: harness judge passport wise")
    assert "\n" not in found.problem.text
    assert found.accuracy is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"\xff", "damaged"),
        (b"[]", "format None is not 2"),
        (b'{"format": 1}', "format 1 is not 2"),
        (b'{"format": 2}', "damaged (passport: "),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_what_is_no_passport(path, content, problem):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(PassportError) as caught:
        load_passport(path)
    assert problem in str(caught.value)
    assert not check(path).trusted


def erring(n: int, wrong: int, *, disagree: bool = False):
    """Return a set on which a judge errs in the first pairs: in both orders, or in one."""
    gold = GoldSet("gold/made", "0" * 64, tuple(make_pairs(n)))
    ruled = rule(gold.pairs, oracle)
    for at in range(wrong):
        turned = Ruling(choice="B" if ruled[at].forward.choice == "A" else "A")
        other = ruled[at].backward if disagree else Ruling(choice=ruled[at].forward.choice)
        ruled[at] = replace(ruled[at], forward=turned, backward=other)
    return measure(gold, ruled, passing=7.0)


def test_a_demand_is_met_by_the_lower_end_of_the_interval(path):
    # 0.833 of 48 has a lower end of 0.70 less a little, 0.854 has 0.72.
    few = check(path, make_passport(erring(48, 8)))
    assert not few.trusted
    assert few.problem.text == (
        "passports/wise.json: accuracy on gold/made is 0.833 [0.70, 0.93] of 48; the interval's "
        "lower end does not reach min_accuracy 0.7"
    )
    assert check(path, make_passport(erring(48, 7))).trusted


def test_order_agreement_is_demanded_likewise(path):
    spec = PassportSpec(min_accuracy=0.1, min_order_agreement=0.7)
    found = check(path, make_passport(erring(48, 8, disagree=True)), spec=spec)
    assert not found.trusted
    assert "order agreement on gold/made is 0.833 [0.70, 0.93] of 48" in found.problem.text
    assert check(path, make_passport(erring(48, 8)), spec=spec).trusted


def test_absolute_scores_must_be_better_than_chance(path):
    _, score = coin(0)
    found = check(path, make_passport(one_set(oracle, score)))
    assert not found.trusted
    assert "the better answer has the higher score in" in found.problem.text


def test_scores_near_chance_come_before_demands_that_could_be_lowered(path):
    _, score = coin(0)
    gold = make_gold(80)
    weak = measure(gold, rule(gold.pairs, coin(1)[0], score), passing=7.0)
    good = measure(gold, rule(gold.pairs, oracle, score), passing=7.0)
    assert doubts(good, replace_demands(1.0)) == ["scores", "accuracy"]
    assert doubts(weak, DEMANDS)[:2] == ["chance", "scores"]
    found = check(path, make_passport(good), spec=replace_demands(1.0))
    assert "the better answer has the higher score in" in found.problem.text


def replace_demands(accuracy: float) -> PassportSpec:
    return PassportSpec(min_accuracy=accuracy, min_order_agreement=0.7)


@pytest.mark.parametrize("better", ["longer", "shorter"])
def test_a_set_whose_better_answer_is_told_by_length_says_nothing(path, better):
    pairs = [
        replace(
            one,
            first=one.first + " more" * (4 * ((one.better == "first") == (better == "longer"))),
            second=one.second + " more" * (4 * ((one.better == "second") == (better == "longer"))),
        )
        for one in make_pairs(80)
    ]
    gold = GoldSet("gold/made", "0" * 64, tuple(pairs))
    one = measure(gold, rule(gold.pairs, oracle), passing=7.0)
    assert one.figures["accuracy"].value == 1
    assert doubts(one, DEMANDS) == ["length"]
    found = check(path, make_passport(one))
    assert not found.trusted
    assert "length alone tells which is better" in found.problem.text


def test_a_preference_for_length_is_near_chance_on_a_balanced_set(path):
    found = check(path, make_passport(one_set(longer)))
    assert found.problem.text.endswith(
        "asked about gold/made before this run, where people preferred one answer, the judge chose "
        "the same answer in both orders in 80 of the pairs, and people's own in 0.500 [0.39, 0.61] "
        "of these: not shown to be better than chance"
    )


def test_a_preference_for_a_place_settles_nothing(path):
    found = check(path, make_passport(one_set(first_shown)))
    assert found.problem.text.endswith(
        "the judge never chose the same answer in both orders where people preferred one (it went "
        "by their order or called a tie), so that its agreement with people cannot be told: not "
        "shown to be better than chance"
    )


def test_a_judge_that_is_mostly_wrong_is_worse_than_a_coin(path):
    found = check(path, make_passport(one_set(mistaken)))
    assert "it is people's own in 0.000 [0.00, 0.05] of 80: worse than chance" in found.problem.text


def test_small_sets_never_certify(path):
    small = one_set(n=28)
    found = check(path, make_passport(small, replace(small, name="gold/other")))
    assert not found.trusted
    assert f"the largest has 28 pairs; {SMOKE} and a whole file" in found.problem.text
    assert found.problem.text.endswith("run: harness judge passport wise --gold FILE")
    assert found.accuracy is None
    assert doubts(small, DEMANDS) == ["small"]


def test_a_small_set_takes_nothing_from_a_large_one(path):
    bad = one_set(first_shown, n=8, name="gold/small")
    assert check(path, make_passport(one_set(), bad)).trusted


def test_every_large_set_must_vouch(path):
    hard = replace(erring(80, 30), name="gold/hard")
    found = check(path, make_passport(one_set(), hard))
    assert not found.trusted
    assert "accuracy on gold/hard is 0.625" in found.problem.text
    assert found.accuracy == hard.figures["accuracy"]


@pytest.mark.parametrize("silent", [60, 80])
def test_a_hard_set_that_is_left_out_still_counts(path, silent):
    gold = GoldSet("gold/hard", "1" * 64, tuple(make_pairs(80)))
    ruled = rule(gold.pairs, mistaken)
    for at in range(silent):
        ruled[at] = replace(ruled[at], backward=Ruling(problem=because("no JSON")))
    hard = measure(gold, ruled, passing=7.0)
    assert hard.scored < SMOKE
    found = check(path, make_passport(one_set(), hard))
    assert not found.trusted
    assert (
        f"on gold/hard {silent} of 80 pairs and 0 of 160 answers have no verdict"
        in found.problem.text
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"low": 0.7}, "accuracy is not a share of 48 with its interval"),
        ({"value": 0.9}, "accuracy is not a share of 48 with its interval"),
        ({"value": 0.9, "low": 0.78, "high": 0.97}, "accuracy is not a share of 48"),
        ({"n": 480}, "accuracy is not of 48 pairs"),
    ],
)
def test_an_edited_figure_is_no_measurement(path, changes, problem):
    made = make_passport(erring(48, 8))
    figures = made.sets[0].figures
    figures["accuracy"] = replace(figures["accuracy"], **changes)
    found = check(path, made)
    assert not found.trusted
    assert problem in found.problem.text


@pytest.mark.parametrize(("silent", "reason"), [(1, None), (2, "unscored")])
def test_pairs_without_a_verdict_are_no_way_to_certify(path, silent, reason):
    gold = make_gold(80)
    ruled = rule(gold.pairs, oracle)
    for at in range(silent):
        ruled[at] = replace(ruled[at], backward=Ruling(problem=because("no JSON")))
    one = measure(gold, ruled, passing=7.0)
    assert doubts(one, DEMANDS) == ([reason] if reason else [])
    assert check(path, make_passport(one)).trusted is (reason is None)


def test_answers_without_a_score_are_none_either(path):
    gold = make_gold(80)
    ruled = rule(gold.pairs, oracle)
    for at in range(4):
        ruled[at] = replace(ruled[at], first=Ruling(problem=because("no JSON")))
    found = check(path, make_passport(measure(gold, ruled, passing=7.0)))
    assert "0 of 80 pairs and 4 of 160 answers have no verdict, more than 2%" in found.problem.text
