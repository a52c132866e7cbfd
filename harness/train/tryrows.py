"""Whether a model reads rows that go through it together as it reads each by itself.

Models with a state, such as Mamba, and some kinds of attention know nothing of where a flat row
begins: it sees the rows before it, and no error says so.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from harness.train.batches import FlatCollator, PaddedCollator

if TYPE_CHECKING:
    from peft import PeftModel

# Tokens of the two rows that are tried.
_FIRST, _SECOND = 12, 7
# Distances, as shares of the logits' spread, that rounding does not make.
_EXACT, _ROUNDED = 1e-3, 0.35


def rows_stand_alone(
    model: PeftModel,
    collator: FlatCollator | PaddedCollator,
    faster: AbstractContextManager[None] | None = None,
) -> bool:
    """Return whether a batch of two rows has the logits of its second row by itself.

    Args:
        model: On its device; the mode that it is in is kept.
        collator: What makes batches of rows.
        faster: How the batch is computed, unlike the row by itself; None for as it is.
    """
    import torch

    tokens = int(model.get_input_embeddings().weight.shape[0])
    drawn = torch.randint(tokens, (_FIRST + _SECOND,), generator=torch.Generator().manual_seed(0))
    rows = [drawn[:_FIRST].tolist(), drawn[_FIRST:].tolist()]
    batch = collator([{"input_ids": row, "labels": row} for row in rows])
    inputs = {key: value if isinstance(value, int) else value.to(model.device)
              for key, value in batch.items() if key != "labels"}  # fmt: skip
    alone = torch.tensor([rows[1]], device=model.device)
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            wanted = model(input_ids=alone, use_cache=False).logits[0]
            with faster or nullcontext():
                every = model(**inputs, use_cache=False).logits.flatten(0, 1)
    except TypeError:
        return False
    finally:
        model.train(training)
    # Flat or padded, the second row begins behind the first, which is the longer one.
    found = every[_FIRST : _FIRST + _SECOND]
    most = _EXACT if wanted.dtype == torch.float32 else _ROUNDED
    apart, spread = (found - wanted).float().square().mean().sqrt(), wanted.float().std()
    return bool(apart <= most * spread)
