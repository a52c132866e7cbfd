"""The table of questions: one line each, with its estimate, verdict and how far it reaches."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from by_hand import cell, drawn, join, right, right_but, trained
from reports import compare, findings_of, questions, report_markdown
from scipy.stats import ttest_1samp

from harness.analysis.question_findings import Singles
from harness.language import words
from harness.records import Contrast, Gate, Run, RunInfo
from harness.report.questions import ordered, question_tables
from harness.stats.paired import paired_accuracy

WORDINGS = ("fixed", "random")
MINUS = "\N{MINUS SIGN}"
INFO = RunInfo("r", "now", 1.0, "pytest", {}, {})


def lines(*cells, lang="en") -> list[list[str]]:
    return questions(*join(*cells), lang=lang)


def line(question: str, *cells) -> list[str]:
    (found,) = [one for one in lines(*cells) if one[1] == question]
    return found


def corrects(one) -> np.ndarray:
    return np.array([result.correct for result in one[1]], dtype=float)


PLACES = ("system", "user", "chat")
BARE = cell(right(150))
SHOWN = [cell(right_but([*range(150, 200), *range(30 * at, 30 * at + 20 + at)]), placement=place)
         for at, place in enumerate(PLACES)]  # fmt: skip


def test_a_question_is_the_mean_of_its_comparisons():
    mean = np.mean([corrects(one) - corrects(BARE) for one in SHOWN], axis=0)
    wanted = ttest_1samp(mean, 0.0)
    low, high = wanted.confidence_interval(0.95)
    (found,) = [one for one in findings_of(*join(BARE, *SHOWN)).questions if one.kind == "shots"]
    assert (found.value, found.p) == pytest.approx((mean.mean(), wanted.pvalue))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.comparisons, found.draws, found.figure) == (3, 1, "accuracy")
    model, question, by, effect, verdict, singles = lines(BARE, *SHOWN)[0]
    assert (model, question, by) == ("small", "few-shot against zero-shot", "raw accuracy")
    assert effect == (
        f"{MINUS}10.5 points [{MINUS}{-100 * low:.1f}, {MINUS}{-100 * high:.1f}], p < 0.001"
    )
    assert verdict == "**worse**, with these shots"
    # 20, 21 and 22 samples are lost: that the three differ is not shown.
    assert singles == (
        "0 better, 3 worse (plain 5-shot system, plain 5-shot user, plain 5-shot chat), 0 not shown"
    )


def test_each_two_places_are_a_question():
    found = [one for one in lines(BARE, *SHOWN) if "placement" in one[1]]
    assert [one[1] for one in found] == [
        "placement user against system",
        "placement chat against system",
        "placement chat against user",
    ]
    # Of one prompt they are one comparison each: its family's p and interval, and nothing to count.
    compared = [c for c in compare(*join(BARE, *SHOWN)) if c.kind == "placement"]
    for one, c in zip(found, compared, strict=True):
        low, high = (f"{100 * end:+.1f}".replace("-", MINUS) for end in (c.low, c.high))
        assert f" points [{low}, {high}], p = " in one[3]
        assert one[4:] == ["no difference shown, with these shots", "\N{EN DASH}"]


def test_cells_that_contradict_each_other_have_no_one_answer():
    helped = [cell(right(120), prompt="b"), cell(right(180), prompt="b", placement="chat")]
    hurt = [cell(right(180)), cell(right(100), placement="chat")]
    found = line("few-shot against zero-shot", *helped, *hurt)
    assert found[4] == "**depends on the cell**, with these shots"
    assert found[5] == (
        "1 better (b 5-shot chat), 1 worse (plain 5-shot chat), 0 not shown; their sizes differ, "
        "p < 0.001"
    )
    # The mean alone would say worse.
    assert re.fullmatch(
        rf"{MINUS}5\.0 points \[{MINUS}[\d.]+, {MINUS}[\d.]+\], p < 0\.001", found[3]
    )


def test_one_draw_speaks_of_these_shots_and_several_of_their_number():
    bare = cell(right(150))
    draws = [cell(right_but([*range(150, 200), *range(40 + 3 * seed)]), placement="chat", seed=seed)
             for seed in range(3)]  # fmt: skip
    question = "few-shot against zero-shot"
    assert line(question, bare, draws[0])[4] == "**worse**, with these shots"
    found = line(question, bare, *draws)
    assert found[4] == "**worse**, over 3 draws of shots"
    assert found[5] == "0 better, 3 worse, 0 not shown"
    (q,) = [one for one in findings_of(*join(bare, *draws)).questions if one.kind == "shots"]
    assert (q.draws, q.comparisons) == (3, 1)
    assert q.value == pytest.approx(-43 / 200)


def of_prompts(*lost: int, wordings="random"):
    """Zero-shot and few-shot with each prompt, of which few-shot loses that many samples more."""
    cells = [
        cell(right_but(range(start, start + missed)), prompt=f"p{at}", **shown)
        for at, less in enumerate(lost)
        for start, missed, shown in (
            (10 * at, 20, {}),
            (10 * at, 20 + less, {"placement": "chat"}),
        )
    ]
    return [(replace(row, wordings=wordings), results) for row, results in cells]


def test_prompts_may_stand_for_others_like_them():
    lost, question = (40, 0, 10, 14), "few-shot against zero-shot"
    fixed, drawn_anew = (line(question, *of_prompts(*lost, wordings=way)) for way in WORDINGS)
    assert fixed[4] == "**worse on average**, with these shots"
    assert drawn_anew[4] == "no difference shown, with these shots, for prompts like these 4"
    rows, results = join(*of_prompts(*lost))
    reading = '- "For prompts like these": the mean\'s interval allows for other prompts'
    assert reading in report_markdown(Run(INFO, tuple(rows), (), tuple(results)))
    (q,) = [one for one in findings_of(*join(*of_prompts(*lost))).questions if one.kind == "shots"]
    assert (q.wordings, q.comparisons, q.draws) == (4, 4, 1)
    assert q.value == pytest.approx(-16 / 200)
    # The prompts' own means are nearly Student's sample; samples make little of their spread.
    wanted = ttest_1samp([-one / 200 for one in lost], 0.0)
    assert q.p == pytest.approx(wanted.pvalue, abs=0.02)


@pytest.mark.parametrize(
    "cells",
    [of_prompts(30, 2, 12), of_prompts(30, 2, 12, 20)[:-1]],
    ids=["three prompts", "a prompt without few-shot"],
)
def test_too_few_prompts_or_uneven_ones_speak_of_themselves(cells):
    (q,) = [one for one in findings_of(*join(*cells)).questions if one.kind == "shots"]
    assert q.wordings == 1
    assert "like these" not in line("few-shot against zero-shot", *cells)[4]


def test_draws_that_differ_widely_show_nothing_of_others():
    bare = cell(right(100))
    moves = (right(150), right(98), right(104))
    draws = [cell(own, placement="chat", seed=seed) for seed, own in enumerate(moves)]
    found = line("few-shot against zero-shot", bare, *draws)
    assert found[4:] == [
        "no difference shown, over 3 draws of shots",
        "1 better, 0 worse, 2 not shown",
    ]
    # One of them alone is shown to be better, and only its shots are.
    assert line("few-shot against zero-shot", bare, draws[0])[4] == "**better**, with these shots"


def test_where_no_answer_differs_there_is_one_line_as_open_as_its_comparisons():
    same = [cell(right(150), placement=place, seed=seed) for place in PLACES for seed in range(3)]
    found = line("few-shot against zero-shot", BARE, *same)
    alone = paired_accuracy([i < 150 for i in range(200)], [i < 150 for i in range(200)])
    ends = f"[{MINUS}{-100 * alone.low:.1f}, +{100 * alone.high:.1f}]"
    assert found[3] == f"0.0 points {ends}, p = 1.00"
    assert found[4:] == [
        "no difference shown, over 3 draws of shots",
        "0 better, 0 worse, 9 not shown",
    ]
    assert len(lines(BARE, *same)) == 4
    all_lost = [cell(right(0), placement=place) for place in PLACES]
    found = line("few-shot against zero-shot", cell(right(200)), *all_lost)
    high = -100 * paired_accuracy([True] * 200, [False] * 200).high
    assert found[3] == f"{MINUS}100.0 points [{MINUS}100.0, {MINUS}{high:.1f}], p < 0.001"
    places = "plain 5-shot system, plain 5-shot user, plain 5-shot chat"
    assert found[4:] == [
        "**worse**, with these shots",
        f"0 better, 3 worse ({places}), 0 not shown",
    ]


def test_two_draws_count_as_these_shots():
    draws = [cell(right(100 + seed), placement="chat", seed=seed) for seed in (0, 1)]
    found = line("few-shot against zero-shot", BARE, *draws)
    assert found[4:] == ["**worse**, with these shots", "0 better, 2 worse, 0 not shown"]


def test_unequal_draws_of_places_count_as_these_shots():
    bare = cell(right(150))
    draws = [cell(right(100), placement=place, seed=seed) for place, seed in
             (("chat", 0), ("chat", 1), ("user", 0))]  # fmt: skip
    found = line("few-shot against zero-shot", bare, *draws)
    assert found[4] == "**worse**, with these shots"


def test_the_primary_figure_is_named_and_decides():
    odds = drawn(1.0, 0.0)
    cells = [cell(odds=[one - 1.0 for one in odds]), cell(odds=odds, placement="chat")]
    found = line("few-shot against zero-shot", *cells)
    assert found[2] == "AUC"
    assert re.fullmatch(r"0\.000 \[[^]]+\], p = 1\.00", found[3])
    assert found[4] == "no difference shown, with these shots"
    raw = [(replace(row, primary="accuracy"), results) for row, results in cells]
    found = line("few-shot against zero-shot", *raw)
    assert (found[2], found[4]) == ("raw accuracy", "**better**, with these shots")


def test_comparisons_with_a_cell_that_guesses_are_counted_apart():
    sound = [cell(odds=drawn(2.0, 0.0)), cell(odds=drawn(1.0, 0.0, 1), placement="chat")]
    guess = [cell(odds=drawn(0.0, 0.0, at), prompt="other", placement=place)
             for at, place in ((2, None), (3, "chat"))]  # fmt: skip
    (found,) = [one for one in findings_of(*join(*sound, *guess)).questions if one.kind == "shots"]
    assert (found.comparisons, found.guessing) == (2, 1)
    assert (found.better, found.worse, found.open) == (0, 1, 1)
    assert found.able == Singles(0, 1, 0)
    said = line("few-shot against zero-shot", *sound, *guess)[5]
    assert said.startswith(
        "0 better, 1 worse (plain 5-shot chat), 1 not shown; of those where both"
    )
    assert "guessing: 0 better, 1 worse, 0 not shown" in said
    assert "guessing" not in line("few-shot against zero-shot", *sound)[5]


def test_what_could_not_be_compared_does_not_count_as_guessing():
    sound = [cell(odds=drawn(2.0, 0.0, at), placement=place)
             for at, place in enumerate([None, "system", "chat"])]  # fmt: skip
    lost = [
        cell(odds=drawn(0.0, 0.0, 3), prompt="other"),
        cell(odds=drawn(0.0, 0.0, 4), prompt="other", placement="chat", unscored=200),
    ]
    (found,) = [one for one in findings_of(*join(*sound, *lost)).questions if one.kind == "shots"]
    assert (found.comparisons, found.guessing) == (2, 0)


def test_questions_that_only_guess_are_folded_and_end_the_list():
    cells = [
        cell(odds=drawn(skill, 0.0, at), prompt=prompt, placement=place)
        for at, (skill, prompt, place) in enumerate(
            [(2.0, "a", None), (0.0, "b", None), (1.9, "a", "chat"), (0.0, "b", "chat")]
        )
    ]
    rows, results = join(*cells)
    tables = question_tables(findings_of(rows, results), words("en"))
    assert "few-shot against zero-shot" in tables.shown
    assert "prompt b against a" not in tables.shown
    assert tables.told == (
        "1 more line, each comparison of which has a cell not shown to beat guessing"
    )
    assert "prompt b against a" in tables.folded
    kinds = [one.kind for one in ordered(findings_of(rows, results))]
    assert kinds[-1] == "wording"
    assert set(kinds) > {"wording"}


@pytest.mark.parametrize(
    ("mean", "p", "counts", "able", "answer"),
    [
        (0.1, 0.001, (3, 1, 0), None, "mixed"),
        (0.1, 0.001, (3, 1, 0), (3, 0, 0), "better_mean"),
        (0.1, 0.001, (3, 1, 0), (2, 1, 0), "mixed"),
        (-0.1, 0.001, (1, 3, 0), (0, 3, 0), "worse_mean"),
        (-0.1, 0.001, (1, 3, 0), (1, 0, 0), "mixed"),
        (0.1, 0.5, (1, 1, 2), None, "mixed"),
        (0.1, 0.5, (1, 1, 2), (0, 1, 2), "worse_part"),
        (0.1, 0.5, (1, 1, 2), (0, 0, 2), "same"),
        (0.1, 0.5, (1, 1, 2), (0, 0, 0), "mixed"),
    ],
)
def test_what_cells_that_guess_show_makes_no_answer_depend_on_the_cell(
    mean, p, counts, able, answer
):
    helped = [cell(right(120)), cell(right(180), placement="chat")]
    (one,) = [q for q in findings_of(*join(*helped)).questions if q.kind == "shots"]
    better, worse, unshown = counts
    found = replace(
        one, value=mean, p=p, comparisons=sum(counts), better=better, worse=worse, open=unshown,
        able=Singles(*able) if able else None,
    )  # fmt: skip
    assert found.answer == answer


def test_calibration_is_of_accuracy_and_knows_no_shots():
    found = line(
        "calibrated by the whole batch against raw answers",
        cell(odds=drawn(3.0, -4.0)),
        cell(odds=drawn(3.0, -4.0, 1), placement="chat"),
    )
    assert (found[2], found[4]) == ("accuracy", "**better**")
    assert found[5].startswith(
        "2 better (plain zero-shot, plain 5-shot chat), 0 worse, 0 not shown"
    )


def test_wordings_are_a_question_each_whichever_is_the_best():
    modes = ((None, 180, 100), ("chat", 100, 180), ("user", 150, 149))
    cells = [
        cell(right(count), prompt=prompt, placement=place)
        for place, *counts in modes
        for prompt, count in zip("ab", counts, strict=True)
    ]
    found = line("prompt b against a", *cells)
    assert found[3].startswith(f"{MINUS}0.2 points [")
    assert found[4] == "**depends on the cell**"
    assert found[5].startswith(
        "1 better (5-shot chat), 1 worse (zero-shot), 1 not shown; their sizes differ"
    )


def test_a_mean_whose_comparisons_were_not_tested_is_told_as_a_mean():
    modes = ((None, 190, 150, 100), ("chat", 190, 150, 100))
    cells = [
        cell(right(count), prompt=prompt, placement=place)
        for place, *counts in modes
        for prompt, count in zip("abc", counts, strict=True)
    ]
    # Only those with the best prompt are tested one by one.
    assert line("prompt b against a", *cells)[4] == "**worse**"
    found = line("prompt c against b", *cells)
    assert found[3].startswith(f"{MINUS}25.0 points [")
    assert found[4:] == ["**worse on average**", "mean of 2, which were not tested one by one"]


def test_that_untested_comparisons_differ_is_said_beside_their_mean():
    modes = ((None, 190, 150, 100), ("chat", 190, 100, 150))
    cells = [
        cell(right(count), prompt=prompt, placement=place)
        for place, *counts in modes
        for prompt, count in zip("abc", counts, strict=True)
    ]
    found = line("prompt c against b", *cells)
    assert found[4] == "no difference shown"
    assert found[5].startswith("mean of 2, which were not tested one by one; their sizes differ")


def test_models_and_classifiers_have_a_line():
    cells = [cell(right(150), model="base"), cell(right(190), model="tuned")]
    (found,) = lines(*cells)
    assert found[:2] == ["tuned", "against base"]
    assert found[3].startswith("+20.0 points [")
    assert found[4] == "**better**"
    base = trained(right(190))
    found = line(
        "best cell, `small-plain-zeroshot`, against `base-trained-s0`, trained on 900 labelled "
        "rows",
        cell(right(150)),
        base,
    )
    assert found[3].startswith(f"{MINUS}20.0 points [")
    assert found[4] == "**worse**"


def test_a_line_of_one_comparison_that_a_gate_had_declared_has_the_gates_p():
    rows, results = join(cell(right(150)), cell(right(100), placement="chat"))
    contrast = Contrast("accuracy", 0.75, 0.5, -0.31, -0.19, 0.0123, 50, 0, 200, 0, None)
    gate = Gate(rows[1].evalset, rows[1].cell, "accuracy", "no_worse_than", 0.0, "fail", True, "x",
                against=rows[0].cell, contrast=contrast)  # fmt: skip
    text = report_markdown(Run(INFO, tuple(rows), (gate,), tuple(results)))
    assert re.search(
        rf"\| few-shot against zero-shot +\| raw accuracy +\| {MINUS}25\.0 points \[{MINUS}31\.0, "
        rf"{MINUS}19\.0\], p = 0\.012 +\| \*\*worse\*\*, with these shots",
        text,
    )


def test_several_sets_are_named():
    far = [cell(right(count), placement=place, evalset="evalsets/b.yaml")
           for count, place in ((150, None), (100, "chat"))]  # fmt: skip
    found = lines(cell(right(150)), cell(right(100), placement="chat"), *far)
    assert [one[:2] for one in found] == [
        ["evalsets/mini.yaml", "small"],
        ["evalsets/b.yaml", "small"],
    ]


def test_nothing_compared_has_no_table_and_no_note():
    row, results = cell(right(150))
    assert questions([row], results) == []
    text = report_markdown(Run(INFO, (row,), (), tuple(results)))
    assert "A line is a question" not in text
    with_pair = join(cell(right(150)), cell(right(100), placement="chat"))
    text = report_markdown(Run(INFO, tuple(with_pair[0]), (), tuple(with_pair[1])))
    assert "A line is a question" in text


def test_names_are_inert():
    cells = [cell(right(150), prompt="<b>|x"), cell(right(100), prompt="y*")]
    rows, results = join(*cells)
    text = report_markdown(Run(INFO, tuple(rows), (), tuple(results)))
    assert r"&lt;b&gt;\|x" in text
    assert "<b>" not in re.sub("`[^`]*`", "", text)


def test_russian_says_the_same():
    cells = [
        BARE, *SHOWN, trained(right(190)),
        cell(odds=drawn(1.0, -1.0), evalset="evalsets/b.yaml"),
        cell(odds=drawn(1.0, 0.0, 1), evalset="evalsets/b.yaml", prompt="other"),
        *(cell(right(120), placement="chat", seed=seed, model="large") for seed in (0, 1)),
        cell(right(140), model="large"),
    ]  # fmt: skip
    english, russian = lines(*cells), lines(*cells, lang="ru")
    number = re.compile(rf"[{MINUS}+]?\d+\.\d+")
    assert [number.findall(" ".join(one)) for one in english] == [
        number.findall(" ".join(one)) for one in russian
    ]
    words = {"**better**": "**лучше**", "**worse**": "**хуже**",
             "no difference shown": "различие не доказано",
             "**worse on average**": "**в среднем хуже**", "**worse in part**": "**отчасти хуже**",
             "**better on average**": "**в среднем лучше**"}  # fmt: skip
    for one, other in zip(english, russian, strict=True):
        verdict, scope = re.fullmatch(r"([^,]+)(,.*)?", one[5]).groups()
        assert other[5].startswith(words[verdict])
        assert bool(scope) == ("," in other[5])
    assert not re.search("shots|against|draws|better|worse", re.sub("`[^`]*`", "", str(russian)))
