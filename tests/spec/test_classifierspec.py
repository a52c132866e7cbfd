from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.spec import load_models
from harness.spec.classifierspec import RnnSpec, TfidfSpec, train_spec


def load(project, entry: str):
    path = project.models(f"models:\n  base: {entry}\n")
    return load_models(path, root=project.root)["base"]


def test_a_classifier_needs_no_source(project):
    spec = load(project, "{engine: tfidf}")
    assert (spec.trained, spec.source, spec.seed, spec.seeds) == (True, None, 0, None)
    spec = load(project, "{engine: rnn, seeds: [3, 4], options: {train_rows: 50, rate: 0.01}}")
    assert spec.trained
    assert spec.seeds == [3, 4]
    assert train_spec(spec.engine, spec.options) == RnnSpec(train_rows=50, rate=0.01)
    assert not load(project, "{source: 'file:model'}").trained


def test_defaults_are_those_of_the_engine():
    assert isinstance(train_spec("tfidf", {}), TfidfSpec)
    assert train_spec("tfidf", {}).max_tokens is None
    assert train_spec("rnn", {}).max_tokens == 300


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("{engine: fake}", "models.base: missing key 'source'; add it"),
        ("{source: 'file:x', engine: tfidf}",
         "models.base: engine tfidf is trained on the shot pool and takes no source; remove it"),
        ("{engine: rnn, dtype: float32, base: true}",
         "models.base: engine rnn is trained on the shot pool and takes no base, dtype; remove it"),
        ("{source: 'file:x', seeds: [0]}",
         "models.base: 'seeds' belongs to the engines rnn and tfidf; remove it"),
        ("{engine: rnn, seeds: []}",
         "models.base: 'seeds' is empty, names one value twice or stands beside 'seed'"),
        ("{engine: rnn, seeds: [1, 1]}",
         "models.base: 'seeds' is empty, names one value twice or stands beside 'seed'"),
        ("{engine: rnn, seed: 2, seeds: [1]}",
         "models.base: 'seeds' is empty, names one value twice or stands beside 'seed'"),
        ("{engine: rnn, options: {epoch: 3}}",
         "models.base.options.epoch: unknown key; did you mean 'epochs'?"),
        ("{engine: rnn, options: {dropout: 1}}",
         "models.base.options.dropout: input should be less than 1, not 1"),
        ("{engine: tfidf, options: {train_rows: 0}}",
         "models.base.options.train_rows: input should be greater than or equal to 1, not 0"),
    ],
)  # fmt: skip
def test_mistakes_name_file_line_and_key(project, entry, line):
    with pytest.raises(SpecError) as raised:
        load(project, entry)
    assert str(raised.value) == f"evalsets/models.yaml:2: {line}"
