from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import judges
import pytest
from judges import (
    coin,
    first_shown,
    longer,
    make_gold,
    make_pairs,
    make_passport,
    oracle,
    rule,
)
from reasoned import because

from harness.judge.passport import BoundRubric, Reworded
from harness.judge.passport_figures import measure
from harness.records import Figure, Note, Ruling
from harness.report.passport import passport_markdown, passport_verdict, write_passport_page
from harness.spec.judgeset import PassportSpec
from harness.stats.intervals import clopper_pearson_interval

one_set = partial(judges.one_set, n=60)


def row(page: str, label: str) -> list[str]:
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {label} ")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_verdict_comes_first_in_plain_words():
    page = passport_markdown(make_passport(one_set()))
    title, verdict, reason = [line for line in page.splitlines() if line][:3]
    assert title == "# Passport of the judge `wise`"
    assert verdict == "**meets the default demands: this judge may gate**"
    assert reason == (
        "- `gold/made`: meets the demands, with accuracy 1.000 [0.94, 1.00], n=60 and "
        "order agreement 1.000 [0.94, 1.00], n=60."
    )
    assert "meets demands up to accuracy 0.94 and order agreement 0.94" in page


def blind(n: int = 60):
    """Return a set of a judge whose verdicts are people's, but whose scores are thrown."""
    _, score = coin(2)
    return one_set(oracle, score, n=n)


def silent(n: int = 60):
    gold = make_gold(n)
    ruled = rule(gold.pairs, oracle)
    ruled[0] = replace(ruled[0], forward=Ruling(problem=because("too long: 9000 tokens")))
    ruled[1] = replace(
        ruled[1], first=Ruling(problem=because("no <b>JSON</b>")), forward=ruled[0].forward
    )
    return measure(gold, ruled, passing=7.0)


@pytest.mark.parametrize(
    ("sets", "verdict"),
    [
        ([one_set(*coin(1))], "near chance: this judge must not gate"),
        ([one_set(first_shown)], "near chance: this judge must not gate"),
        ([one_set(longer)], "near chance: this judge must not gate"),
        ([one_set(lambda a, b: oracle(b, a))], "worse than chance: this judge must not gate"),
        ([blind()], "its scores are near chance: this judge must not gate"),
        ([silent()], "too many verdicts are missing: this judge must not gate"),
        ([one_set(n=28)], "a smoke test only: no set is large enough to certify"),
        ([one_set(n=28), one_set(*coin(1))], "near chance: this judge must not gate"),
        ([one_set(), one_set(first_shown, n=8)], "meets the default demands"),
        ([one_set(), blind()], "its scores are near chance"),
        ([blind(), one_set(longer)], "near chance"),
    ],
)
def test_verdicts(sets, verdict):
    passport = make_passport(*sets)
    assert passport_verdict(passport).startswith(verdict)
    assert f"**{verdict}" in passport_markdown(passport)


def test_demands_can_be_higher():
    passport = make_passport(one_set())
    high = PassportSpec(min_accuracy=0.95, min_order_agreement=0.5)
    assert passport_verdict(passport, demands=high).startswith("better than chance, but not shown")
    page = passport_markdown(passport, demands=high)
    assert "asks for accuracy 0.95 and order agreement 0.5" in page
    assert "does not reach the demand" in page


def test_a_figure_with_a_half_in_its_interval_is_called_near_chance():
    page = passport_markdown(make_passport(one_set(*coin(1)), one_set(first_shown)))
    for label in ("right where both orders agree", "the better answer scores higher"):
        assert row(page, label)[2].endswith("near chance")
    assert row(page, "accuracy, first answer shown first")[3].endswith("near chance")
    # Each against its own coin: a quarter, 0 for kappa. Order agreement of 0 is not chance.
    assert row(page, "accuracy, both orders")[1] == "0.25"
    assert row(page, "accuracy, both orders")[2].endswith("near chance")
    assert "near" not in row(page, "accuracy, both orders")[3]
    assert row(page, "Cohen's kappa with people")[3].endswith("near chance")
    assert row(page, "order agreement")[3] == "0.000 [0.00, 0.06] n=60"
    assert row(page, "right where both orders agree")[3] == "\N{EN DASH}"
    assert "near chance" not in passport_markdown(make_passport(one_set())).split("## How")[0]


def test_preferences_are_said():
    page = passport_markdown(make_passport(one_set(first_shown), one_set(longer, name="gold/b")))
    said = page.split("## Preferences")[1].split("##")[0].strip().splitlines()
    assert said == [
        "- `gold/made`: the judge prefers the answer that is shown first: "
        "1.000 [0.94, 1.00], n=120 of the verdicts are for it.",
        "- `gold/b`: the judge prefers the longer answer more often than people do: "
        "1.000 [0.94, 1.00], n=120; people 0.500 [0.37, 0.63], n=60.",
    ]


def test_the_other_preferences_are_said_too():
    last = one_set(lambda a, b: "B")
    short = one_set(lambda a, b: longer(b, a))
    page = passport_markdown(make_passport(last, short))
    assert "prefers the answer that is shown second: only 0.000 [0.00, 0.06]" in page
    assert "less often than people do: 0.000 [0.00, 0.06]" in page


def preferences(judge: Figure, people: Figure, n: int = 60) -> str:
    found = one_set(n=n)
    lengths = {"prefers_longer": judge, "human_prefers_longer": people}
    page = passport_markdown(make_passport(replace(found, figures=found.figures | lengths)))
    return page.split("## Preferences")[1].split("##")[0].strip()


def test_a_preference_for_length_is_said_only_where_intervals_do_not_meet():
    people = Figure(0.5, 0.37, 0.63, 60)
    # People's value lies outside of the judge's interval, but may well be the same.
    assert "No preference" in preferences(Figure(0.62, 0.54, 0.69, 120), people)
    assert "more often than people do" in preferences(Figure(0.72, 0.64, 0.79, 120), people)
    few = Figure(0.3, 0.2, 0.4, 60)
    assert preferences(Figure(0.55, 0.46, 0.64, 120), few) == (
        "- `gold/made`: that the judge goes by length is not shown: it prefers the longer answer "
        "in 0.550 [0.46, 0.64], n=120; people in 0.300 [0.20, 0.40], n=60."
    )


def test_a_smoke_test_shows_no_preference():
    page = passport_markdown(make_passport(one_set(first_shown, n=8), one_set(longer, n=28)))
    said = page.split("## Preferences")[1].split("##")[0].strip()
    assert said == "- No set is large enough to show a preference."


def test_a_coin_says_tie_as_often_as_the_judge():
    found = one_set(*coin(1))
    ties = {"tie_rate": Figure(0.4, 0.3, 0.5, 120), "score_ties": Figure(0.2, 0.1, 0.3, 60),
            "score_accuracy": Figure(0.4, 0.28, 0.53, 60),
            "accuracy_forward": Figure(0.45, 0.32, 0.58, 60)}  # fmt: skip
    page = passport_markdown(make_passport(found, replace(found, figures=found.figures | ties)))
    assert row(page, "accuracy, both orders")[1] == "0.25 / 0.09"
    assert row(page, "order agreement")[1] == "0.5 / 0.34"
    assert row(page, "accuracy, first answer shown first")[1] == "0.5 / 0.3"
    assert "near" not in row(page, "accuracy, first answer shown first")[3]
    assert row(page, "the better answer scores higher")[1].endswith("0.4")
    assert row(page, "the better answer scores higher")[3].endswith("near chance")
    assert row(page, "ties")[1] == "\N{EN DASH}"


def test_no_preference_is_said_where_none_shows():
    page = passport_markdown(make_passport(one_set()))
    assert "- No preference for a place, nor one for length" in page


def test_missing_verdicts_are_counted_by_reason_and_escaped():
    page = passport_markdown(make_passport(silent()))
    lost = page.split("## Missing verdicts")[1].split("##")[0].strip().splitlines()
    assert lost == [
        "- `gold/made`: pairs without a verdict in one order or both, 2: too long",
        "- `gold/made`: answers without a score, 1: no &lt;b&gt;JSON&lt;/b&gt;",
    ]
    assert (
        row(page, "pairs with a verdict in both orders / asked / in the file")[2] == "58 / 60 / 60"
    )
    assert "2 of 60 pairs have no verdict in at least one order, 1 of 120 answers no score" in page
    assert "Missing" not in passport_markdown(make_passport(one_set()))


def test_each_reason_is_named():
    _, score = coin(2)
    demands = PassportSpec(min_accuracy=1.0, min_order_agreement=1.0)
    page = passport_markdown(make_passport(one_set(oracle, score, n=60)), demands=demands)
    reasons = [line for line in page.splitlines() if line.startswith("- `gold/made`: ")]
    assert ["higher score in" in reasons[0], len(reasons)] == [True, 3]
    assert reasons[1].endswith("accuracy 1.000 [0.94, 1.00], n=60. Its lower end does not reach "
                               "the demand.")  # fmt: skip
    assert "order agreement 1.000" in reasons[2]


def test_scores_that_are_all_one_say_so():
    page = passport_markdown(make_passport(one_set(oracle, lambda answer: 5.0, n=60)))
    assert "**its scores are near chance: this judge must not gate**" in page
    assert "both answers of every pair have the same score, so the scores say nothing" in page


def test_names_are_escaped():
    page = passport_markdown(make_passport(one_set(name="a|b`<i>")))
    assert "`a|b'<i>`" in page
    assert row(page, "figure")[2] == "a\\|b\\`&lt;i&gt;"


def test_conditions_are_shown():
    page = passport_markdown(make_passport(one_set()))
    assert row(page, "weights")[1] == "a" * 16
    assert row(page, "engine, precision")[1] == "vllm, bfloat16"
    assert row(page, "pairwise rubric")[1] == f"prompts/judge/pairwise.ru.j2 ({'c' * 16})"
    assert row(page, "gold set gold/made")[1] == "0" * 16


def test_what_other_wordings_change_is_shown():
    bound = BoundRubric("prompts/judge/pairwise.ru.wording-1.j2", "e" * 64)
    moved = Figure(0.25, *clopper_pearson_interval(9, 36), 36)
    known = (Reworded(bound, 40, moved), Reworded(replace(bound, path="b.j2"), 40, None))
    page = passport_markdown(replace(make_passport(one_set()), reworded=known))
    label = f"asked by another wording, prompts/judge/pairwise.ru.wording-1.j2 ({'e' * 16})"
    shown = f"{moved.low:.2f}, {moved.high:.2f}"
    assert f"with another verdict 0.250 [{shown}], n=36; without a verdict 4" in page
    assert label in page
    assert "with another verdict \N{EN DASH}; without a verdict 40" in page


def test_a_page_has_no_text_of_the_gold_data():
    page = passport_markdown(make_passport(one_set()))
    for pair in make_pairs(60):
        assert pair.instruction not in page
        assert pair.first not in page


def test_every_figure_has_a_line():
    found = one_set()
    strange = replace(found, figures={n: Figure(0.123, 0.1, 0.2, 9) for n in found.figures})
    assert passport_markdown(make_passport(strange)).count("0.123 [0.10, 0.20] n=9") == 20


@pytest.mark.parametrize("sets", [[one_set()], [one_set(first_shown), silent()], [one_set(n=8)]])
def test_the_russian_page_is_russian(sets):
    english, russian = (passport_markdown(make_passport(*sets), lang=lang) for lang in ("en", "ru"))
    figures = re.compile(r"\d\.\d{3} \[[^]]*\]")
    assert figures.findall(russian) == figures.findall(english)
    words = re.sub(r"`[^`]*`|\|.*|gold/made|too long|no &lt;b&gt;JSON&lt;/b&gt;", "", russian)
    assert set(re.findall("[A-Za-z]+", words)) <= {"n"}


def test_the_page_is_written_whole(tmp_path):
    path = write_passport_page(tmp_path / "reports/passport-wise", make_passport(one_set()))
    assert path.name == "report.md"
    assert path.read_text(encoding="utf-8") == passport_markdown(make_passport(one_set()))
    assert list(path.parent.iterdir()) == [path]


def test_notes_on_the_judge_stand_on_its_page(tmp_path):
    note = Note("no_record", "tuned", {"folder": "adapters/one", "file": "training.json"})
    passport = make_passport(one_set())
    page = write_passport_page(tmp_path, passport, notes=[note]).read_text()
    assert page.count("## Notes\n\n- `tuned`: `adapters/one` has no `training.json`, so that") == 1
    assert "## Notes" not in passport_markdown(passport)
    assert "## Замечания" in passport_markdown(passport, notes=[note], lang="ru")
