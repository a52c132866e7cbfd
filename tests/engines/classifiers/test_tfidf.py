from __future__ import annotations

import random

import numpy as np
import pytest

from harness.engines.classifiers.rows import save_training, training_set
from harness.engines.classifiers.tfidf import open_engine
from harness.records import EngineConfig, Request, Sampling


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("pairs", [True, False])
def test_it_is_scikit_learns_pipeline(tmp_path, monkeypatch, classes, pairs):
    """The same figures as TfidfVectorizer and LogisticRegression on texts of the same words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    drawn = random.Random(1)
    rows = [[drawn.randrange(2, 30) for _ in range(drawn.randrange(1, 20))] for _ in range(80)]
    labels = [i % classes for i in range(80)]
    training = training_set(rows, labels, words=40, classes=classes)
    config = EngineConfig(
        engine="tfidf",
        model_path=str(save_training(training)),
        dtype="float64",
        device="cpu",
        max_model_len=100,
        options={"pairs": pairs, "min_rows": 2, "strength": 3.0},
    )
    # Words 30 to 39 are in no training row.
    asked = [[drawn.randrange(2, 40) for _ in range(drawn.randrange(1, 20))] for _ in range(40)]
    sampling = Sampling(score_ids=tuple(range(classes)))
    requests = [Request(str(i), tuple(row), sampling) for i, row in enumerate(asked)]
    ours = {output.key: output.logprobs for output in open_engine(config).generate(requests)}

    vectorizer = TfidfVectorizer(
        tokenizer=str.split,
        token_pattern=None,
        ngram_range=(1, 2 if pairs else 1),
        min_df=2,
        sublinear_tf=True,
    )
    texts = [" ".join(map(str, row)) for row in rows]
    model = LogisticRegression(C=3.0, max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
    theirs = model.predict_log_proba(
        vectorizer.transform([" ".join(map(str, row)) for row in asked])
    )
    assert np.array([ours[str(i)] for i in range(40)]) == pytest.approx(theirs, abs=1e-3)
    assert np.ptp(theirs) > 0.1
