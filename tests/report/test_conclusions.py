from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import LABELS
from by_hand import cell, drawn, join, right, trained
from reports import compare, conclude, findings_of, report_markdown

from harness.analysis.findings import Best
from harness.language import words
from harness.records import Contrast, Figure, Gate, Result, Row, Run, RunInfo, Score
from harness.report.cautions import beware
from harness.run.figures import summarize
from harness.stats.paired import paired_accuracy


def points(*cells: tuple[Row, list[Result]], lang: str = "en") -> str:
    return "\n".join(
        point for topic in conclude(*join(*cells), lang=lang).topics for point in topic.points
    )


def warned(*cells: tuple[Row, list[Result]], lang: str = "en") -> str:
    return "\n".join(beware(findings_of(*join(*cells)).cautions, words(lang)))


def short(*cells: tuple[Row, list[Result]], lang: str = "en") -> str:
    return "\n".join(
        line for topic in conclude(*join(*cells), lang=lang).topics for line in topic.short
    )


def test_generated_cells_are_judged_by_accuracy():
    text = points(cell(right(150)), cell(right(100), placement="chat"))
    # Of 50 coins the excess is above 14 in less than 5%: 7 points of 200 samples to either side.
    assert text == (
        "5-shot chat (seed 0) against zero-shot, prompt plain: **hurts**; raw accuracy 0.750 → "
        "0.500 (\u221225.0 points [\u221232.0, \u221218.0], 50 lost, 0 won, p < 0.001)."
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(150, 100, "hurts"), (100, 150, "helps"), (150, 147, "no difference could be shown")],
)
def test_verdict_goes_by_the_test(before, after, verdict):
    text = points(cell(right(before)), cell(right(after), placement="user"))
    assert f"**{verdict}**" in text
    assert ("not shown" in text) == verdict.startswith("no")


def test_raw_gain_does_not_hide_a_loss_of_order():
    """Fewer one-sided answers raise raw accuracy while the order of the samples is lost."""
    bare = cell(odds=drawn(4.0, -4.5))
    shown = cell(odds=drawn(1.8, 0.0, seed=1), placement="chat")
    assert shown[0].figures["accuracy"].value > bare[0].figures["accuracy"].value + 0.1
    text = points(bare, shown).split("\n")[0]
    assert "**hurts**" in text
    assert re.search(r"raw accuracy 0\.\d+ → 0\.\d+ \(\+", text)
    assert "the share of “negative” among the answers moves from" in text
    assert re.search(r"; AUC 0\.998 → 0\.906 \([^)]*\); secondary: calibrated accuracy 0\.", text)
    assert "not shown" not in text.split("raw accuracy", 1)[1]


def test_a_secondary_figure_is_shown_and_decides_nothing():
    odds = drawn(1.0, 0.0)
    bare = cell(odds=[one - 1.0 for one in odds])
    shown = cell(odds=odds, placement="chat")
    for first, second, sign in ((bare, shown, "+"), (shown, bare, "\u2212")):
        rows = (replace(first[0], k=0, placement=None, selector=None, seed=None),
                replace(second[0], k=5, placement="chat", selector="balanced", seed=0))  # fmt: skip
        text = points((rows[0], first[1]), (rows[1], second[1])).split("\n")[0]
        assert "**no difference could be shown**; AUC 0.794 → 0.794 (0.000 [" in text
        assert "p = 1.00: not shown); secondary: calibrated accuracy" in text
        raw = re.search(r"; raw accuracy 0\.\d+ → 0\.\d+ \((.)[^()]*\)", text)
        assert raw[1] == sign
        assert "not shown" not in raw[0]


def test_another_primary_figure_decides():
    odds = drawn(1.0, 0.0)
    cells = [
        (replace(row, primary="accuracy"), results)
        for row, results in (cell(odds=[one - 1.0 for one in odds]),
                             cell(odds=odds, placement="chat"))
    ]  # fmt: skip
    text = points(*cells).split("\n")[0]
    assert "**helps**; raw accuracy" in text
    assert "; secondary: AUC 0.794 → 0.794" in text
    assert "primary figure of their set (raw accuracy)" in conclude(*join(*cells)).method


def test_bias_is_explained_by_shares_and_auc():
    biased = cell(odds=drawn(3.0, -4.0))
    text = points(biased)
    share = f"{biased[0].shares['negative']:.0%}"
    assert "it raises accuracy, 0.5" in text
    assert f"“negative” for {share} of the samples, the target for 50%; AUC 0.9" in text
    assert "biased threshold" in text
    assert "biased threshold in 1 of 1 cell**" in short(biased)


def test_unbiased_cell_is_not_called_biased():
    fair = cell(odds=drawn(3.0, 0.0))
    assert points(fair) == (
        "Calibration: no difference to raw accuracy could be shown in `small-plain-zeroshot`."
    )
    assert short(fair).split("\n")[-1] == (
        "Calibration, small: no difference to raw accuracy could be shown; 1 cell compared."
    )


def test_guessing_cell_is_not_said_to_rank():
    guesses = cell(odds=drawn(0.0, -3.0))
    assert "ranks" not in points(guesses)
    assert "biased" not in short(guesses)


def test_placements_name_who_is_ahead():
    cells = [
        cell(right(count), placement=place)
        for count, place in ((100, "chat"), (180, "system"), (100, "user"))
    ]
    text = points(*cells)
    assert text.startswith("Placements of 5 shots (seed 0), prompt plain: raw accuracy: ")
    assert "system beats user by +40.0 points [" in text
    assert "system beats chat by +40.0 points [" in text
    assert "0 lost, 80 won" in text
    assert text.endswith("no other difference could be shown.")


def test_equal_placements_take_two_phrases():
    cells = [cell(odds=drawn(1.0, 0.0), placement=place) for place in ("system", "chat")]
    assert (
        "Placements of 5 shots (seed 0), prompt plain: no difference could be shown by AUC; "
        "secondary: no difference could be shown by calibrated accuracy, raw accuracy."
    ) in points(*cells)


def test_placements_by_secondary_figures_stand_behind():
    odds = drawn(1.0, 0.0)
    moved = [cell(odds=odds, placement="system"),
             cell(odds=[one - 1.5 for one in odds], placement="user")]  # fmt: skip
    text = points(*moved)
    assert "no difference could be shown by AUC; secondary: " in text
    assert "no difference could be shown by calibrated accuracy" in text
    assert "raw accuracy: system beats user by +" in text


def test_best_wording_needs_a_lead_that_is_shown():
    clear = [cell(right(count), prompt=name) for count, name in ((180, "a"), (120, "b"), (60, "c"))]
    text = points(*clear)
    assert (
        "Best wording, zero-shot: by raw accuracy a at 0.900, ahead of each of the other 2, least "
        "clearly of b, by +30.0 points"
    ) in text
    assert "at 0.900, ahead of b by +30.0 points" in points(*clear[:2])
    assert len(compare(*join(*clear))) == 1
    close = [cell(right(count), prompt=name) for count, name in ((121, "a"), (120, "b"))]
    assert "no best could be shown (a 0.605, b 0.600: +0.5 points" in points(*close)


def test_best_cell_is_said_to_be_picked():
    text = short(cell(right(150)), cell(right(100), prompt="b"))
    assert "Best cell by raw accuracy, small: `small-plain-zeroshot`, 0.750 [" in text
    assert "best of 2, optimistically biased by selection" in text


def test_the_best_cell_stands_against_a_trained_classifier():
    cells = [cell(right(150)), cell(right(140), prompt="b"), trained(right(190))]
    (found,) = [one for one in compare(*join(*cells)) if one.kind == "trained"]
    assert (found.first.cell, found.second.cell) == ("base-trained-s0", "small-plain-zeroshot")
    assert (found.difference.lost, found.difference.won, found.chosen_of) == (40, 0, 2)
    exact = paired_accuracy([i < 190 for i in range(200)], [i < 150 for i in range(200)])
    assert found.difference == exact
    assert found.sign == -1
    assert (
        "Against `base-trained-s0`, trained on 900 rows: **the model is behind**; raw accuracy "
        "0.750 (`small-plain-zeroshot`) against 0.950: \u221220.0 points ["
    ) in points(*cells)
    assert "the best of 2 cells stands for the model" in points(*cells)


@pytest.mark.parametrize(
    ("count", "verdict"),
    [(100, "the model is behind"), (199, "the model is ahead"),
     (150, "no difference could be shown")],
)  # fmt: skip
def test_the_distance_goes_by_the_test(count, verdict):
    cells = [cell(right(count)), trained(right(151))]
    assert f"**{verdict}**" in points(*cells)


def bests(*cells: tuple[Row, list[Result]]) -> tuple[Best, ...]:
    return conclude(*join(*cells)).bests


def test_no_table_of_best_cells_without_both_modes():
    assert bests(cell(right(150)), cell(right(100), prompt="b")) == ()
    one = cell(right(150)), cell(right(100), placement="chat"), cell(right(9), model="large")
    found = bests(*one)
    assert [best.model for best in found] == ["small", "large"]
    assert (found[1].bare, found[1].shown, found[1].comparison) == (one[2][0], None, None)
    assert [best.model for best in bests(*one, trained(right(190)))] == ["small", "large"]


def test_calibration_that_lowers_accuracy_is_said_so():
    """Nearly all targets are one label, so equal shares of answers must be wrong."""
    targets = [LABELS[0] if i % 10 else LABELS[1] for i in range(200)]
    row, results = cell(odds=drawn(0.0, 0.0))
    odds = [3.0 + draw for draw in drawn(0.0, 0.0)]
    scores = [
        Score(float(target == LABELS[0]), LABELS[0], None, (one / 2 - 9, -one / 2 - 9))
        for one, target in zip(odds, targets, strict=True)
    ]
    summary = summarize(scores, targets, LABELS)
    row = replace(row, figures=summary.figures, shares=summary.shares, targets=summary.targets)
    results = [
        replace(one, target=target, answer=LABELS[0], calibrated=calibrated,
                correct=target == LABELS[0])
        for one, target, calibrated in zip(results, targets, summary.calibrated, strict=True)
    ]  # fmt: skip
    assert "it lowers accuracy in 1 of 1 cell*" in short((row, results))


def test_unscored_are_left_out_and_counted():
    rows, results = join(cell(right(150)), cell(right(150), placement="chat", unscored=7))
    (found,) = compare(rows, results)
    assert (found.difference.n, found.left_out) == (193, 7)
    assert "left out of the pairs: 7" in points(
        cell(right(150)), cell(right(150), placement="chat", unscored=7)
    )


def test_eval_sets_and_models_stay_apart():
    cells = [
        cell(right(150)),
        cell(right(100), placement="chat", model="large"),
        cell(right(100), placement="chat", evalset="evalsets/other.yaml"),
    ]
    assert compare(*join(*cells)) == []
    found = conclude(*join(*cells))
    assert [topic.title for topic in found.topics] == [
        "small, evalsets/mini.yaml",
        "large, evalsets/mini.yaml",
        "small, evalsets/other.yaml",
    ]
    assert found.method == "These cells allow no comparison."


def test_cell_without_scores_is_passed_over():
    rows, results = join(cell(right(150)), cell(right(150), placement="chat", unscored=200))
    assert compare(rows, results) == []
    assert conclude([], []).topics == ()


def test_names_of_the_set_are_inert():
    row, results = cell(odds=drawn(3.0, -4.0), prompt="<b>|x")
    rows = [row, replace(row, cell="other", prompt="y")]
    results += [replace(one, cell="other") for one in results]
    text = points((rows[0], results), (rows[1], []))
    assert r"&lt;b&gt;\|x" in text
    assert "<b>" not in re.sub("`[^`]*`", "", text)


def test_russian_says_the_same():
    cells = [
        cell(odds=drawn(4.0, -4.5)),
        cell(odds=drawn(1.8, 0.0, seed=1), placement="chat"),
        cell(odds=drawn(1.8, 0.0, seed=2), placement="user"),
        cell(odds=drawn(4.0, 0.0, seed=3), prompt="b"),
        trained(odds=drawn(2.0, 0.0, seed=4)),
    ]
    english, russian = points(*cells), points(*cells, lang="ru")
    numbers = re.compile(r"[\u2212+]?\d+\.\d+")
    assert sorted(numbers.findall(english)) == sorted(numbers.findall(russian))
    assert "вредит" in russian
    assert "модель впереди" in russian
    assert not re.search("shown|raw|against|trained on|behind", russian)


def contextual(change: int) -> tuple[Row, list[Result]]:
    """A cell with 100 of 200 right, and `change` more after contextual calibration."""
    row, results = cell(right(100))
    figures = row.figures | {"contextual_accuracy": row.figures["accuracy"]}
    answers = right(100 + change)
    return replace(row, figures=figures), [
        replace(one, contextual=answer) for one, answer in zip(results, answers, strict=True)
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [(40, "it raises accuracy, 0.500 → 0.700"), (-40, "it lowers accuracy, 0.500 → 0.300"),
     (1, "no difference to raw accuracy could be shown in")],
)  # fmt: skip
def test_contextual_calibration_is_compared_with_raw_answers(change, said):
    one = contextual(change)
    (found,) = compare(*join(one))
    assert (found.kind, found.difference.won, found.difference.lost) == (
        "contextual", max(0, change), max(0, -change))  # fmt: skip
    assert f"Calibration by texts without content: {said}" in points(one).replace(
        f", `{one[0].cell}`:", ":"
    )


def test_samples_in_clusters_are_compared_by_clusters():
    cells = [cell(right(150)), cell(right(135), placement="chat")]
    (plain,) = compare(*join(*cells))
    grouped = [
        (replace(row, clusters=20), [replace(r, cluster=f"c{i // 10}") for i, r in enumerate(own)])
        for row, own in cells
    ]
    (found,) = compare(*join(*grouped))
    assert (found.difference.value, found.difference.lost) == (plain.difference.value, 15)
    assert found.adjusted > 0.1 > 0.001 > plain.adjusted
    assert found.sign == 0 > plain.sign
    assert "whole clusters" in conclude(*join(*grouped)).method
    assert "whole clusters" not in conclude(*join(*cells)).method


def test_models_that_were_asked_the_same_have_a_sentence():
    cells = [cell(right(150), model="base"), cell(right(190), model="tuned"),
             cell(right(150), model="base", placement="chat"),
             cell(right(151), model="tuned", placement="chat")]  # fmt: skip
    text = points(*cells)
    assert (
        "tuned against base, zero-shot, prompt plain: **better**; raw accuracy 0.750 → 0.950 ("
        "+20.0 points ["
    ) in text
    assert "tuned against base, 5-shot chat (seed 0), prompt plain: **no difference" in text
    assert "tuned против base, zero-shot, промпт plain: **лучше**" in points(*cells, lang="ru")


def declared(lang: str) -> str:
    rows, results = join(cell(right(150)), cell(right(100), placement="chat"))
    contrast = Contrast("accuracy", 0.75, 0.5, -0.31, -0.19, 0.0123, 50, 0, 200, 0, None)
    gate = Gate(rows[1].evalset, rows[1].cell, "accuracy", "no_worse_than", 0.0, "fail", True, "x",
                against=rows[0].cell, contrast=contrast)  # fmt: skip
    run = Run(RunInfo("r", "now", 1.0, "p", {}, {}), tuple(rows), (gate,), tuple(results))
    return report_markdown(run, lang=lang)


def test_a_comparison_that_a_gate_had_declared_says_so():
    assert (
        "raw accuracy 0.750 → 0.500 (\u221225.0 points [\u221231.0, \u221219.0], 50 lost, 0 won, "
        "p = 0.012, declared by a gate)"
    ) in declared("en")
    assert "p = 0.012, объявлено порогом заранее)" in declared("ru")
    # No question is left of which an error rate could be told.
    assert "Of reports in which nothing differs" not in declared("en")
    assert "families of their own. The mean over" in declared("en")


def test_the_method_names_the_primary_figure_of_each_set():
    assert "of their set (AUC)." in conclude(*join(cell(odds=drawn(1.0, 0.0)))).method
    far = [cell(right(150), evalset="evalsets/b.yaml"),
           cell(right(100), evalset="evalsets/b.yaml", prompt="b")]  # fmt: skip
    both = conclude(*join(cell(odds=drawn(1.0, 0.0)), *far)).method
    assert "of their set (AUC, raw accuracy)." in both


@pytest.mark.parametrize(
    ("cells", "questions", "together"),
    [
        ([cell(right(150)), cell(right(100), placement="chat")], "1 question", "5%"),
        ([cell(odds=drawn(1.0, 0.0)), cell(odds=drawn(1.0, 0.0, 1), prompt="b")],
         "2 questions", "10%"),
        ([cell(right(140 + i), placement=place, prompt=prompt) for i, (place, prompt) in
          enumerate([(None, "a"), ("user", "b"), ("chat", "b"), (None, "b")])],
         "3 questions", "15%"),
    ],
)  # fmt: skip
def test_the_method_tells_both_error_rates(cells, questions, together):
    rows, results = join(*cells)
    method = conclude(rows, results).method
    assert (
        f"at most 5% claim a difference between two cells for each of {questions} here, and at "
        f"most {together} for any of them."
    ) in method
    assert "family: report" not in method
    strict = conclude([replace(row, family="report") for row in rows], results).method
    assert "at most 5% claim a difference between two cells anywhere" in strict
    assert questions not in strict


def test_calibration_says_what_it_leaves_out():
    odds = [0.0 if i < 20 else one for i, one in enumerate(drawn(3.0, -4.0))]
    assert "; left out of the pairs: 20)" in points(cell(odds=odds))
    assert "left out" not in points(cell(odds=drawn(3.0, -4.0)))


def test_the_gravest_caution_comes_first():
    row, _ = cell(odds=drawn(-2.0, 0.0))
    low = replace(row, figures=row.figures | {"label_mass": Figure(0.01, 0.01, 0.01, 200)})
    lacking = replace(row, cell="lacking", figures={}, unscored=200)
    said = warned((low, []), (lacking, [])).split("\n")
    assert ["have no verdict" in said[0], "the wrong way round" in said[1]] == [True, True]
    assert "almost no probability" in said[2]


def test_cells_that_rank_worse_than_chance_or_lack_mass_are_named():
    def with_mass(mass: float, skill: float = 1.0) -> Row:
        row, _ = cell(odds=drawn(skill, 0.0))
        return replace(row, figures=row.figures | {"label_mass": Figure(mass, mass, mass, 200)})

    assert "Caution" not in warned((with_mass(0.05), []))
    assert warned((with_mass(0.05, -2.0), [])) == (
        "Caution, small: **ranks the wrong way round** in `small-plain-zeroshot` "
        "(AUC below 0.5 with its whole interval)."
    )
    above = replace(with_mass(0.05), cell="other")
    assert warned((with_mass(0.05, -2.0), []), (above, [])) == (
        "Caution, small: **ranks the wrong way round** in 1 of 2 cells, `small-plain-zeroshot` "
        "(AUC below 0.5 with its whole interval): other cells rank the same samples rightly, so "
        "it comes from these prompts or their shots, not from swapped labels in the data."
    )
    perhaps = with_mass(0.05, -0.3)
    assert perhaps.figures["auc"].value < 0.5 < perhaps.figures["auc"].high
    guessed = (
        "Caution, small: **not shown to rank better than guessing** in `small-plain-zeroshot` "
    )
    assert warned((perhaps, [])) == f"{guessed}(the AUC's interval reaches 0.5)."
    other = replace(with_mass(0.05), cell="other")
    means = guessed.replace("in `", "in 1 of 2 cells, `")
    means += "(the AUC's interval reaches 0.5); means over cells count these in."
    assert warned((perhaps, []), (other, [])) == means
    many = [(replace(with_mass(0.049), cell=f"c{i}"), []) for i in range(7)]
    said = warned(*many).split("\n")[0]
    assert (
        "almost no probability to the label words** in `c0`, `c1`, `c2`, `c3`, `c4` and 2 more ("
        in said
    )
    assert "Осторожно, small: " in warned(*many, lang="ru")
