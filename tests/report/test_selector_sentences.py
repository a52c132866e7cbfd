from __future__ import annotations

import random
import re

import pytest
from reports import conclude, report_markdown

from harness.analysis.compare_cells import compare
from harness.records import Result, Row, Run, RunInfo, Score
from harness.run.figures import summarize
from harness.stats.over_seeds import pooled_accuracy
from harness.stats.paired import paired_accuracy

LABELS = ("positive", "negative")
N = 120
TARGETS = tuple(LABELS[i % 2] for i in range(N))


def cell(
    selector: str,
    accuracy: float,
    *,
    seed: int = 0,
    order: str | None = "shuffled",
    k: int = 5,
    prompt: str = "plain",
    unscored: int = 0,
) -> tuple[Row, list[Result]]:
    """A generated cell that answers about a share of the samples right."""
    draw = random.Random(f"{selector}-{order}-{seed}-{k}")
    scores = []
    for i, target in enumerate(TARGETS):
        right = draw.random() < accuracy
        answer = target if right else LABELS[target == LABELS[0]]
        scores.append(
            Score(None, None, "none") if i < unscored else Score(float(right), answer)
        )  # fmt: skip
    summary = summarize(scores, TARGETS, LABELS)
    mode = f"fewshot{k}-chat-{selector}-{order}-s{seed}"
    row = Row(
        evalset="evalsets/x.yaml", cell=f"m-{prompt}-{mode}", model="m", prompt=prompt, mode=mode,
        k=k, placement="chat", selector=selector, seed=seed, scoring="generate", n=summary.n,
        unscored=summary.unscored, reasons={}, figures=summary.figures, shares=summary.shares,
        targets=summary.targets, prompt_tokens=1.0, order=order,
    )  # fmt: skip
    results = [
        Result(
            evalset=row.evalset, cell=row.cell, sample=f"s{i:03}", prompt_key="", text="",
            target=target, answer=score.answer, calibrated=None,
            correct=None if score.value is None else bool(score.value), reason=None, logprobs={},
            log_odds=None,
        )
        for i, (score, target) in enumerate(zip(scores, TARGETS, strict=True))
    ]  # fmt: skip
    return row, results


def join(*cells) -> tuple[list[Row], list[Result]]:
    return [row for row, _ in cells], [one for _, results in cells for one in results]


def right(one: tuple[Row, list[Result]]) -> list[bool]:
    return [bool(result.correct) for result in one[1]]


def kinds(found, kind: str) -> list:
    return [c for c in found if c.kind == kind]


def points(*cells, lang: str = "en") -> list[str]:
    return [p for topic in conclude(*join(*cells), lang=lang).topics for p in topic.points]


def short(*cells, lang: str = "en") -> list[str]:
    return [line for topic in conclude(*join(*cells), lang=lang).topics for line in topic.short]


def test_single_draws_are_compared_by_mcnemar():
    cells = cell("balanced", 0.8), cell("random", 0.5)
    (found,) = compare(*join(*cells))
    assert found.kind == "selector"
    assert (found.first.selector, found.second.selector) == ("balanced", "random")
    assert found.difference == paired_accuracy(right(cells[0]), right(cells[1]))
    assert (found.draws, found.spread) == ((1, 1), None)


def test_several_draws_are_one_comparison():
    balanced = [cell("balanced", 0.8, seed=seed) for seed in range(3)]
    drawn = [cell("random", 0.5, seed=seed) for seed in range(3)]
    nearest = [cell("nearest", 0.7, order="nearest_last")]
    found = kinds(compare(*join(*balanced, *drawn, *nearest)), "selector")
    assert [c.second.selector for c in found] == ["random", "nearest"]
    expected = pooled_accuracy([right(c) for c in balanced], [right(c) for c in drawn])
    assert found[0].difference == expected
    assert [c.draws for c in found] == [(3, 3), (3, 1)]
    singles = [
        sum(right(b)) / N - sum(right(a)) / N for a, b in zip(balanced, drawn, strict=True)
    ]  # fmt: skip
    assert found[0].spread == pytest.approx((min(singles), max(singles)))
    singles = [sum(right(nearest[0])) / N - sum(right(a)) / N for a in balanced]
    assert found[1].spread == pytest.approx((min(singles), max(singles)))


def test_unscored_samples_of_any_draw_are_left_out():
    cells = [cell("balanced", 0.8), cell("balanced", 0.8, seed=1, unscored=5), cell("random", 0.5)]
    (found,) = kinds(compare(*join(*cells)), "selector")
    assert (found.difference.n, found.left_out) == (N - 5, 5)


def test_without_balanced_shots_random_ones_are_the_measure():
    found = compare(*join(cell("diverse", 0.8), cell("random", 0.5), cell("first", 0.5)))
    assert [(c.first.selector, c.second.selector) for c in kinds(found, "selector")] == [
        ("random", "diverse"), ("random", "first"),
    ]  # fmt: skip
    assert kinds(compare(*join(cell("diverse", 0.8), cell("first", 0.5))), "selector") == []


def test_only_equal_k_and_prompt_are_compared():
    cells = [cell("balanced", 0.8), cell("random", 0.5, k=3), cell("random", 0.5, prompt="other")]
    assert kinds(compare(*join(*cells)), "selector") == []


def test_orders_of_one_selector_are_compared():
    cells = [
        cell("balanced", 0.9),
        cell("balanced", 0.5, order="alternating"),
        cell("nearest", 0.9, order="nearest_last"),
        cell("nearest", 0.5),
    ]
    found = compare(*join(*cells))
    assert [(c.first.selector, c.first.order, c.second.order) for c in kinds(found, "order")] == [
        ("balanced", "shuffled", "alternating"), ("nearest", "nearest_last", "shuffled"),
    ]  # fmt: skip
    # A selector is compared in its own order.
    (selector,) = kinds(found, "selector")
    assert (selector.first.order, selector.second.order) == ("shuffled", "nearest_last")


def test_rows_of_earlier_runs_have_no_order():
    cells = cell("balanced", 0.8, order=None), cell("random", 0.5, order=None)
    assert len(kinds(compare(*join(*cells)), "selector")) == 1
    assert (
        "5-shot chat (seed 0)" in points(*cells, cell("balanced", 0.8, prompt="p", order=None))[-1]
    )


def test_the_sentence_says_what_the_test_allows():
    cells = [cell("balanced", 0.9, seed=s) for s in range(3)]
    cells += [cell("random", 0.5, seed=s) for s in range(3)]
    c = kinds(compare(*join(*cells)), "selector")[0]
    line = points(*cells)[0]
    assert line.startswith(
        "Shots chosen as random against balanced, 5-shot chat, 3 against 3 draws, prompt plain: "
        f"**worse**; raw accuracy {c.difference.first:.3f} → {c.difference.second:.3f} ("
    )
    assert (
        f"{c.difference.lost} lost, {c.difference.won} won, p < 0.001), single draws \u2212" in line
    )
    assert "sign-flip" in conclude(*join(*cells)).method
    assert short(*cells)[0] == (
        "Should shots be balanced? m: **yes, the random draws are worse than the balanced ones** "
        "(raw accuracy differs in 1 of 1 comparison)."
    )
    assert (
        short(*cells)[1]
        == "Which shot selectors help, compared with balanced? m: random: **worse**."
    )


@pytest.mark.parametrize(
    ("balanced", "drawn", "verdict", "way"),
    [
        (0.5, 0.9, "no, the random draws are better than the balanced ones", "better"),
        (0.7, 0.7, "no difference between random and balanced draws could be shown",
         "no difference could be shown"),
    ],
)  # fmt: skip
def test_both_answers_and_none(balanced, drawn, verdict, way):
    cells = cell("balanced", balanced), cell("random", drawn)
    said = short(*cells)
    assert f"**{verdict}**" in said[0]
    assert f"random: **{way}**" in said[1]
    assert "sign-flip" not in conclude(*join(*cells)).method


def test_cells_that_disagree_are_said_to():
    def pair(first: float, second: float, k: int):
        return cell("balanced", first, k=k), cell("random", second, k=k)

    mixed = short(*pair(0.9, 0.5, 3), *pair(0.5, 0.9, 5))
    assert "**the random draws are better in some respects and worse in others**" in mixed[0]
    assert "random: **better in some respects, worse in others**" in mixed[1]
    partly = short(*pair(0.9, 0.5, 3), *pair(0.7, 0.7, 5))
    assert "**yes in some cells" in partly[0]
    assert "differs in 1 of 2" in partly[0]
    assert "random: **worse in some cells**" in partly[1]


def test_order_in_words():
    cells = cell("balanced", 0.9), cell("balanced", 0.5, order="alternating")
    assert points(*cells)[0].startswith(
        "Shots in another order: balanced, alternating labels against balanced, 5-shot chat, one "
        "draw each, prompt plain: **worse**; raw accuracy"
    )
    assert "**the order matters** (raw accuracy differs in 1 of 1" in short(*cells)[0]
    same = cell("balanced", 0.7), cell("balanced", 0.7, order="alternating")
    assert "**no difference could be shown**" in short(*same)[0]


def test_one_way_alone_says_nothing_of_ways():
    text = " ".join(short(cell("balanced", 0.9), cell("balanced", 0.9, prompt="other")))
    assert not re.search("balanced|order|pay", re.sub("`[^`]*`", "", text))


def test_russian_says_the_same():
    cells = [cell("balanced", 0.9, seed=s) for s in range(2)]
    cells += [
        cell("nearest", 0.5, order="nearest_last"),
        cell("balanced", 0.8, order="alternating"),
    ]
    number = re.compile(r"[\u2212+]?\d+\.\d+")
    english, russian = (" ".join([*points(*cells, lang=lang), *short(*cells, lang=lang)])
                        for lang in ("en", "ru"))  # fmt: skip
    assert sorted(number.findall(english)) == sorted(number.findall(russian))
    assert "ближайшие против поровну" in russian
    assert not re.search("shown|nearest|balanced|better|worse", re.sub("`[^`]*`", "", russian))


def report(*cells, data=(), lang="en") -> str:
    rows, results = join(*cells)
    return report_markdown(Run(RunInfo("r", "now", 1.0, "pytest", {}, {}, data=data), tuple(rows),
                               (), tuple(results)), lang=lang)  # fmt: skip


def test_the_table_names_selector_order_and_seed_where_they_differ():
    found = report(cell("balanced", 0.9), cell("nearest", 0.5, order="nearest_last", seed=4))
    table = [re.sub(" +", " ", line) for line in found.splitlines() if line.startswith("| m ")]
    assert "| 5-shot | chat | balanced | shuffled | 0 |" in table[0]
    assert "| 5-shot | chat | nearest | nearest last | 4 |" in table[1]
    assert "| shuffled" not in report(cell("balanced", 0.9), cell("balanced", 0.9, seed=1))
