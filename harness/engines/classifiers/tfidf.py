"""TF-IDF and logistic regression, by scikit-learn: the baseline that costs seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.engines.classifiers.engine import Arrays, ClassifierEngine, read_spec, trained
from harness.engines.classifiers.rows import Ints, TrainingSet
from harness.engines.classifiers.words import UNKNOWN
from harness.records import EngineConfig
from harness.spec.classifierspec import TfidfSpec

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ITERATIONS = 1000


def open_engine(config: EngineConfig) -> ClassifierEngine:
    """Train, or find the weights in the cache, and open the engine.

    Raises:
        EngineError: An option is wrong, or the training rows cannot be read.
    """
    spec = read_spec(config, TfidfSpec)
    training, weights = trained(config, spec, lambda rows: _train(rows, spec, config.seed))
    features, idf = weights["features"], weights["idf"]
    slopes, offsets = weights["slopes"], weights["offsets"]
    words, pairs = training.words, spec.pairs

    def predict(rows: Sequence[tuple[int, ...]]) -> npt.NDArray[np.float64]:
        from scipy.special import log_softmax

        found = [_grams(np.array(row, dtype=np.int64), words, pairs) for row in rows]
        scores = _weighted(_counts(found, features), idf) @ slopes.T + offsets
        logprobs: npt.NDArray[np.float64] = log_softmax(scores, axis=1)
        return logprobs

    return ClassifierEngine(config, training, predict)


def _train(training: TrainingSet, spec: TfidfSpec, seed: int) -> Arrays:
    """Return sorted features [f], their idf [f], slopes [labels, f] and offsets [labels]."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    found = [_grams(row, training.words, spec.pairs) for row in training.rows()]
    seen, rows = np.unique(np.concatenate([np.unique(row) for row in found]), return_counts=True)
    features = seen[rows >= min(spec.min_rows, len(found))]
    counts = _counts(found, features)
    idf = TfidfTransformer(sublinear_tf=True).fit(counts).idf_
    model = LogisticRegression(C=spec.strength, max_iter=_ITERATIONS, random_state=seed)
    model.fit(_weighted(counts, idf), training.labels)
    slopes, offsets = model.coef_, model.intercept_
    if len(slopes) == 1:
        # For two labels there is one row, the log-odds of the second.
        slopes = np.concatenate([np.zeros_like(slopes), slopes])
        offsets = np.concatenate([np.zeros_like(offsets), offsets])
    return {"features": features, "idf": idf, "slopes": slopes, "offsets": offsets}


def _grams(row: Ints, words: int, pairs: bool) -> Ints:
    """Return a number for each known word and, above those, for each pair of known neighbours."""
    single = row[row > UNKNOWN]
    if not pairs:
        return single
    known = (row[:-1] > UNKNOWN) & (row[1:] > UNKNOWN)
    joined = row[:-1][known] * words + row[1:][known]
    return np.concatenate([single, joined])


def _counts(found: Sequence[Ints], features: npt.NDArray[np.generic]) -> csr_matrix:
    """Return how often each text has each feature; shape [texts, features]."""
    from scipy.sparse import csr_matrix

    columns = [np.searchsorted(features, row) for row in found]
    kept = [
        place[(place < len(features)) & (features[np.minimum(place, len(features) - 1)] == row)]
        for place, row in zip(columns, found, strict=True)
    ]
    starts = np.cumsum([0, *(len(row) for row in kept)])
    ones = np.ones(starts[-1])
    counts = csr_matrix((ones, np.concatenate(kept), starts), (len(found), len(features)))
    counts.sum_duplicates()
    return counts


def _weighted(counts: csr_matrix, idf: npt.NDArray[np.generic]) -> csr_matrix:
    """Return the texts' TF-IDF vectors of length 1, term frequencies on a log scale."""
    from sklearn.feature_extraction.text import TfidfTransformer

    transformer = TfidfTransformer(sublinear_tf=True)
    transformer.idf_ = idf
    return transformer.transform(counts)
