from __future__ import annotations

from harness.language import words
from harness.report.plots.cells import (
    group_name,
    grouped,
    mode_names,
    name,
    per_placement,
    style_key,
    telling,
)

EN = words("en")


def test_names_say_no_more_than_tells_apart(cell):
    rows = [cell(placement=place)[0] for place in (None, "system", "chat")]
    assert list(mode_names(rows, EN).values()) == ["zero-shot", "5-shot system", "5-shot chat"]
    seeds = [cell(placement="chat", seed=seed)[0] for seed in (0, 1)]
    assert list(mode_names(seeds, EN).values()) == ["5-shot chat s0", "5-shot chat s1"]
    selectors = [cell(placement="chat", selector=one)[0] for one in ("random", "nearest")]
    assert list(mode_names(selectors, EN).values()) == ["5-shot chat random", "5-shot chat nearest"]


def test_a_classifier_bears_its_own_name_alone(cell):
    from dataclasses import replace

    row = cell()[0]
    assert group_name(row) == f"{row.model} · {row.prompt}"
    assert group_name(replace(row, prompt="")) == row.model


def test_given_answers_are_no_zero_shot(cell):
    from dataclasses import replace

    from harness.report.plots.lengths import placement_handles

    row = replace(cell()[0], prompt="", mode="given")
    assert list(mode_names([row], EN).values()) == ["given answers"]
    handles = placement_handles([style_key(row), style_key(cell()[0])], EN)
    assert [one.get_label() for one in handles] == ["given answers", "zero-shot"]


def test_cells_that_words_cannot_tell_apart_bear_their_mode(cell):
    from dataclasses import replace

    one = cell(placement="chat")[0]
    other = replace(one, cell="other", mode="fewshot5-chat-sorted")
    assert mode_names([one, other], EN) == {one.cell: one.mode, "other": "fewshot5-chat-sorted"}


def test_few_cells_are_all_shown_and_many_by_the_rule(run_sized):
    rows = run_sized(24, n=12).rows
    assert telling(rows) == list(rows)
    rows = run_sized(40, n=12).rows
    kept = telling(rows)
    assert len(kept) == 20
    assert [row for row in rows if row in kept] == kept
    for group in grouped(rows).values():
        best = max(
            (row for row in group if row.k), key=lambda r: r.figures["calibrated_accuracy"].value
        )
        assert [row for row in kept if row in group] == [
            row for row in group if row.k == 0 or row is best
        ]
    assert len(telling(run_sized(60, n=12).rows)) == 24


def test_one_cell_of_each_placement(cell):
    rows = [cell(placement="chat", seed=seed)[0] for seed in range(4)] + [cell()[0]]
    kept = per_placement(rows, "accuracy")
    assert [row.placement for row in kept] == ["chat", None]
    values = [row.figures["accuracy"].value for row in rows[:4]]
    assert kept[0].figures["accuracy"].value == max(values)


def test_the_best_of_several_trainings_beside_the_prompted_cell(cell):
    from dataclasses import replace

    rows = [replace(cell(seed=s, shift=0.3 * s)[0], cell=f"t{s}", train_rows=9) for s in range(3)]
    kept = per_placement([*rows, cell()[0]], "accuracy")
    assert [style_key(row) for row in kept] == ["trained", None]
    assert kept[0].figures["accuracy"].value == max(r.figures["accuracy"].value for r in rows)


def test_foreign_names_are_one_short_line():
    assert name("a\n\x1b[31mb\x07 $x$") == "a b $x$"
    assert len(name("x" * 500)) == 120
