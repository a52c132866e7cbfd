"""Comparisons of the cells of a run: families, simultaneous p-values and intervals, picks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from by_hand import cell, drawn, join, right, right_but, trained
from reports import compare, findings_of
from scipy.stats import binom, binomtest

from harness.analysis.findings import Comparison
from harness.records import Contrast, Figure, Gate, GateSlice, Result, Row
from harness.stats.paired import paired_accuracy

Cell = tuple[Row, list[Result]]


def steps(first: Cell, second: Cell) -> np.ndarray:
    """What each sample adds to the difference of right answers: -1, 0 or 1."""
    sides = [np.array([one.correct for one in own[1]], dtype=float) for own in (first, second)]
    return sides[1] - sides[0]


def max_t_by_hand(pairs: Sequence[tuple[Cell, Cell]]) -> list[float]:
    """Return single-step max-T p-values of differences of right answers, by all sign patterns."""
    table = np.stack([steps(*pair) for pair in pairs], axis=1)
    table = table[(table != 0).any(axis=1)]
    assert len(table) <= 13, "too many patterns to try them all"
    error = np.sqrt((table**2).sum(axis=0))
    signs = np.array(list(product((-1, 1), repeat=len(table))))
    top = np.abs(signs @ table / error).max(axis=1)
    return [float(np.mean(top >= one - 1e-9)) for one in np.abs(table.sum(axis=0)) / error]


def of(found: Sequence[Comparison], kind: str, figure: str | None = None) -> list[Comparison]:
    return [c for c in found if c.kind == kind and figure in (None, c.figure)]


BARE = cell(right_but(range(190, 200)))
# Against it: loses 7, loses 5 of other samples and wins one, wins 1.
SHOWN = (
    cell(right_but([*range(190, 200), *range(7)]), placement="chat"),
    cell(right_but([*range(191, 200), *range(4, 9)]), placement="system"),
    cell(right_but(range(191, 200)), placement="user"),
)


def test_one_comparison_by_hand():
    (found,) = compare(*join(cell(right(150)), cell(right(100), placement="chat")))
    assert (found.kind, found.figure, found.left_out, found.tests) == ("shots", "accuracy", 0, 1)
    assert (found.difference.lost, found.difference.won, found.difference.n) == (50, 0, 200)
    assert found.difference == paired_accuracy(
        [i < 150 for i in range(200)], [i < 100 for i in range(200)]
    )
    # No pattern of 50 signs that is likely enough to be drawn has all of them alike.
    assert found.adjusted == 1 / 10_000
    assert (found.sign, found.primary, found.family) == (-1, True, "primary")
    # Of 50 coins the excess is at least 14 in 6.5%, and at least 16 in 3.3%.
    assert 2 * binom.sf(31, 50, 0.5) > 0.05 > 2 * binom.sf(32, 50, 0.5)
    assert found.high == pytest.approx(-0.25 + 14 / 200, abs=1e-5)
    assert found.low == pytest.approx(-0.25 - 14 / 200, abs=1e-5)


def test_a_question_is_one_family_by_brute_force():
    found = compare(*join(BARE, *SHOWN))
    shots, places = of(found, "shots"), of(found, "placement")
    assert [c.adjusted for c in shots] == pytest.approx(
        max_t_by_hand([(BARE, one) for one in SHOWN])
    )
    by_place = {one[0].placement: one for one in SHOWN}
    pairs = [(by_place[c.first.placement], by_place[c.second.placement]) for c in places]
    assert [c.adjusted for c in places] == pytest.approx(max_t_by_hand(pairs))
    assert {c.tests for c in found} == {3}
    # A comparison by itself would say more than its family lets it, less by three than Bonferroni.
    alone = binomtest(1, 6, 0.5).pvalue
    assert alone < shots[1].adjusted < 3 * alone
    assert [c.sign for c in shots] == [-1, 0, 0]


def test_another_question_does_not_count():
    found = of(compare(*join(BARE, *SHOWN)), "shots")
    more = cell(right(150), prompt="b"), trained(right(150)), cell(right(150), model="large")
    assert of(compare(*join(BARE, *SHOWN, *more)), "shots") == found


def test_a_family_spans_models_and_sets():
    other = [cell(right_but([*range(190, 200), *range(20, 26)]), placement="chat", model="large"),
             cell(right_but(range(190, 200)), model="large")]  # fmt: skip
    own = of(compare(*join(BARE, SHOWN[0], *other)), "shots")
    wanted = max_t_by_hand([(BARE, SHOWN[0]), (other[1], other[0])])
    assert [c.adjusted for c in own] == pytest.approx(wanted)
    # The same samples' names in another set are other samples.
    far = [
        (replace(row, evalset="evalsets/b.yaml"),
         [replace(one, evalset="evalsets/b.yaml") for one in results])
        for row, results in (BARE, SHOWN[1])
    ]  # fmt: skip
    found = of(compare(*join(BARE, SHOWN[1], *far)), "shots")
    alone = binomtest(1, 6, 0.5).pvalue
    assert [c.adjusted for c in found] == pytest.approx([1 - (1 - alone) ** 2] * 2)


def test_what_cannot_differ_costs_nothing_and_what_can_does():
    """p is 0.02 alone: nine samples are lost, and one is won."""
    bare = right(150)
    pair = [cell(bare), cell(right_but([*range(9), *range(151, 200)]), placement="chat")]
    alone = binomtest(1, 10, 0.5).pvalue
    assert alone < 0.05

    def verdict(*cells: Cell) -> Comparison:
        return of(compare(*join(*pair, *cells)), "shots")[0]

    assert verdict().adjusted == pytest.approx(alone)
    equal = [cell(right(100), prompt=f"p{i}", placement=place)
             for i in range(2) for place in (None, "chat")]  # fmt: skip
    assert verdict(*equal).adjusted == pytest.approx(alone)
    assert verdict(*equal).sign == -1
    noisy = [
        cell(right_but([*range(150, 200), *wrong]), prompt=f"p{i}", placement=place)
        for i in range(2)
        for place, wrong in ((None, range(20 + 20 * i, 25 + 20 * i)),
                             ("chat", range(30 + 20 * i, 35 + 20 * i)))
    ]  # fmt: skip
    assert verdict(*noisy).adjusted == pytest.approx(1 - (1 - alone) ** 3, abs=0.01)
    assert verdict(*noisy).sign == 0


@pytest.mark.parametrize("seed", range(6))
def test_p_and_interval_never_contradict_each_other(seed):
    draw = random.Random(seed)
    cells = [
        cell(odds=drawn(draw.uniform(0.5, 2.5), draw.uniform(-1, 1), 10 * seed + i),
             prompt=f"p{i // 3}", placement=place)
        for i, place in enumerate([None, "user", "chat"] * 2)
    ]  # fmt: skip
    small = [cell(right_but(draw.sample(range(200), draw.randint(0, 7))), placement=place,
                  evalset="evalsets/b.yaml") for place in (None, "user", "chat")]  # fmt: skip
    found = compare(*join(*cells, trained(odds=drawn(1.5, 0.0, seed)), *small))
    assert {c.kind for c in found} >= {"shots", "placement", "wording", "calibration", "trained"}
    assert {c.sign for c in found} >= {0, 1} or {c.sign for c in found} >= {0, -1}
    for c in found:
        assert c.low <= c.value <= c.high
        assert (c.adjusted < 0.05) == (not c.low <= 0 <= c.high), (c.kind, c.figure)
        assert (c.sign != 0) == (c.adjusted < 0.05)


def test_no_answer_that_differs_leaves_open_what_so_many_samples_do():
    (found,) = compare(*join(cell(right(150)), cell(right(150), placement="chat")))
    assert (found.adjusted, found.sign) == (1.0, 0)
    assert (found.low, found.high) == (found.difference.low, found.difference.high)
    assert found.low < 0 < found.high


def shifted(shift: float, **options: object) -> Cell:
    return cell(odds=[one + shift for one in drawn(1.0, 0.0)], **options)


def test_secondary_figures_are_a_family_of_their_own_and_decide_nothing():
    cells = shifted(-1.0), shifted(0.0, placement="chat")
    found = {c.figure: c for c in of(compare(*join(*cells)), "shots")}
    assert {name: c.family for name, c in found.items()} == {
        "auc": "primary", "calibrated_accuracy": "secondary", "accuracy": "secondary",
    }  # fmt: skip
    assert {name: (c.primary, c.tests) for name, c in found.items()} == {
        "auc": (True, 1), "calibrated_accuracy": (False, 2), "accuracy": (False, 2),
    }  # fmt: skip
    # A moved threshold moves raw accuracy, and nothing else.
    assert [found[name].sign for name in ("auc", "calibrated_accuracy", "accuracy")] == [0, 0, 1]
    (pair,) = [one for one in findings_of(*join(*cells)).pairs if one.kind == "shots"]
    assert pair.verdict == "same"


@pytest.mark.parametrize(
    ("primary", "verdict"),
    [("", "same"), ("auc", "same"), ("calibrated_accuracy", "same"), ("accuracy", "helps")],
)
def test_the_set_says_which_figure_decides(primary, verdict):
    cells = shifted(-1.0), shifted(0.0, placement="chat")
    rows, results = join(*cells)
    rows = [replace(row, primary=primary) for row in rows]
    found = findings_of(rows, results)
    assert [one.verdict for one in found.pairs if one.kind == "shots"] == [verdict]
    decisive = {c.figure for c in found.comparisons if c.kind == "shots" and c.primary}
    assert decisive == {primary or "auc"}
    assert {one.figure for one in found.bests} == {primary or "auc"}
    assert {one.figure for one in found.questions if one.kind == "shots"} <= {primary or "auc"}


@pytest.mark.parametrize(
    ("lacking", "primary"),
    [((), "auc"), (("auc",), "calibrated_accuracy"), (("auc", "calibrated_accuracy"), "accuracy")],
)
def test_by_default_the_first_figure_that_all_cells_have_decides(lacking, primary):
    rows, results = join(shifted(-1.0), shifted(0.0, placement="chat"))
    last = {name: one for name, one in rows[1].figures.items() if name not in lacking}
    found = of(compare([rows[0], replace(rows[1], figures=last)], results), "shots")
    assert [c.figure for c in found if c.primary] == [primary]


def test_cells_without_scores_and_classifiers_do_not_choose_the_figure():
    cells = [shifted(-1.0), shifted(0.0, placement="chat"),
             cell(right(100), placement="user", unscored=200), trained(right(150))]  # fmt: skip
    assert {c.figure for c in of(compare(*join(*cells)), "shots") if c.primary} == {"auc"}


def test_strict_families_hold_all_questions_together():
    rows, results = join(BARE, *SHOWN)
    loose = compare(rows, results)
    strict = compare([replace(row, family="report") for row in rows], results)
    assert [(c.kind, c.difference) for c in strict] == [(c.kind, c.difference) for c in loose]
    by_place = {one[0].placement: one for one in (BARE, *SHOWN)}
    pairs = [(by_place[c.first.placement], by_place[c.second.placement]) for c in strict]
    assert [c.adjusted for c in strict] == pytest.approx(max_t_by_hand(pairs))
    assert {c.tests for c in strict} == {6}
    assert all(a.adjusted >= b.adjusted for a, b in zip(strict, loose, strict=True))
    assert any(a.adjusted > b.adjusted for a, b in zip(strict, loose, strict=True))


def test_a_strict_set_leaves_others_as_they_are():
    far = [
        (replace(row, evalset="evalsets/b.yaml", family="report"),
         [replace(one, evalset="evalsets/b.yaml") for one in results])
        for row, results in (BARE, *SHOWN)
    ]  # fmt: skip
    found = compare(*join(BARE, *SHOWN, *far))
    assert {c.second.evalset: c.tests for c in found} == {
        "evalsets/mini.yaml": 3, "evalsets/b.yaml": 6,
    }  # fmt: skip


def test_the_best_cell_against_a_classifier_counts_all_that_it_was_picked_from():
    base = trained(right_but([*range(190, 200), *range(8)]))
    picked = [
        cell(right_but(wrong), prompt=f"p{at}")
        for at, wrong in enumerate(([*range(190, 200), 150], [*range(190, 199), *range(3)],
                                    [*range(190, 200), 2, 3]))
    ]  # fmt: skip
    (found,) = of(compare(*join(*picked, base)), "trained")
    wanted = max_t_by_hand([(base, one) for one in picked])
    assert (found.first.cell, found.second.prompt) == ("base-trained-s0", "p0")
    assert (found.chosen_of, found.tests) == (3, 3)
    assert found.adjusted == pytest.approx(wanted[0])
    alone = binomtest(1, 9, 0.5).pvalue
    assert alone < found.adjusted < 3 * alone
    # Candidates that are one and the same are no choice, and cost nothing.
    same = [cell(right_but([*range(190, 200), 150]), prompt=f"p{at}") for at in range(4)]
    (found,) = of(compare(*join(*same, base)), "trained")
    assert (found.chosen_of, found.adjusted) == (4, pytest.approx(alone))


def test_each_classifier_and_figure_has_its_own_best_cell():
    biased, fair = cell(odds=drawn(5.0, -3.0)), cell(odds=drawn(2.0, 0.0, seed=1), prompt="b")
    base = trained(odds=drawn(4.0, 0.0, seed=2))
    found = {c.figure: c.second.prompt for c in of(compare(*join(biased, fair, base)), "trained")}
    assert found == {"auc": "plain", "calibrated_accuracy": "plain", "accuracy": "b"}
    two = [trained(right(120 + 9 * seed), seed=seed) for seed in (0, 1)]
    found = of(compare(*join(cell(right(150)), *two)), "trained")
    assert [(c.first.seed, c.chosen_of, c.tests) for c in found] == [(0, 1, 2), (1, 1, 2)]


def test_trained_rows_are_compared_with_models_of_their_set_only():
    base = [trained(odds=drawn(3.0, -4.0), seed=seed) for seed in (0, 1)]
    assert compare(*join(*base)) == []
    other = cell(right(150), evalset="evalsets/other.yaml")
    assert compare(*join(*base, other)) == []


def test_the_best_of_both_modes_counts_all_pairs_that_could_have_been_picked():
    cells = [
        cell(right_but([*range(190, 200), 0, 1]), prompt="a"),
        cell(right_but(range(190, 200)), prompt="b"),
        cell(right_but(range(196, 200)), prompt="a", placement="chat"),
        cell(right_but([*range(190, 200), 2, 3]), prompt="b", placement="user"),
    ]
    rows, results = join(*cells)
    (best,) = of(compare(rows, results), "best")
    assert (best.first.cell, best.second.cell) == (cells[1][0].cell, cells[2][0].cell)
    wanted = max_t_by_hand([(a, b) for a in cells[:2] for b in cells[2:]])
    assert best.adjusted == pytest.approx(wanted[2])
    assert (best.chosen_of, best.tests) == (4, 4)
    (found,) = findings_of(rows, results).bests
    assert (found.bare.cell, found.shown.cell) == ("small-b-zeroshot", cells[2][0].cell)
    assert found.comparison == best
    # It is compared by the figure that decides, and by no other.
    ranked = [cell(odds=drawn(skill, 0.0, at), prompt=prompt, placement=place)
              for at, (skill, prompt, place) in enumerate(((1.0, "a", None), (2.0, "b", None),
                                                          (2.0, "a", "chat")))]  # fmt: skip
    assert [c.figure for c in of(compare(*join(*ranked)), "best")] == ["auc"]


def test_a_picked_pair_is_not_claimed_on_a_test_that_forgets_the_choice():
    """p is 0.03 for the two alone; out of four pairs that is nothing."""
    cells = [
        cell(right_but([*range(190, 200), 0, 1, 2]), prompt="a"),
        cell(right_but(range(190, 200)), prompt="b"),
        cell(right_but([*range(190, 200), 3, 4, 5]), prompt="a", placement="chat"),
        cell(right_but([*range(196, 200)]), prompt="c", placement="user"),
    ]
    (found,) = findings_of(*join(*cells)).bests
    assert found.comparison.kind == "best"
    assert found.comparison.difference.p == binomtest(0, 6, 0.5).pvalue < 0.05
    assert found.comparison.adjusted == pytest.approx(
        max_t_by_hand([(a, b) for a in cells[:2] for b in cells[2:]])[3]
    )
    assert found.comparison.sign == 0


def test_the_best_of_both_modes_is_not_tested_twice():
    cells = cell(right(150)), cell(right(100), placement="chat")
    rows, results = join(*cells)
    (found,) = findings_of(rows, results).bests
    (compared,) = compare(rows, results)
    assert (found.bare, found.shown, found.comparison) == (*rows, compared)
    assert (compared.kind, compared.chosen_of) == ("shots", 1)


def test_the_best_wording_has_its_largest_p_without_a_factor():
    cells = [cell(right_but(range(190, 200)), prompt="a"),
             cell(right_but([*range(190, 198), *range(9)]), prompt="b"),
             cell(right_but([*range(190, 200), *range(9)]), prompt="c")]  # fmt: skip
    (found,) = compare(*join(*cells))
    against_b, against_c = binomtest(2, 11, 0.5).pvalue, binomtest(0, 9, 0.5).pvalue
    assert against_b > 0.05 > against_c
    assert (found.second.prompt, found.first.prompt) == ("a", "b")
    assert (found.chosen_of, found.tests) == (3, 1)
    assert found.adjusted == pytest.approx(against_b)
    assert found.sign == 0
    (found,) = compare(*join(cells[0], cells[2]))
    assert (found.adjusted, found.sign, found.chosen_of) == (pytest.approx(against_c), 1, 2)
    # The order of the prompts does not matter.
    turned = compare(*join(*cells[::-1]))[0]
    assert (turned.second.prompt, turned.adjusted) == ("a", pytest.approx(against_b))


def test_the_best_wordings_of_all_modes_are_one_family():
    modes = [
        (cell(right_but(range(190, 200)), prompt="a", placement=place),
         cell(right_but([*range(190, 200), *wrong]), prompt="b", placement=place))
        for place, wrong in ((None, range(7)), ("chat", range(5, 10)))
    ]  # fmt: skip
    found = of(compare(*join(*(one for mode in modes for one in mode))), "wording")
    wanted = max_t_by_hand([(b, a) for a, b in modes])
    assert [c.adjusted for c in found] == pytest.approx(wanted)
    assert {c.tests for c in found} == {2}


def gate(other: Row, row: Row, contrast: Contrast | None = None, **changes: object) -> Gate:
    made = Contrast("accuracy", 0.95, 0.915, -0.06, -0.01, 0.0123, 7, 0, 200, 0, None)
    one = Gate(row.evalset, row.cell, "accuracy", "no_worse_than", 0.05, "pass", False, "said",
               against=other.cell, contrast=contrast or made)  # fmt: skip
    return replace(one, **changes)


def test_what_a_gate_had_declared_has_the_gates_p_and_counts_in_no_family():
    rows, results = join(BARE, *SHOWN)
    found = of(compare(rows, results, [gate(rows[0], rows[1])]), "shots")
    assert (found[0].family, found[0].adjusted) == ("gate", 0.0123)
    assert (found[0].low, found[0].high, found[0].sign) == (-0.06, -0.01, -1)
    assert [c.family for c in found[1:]] == ["primary"] * 2
    assert [c.adjusted for c in found[1:]] == pytest.approx(
        max_t_by_hand([(BARE, one) for one in SHOWN[1:]])
    )
    assert [c.tests for c in found[1:]] == [2, 2]


def test_a_gate_the_other_way_round_is_the_same_test():
    rows, results = join(BARE, *SHOWN)
    (plain,) = [c for c in compare(rows, results, [gate(rows[0], rows[1])]) if c.family == "gate"]
    turned = Contrast("accuracy", 0.915, 0.95, 0.01, 0.06, 0.0123, 0, 7, 200, 0, None)
    judged = [gate(rows[1], rows[0], turned)]
    (found,) = [c for c in compare(rows, results, judged) if c.family == "gate"]
    assert found == plain


@pytest.mark.parametrize(
    "changes",
    [
        {"against": "baseline"},
        {"contrast": None, "against": ""},
        {"figure": "auc"},
        {"evalset": "evalsets/b.yaml"},
        {"slice": GateSlice("a=b", "a", "b", "value", 0, 9, None, 0)},
    ],
)
def test_gates_on_something_else_declare_nothing(changes):
    rows, results = join(BARE, *SHOWN)
    assert compare(rows, results, [gate(rows[0], rows[1], **changes)]) == compare(rows, results)


def test_models_that_were_asked_the_same_are_compared():
    sizes = [cell(right_but([*range(190, 200), *wrong]), model=name, prompt=prompt)
             for prompt in ("a", "b")
             for name, wrong in (("base", range(6)), ("tuned", ()), ("other", range(3, 9)))
             ]  # fmt: skip
    found = of(compare(*join(*sizes)), "model")
    assert [(c.first.model, c.second.model, c.second.prompt) for c in found] == [
        (first, second, prompt)
        for prompt in ("a", "b")
        for first, second in (("base", "tuned"), ("base", "other"), ("tuned", "other"))
    ]
    wanted = max_t_by_hand([(sizes[a], sizes[b]) for a, b in
                            ((0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5))])  # fmt: skip
    assert [c.adjusted for c in found] == pytest.approx(wanted)


@pytest.mark.parametrize(
    "other",
    [
        cell(right(100), model="large", prompt="b"),
        cell(right(100), model="large", placement="chat"),
        cell(right(100), model="large", evalset="evalsets/other.yaml"),
        trained(right(100)),
    ],
)
def test_models_that_were_asked_something_else_are_not(other):
    assert of(compare(*join(cell(right(150)), other)), "model") == []


def test_models_with_other_shots_are_not_compared():
    seeds = [cell(right(150), placement="chat", seed=seed, model=model)
             for seed, model in ((0, "small"), (1, "large"))]  # fmt: skip
    assert compare(*join(*seeds)) == []


def test_draws_of_shots_are_not_mixed():
    cells = [
        cell(right(100), placement="chat", seed=0),
        cell(right(180), placement="user", seed=1),
    ]
    assert compare(*join(*cells)) == []


def test_eval_sets_and_models_stay_apart():
    cells = [
        cell(right(150)),
        cell(right(100), placement="chat", model="large"),
        cell(right(100), placement="chat", evalset="evalsets/other.yaml"),
    ]
    assert compare(*join(*cells)) == []


def test_equal_labels_are_paired_by_auc_and_calibrated_accuracy():
    tied = [0.0 if i < 20 else odds for i, odds in enumerate(drawn(2.0, 0.0))]
    rows, results = join(cell(odds=tied), cell(odds=drawn(1.0, 0.0, 1), placement="chat"))
    assert (rows[0].unscored, rows[0].figures["auc"].n) == (20, 200)
    found = {c.figure: c for c in of(compare(rows, results), "shots")}
    assert {name: (c.difference.n, c.left_out) for name, c in found.items()} == {
        "accuracy": (180, 20), "calibrated_accuracy": (200, 0), "auc": (200, 0),
    }  # fmt: skip


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


def test_a_cell_without_scores_is_passed_over():
    rows, results = join(cell(right(150)), cell(right(150), placement="chat", unscored=200))
    assert compare(rows, results) == []


def in_clusters(own: Cell, size: int) -> Cell:
    row, results = own
    return replace(row, clusters=200 // size), [
        replace(one, cluster=f"c{at // size:02}") for at, one in enumerate(results)
    ]


def test_a_cluster_has_one_sign():
    pair = cell(right(150)), cell(right_but([*range(5), *range(60, 63), *range(150, 195)]),
                                  placement="chat")  # fmt: skip
    (plain,) = compare(*join(*pair))
    (found,) = compare(*join(*(in_clusters(one, 20) for one in pair)))
    sums = steps(*pair).reshape(10, 20).sum(axis=1)
    signs = np.array(list(product((-1, 1), repeat=10)))
    wanted = np.mean(np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9)
    assert found.adjusted == pytest.approx(wanted)
    assert (found.difference.value, found.difference.lost) == (plain.difference.value, 8)
    assert plain.adjusted == pytest.approx(binomtest(5, 13, 0.5).pvalue)
    assert found.adjusted != pytest.approx(plain.adjusted)


def test_a_difference_within_a_few_clusters_is_not_shown():
    cells = [cell(right(150)), cell(right(135), placement="chat")]
    (plain,) = compare(*join(*cells))
    (found,) = compare(*join(*(in_clusters(one, 10) for one in cells)))
    assert (plain.sign, found.sign) == (-1, 0)
    assert found.adjusted > 0.2 > 0.001 > plain.adjusted


def test_a_figure_that_is_not_finite_is_not_compared():
    rows, results = join(BARE, SHOWN[0])
    worst = replace(rows[1], figures={"accuracy": Figure(float("inf"), 0, 1, 200)})
    found = findings_of([rows[0], worst], results)
    assert found.comparisons == ()
