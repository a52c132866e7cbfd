"""Options of the engines that train a classifier on the shot pool."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.records import Json
from harness.spec.base import Strict

_Count = Annotated[int, Field(ge=1)]


class TrainSpec(Strict):
    """What all trained classifiers share.

    Attributes:
        train_rows: Training rows drawn from the shot pool, at most; None takes the whole pool.
        balanced: Whether equally many of each label are drawn, as many as the rarest allows.
        max_tokens: Words of a text that are read, the first half and the last half; None reads all.
        vocabulary: The most frequent words of the training rows that are known by name.
    """

    train_rows: _Count | None = None
    balanced: bool = False
    max_tokens: _Count | None = None
    vocabulary: _Count = 100_000


class RnnSpec(TrainSpec):
    """Options of engine `rnn`: a bidirectional LSTM over word embeddings.

    Attributes:
        embedding: Numbers per word.
        hidden: Units per direction.
        epochs: Passes over the training rows.
        batch: Rows per step.
        rate: Peak learning rate of Adam.
        dropout: Fraction of the activations that a training step leaves out.
        threads: CPU threads. One makes the weights the same whatever the number of cores is.
    """

    max_tokens: _Count = 300
    vocabulary: _Count = 20_000
    embedding: _Count = 64
    hidden: _Count = 64
    epochs: _Count = 4
    batch: _Count = 32
    rate: Annotated[float, Field(gt=0)] = 0.003
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    threads: _Count = 1


class TfidfSpec(TrainSpec):
    """Options of engine `tfidf`: logistic regression on words and word pairs.

    Attributes:
        pairs: Whether neighbouring words are features together, beside the single words.
        min_rows: Training rows that a feature must occur in.
        strength: Inverse of the L2 penalty, scikit-learn's `C`.
    """

    pairs: bool = True
    min_rows: _Count = 2
    strength: Annotated[float, Field(gt=0)] = 10.0


TRAINED: dict[str, type[TrainSpec]] = {"rnn": RnnSpec, "tfidf": TfidfSpec}


def train_spec(engine: str, options: dict[str, Json]) -> TrainSpec:
    """Return the options of an engine of `TRAINED`, defaults filled in.

    Raises:
        pydantic.ValidationError: An option is unknown or has a wrong value.
    """
    return TRAINED[engine].model_validate(options)
