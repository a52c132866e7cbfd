from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from builders import LABELS, make_cell
from reasoned import because
from reports import conclude

from harness.analysis.compare_cells import compare
from harness.analysis.findings import Best
from harness.records import Figure, Result, Row, Score
from harness.run.figures import summarize
from harness.stats import holm
from harness.stats.paired import paired_accuracy

TARGETS = tuple(LABELS[i % 2] for i in range(200))


def cell(
    answers: list[str] | None = None,
    *,
    odds: list[float] | None = None,
    prompt: str = "plain",
    placement: str | None = None,
    unscored: int = 0,
    seed: int = 0,
    model: str = "small",
    evalset: str = "evalsets/mini.yaml",
) -> tuple[Row, list[Result]]:
    """A cell of given answers (generated) or given log-odds."""
    scores: list[Score] = []
    for i, target in enumerate(TARGETS):
        if i < unscored:
            scores.append(Score(None, None, because("too long")))
        elif odds is not None:
            answer = LABELS[0] if odds[i] > 0 else LABELS[1]
            logprobs = (odds[i] / 2 - 10, -odds[i] / 2 - 10)
            value = float(answer == target) if odds[i] else None
            scores.append(Score(value, answer if odds[i] else None, None, logprobs))
        else:
            scores.append(Score(float(answers[i] == target), answers[i]))
    return make_cell(
        scores,
        TARGETS,
        evalset=evalset,
        model=model,
        prompt=prompt,
        placement=placement,
        seed=seed,
        scoring="logprobs" if odds else "generate",
    )


def trained(*args, rows: int = 900, seed: int = 0, **kwargs) -> tuple[Row, list[Result]]:
    """A cell of a trained classifier; arguments as for `cell`."""
    row, results = cell(*args, model="base", **kwargs)
    mode = f"trained-s{seed}"
    name = f"base-{mode}"
    row = replace(row, cell=name, prompt="", mode=mode, seed=seed, train_rows=rows)
    return row, [replace(one, cell=name) for one in results]


def right(count: int) -> list[str]:
    """Answers of which the first `count` are right."""
    other = {LABELS[0]: LABELS[1], LABELS[1]: LABELS[0]}
    return [t if i < count else other[t] for i, t in enumerate(TARGETS)]


def drawn(skill: float, shift: float, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    sign = {LABELS[0]: 0.5, LABELS[1]: -0.5}
    return [sign[t] * skill + draw.gauss(0, 1) + shift for t in TARGETS]


def join(*cells: tuple[Row, list[Result]]) -> tuple[list[Row], list[Result]]:
    return [row for row, _ in cells], [one for _, results in cells for one in results]


def points(*cells: tuple[Row, list[Result]], lang: str = "en") -> str:
    return "\n".join(
        point for topic in conclude(*join(*cells), lang=lang).topics for point in topic.points
    )


def short(*cells: tuple[Row, list[Result]], lang: str = "en") -> str:
    return "\n".join(
        line for topic in conclude(*join(*cells), lang=lang).topics for line in topic.short
    )


def test_one_comparison_by_hand():
    rows, results = join(cell(right(150)), cell(right(100), placement="chat"))
    (found,) = compare(rows, results)
    assert (found.kind, found.figure, found.left_out) == ("shots", "accuracy", 0)
    assert (found.difference.lost, found.difference.won, found.difference.n) == (50, 0, 200)
    assert found.difference.value == -0.25
    assert found.adjusted == found.difference.p == pytest.approx(2 * 0.5**50)
    assert found.sign == -1


def test_equal_labels_are_paired_by_auc_and_calibrated_accuracy():
    tied = [0.0 if i < 20 else odds for i, odds in enumerate(drawn(2.0, 0.0))]
    rows, results = join(cell(odds=tied), cell(odds=drawn(1.0, 0.0, 1), placement="chat"))
    assert (rows[0].unscored, rows[0].figures["auc"].n) == (20, 200)
    found = {c.figure: c for c in compare(rows, results) if c.kind == "shots"}
    assert {name: (c.difference.n, c.left_out) for name, c in found.items()} == {
        "accuracy": (180, 20), "calibrated_accuracy": (200, 0), "auc": (200, 0),
    }  # fmt: skip


def test_generated_cells_are_judged_by_accuracy():
    text = points(cell(right(150)), cell(right(100), placement="chat"))
    exact = paired_accuracy([i < 150 for i in range(200)], [i < 100 for i in range(200)])
    low, high = exact.low, exact.high
    assert text == (
        "5-shot chat (seed 0) against zero-shot, prompt plain: **hurts**; raw accuracy "
        f"0.750 → 0.500 (\u221225.0 points [\u2212{-100 * low:.1f}, \u2212{-100 * high:.1f}], "
        "50 lost, 0 won, p < 0.001)."
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
    assert "few-shot hurts" in short(bare, shown)
    assert "raw accuracy rises in 1 and falls in 0 of 1" in short(bare, shown)


def test_raw_change_alone_is_named_so():
    odds = drawn(1.0, 0.0)
    bare = cell(odds=[one - 1.0 for one in odds])
    shown = cell(odds=odds, placement="chat")
    assert "**helps raw accuracy only**" in points(bare, shown)
    assert "**hurts raw accuracy only**" in points(
        cell(odds=odds), cell(odds=[one - 1.0 for one in odds], placement="chat")
    )
    assert "no difference could be shown**" in short(bare, shown)


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


def test_equal_placements_take_one_phrase():
    cells = [cell(odds=drawn(1.0, 0.0), placement=place) for place in ("system", "chat")]
    assert (
        "Placements of 5 shots (seed 0), prompt plain: no difference could be shown by AUC, "
        "calibrated accuracy, raw accuracy."
    ) in points(*cells)


def test_draws_of_shots_are_not_mixed():
    cells = [
        cell(right(100), placement="chat", seed=0),
        cell(right(180), placement="user", seed=1),
    ]
    assert compare(*join(*cells)) == []


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


def test_best_wording_beats_every_other_one_and_pays_for_the_choice():
    """The runner-up errs elsewhere and is not beaten, though the third is."""
    flip = {LABELS[0]: LABELS[1], LABELS[1]: LABELS[0]}
    best = [flip[x] if i < 40 else x for i, x in enumerate(TARGETS)]
    second = [flip[x] if i >= 150 else x for i, x in enumerate(TARGETS)]
    third = [flip[x] if i < 55 else x for i, x in enumerate(TARGETS)]
    cells = [cell(own, prompt=n) for own, n in ((best, "a"), (second, "b"), (third, "c"))]
    (found,) = compare(*join(*cells))
    against = [
        paired_accuracy([x == y for x, y in zip(own, TARGETS, strict=True)],
                        [x == y for x, y in zip(best, TARGETS, strict=True)])
        for own in (second, third)
    ]  # fmt: skip
    assert against[0].p > 0.05 > against[1].p
    assert (found.first.prompt, found.chosen_of) == ("b", 3)
    assert found.difference.p == pytest.approx(min(1.0, 2 * against[0].p))
    assert "no best could be shown (a 0.800, b 0.750:" in points(*cells)
    assert "0.800, ahead of c by" in points(cells[0], cells[2])


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
    # To be behind in spite of having been picked needs no correction.
    assert found.difference == exact
    assert (
        "Against `base-trained-s0`, trained on 900 rows: **the model is behind**; raw accuracy "
        "0.750 (`small-plain-zeroshot`) against 0.950: \u221220.0 points ["
    ) in points(*cells)
    assert "the best of 2 cells stands for the model" in points(*cells)
    assert (
        "Best cells of small against the trained `base-trained-s0`: **the model is behind** "
        "(raw accuracy 0.750 against 0.950)."
    ) in short(*cells)


def test_being_ahead_counts_all_cells_that_were_picked_from():
    ahead = [cell(right(112), prompt=f"p{i}") for i in range(4)]
    (found,) = [one for one in compare(*join(*ahead, trained(right(100)))) if one.kind == "trained"]
    exact = paired_accuracy([i < 100 for i in range(200)], [i < 112 for i in range(200)])
    assert found.difference.p == pytest.approx(4 * exact.p)
    worse = [cell(right(101), prompt=f"p{i}") for i in range(4)]
    (found,) = [one for one in compare(*join(*worse, trained(right(100)))) if one.kind == "trained"]
    assert found.difference.p == 1.0


@pytest.mark.parametrize(
    ("count", "verdict"),
    [(100, "the model is behind"), (199, "the model is ahead"),
     (150, "no difference could be shown")],
)  # fmt: skip
def test_the_distance_goes_by_the_test(count, verdict):
    cells = [cell(right(count)), trained(right(151))]
    assert f"**{verdict}**" in points(*cells)
    assert f"**{verdict}**" in short(*cells)


def test_each_figure_has_its_own_best_cell():
    biased, fair = cell(odds=drawn(5.0, -3.0)), cell(odds=drawn(2.0, 0.0, seed=1), prompt="b")
    base = trained(odds=drawn(4.0, 0.0, seed=2))
    found = {one.figure: one.second.prompt for one in compare(*join(biased, fair, base))
             if one.kind == "trained"}  # fmt: skip
    assert found == {"auc": "plain", "calibrated_accuracy": "plain", "accuracy": "b"}


def test_trained_rows_are_compared_with_models_of_their_set_only():
    base = [trained(odds=drawn(3.0, -4.0), seed=seed) for seed in (0, 1)]
    assert compare(*join(*base)) == []
    other = cell(right(150), evalset="evalsets/other.yaml")
    assert compare(*join(*base, other)) == []


def bests(*cells: tuple[Row, list[Result]]) -> tuple[Best, ...]:
    return conclude(*join(*cells)).bests


def test_best_of_both_modes_reuses_the_comparison_of_one_prompt():
    cells = [cell(right(150)), cell(right(100), placement="chat")]
    (found,) = bests(*cells)
    (compared,) = compare(*join(*cells))
    assert (found.bare, found.shown, found.comparison) == (cells[0][0], cells[1][0], compared)
    assert (compared.kind, compared.chosen_of) == ("shots", 1)


def test_best_of_two_prompts_pays_for_the_choice():
    cells = [
        cell(right(130), prompt="a"),
        cell(right(150), prompt="b"),
        cell(right(170), prompt="a", placement="chat"),
        cell(right(120), prompt="b", placement="user"),
    ]
    (found,) = bests(*cells)
    assert (found.bare.cell, found.shown.cell) == ("small-b-zeroshot", cells[2][0].cell)
    compared = compare(*join(*cells))
    (best,) = [one for one in compared if one.kind == "best"]
    assert found.comparison == best
    assert best.chosen_of == 4
    assert best.difference.p == pytest.approx(4 * 2 * 0.5**20)
    assert best.adjusted == holm([one.difference.p for one in compared])[-1]
    assert best.sign == 1


def test_picked_pair_is_not_claimed_on_a_test_that_forgets_the_choice():
    """p is 0.03 for the two alone; out of four pairs that is nothing."""
    wins = right(156)
    wins[150] = right(0)[150]
    cells = [
        cell(right(150), prompt="a"),
        cell(right(149), prompt="b"),
        cell(right(149), prompt="a", placement="chat"),
        cell(wins, prompt="b", placement="user"),
    ]
    (found,) = bests(*cells)
    assert found.comparison.kind == "best"
    assert 0.05 < found.comparison.difference.p < 4 * 0.07
    assert found.comparison.sign == 0


def test_no_table_of_best_cells_without_both_modes():
    assert bests(cell(right(150)), cell(right(100), prompt="b")) == ()
    one = cell(right(150)), cell(right(100), placement="chat"), cell(right(9), model="large")
    found = bests(*one)
    assert [best.model for best in found] == ["small", "large"]
    assert (found[1].bare, found[1].shown, found[1].comparison) == (one[2][0], None, None)
    assert [best.model for best in bests(*one, trained(right(190)))] == ["small", "large"]


def test_placements_in_short():
    cells = [
        cell(right(count), placement=place)
        for count, place in ((100, "chat"), (180, "system"), (100, "user"))
    ]
    assert short(*cells).split("\n")[0] == (
        "Placement of the shots, small: **a difference is shown in 1 of 1 draw of shots** "
        "(raw accuracy; ahead in a pair: system 2, of 3 comparisons)."
    )
    same = [cell(right(150), placement=place) for place in ("chat", "user")]
    assert "no difference could be shown; 1 draw of shots compared (" in short(*same)
    assert "Placement" not in short(cell(right(150)), cell(right(100), placement="chat"))


def test_placements_in_short_leave_moved_thresholds_out():
    odds = drawn(1.0, 0.0)
    moved = [
        cell(odds=odds, placement="system"),
        cell(odds=[one - 1.5 for one in odds], placement="user"),
    ]
    assert "raw accuracy: system beats user" in points(*moved)
    assert "no difference could be shown; 1 draw of shots compared (" in short(*moved)


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


def test_samples_of_one_side_only_are_left_out():
    bare, shown = cell(right(150)), cell(right(150), placement="chat")
    (found,) = compare(*join(bare, (shown[0], shown[1][:120])))
    assert (found.difference.n, found.left_out) == (120, 80)


def test_order_of_results_does_not_matter():
    rows, results = join(
        cell(odds=drawn(2.0, -1.0)), cell(odds=drawn(1.0, 0.0, seed=1), placement="chat")
    )
    mixed = list(results)
    random.Random(0).shuffle(mixed)
    assert compare(rows, mixed) == compare(rows, results)


def test_p_values_are_adjusted_over_the_whole_report():
    cells = [
        cell(odds=drawn(1.0, -0.5, seed=i), prompt=f"p{i // 3}", placement=place)
        for i, place in enumerate([None, "user", "chat"] * 2)
    ]
    found = compare(*join(*cells))
    kinds = {"shots", "placement", "wording", "calibration", "best"}
    assert {one.kind for one in found} == kinds
    assert [one.adjusted for one in found] == holm([one.difference.p for one in found])
    assert f"over {len(found)} comparisons of cells" in conclude(*join(*cells)).method


def test_weak_difference_is_lost_among_many_comparisons():
    """p is 0.03 alone, and nothing to speak of among others."""
    bare = cell(right(150))
    shown = list(right(150))
    shown[:9], shown[150:151] = right(0)[:9], [TARGETS[150]]
    pair = [bare, cell(shown, placement="chat")]
    assert "**hurts**" in points(*pair)
    others = [cell(right(100), prompt=f"p{i}") for i in range(2)]
    more = [cell(right(100), prompt=f"p{i}", placement="chat") for i in range(2)]
    line = points(*pair, *others, *more).split("\n")[0]
    assert "**no difference could be shown**" in line


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
    assert "показ примеров вредит" in short(*cells, lang="ru")
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
    assert found.difference.p > 0.1 > 0.001 > plain.difference.p
    assert found.sign == 0 > plain.sign
    assert "cluster-robust standard error" in conclude(*join(*grouped)).method
    assert "cluster-robust standard error" not in conclude(*join(*cells)).method


def test_placements_of_several_wordings_are_not_called_draws():
    cells = [
        cell(right(count), placement=place, prompt=prompt, seed=seed)
        for prompt in ("a", "b")
        for seed in (0, 1)
        for count, place in ((100, "chat"), (180 if prompt == "a" else 100, "system"))
    ]
    assert "shown in 2 of 4 pairs of wording and draw of shots**" in short(*cells)
    assert "в 2 из 4 сочетаний промпта и выборки показанных примеров**" in short(*cells, lang="ru")
    assert "shown in 2 of 2 draws of shots**" in short(*cells[:4])


def test_calibration_says_what_it_leaves_out():
    odds = [0.0 if i < 20 else one for i, one in enumerate(drawn(3.0, -4.0))]
    assert "; left out of the pairs: 20)" in points(cell(odds=odds))
    assert "left out" not in points(cell(odds=drawn(3.0, -4.0)))


def test_cells_that_rank_worse_than_chance_or_lack_mass_are_named():
    def with_mass(mass: float, skill: float = 1.0) -> Row:
        row, _ = cell(odds=drawn(skill, 0.0))
        return replace(row, figures=row.figures | {"label_mass": Figure(mass, mass, mass, 200)})

    assert "Caution" not in short((with_mass(0.05), []))
    assert short((with_mass(0.05, -2.0), [])) == (
        "Caution, small: **ranks worse than chance** in `small-plain-zeroshot` "
        "(AUC below 0.5 with its whole interval)."
    )
    perhaps = with_mass(0.05, -0.3)
    assert perhaps.figures["auc"].value < 0.5 < perhaps.figures["auc"].high
    assert "Caution" not in short((perhaps, []))
    many = [(replace(with_mass(0.049), cell=f"c{i}"), []) for i in range(7)]
    said = short(*many).split("\n")[0]
    assert (
        "almost no probability to the label words** in `c0`, `c1`, `c2`, `c3`, `c4` and 2 more ("
        in said
    )
    assert "Осторожно, small: " in short(*many, lang="ru")
