"""What transformers passes over in a GGUF file is refused by name."""

from __future__ import annotations

import pytest
from gguf_files import WIDTH, byte_vocabulary, write_gguf

from harness.errors import AssetError
from harness.sources.pypi import gguf_folder
from harness.sources.pypi.gguf_folder import convert
from harness.sources.pypi.gguf_shape import check_shape


def model_of(path):
    """Return the model that transformers reads from a file, as the converter does."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)


def written(path, *, tensors=(), architecture: str = "llama", **keys: object):
    """Write the toy with tensors, and keys of its architecture, beside those that it has."""
    import numpy as np

    def more(writer) -> list[str]:
        tokens = byte_vocabulary(writer)
        for key, value in keys.items():
            name = f"{architecture}.{key.replace('__', '.')}"
            put = {str: writer.add_string, float: writer.add_float32, int: writer.add_uint32}
            put[type(value)](name, value)
        random = np.random.default_rng(1)
        for name, shape in tensors:
            writer.add_tensor(name, random.normal(size=shape).astype(np.float32))
        return tokens

    write_gguf(path, more, architecture=architecture)
    return path


def refusal(path) -> str:
    with pytest.raises(AssetError) as caught:
        check_shape(model_of(path), path)
    message = str(caught.value)
    assert message.startswith("transformers does not compute it as its file says: ")
    assert message.endswith("; take the model's own folder")
    assert "\n" not in message
    return message.partition(": ")[2]


@pytest.mark.parametrize("keys", [
    {},
    {"rope__scaling__type": "none"},
    {"rope__scaling__factor": 1.0},
    {"rope__dimension_count": 8},
    {"attention__key_length": 8, "attention__value_length": 8},
])  # fmt: skip
def test_what_is_computed_as_the_file_says_passes(tmp_path, keys):
    path = written(tmp_path / "a.gguf", **keys)
    check_shape(model_of(path), path)


@pytest.mark.parametrize(("keys", "said"), [
    ({"rope__scaling__type": "linear", "rope__scaling__factor": 4.0},
     "rope.scaling.type is linear, and there it is default"),
    ({"rope__scaling__type": "yarn"}, "rope.scaling.type is yarn, and there it is default"),
    # llama.cpp takes a factor without a kind for a linear one.
    ({"rope__scaling__factor": 4.0}, "rope.scaling.factor is 4.0, and there nothing stands for it"),
    ({"attention__scale": 0.5}, "attention.scale is 0.5, and there nothing stands for it"),
    ({"attention__sliding_window": 64}, "attention.sliding_window is 64, and there nothing"),
    ({"attention__key_length": 16}, "attention.key_length is 16, and there it is 8"),
    ({"final_logit_softcapping": 30.0}, "final_logit_softcapping is 30.0, and there nothing"),
    ({"expert_count": 4}, "expert_count is 4, and there nothing stands for it"),
])  # fmt: skip
def test_a_key_that_is_passed_over(tmp_path, keys, said):
    assert said in refusal(written(tmp_path / "a.gguf", **keys))


@pytest.mark.parametrize("name", ["rope_freqs.weight", "blk.0.attn_q.bias", "blk.0.strange.weight"])
def test_a_tensor_that_is_passed_over(tmp_path, name):
    path = written(tmp_path / "a.gguf", tensors=[(name, (WIDTH,))])
    assert f"{name} has no place in the model (" in refusal(path)


def test_a_layer_more_than_the_file_counts(tmp_path):
    path = written(tmp_path / "a.gguf", tensors=[("blk.1.attn_norm.weight", (WIDTH,))])
    assert "blk.1.attn_norm.weight is of a layer more than block_count, 1, says" in refusal(path)


def test_an_untied_head_has_its_place(tmp_path):
    from gguf_files import BYTE_TOKENS

    path = written(tmp_path / "a.gguf", tensors=[("output.weight", (len(BYTE_TOKENS), WIDTH))])
    check_shape(model_of(path), path)


def test_a_default_that_the_file_does_not_say(tmp_path):
    path = written(tmp_path / "a.gguf")
    model = model_of(path)
    model.config.sliding_window = 4096
    with pytest.raises(AssetError, match=r"no attention.sliding_window, and there it is 4096; t"):
        check_shape(model, path)
    model.config.sliding_window = None
    model.config.rms_norm_eps = 1e-6
    with pytest.raises(AssetError, match=r"layer_norm_rms_epsilon is .*, and there it is 1e-06; t"):
        check_shape(model, path)


def test_the_converter_looks(tmp_path, monkeypatch):
    path = written(tmp_path / "a.gguf", rope__scaling__type="linear")
    with pytest.raises(AssetError, match=r"rope\.scaling\.type is linear"):
        convert(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(gguf_folder, "check_shape", lambda *_: None)
    convert(path, tmp_path / "out")
