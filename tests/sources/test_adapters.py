"""Folders of adapters: what is read of them without a library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import AssetError
from harness.sources.adapters import adapter_asset, adapter_config, changes_base, tensor_shapes


def write(folder: Path, **files: str | dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def header(*names: str) -> str:
    """Return a safetensors file of empty tensors as text."""
    entries = {name: {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]} for name in names}
    text = json.dumps({"__metadata__": {"format": "pt"}, **entries})
    return len(text).to_bytes(8, "little").decode("latin-1") + text


class TestAdapter:
    @pytest.fixture
    def adapter(self, tmp_path):
        return write(tmp_path / "adapter", adapter_config__json={"peft_type": "LORA", "r": 8},
                     adapter_model__safetensors="weights")  # fmt: skip

    def test_adapter(self, adapter):
        asset = adapter_asset(adapter)
        assert (asset.path, asset.rank, len(asset.digest)) == (str(adapter), 8, 64)

    def test_greatest_rank_counts(self, adapter):
        write(adapter, adapter_config__json={"peft_type": "LORA", "r": 8,
                                             "rank_pattern": {"q": 32, "v": 4}})  # fmt: skip
        assert adapter_asset(adapter).rank == 32

    def test_digest_follows_weights_and_scaling_but_nothing_else(self, adapter):
        first = adapter_asset(adapter).digest
        write(adapter, README__md="x", trainer_state__json={})
        assert adapter_asset(adapter).digest == first
        write(adapter, adapter_model__safetensors="other")
        second = adapter_asset(adapter).digest
        write(adapter, adapter_config__json={"peft_type": "LORA", "r": 8, "lora_alpha": 99})
        assert len({first, second, adapter_asset(adapter).digest}) == 3

    @pytest.mark.parametrize(("config", "problem"), [
        ({"peft_type": "LORA", "r": 0}, "no valid rank 'r': 0"),
        ({"peft_type": "LORA"}, "no valid rank 'r': None"),
        ({"peft_type": "LORA", "r": 8, "rank_pattern": {"q": "x"}}, "no valid rank"),
        ({"peft_type": "IA3", "r": 8}, "peft_type 'IA3'; only LORA"),
        ("{", "is not valid JSON"),
        ("[]", "is not a JSON object"),
    ])  # fmt: skip
    def test_config_that_does_not_serve(self, adapter, config, problem):
        write(adapter, adapter_config__json=config)
        with pytest.raises(AssetError, match=problem) as caught:
            adapter_asset(adapter)
        assert "\n" not in str(caught.value)

    def test_pickle_is_refused(self, adapter):
        write(adapter, adapter_model__bin="pickle")
        with pytest.raises(AssetError, match="is a pickle, which can run code; convert"):
            adapter_asset(adapter)

    def test_missing_parts(self, adapter, tmp_path):
        (adapter / "adapter_model.safetensors").unlink()
        with pytest.raises(AssetError, match=r"no adapter_model\.safetensors"):
            adapter_asset(adapter)
        with pytest.raises(
            AssetError, match=r"no such folder, where an adapter is wanted; check the path"
        ):
            adapter_asset(tmp_path / "none")


class TestShapes:
    def test_they_are_those_that_safetensors_reads(self, tmp_path):
        torch = pytest.importorskip("torch")
        from safetensors import safe_open
        from safetensors.torch import save_file

        path = tmp_path / "a.safetensors"
        save_file({"a.weight": torch.zeros(2, 3), "b": torch.zeros(())}, path, {"format": "pt"})
        with safe_open(path, "pt") as file:
            wanted = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
        assert tensor_shapes(path) == wanted == {"a.weight": (2, 3), "b": ()}

    @pytest.mark.parametrize("content", [b"", b"\x09garbage", b"\x02\0\0\0\0\0\0\0[]", b"\xff" * 9])
    def test_another_file(self, tmp_path, content):
        path = tmp_path / "a.safetensors"
        path.write_bytes(content)
        with pytest.raises(
            AssetError, match="it is not a safetensors file; train the adapter again"
        ):
            tensor_shapes(path)


LORA = ("m.q_proj.lora_A.weight", "m.q_proj.lora_B.weight")


class TestChangesBase:
    @pytest.mark.parametrize(
        "config",
        [{}, {"bias": "none", "init_lora_weights": True}, {"init_lora_weights": "gaussian"},
         {"init_lora_weights": "eva"}, {"use_dora": True},
         {"modules_to_save": None, "trainable_token_indices": None, "target_parameters": []}],
    )  # fmt: skip
    @pytest.mark.parametrize(
        "more", [(), ("m.q_proj.lora_B.bias",), ("m.q_proj.lora_magnitude_vector",),
                 ("e.lora_embedding_A", "e.lora_embedding_B"), ("lm_head.lora_A.weight",)]
    )  # fmt: skip
    def test_what_stands_beside_the_base_does_not(self, tmp_path, config, more):
        folder = write(tmp_path / "a", adapter_config__json=config,
                       adapter_model__safetensors=header(*LORA, *more))  # fmt: skip
        assert not changes_base(folder)

    @pytest.mark.parametrize(
        "config",
        [{"bias": "all"}, {"bias": "lora_only"}, {"init_lora_weights": "pissa"},
         {"init_lora_weights": "pissa_niter_16"}, {"init_lora_weights": "OLoRA"},
         {"init_lora_weights": "corda"}, {"init_lora_weights": "lora_ga"},
         {"init_lora_weights": "loftq"},
         {"modules_to_save": ["lm_head"]}, {"trainable_token_indices": [3]},
         {"trainable_token_indices": {"embed_tokens": [3]}}, {"target_parameters": ["x"]}],
    )  # fmt: skip
    def test_what_its_configuration_tells(self, tmp_path, config):
        folder = write(tmp_path / "a", adapter_config__json=config,
                       adapter_model__safetensors=header(*LORA))  # fmt: skip
        assert changes_base(folder)

    @pytest.mark.parametrize(
        "name", ["m.embed_tokens.weight", "lm_head.base_layer.weight", "m.q_proj.base_layer.bias"]
    )
    def test_what_its_tensors_tell(self, tmp_path, name):
        folder = write(tmp_path / "a", adapter_config__json={},
                       adapter_model__safetensors=header(*LORA, name))  # fmt: skip
        assert changes_base(folder)

    def test_what_is_no_adapter_is_told_elsewhere(self, tmp_path):
        assert not changes_base(tmp_path / "none")
        assert not changes_base(write(tmp_path / "a", adapter_config__json="["))
        assert not changes_base(write(tmp_path / "b", adapter_config__json={}))


def test_a_configuration(tmp_path):
    assert adapter_config(write(tmp_path / "a", adapter_config__json={"r": 8})) == {"r": 8}
