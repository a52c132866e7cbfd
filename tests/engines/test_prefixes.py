"""What every plan must hold, over random prompts, and the shapes of plans that are known."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from harness.engines.prefixes import Group, plan_batches, plan_groups, split_batch


def walk(group):
    yield group
    for child in group.children:
        yield from walk(child)


def cost(group, prompts, done=0):
    """Tokens that are computed when prompts run along the tree."""
    length = len(group.prefix)
    own = sum(len(prompts[index]) - length for index in group.members)
    return length - done + own + sum(cost(child, prompts, length) for child in group.children)


def random_prompts(seed):
    """Prompts that grow from few heads with few distinct tokens, so that much is shared."""
    drawn = random.Random(seed)
    heads = [[]]
    for _ in range(drawn.randrange(1, 6)):
        grown = [drawn.randrange(3) for _ in range(drawn.randrange(1, 30))]
        heads.append([*drawn.choice(heads), *grown])
    return [
        (*drawn.choice(heads), *(drawn.randrange(3) for _ in range(drawn.randrange(1, 8))))
        for _ in range(drawn.randrange(1, 60))
    ]


@pytest.mark.parametrize("min_saving", [1, 10, 60])
@pytest.mark.parametrize("seed", range(40))
class TestAnyPlan:
    def test_every_prompt_runs_exactly_once(self, seed, min_saving):
        prompts = random_prompts(seed)
        root = plan_groups(prompts, min_saving=min_saving)
        members = Counter(index for group in walk(root) for index in group.members)
        assert members == Counter(range(len(prompts)))

    def test_prefix_and_rest_are_the_prompt(self, seed, min_saving):
        prompts = random_prompts(seed)
        for group in walk(plan_groups(prompts, min_saving=min_saving)):
            for index in group.members:
                assert prompts[index][: len(group.prefix)] == group.prefix
                assert len(prompts[index]) > len(group.prefix)

    def test_children_go_on_from_their_parent(self, seed, min_saving):
        root = plan_groups(random_prompts(seed), min_saving=min_saving)
        assert root.prefix == ()
        for group in walk(root):
            for child in group.children:
                assert child.prefix[: len(group.prefix)] == group.prefix
                assert len(child.prefix) > len(group.prefix)

    def test_every_group_saves_enough(self, seed, min_saving):
        prompts = random_prompts(seed)
        root = plan_groups(prompts, min_saving=min_saving)
        for group in walk(root):
            for child in group.children:
                users = len(child.members) + len(child.children)
                saved = (users - 1) * (len(child.prefix) - len(group.prefix))
                assert saved >= min_saving
        groups = sum(1 for _ in walk(root)) - 1
        assert cost(root, prompts) <= sum(map(len, prompts)) - groups * min_saving


class TestKnownPlans:
    def test_nothing_shared(self):
        assert plan_groups([(1, 2), (3, 4)], min_saving=1) == Group((), (0, 1), ())

    def test_no_prompts(self):
        assert plan_groups([], min_saving=1) == Group((), (), ())

    def test_header_and_two_cells(self):
        header, left, right = (9,) * 20, (1,) * 30, (2,) * 30
        prompts = [
            *((*header, *left, 50 + i) for i in range(5)),
            *((*header, *right, 50 + i) for i in range(5)),
            (*header, 3),
            (*header, 4),
        ]
        root = plan_groups(prompts, min_saving=40)
        (top,) = root.children
        assert (root.members, top.prefix, set(top.members)) == ((), header, {10, 11})
        assert {child.prefix: child.members for child in top.children} == {
            header + left: (0, 1, 2, 3, 4),
            header + right: (5, 6, 7, 8, 9),
        }
        assert cost(root, prompts) == 20 + 2 * 30 + 12

    def test_header_of_cells_alone_is_not_worth_a_pass(self):
        """Two users, the cells, would share a header of 3 tokens: 3 saved."""
        prompts = [(7, 7, 7, cell, *[cell] * 20, i) for cell in (1, 2) for i in range(4)]
        root = plan_groups(prompts, min_saving=10)
        assert [len(child.prefix) for child in root.children] == [24, 24]

    def test_small_steps_of_few_prompts_go_to_the_larger_group(self):
        """What is rare below a node runs on the node, not on a prefix of its own."""
        prompts = [(*[5] * 40, i, i) for i in range(10)] + [(*[5] * 40, 3, 8), (*[5] * 40, 3, 9)]
        (group,) = plan_groups(prompts, min_saving=20).children
        assert group.prefix == (5,) * 40
        assert sorted(group.members) == list(range(12))
        assert group.children == ()

    def test_a_prompt_that_is_the_prefix_keeps_a_token(self):
        prefix = (4, 5, 6, 7)
        prompts = [prefix, *((*prefix, i) for i in range(9))]
        (group,) = plan_groups(prompts, min_saving=1).children
        assert group.prefix == prefix[:-1]
        assert 0 in group.members

    def test_equal_prompts_share_all_but_a_token(self):
        (group,) = plan_groups([(1, 2, 3)] * 4, min_saving=1).children
        assert group.prefix == (1, 2)
        assert sorted(group.members) == [0, 1, 2, 3]

    def test_lists_are_prompts_too(self):
        (group,) = plan_groups([[1, 2, 3], [1, 2, 4]], min_saving=1).children
        assert group.prefix == (1, 2)

    def test_deeply_nested_prompts_do_not_recurse(self):
        prompts = [(1,) * length for length in range(1, 3000)]
        root = plan_groups(prompts, min_saving=10**6)
        assert sum(len(group.members) for group in walk(root)) == len(prompts)

    def test_empty_prompt_is_refused(self):
        with pytest.raises(ValueError, match="empty prompt"):
            plan_groups([(1,), ()], min_saving=1)


class TestBatches:
    @pytest.mark.parametrize("padding", [True, False])
    @pytest.mark.parametrize("seed", range(20))
    def test_every_row_once_within_the_budget(self, seed, padding):
        drawn = random.Random(seed)
        lengths = [drawn.randrange(1, 60) for _ in range(drawn.randrange(1, 80))]
        batches = plan_batches(lengths, budget=100, pass_cost=15, padding=padding)
        assert Counter(i for batch in batches for i in batch) == Counter(range(len(lengths)))
        for batch in batches:
            widths = [lengths[i] for i in batch]
            assert max(widths) * len(batch) <= 100 or len(batch) == 1
            assert padding or len(set(widths)) == 1
            assert sum(max(widths) - width for width in widths) <= 15

    def test_equal_lengths_fill_the_budget(self):
        assert [len(batch) for batch in plan_batches([10] * 25, budget=100, pass_cost=0)] == [
            10,
            10,
            5,
        ]

    def test_longest_first(self):
        assert plan_batches([1, 5, 3], budget=10, pass_cost=9) == [[1, 2], [0]]

    def test_a_row_over_the_budget_stands_alone(self):
        assert plan_batches([500, 2, 2], budget=100, pass_cost=9) == [[0], [1, 2]]

    def test_nothing(self):
        assert plan_batches([], budget=10, pass_cost=9) == []

    def test_padding_that_costs_a_pass_starts_a_batch(self):
        assert plan_batches([30, 20, 20], budget=500, pass_cost=20) == [[0, 1, 2]]
        assert plan_batches([30, 20, 20], budget=500, pass_cost=19) == [[0, 1], [2]]
        assert plan_batches([30, 2, 2], budget=500, pass_cost=19) == [[0], [1, 2]]

    def test_padding_stays_small(self):
        drawn = random.Random(0)
        lengths = [drawn.randrange(10, 60) for _ in range(300)]
        batches = plan_batches(lengths, budget=1024, pass_cost=40)
        computed = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
        assert computed < 1.05 * sum(lengths)
        assert len(batches) < 1.5 * sum(lengths) / 1024


def test_a_batch_is_split_where_long_completions_would_fill_the_memory():
    sizes = [100, 90, 80, 500, 70]
    assert split_batch([0, 1, 2, 4], sizes, most=400) == [[0, 1, 2, 4]]
    assert split_batch([0, 1, 2, 4], sizes, most=399) == [[0, 1, 2], [4]]
    assert split_batch([0, 3, 4], sizes, most=400) == [[0], [3], [4]]
    assert split_batch([], sizes, most=400) == []
