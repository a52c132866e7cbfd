"""Plans which prompt prefixes are computed once and which prompts run in one batch; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

TokenIds = Sequence[int]


@dataclass(frozen=True, slots=True)
class Group:
    """Prompts that start with the same tokens, a node of a tree.

    Attributes:
        prefix: The shared tokens, those of the parent group included; empty at the root.
        members: Indices of the prompts that run on this prefix.
        children: Groups whose prefixes continue this one.
    """

    prefix: tuple[int, ...]
    members: tuple[int, ...]
    children: tuple[Group, ...]


@dataclass(slots=True)
class _Node:
    """A node of the prompts' token trie while it is open: its first `depth` tokens are shared."""

    depth: int
    members: list[int] = field(default_factory=list)
    children: list[Group] = field(default_factory=list)


def plan_groups(prompts: Sequence[TokenIds], *, min_saving: int) -> Group:
    """Return the tree of shared prefixes worth computing once; every prompt is in one group.

    At least one token of each prompt is left after its group's prefix, since a model needs an
    input token to give an output.

    Args:
        prompts: Token ids, none empty.
        min_saving: Tokens that a group must save over having its users on the parent prefix, at
            least 1. A prefix costs a forward pass of its own and leaves smaller batches behind.

    Raises:
        ValueError: If a prompt is empty.

    Source: the stack over common prefix lengths of sorted texts of Kasai et al. (2001), CPM.
    """
    if not all(prompts):
        raise ValueError("an empty prompt cannot be planned")
    order = sorted(range(len(prompts)), key=lambda index: tuple(prompts[index]))
    stack = [_Node(0)]
    for before, index in zip([None, *order], order, strict=False):
        shared = 0 if before is None else _common_length(prompts[before], prompts[index])
        _close(stack, shared, prompts, min_saving)
        stack.append(_Node(len(prompts[index]), [index]))
    _close(stack, 0, prompts, min_saving)
    root = stack[0]
    return Group((), tuple(root.members), tuple(root.children))


def plan_batches(
    lengths: Sequence[int], *, budget: int, pass_cost: int, padding: bool = True
) -> list[list[int]]:
    """Return batches of indices, longest first.

    Args:
        lengths: Tokens that each row computes, at least 1.
        budget: Tokens of a batch, padding included; a longer row is a batch by itself.
        pass_cost: Tokens that may be padding in a batch: more would cost as much as another pass.
        padding: False makes batches of equal lengths only.
    """
    batches: list[list[int]] = []
    width = wasted = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        wasted += width - lengths[index]
        fits = batches and (len(batches[-1]) + 1) * width <= budget
        if not fits or wasted > (pass_cost if padding else 0):
            batches.append([])
            width, wasted = lengths[index], 0
        batches[-1].append(index)
    return batches


def split_batch(batch: Sequence[int], sizes: Sequence[int], *, most: int) -> list[list[int]]:
    """Return a batch in parts, so that long completions do not fill the memory.

    Args:
        batch: Indices.
        sizes: Tokens of each prompt and the longest completion of it, by index.
        most: Tokens of a part, each row as long as its longest; a longer row is a part by itself.
    """
    parts: list[list[int]] = []
    longest = 0
    for index in batch:
        longest = max(longest, sizes[index])
        if not parts or (len(parts[-1]) + 1) * longest > most:
            parts.append([])
            longest = sizes[index]
        parts[-1].append(index)
    return parts


def _common_length(left: TokenIds, right: TokenIds) -> int:
    """Return how many leading tokens are equal, leaving at least one token of both."""
    limit = min(len(left), len(right)) - 1
    for position in range(limit):
        if left[position] != right[position]:
            return position
    return limit


def _close(stack: list[_Node], depth: int, prompts: Sequence[TokenIds], min_saving: int) -> None:
    """Merge the open nodes deeper than `depth` into their parents, as groups where it pays."""
    while stack[-1].depth > depth:
        node = stack.pop()
        if stack[-1].depth < depth:
            stack.append(_Node(depth))
        parent = stack[-1]
        users = len(node.members) + len(node.children)
        if (users - 1) * (node.depth - parent.depth) >= min_saving:
            sample = prompts[_any_member(node)]
            group = Group(tuple(sample[: node.depth]), tuple(node.members), tuple(node.children))
            parent.children.append(group)
        else:
            parent.members += node.members
            parent.children += node.children


def _any_member(node: _Node) -> int:
    """Return the index of a prompt at or below a node."""
    at: _Node | Group = node
    while not at.members:
        at = at.children[0]
    return at.members[0]
