from __future__ import annotations

import math
import random

import pytest

from harness.prompts.label_words import LabelTree, label_tree

END = 99


def answer(tree: LabelTree, table) -> list[list[float]]:
    """Ask a table of next-token log-probabilities, as an engine would."""
    return [[table(path)[token] for token in ids] for path, ids in tree.questions]


def random_table(seed: int, vocabulary: int):
    """Return a function from a path to the log-probabilities of the next token, END included."""

    def table(path):
        generator = random.Random(f"{seed} {path}")
        weights = {token: generator.expovariate(1) for token in [*range(vocabulary), END]}
        total = sum(weights.values())
        return {token: math.log(weight / total) for token, weight in weights.items()}

    return table


def exact(row, others, table) -> float:
    """Sum the chain rule over the tokens at which some other label is still possible."""
    total = 0.0
    for n, token in enumerate((*row, END)):
        if not any(other[:n] == row[:n] for other in others):
            break
        total += table(row[:n])[token]
    return total


def test_different_first_tokens_are_one_question():
    tree = label_tree([(5, 6), (7,), (3, 6, 6)], end_ids=(END,))
    assert tree.questions == (((), (3, 5, 7)),)
    assert tree.logprobs([[-1.0, -2.0, -3.0]]) == (-2.0, -3.0, -1.0)


def test_a_shared_beginning_counts_too():
    tree = label_tree([(1, 2, 3), (1, 2, 4)], end_ids=())
    assert tree.questions == (((), (1,)), ((1,), (2,)), ((1, 2), (3, 4)))
    assert tree.logprobs([[-0.5], [-0.25], [-1.0, -2.0]]) == (-1.75, -2.75)


def test_a_third_label_asks_both_branchings():
    tree = label_tree([(1, 2), (1, 3), (4,)], end_ids=())
    assert tree.questions == (((), (1, 4)), ((1,), (2, 3)))
    assert tree.logprobs([[-1.0, -2.0], [-0.5, -0.25]]) == (-1.5, -1.25, -2.0)


def test_a_label_that_begins_another_ends_there():
    tree = label_tree([(1,), (1, 2)], end_ids=(END,))
    assert tree.questions == (((), (1,)), ((1,), (2, END)))
    assert tree.logprobs([[-0.5], [-1.0, -3.0]]) == (-3.5, -1.5)


def test_a_label_may_end_in_several_ways():
    tree = label_tree([(1,), (1, 2)], end_ids=(END, 98))
    assert tree.questions == (((), (1,)), ((1,), (2, 98, END)))
    ended, longer = tree.logprobs([[-0.5], [math.log(0.5), math.log(0.2), math.log(0.1)]])
    assert ended == pytest.approx(-0.5 + math.log(0.3))
    assert longer == pytest.approx(-0.5 + math.log(0.5))


def test_several_ends_ask_nothing_where_one_label_is_left():
    tree = label_tree([(1,), (1, 2), (3, 4)], end_ids=(END, 98))
    assert [path for path, _ in tree.questions] == [(), (1,)]


def test_a_label_is_not_asked_beyond_the_point_where_it_stands_alone():
    tree = label_tree([(1, 2, 3, 4), (5, 6, 7)], end_ids=(END,))
    assert tree.questions == (((), (1, 5)),)


@pytest.mark.parametrize(
    ("rows", "end_ids", "problem"),
    [
        ([(1, 2), (1, 2)], (END,), "two labels are the same tokens"),
        ([(1,), (1, 2)], (), "one label begins with another and the model has no end token"),
        ([(1,), (1, END)], (END,), "one label is another one and the end token"),
    ],
)
def test_labels_that_cannot_be_told_apart(rows, end_ids, problem):
    with pytest.raises(ValueError, match=problem):
        label_tree(rows, end_ids=end_ids)


@pytest.mark.parametrize("seed", range(300))
def test_random_labels_have_their_exact_log_probability(seed):
    generator = random.Random(seed)
    vocabulary = generator.choice([2, 3, 5])
    wanted = generator.randint(2, 7)
    rows: set[tuple[int, ...]] = set()
    while len(rows) < wanted:
        length = generator.randint(1, 5)
        rows.add(tuple(generator.randrange(vocabulary) for _ in range(length)))
    labels = sorted(rows, key=lambda _: generator.random())
    tree = label_tree(labels, end_ids=(END,))
    table = random_table(seed, vocabulary)
    found = tree.logprobs(answer(tree, table))
    for i, row in enumerate(labels):
        others = [other for other in labels if other != row]
        assert found[i] == pytest.approx(exact(row, others, table), abs=1e-12)


@pytest.mark.parametrize("seed", range(50))
def test_questions_are_distinct_and_each_is_used(seed):
    generator = random.Random(seed)
    rows = {tuple(generator.randrange(3) for _ in range(4)) for _ in range(8)}
    tree = label_tree(sorted(rows), end_ids=())
    paths = [path for path, _ in tree.questions]
    assert len(set(paths)) == len(paths)
    assert all(len(set(ids)) == len(ids) for _, ids in tree.questions)
    used = {step for route in tree.routes for step in route}
    assert used == {(q, (i,)) for q, (_, ids) in enumerate(tree.questions) for i in range(len(ids))}


@pytest.mark.parametrize("seed", range(30))
def test_all_words_up_to_a_length_sum_to_one(seed):
    """Every label of two tokens from three: their probabilities share out that of the beginning."""
    table = random_table(seed, 3)
    rows = [(a, b) for a in range(3) for b in range(3)]
    tree = label_tree(rows, end_ids=())
    total = sum(map(math.exp, tree.logprobs(answer(tree, table))))
    by_hand = sum(
        math.exp(table(())[a]) * sum(math.exp(table((a,))[b]) for b in range(3)) for a in range(3)
    )
    assert total == pytest.approx(by_hand)


def masked(row, rows, table) -> float:
    """Multiply the shares of a row's tokens among those that some row lets by, END included."""
    share = 1.0
    for n, token in enumerate((*row, END)):
        allowed = {(*other, END)[n] for other in rows if other[:n] == row[:n]}
        shares = {one: math.exp(table(row[:n])[one]) for one in allowed}
        share *= shares[token] / sum(shares.values())
    return share


@pytest.mark.parametrize("seed", range(100))
def test_constrained_labels_have_the_probability_that_a_mask_leaves_them(seed):
    generator = random.Random(seed)
    rows = list(dict.fromkeys(tuple(generator.randrange(3) for _ in range(generator.randint(1, 4)))
                              for _ in range(6)))  # fmt: skip
    if len(rows) < 2:
        return
    tree, table = label_tree(rows, end_ids=(END,)), random_table(seed, 3)
    found = tree.constrained(answer(tree, table), floor=1e-9)
    whole = sum(math.exp(table(())[token]) for token in {(*row, END)[0] for row in rows})
    assert sum(map(math.exp, found)) == pytest.approx(whole)
    for row, value in zip(rows, found, strict=True):
        assert math.exp(value) / whole == pytest.approx(masked(row, rows, table))


def test_what_rounding_left_decides_nothing():
    tree = label_tree([(1, 8), (1, 9), (2,)], end_ids=())

    def told(first, second):
        return [list(map(math.log, first)), list(map(math.log, second))]

    assert tree.constrained(told((0.4, 0.4), (0.002, 0.006)), floor=0.01) == ()
    found = tree.constrained(told((0.004, 0.4), (0.002, 0.006)), floor=0.01)
    assert list(map(math.exp, found)) == pytest.approx([8e-6, 24e-6, 0.4])
    found = tree.constrained(told((0.4, 0.4), (0.02, 0.06)), floor=0.01)
    assert list(map(math.exp, found)) == pytest.approx([0.1, 0.3, 0.4])


def test_labels_without_any_probability():
    tree = label_tree([(1, 8), (1, 9), (2,)], end_ids=())
    none = -math.inf
    assert tree.constrained([[none, none], [none, none]], floor=0.01) == (none, none, none)
    assert tree.constrained([[none, -1.0], [none, none]], floor=0.01) == (none, none, -1.0)
