"""The loss of a recipe: cross-entropy of the trained tokens, whose logits alone are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.train.template import MASKED

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def trained_loss(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    total: torch.Tensor | int | None = None,
) -> torch.Tensor:
    """Return the cross-entropy of a micro-batch, in nats, as a share of the step's mean.

    Args:
        model: Takes `logits_to_keep` as positions, as the models of transformers do.
        inputs: Of a collator; labels of shape (rows, tokens).
        total: Trained tokens of the whole step; None takes those of the micro-batch.
    """
    keep, targets = trained_places(inputs["labels"])
    rest = {key: value for key, value in inputs.items() if key != "labels"}
    return kept_loss(model, rest, keep, targets, (targets != MASKED).sum() if total is None
                     else total)  # fmt: skip


def trained_places(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the places whose next token is trained in any row, and the tokens there.

    Args:
        labels: Of shape (rows, tokens).

    Returns:
        Places of shape (n,) and tokens of shape (rows, n), masked where a row has none.
    """
    targets = labels[:, 1:]
    keep = (targets != MASKED).any(dim=0).nonzero().squeeze(1)
    return keep, targets[:, keep]


def kept_loss(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor | int],
    keep: torch.Tensor,
    targets: torch.Tensor,
    total: torch.Tensor | int,
) -> torch.Tensor:
    """Return the cross-entropy at some places, in nats, as a share of `total` tokens; see above."""
    from torch.nn.functional import cross_entropy

    logits = model(**inputs, logits_to_keep=keep, use_cache=False).logits
    loss = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=MASKED,
                         reduction="sum")  # fmt: skip
    return loss / total
