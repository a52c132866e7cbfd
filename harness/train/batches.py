"""Which rows make which optimizer step, and how they are put into tensors.

The rows of a step depend on the seed and the batch size alone. How many of them go through the
model at once changes neither the sum of their gradients nor the loss, which is a mean over the
trained tokens of the whole step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import TrainError
from harness.train.template import MASKED, Example

if TYPE_CHECKING:
    import torch

Tensors = dict[str, "torch.Tensor"]
Features = Sequence[Mapping[str, Sequence[int]]]


def step_rows(lengths: Sequence[int], *, steps: int, batch_size: int, seed: int) -> list[list[int]]:
    """Return the positions of each step's rows, the longest first.

    Rows come in a new seeded order each time all were used. Rows of like length then stand
    together in a step, so that little is padded when it is cut into micro-batches.

    Raises:
        TrainError: There are fewer rows than a batch takes.
    """
    if len(lengths) < batch_size:
        raise TrainError(f"{len(lengths)} rows are left for a batch of {batch_size}; lower "
                         "training.batch_size, or give more data")  # fmt: skip
    order = _endless(len(lengths), seed)
    batches = ([next(order) for _ in range(batch_size)] for _ in range(steps))
    return [sorted(rows, key=lambda row: (-lengths[row], row)) for rows in batches]


def _endless(n: int, seed: int) -> Iterator[int]:
    epoch = 0
    while True:
        yield from np.random.default_rng([seed, epoch]).permutation(n).tolist()
        epoch += 1


def micro_batches(rows: Sequence[int], size: int) -> list[list[int]]:
    """Return a step's rows in the micro-batches that the trainer takes one after the other."""
    return [list(rows[at : at + size]) for at in range(0, len(rows), size)]


@dataclass(frozen=True, slots=True)
class PaddedCollator:
    """Rows below one another, filled up on the right: tensors of shape (rows, longest)."""

    pad_id: int

    def __call__(self, features: Features) -> Tensors:
        """Return input_ids, attention_mask and labels."""
        import torch

        width = max(len(feature["input_ids"]) for feature in features)

        def fill(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
            return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])

        ids = [feature["input_ids"] for feature in features]
        return {
            "input_ids": fill(ids, self.pad_id),
            "attention_mask": fill([[1] * len(row) for row in ids], 0),
            "labels": fill([feature["labels"] for feature in features], MASKED),
        }


@dataclass(frozen=True, slots=True)
class FlatCollator:
    """Rows one after the other, nothing padded: tensors of shape (1, tokens).

    Positions start at 0 in each row; from them, and from there being no attention mask, the model
    knows that a row sees itself alone.

    Attributes:
        bounds: Also return where rows begin, for `harness.train.packed`.
    """

    bounds: bool = False

    def __call__(self, features: Features) -> dict[str, torch.Tensor | int]:
        """Return input_ids, position_ids, labels; with bounds cu_seq_lens_q and max_length_q."""
        import torch

        ids, places, labels = list[int](), list[int](), list[int]()
        for feature in features:
            ids += feature["input_ids"]
            places += range(len(feature["input_ids"]))
            # The first token of a row would be predicted from the end of the row before it.
            labels += [MASKED, *feature["labels"][1:]]
        found: dict[str, torch.Tensor | int] = {
            "input_ids": torch.tensor([ids]),
            "position_ids": torch.tensor([places]),
            "labels": torch.tensor([labels]),
        }
        if self.bounds:
            lengths = [len(feature["input_ids"]) for feature in features]
            ends = torch.tensor([0, *lengths]).cumsum(0)
            found |= {"cu_seq_lens_q": ends.to(torch.int32), "max_length_q": max(lengths)}
        return found


def as_features(examples: Sequence[Example], rows: Sequence[int]) -> dict[str, list[list[int]]]:
    """Return the columns of a data set: these examples in this order."""
    return {
        "input_ids": [list(examples[row].ids) for row in rows],
        "labels": [list(examples[row].labels) for row in rows],
    }
