"""Training rows of a classifier as word ids, on disk for the engine that trains on them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import EngineError
from harness.sources.cache import building, cache_folder

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Training rows.

    Attributes:
        ids: Word ids of all rows, one row after another; shape [words in all].
        lengths: Words of each row, at least 1; shape [rows].
        labels: Index of each row's label; shape [rows].
        words: Size of the vocabulary, padding and the unknown word included.
        classes: Number of labels.
    """

    ids: Ints
    lengths: Ints
    labels: Ints
    words: int
    classes: int

    @property
    def digest(self) -> str:
        """The sha256 of the content."""
        head = f"{self.words} {self.classes} {len(self.labels)} {len(self.ids)}"
        digest = hashlib.sha256(head.encode())
        for array in (self.lengths, self.labels, self.ids):
            digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()

    def rows(self) -> list[Ints]:
        """Return the word ids of each row."""
        return np.split(self.ids, np.cumsum(self.lengths)[:-1])


def training_set(
    rows: Sequence[Sequence[int]], labels: Sequence[int], *, words: int, classes: int
) -> TrainingSet:
    """Return training rows from lists; see `TrainingSet` for the arguments."""
    return TrainingSet(
        ids=np.array([i for row in rows for i in row], dtype=np.int64),
        lengths=np.array([len(row) for row in rows], dtype=np.int64),
        labels=np.array(labels, dtype=np.int64),
        words=words,
        classes=classes,
    )


def save_training(training: TrainingSet) -> Path:
    """Return the file of the training rows in the cache, written if it is not there."""
    from safetensors.numpy import save_file

    path = cache_folder("training") / f"{training.digest}.safetensors"
    with building(path) as out:
        if out is not None:
            sizes = np.array([training.words, training.classes], dtype=np.int64)
            arrays = {"ids": training.ids, "lengths": training.lengths, "labels": training.labels}
            save_file({**arrays, "sizes": sizes}, out)
    return path


def load_training(path: Path) -> TrainingSet:
    """Return what `save_training` wrote.

    Raises:
        EngineError: The file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
        words, classes = (int(size) for size in found["sizes"])
        return TrainingSet(found["ids"], found["lengths"], found["labels"], words, classes)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise EngineError(f"training rows {path}: cannot be read: {error}; remove the file and "
                          "run again") from error  # fmt: skip
