"""Shot pool -> training rows of a classifier; samples -> requests in its vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.engines.classifiers.rows import save_training, training_set
from harness.engines.classifiers.words import Vocabulary, vocabulary
from harness.errors import SpecError
from harness.prompts.label_words import LabelTree
from harness.reasons import Reason
from harness.records import Request, Sample, Sampling
from harness.run.cells import Cell
from harness.run.prepare import digest
from harness.run.prepared import Prepared
from harness.spec.classifierspec import train_spec
from harness.workers.store import content_key

_NO_WORD = Reason("no_known_word")


@dataclass(frozen=True, slots=True)
class Training:
    """What a classifier is trained on.

    Attributes:
        path: File of the training rows.
        digest: Identifies their content, label order and vocabulary included.
        rows: How many there are.
        limit: Words that are read of each text, None for all.
    """

    path: Path
    digest: str
    rows: int
    words: Vocabulary
    limit: int | None


def build_training(cell: Cell, pool: Sequence[Sample]) -> Training:
    """Draw the training rows of a cell from the shot pool, number their words and save them.

    Raises:
        SpecError: There is no pool, or a label has no row in it.
    """
    spec = train_spec(cell.spec.engine, cell.spec.options_for(cell.spec.engine))
    labels = list(cell.evalset.labels)
    if not pool:
        raise SpecError(f"{cell.path}: {cell.model} is trained on the shot pool, and there is "
                        f"none; give data.split, data.shots or --eval-shots {cell.name}=PATH"
                        )  # fmt: skip
    drawn = draw_rows(pool, labels, spec.train_rows, balanced=spec.balanced, seed=cell.spec.seed)
    texts = [sample.text for sample in drawn]
    words = vocabulary(texts, size=spec.vocabulary)
    rows = words.encode(texts, limit=spec.max_tokens)
    known = [(row, labels.index(s.label)) for row, s in zip(rows, drawn, strict=True) if row]
    if lacking := set(range(len(labels))) - {label for _, label in known}:
        raise SpecError(f"{cell.path}: {cell.model} has no training row of label "
                        f"'{labels[min(lacking)]}'; give a larger shot pool or raise train_rows"
                        )  # fmt: skip
    training = training_set(
        [row for row, _ in known],
        [label for _, label in known],
        words=words.size,
        classes=len(labels),
    )
    return Training(save_training(training), training.digest, len(known), words, spec.max_tokens)


def draw_rows(
    pool: Sequence[Sample], labels: Sequence[str], n: int | None, *, balanced: bool, seed: int
) -> list[Sample]:
    """Return up to n samples of the pool in its order; None draws all.

    With `balanced` every label has equally many, at most as many as the rarest has.
    """
    order = np.random.default_rng(seed).permutation(len(pool))
    if not balanced:
        return [pool[row] for row in sorted(order[:n])]
    of_label = {label: [row for row in order if pool[row].label == label] for label in labels}
    each = min(len(rows) for rows in of_label.values())
    if n is not None:
        each = min(each, n // len(labels))
    return [pool[row] for row in sorted(row for rows in of_label.values() for row in rows[:each])]


def prepare_trained(
    cell: Cell, samples: Sequence[Sample], training: Training, *, shared: str
) -> Prepared:
    """Return all samples of a cell as requests to its classifier.

    Args:
        cell: The cell.
        samples: Its samples, at least one.
        training: What the classifier is trained on.
        shared: Engine fingerprint, which enters the content keys.
    """
    labels = list(cell.evalset.labels)
    sampling = Sampling(score_ids=tuple(range(len(labels))))
    rows = training.words.encode([sample.text for sample in samples], limit=training.limit)
    return Prepared(
        cell=cell,
        samples=tuple(samples),
        words={label: label for label in labels},
        tree=LabelTree(
            questions=(((), sampling.score_ids),),
            routes=tuple(((0, (i,)),) for i in range(len(labels))),
        ),
        requests=tuple(
            (Request(content_key(shared, row, sampling, None), row, sampling),) if row else ()
            for row in rows
        ),
        errors={index: _NO_WORD for index, row in enumerate(rows) if not row},
        prompt_tokens=sum(map(len, rows)) / len(rows),
        # Every text fits: what is cut, is cut by the classifier's own limit.
        window=max(map(len, rows)) + sampling.max_tokens,
        wording=training.digest,
        conversations=digest([list(row) for row in rows]),
        train_rows=training.rows,
    )
