from __future__ import annotations

import random
import re

import numpy as np
import pytest
from reasoned import because
from reports import compare, conclude, findings_of, questions, report_markdown
from scipy.stats import t as student_t

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
            Score(None, None, because("none")) if i < unscored else Score(float(right), answer)
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
    assert "by its mean over the draws" in conclude(*join(*cells)).method


@pytest.mark.parametrize(
    ("balanced", "drawn", "way", "verdict"),
    [
        (0.5, 0.9, "better", "**better**"),
        (0.9, 0.5, "worse", "**worse**"),
        (0.7, 0.7, "no difference could be shown", "no difference shown"),
    ],
)
def test_a_single_draw_speaks_of_itself(balanced, drawn, way, verdict):
    cells = cell("balanced", balanced), cell("random", drawn)
    assert f"one draw each, prompt plain: **{way}**; raw accuracy" in points(*cells)[0]
    (line,) = questions(*join(*cells))
    (c,) = compare(*join(*cells))
    assert line[1] == "shots chosen as random against balanced"
    assert line[3].startswith(f"{100 * c.value:+.1f} points [".replace("-", "\u2212"))
    assert line[4] == f"{verdict}, with these shots"
    assert "over the draws" not in conclude(*join(*cells)).method


def test_several_draws_speak_of_draws_like_these():
    cells = [cell("balanced", 0.9, seed=s) for s in range(3)]
    cells += [cell("random", 0.5, seed=s) for s in range(3)]
    # More than the samples' own chance: the draws differ, and three of them know little of others.
    cells[3] = cell("random", 0.85, seed=0)
    (line,) = questions(*join(*cells))
    assert line[4].endswith(", over 3 draws of shots")
    (q,) = [one for one in findings_of(*join(*cells)).questions if one.kind == "selector"]
    singles = [
        np.array(right(b), float) - np.array(right(a), float)
        for a, b in zip(cells[:3], cells[3:], strict=True)
    ]
    value, low, high = over_draws(np.stack(singles))
    assert (q.draws, q.comparisons, q.differ) == (3, 1, None)
    assert (q.value, q.low, q.high) == pytest.approx((value, low, high))
    # The same samples alone, which is what the comparison of these draws goes by, say more.
    (c,) = kinds(compare(*join(*cells)), "selector")
    assert q.high - q.low > 1.5 * (c.high - c.low)


def over_draws(steps: np.ndarray) -> tuple[float, float, float]:
    """Return mean and interval over draws by samples, of shape [draws, samples], from formulas.

    Rows and columns are crossed and random; the residual of rows by columns is what the samples
    alone make of the variance between rows.
    """
    draws, n = steps.shape
    each = steps.mean(axis=1)
    residual = steps - each[:, None] - steps.mean(axis=0)[None] + steps.mean()
    noise = (residual**2).sum() / ((draws - 1) * (n - 1)) / n
    by_samples = steps.mean(axis=0).var(ddof=1) / n
    more = max(0.0, each.var(ddof=1) - noise) / draws
    variance = by_samples + more
    assert more > 0
    freedom = variance**2 / (
        (each.var(ddof=1) / draws) ** 2 / (draws - 1) + by_samples**2 / (n - 1)
    )
    half = student_t.ppf(0.975, freedom) * variance**0.5
    return each.mean(), max(-1.0, each.mean() - half), min(1.0, each.mean() + half)


def test_cells_that_disagree_are_said_to():
    def pair(first: float, second: float, k: int):
        return cell("balanced", first, k=k), cell("random", second, k=k)

    ((*_, verdict, singles),) = questions(*join(*pair(0.9, 0.5, 3), *pair(0.5, 0.8, 5)))
    assert verdict == "**depends on the cell**, with these shots"
    assert singles.startswith(
        "1 better (plain 5-shot chat), 1 worse (plain 3-shot chat), 0 not shown; their sizes "
        "differ, p < 0.001"
    )
    ((*_, verdict, singles),) = questions(*join(*pair(0.9, 0.5, 3), *pair(0.7, 0.7, 5)))
    assert verdict == "**worse on average**, with these shots"
    assert singles.startswith(
        "0 better, 1 worse (plain 3-shot chat), 1 not shown; their sizes differ"
    )
    ((*_, verdict, singles),) = questions(*join(*pair(0.9, 0.5, 3), *pair(0.9, 0.5, 5)))
    assert verdict == "**worse**, with these shots"
    assert singles == "0 better, 2 worse (plain 3-shot chat, plain 5-shot chat), 0 not shown"


def test_order_in_words():
    cells = cell("balanced", 0.9), cell("balanced", 0.5, order="alternating")
    assert points(*cells)[0].startswith(
        "Shots in another order: balanced, alternating labels against balanced, 5-shot chat, one "
        "draw each, prompt plain: **worse**; raw accuracy"
    )
    assert questions(*join(*cells))[0][1] == (
        "shots in another order: balanced, alternating labels against balanced"
    )
    same = cell("balanced", 0.7), cell("balanced", 0.7, order="alternating")
    assert "**no difference could be shown**" in points(*same)[0]
    assert questions(*join(*same))[0][4] == "no difference shown, with these shots"


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
    lines = found[found.index("## evalsets") :].splitlines()
    table = [re.sub(" +", " ", line) for line in lines if line.startswith("| m ")]
    assert "| 5-shot | chat | balanced | shuffled | 0 |" in table[0]
    assert "| 5-shot | chat | nearest | nearest last | 4 |" in table[1]
    assert "| shuffled" not in report(cell("balanced", 0.9), cell("balanced", 0.9, seed=1))
