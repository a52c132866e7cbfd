"""Adapters against their base without weights: peft itself says what it would load."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from lora_adapters import ALONE, BESIDE, KINDS, configure, load, make_adapter, make_base
from peft import PeftModel
from safetensors.torch import load_file, save_file

from harness.prompts import limited
from harness.train import adapter_fit
from harness.train.adapter_fit import Served, check_served

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module", params=[False, True], ids=["own_head", "tied"])
def base(request, tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("base"), tied=request.param)


@pytest.fixture(scope="module")
def made(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")

    def made(kind):
        if not (folder / kind).is_dir():
            make_adapter(folder / kind, base, kind)
        return folder / kind

    return made


@pytest.fixture
def changed(made, tmp_path):
    """Copy an adapter with its tensors renamed, or left out where the name becomes None."""

    def changed(kind, rename=lambda key: key, **config):
        folder = shutil.copytree(made(kind), tmp_path / "changed")
        held = {rename(key): value for key, value in load_file(folder / WEIGHTS).items()}
        held.pop(None, None)
        save_file(held, folder / WEIGHTS, {"format": "pt"})
        configure(folder, **config)
        return folder

    return changed


# What vLLM does not take of these is told by the configuration; see test_features.py.
_INSIDE = {*BESIDE, "pissa", "olora", "bias_all", "bias_lora_only", "norms"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_that_peft_made_fits(base, made, kind):
    assert check_served(made(kind), base) == Served(plain=kind in _INSIDE)


def test_no_weights_are_read(base, made, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(base / "config.json", bare)
    assert check_served(made("plain"), bare) == Served()


BROKEN = {
    "another prefix": (
        lambda key: key.replace("model.layers", "model.language_model.layers"),
        "8 of its 8 tensors belong to no module",
    ),
    "no prefix": (
        lambda key: key.removeprefix("base_model.model."),
        "8 of its 8 tensors belong to no module",
    ),
    "prefix twice": (
        lambda key: f"base_model.model.{key}",
        "8 of its 8 tensors belong to no module",
    ),
    "compiled": (
        lambda key: key.replace("model.model.", "model._orig_mod.model."),
        "8 of its 8 tensors belong to no module",
    ),
    "parallel": (lambda key: f"module.{key}", "8 of its 8 tensors belong to no module"),
    "adapter's name": (
        lambda key: key.replace(".weight", ".default.weight"),
        "8 of its 8 tensors belong to no module",
    ),
    "half of them": (
        lambda key: key.replace("layers.1.", "layers.5."),
        "4 of its 8 tensors belong to no module",
    ),
    "one of them": (
        lambda key: key.replace("layers.1.self_attn.v_proj.lora_B", "layers.1.self_attn.v.lora_B"),
        "1 of its 8 tensors belong to no module",
    ),
    "A without B": (
        lambda key: None if "layers.1.self_attn.v_proj.lora_B" in key else key,
        r"has no weights \(1 of 8 tensors\), such as .*\.1\.self_attn\.v_proj\.lora_B\.weight",
    ),
    "a layer less": (
        lambda key: None if "layers.1" in key else key,
        r"has no weights \(4 of 8 tensors\), such as .*\.1\.self_attn\.q_proj\.lora_A\.weight",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rename", "problem"), BROKEN.values(), ids=BROKEN)
def test_names_that_are_not_the_bases(base, changed, rename, problem):
    found = check_served(changed("plain", rename), base).problem
    assert "\n" not in found
    assert re.search(problem, found)


@pytest.mark.parametrize(
    ("kind", "config", "problem"),
    [
        ("plain", {"target_modules": ["q_proj"]}, "4 of its 8 tensors belong to no module that"),
        ("plain", {"layers_to_transform": [0]}, "4 of its 8 tensors belong to no module that"),
        ("plain", {"layers_to_transform": [1], "layers_pattern": "layers"}, "4 of its 8 tensors"),
        ("plain", {"layers_to_transform": [0, 1], "layers_pattern": "h"}, "cannot be put on the"),
        ("plain", {"exclude_modules": ["v_proj"]}, "4 of its 8 tensors belong to no module that"),
        ("plain", {"target_modules": ["c_attn"]}, "cannot be put on the base model: Target modul"),
        ("plain", {"target_modules": ["q_proj", "v_proj", "o_proj"]},
         r"claims modules for which .* has no weights \(4 of 12 tensors\), such as .*o_proj"),
        ("plain", {"use_dora": True}, r"has no weights \(4 of 12 .*lora_magnitude_vector"),
        ("plain", {"lora_bias": True}, r"has no weights \(4 of 12 .*lora_B\.bias"),
        ("plain", {"bias": "lora_only"}, r"has no weights \(4 of 12 .*base_layer\.bias"),
        ("plain", {"modules_to_save": ["lm_head"]}, r"has no weights \(1 of 9 .*lm_head"),
        ("plain", {"trainable_token_indices": [3]}, r"has no weights \(1 of 9 .*trainable_tokens"),
        ("plain", {"r": 8}, r"is of 4 x 32, and the base model .* make it 8 x 32"),
        ("plain", {"rank_pattern": {"q_proj": 8}}, r"q_proj.* make it 8 x 32"),
        ("plain", {"rank_pattern": {"language_model.layers.0.self_attn.q_proj": 4}},
         "rank_pattern names language_model.layers.0.self_attn.q_proj, which is not a module"),
        ("plain", {"alpha_pattern": {r"h\.0\..*": 64}}, r"alpha_pattern names h\\.0\\..\*, which"),
        ("dora", {"use_dora": False}, "4 of its 12 tensors belong to no module"),
        ("lora_bias", {"lora_bias": False}, "4 of its 12 tensors belong to no module"),
        ("norms", {"modules_to_save": None}, "is a weight of the base model itself"),
        ("bias_all", {"bias": "none"}, "is a weight of the base model itself"),
        ("bias_all", {"bias": "lora_only"}, "is a weight of the base model itself"),
        ("bias_lora_only", {"bias": "all"}, r"has no weights \(4 of 16 tensors"),
        ("tokens", {"trainable_token_indices": None}, "1 of its 5 tensors belong to no module"),
        ("tokens", {"trainable_token_indices": [7, 9, 100]}, "names 100, and the base has 100"),
        ("tokens", {"trainable_token_indices": [7, 9]}, "is of 3 x 32, and .* make it 2 x 32"),
        ("plain", {"use_something_new": True},
         r"has use_something_new True, which peft \S+ does not know; install the peft that"),
    ],
)  # fmt: skip
def test_what_a_configuration_claims(base, changed, kind, config, problem):
    found = check_served(changed(kind, **config), base).problem
    assert "\n" not in found
    assert re.search(problem, found)


@pytest.mark.parametrize(
    "config",
    [
        {"target_modules": r"(\w+\.?)+!"},
        {"exclude_modules": r"(\w+\.?)+!"},
        {"rank_pattern": {r"(\w+\.?)+!": 4}},
        {"alpha_pattern": {r"(\w+\.?)+!": 4}},
        {"modules_to_save": [r"(\w+\.?)+!"]},
        {"layers_to_transform": [0], "layers_pattern": r"(\w+\.?)+!"},
    ],
    ids=lambda config: next(reversed(config)),
)
def test_a_pattern_without_an_end_is_refused(base, changed, monkeypatch, config):
    monkeypatch.setattr(limited, "SECONDS", 0.2)
    found = check_served(changed("plain", **config), base).problem
    assert re.match(r"\w+ in adapter_config.json has a pattern that takes more than 0.2 s", found)


@pytest.mark.parametrize("key", ["target_modules", "exclude_modules"])
def test_a_pattern_that_is_none_is_refused(base, changed, key):
    assert check_served(changed("plain", **{key: "(q"}), base).problem == (
        f"{key} in adapter_config.json has a pattern that is none: missing ), unterminated "
        "subpattern at position 0: '(q'; list the names of the modules instead"
    )


def test_whole_embeddings_that_peft_saves_beside_an_adapter_fit(base, changed):
    """It does so where it takes them for resized, and loads them into the base's own."""
    assert check_served(changed("whole_head", modules_to_save=None), base) == Served(plain=False)


def test_keys_of_newer_releases_that_are_off_say_nothing(base, changed):
    assert not check_served(changed("plain", use_something_new=False, more={}), base).problem


def test_modules_that_the_base_lacks_and_the_file_too_are_no_fault(base, changed):
    """Trainers name the modules of many models at once."""
    config = {"target_modules": ["q_proj", "v_proj", "query_key_value"]}
    assert not check_served(changed("plain", **config), base).problem


@pytest.mark.parametrize(
    ("changes", "kind", "problem"),
    [
        ({"hidden_size": 64}, "plain", r"q_proj\.lora_A\.weight is of 4 x 32, .* make it 4 x 64"),
        ({"num_hidden_layers": 1}, "plain", "4 of its 8 tensors belong to no module"),
        ({"num_hidden_layers": 3}, "plain", r"has no weights \(4 of 12 tensors\)"),
        ({"vocab_size": 104}, "embeddings", "is of 4 x 100, and the base model .* 4 x 104"),
        ({"vocab_size": 104}, "whole_head", r"lm_head\.weight is of 100 x 32, .* make it 104 x 32"),
        ({"vocab_size": 104}, "head", r"lm_head\.lora_B\.weight is of 100 x 4, .* 104 x 4"),
        ({"attention_bias": False}, "bias_all", "tensors belong to no module"),
    ],
)
def test_another_base(base, made, tmp_path, changes, kind, problem):
    held = json.loads((base / "config.json").read_text()) | changes
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps(held))
    found = check_served(made(kind), other).problem
    assert re.search(problem, found)
    assert found.endswith(("in models.yaml", "claim them", "what was trained"))


def test_a_quantized_base_has_the_same_modules(base, made, tmp_path):
    held = json.loads((base / "config.json").read_text())
    held["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps(held))
    assert check_served(made("all"), other) == Served()


def test_an_unknown_base(made, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "no-such-model"}')
    found = check_served(made("plain"), tmp_path).problem
    assert found.startswith("the base model cannot be built to check it: ")
    assert "\n" not in found


def test_what_is_found_is_what_peft_does(base, changed, made):
    """The same two files on a model with weights: peft warns of one, and takes the other whole."""
    wrong = changed("plain", BROKEN["half of them"][0])
    with pytest.warns(UserWarning, match="Found missing adapter keys"):
        PeftModel.from_pretrained(load(base), wrong)
    assert check_served(wrong, base).problem
    PeftModel.from_pretrained(load(base), made("plain"))
    assert not check_served(made("plain"), base).problem


def test_the_answer_is_remembered_until_a_file_changes(base, made, changed, monkeypatch):
    folder = changed("plain")
    assert check_served(folder, base) == Served()
    monkeypatch.setattr(adapter_fit, "_check", lambda *_: Served("asked again"))
    assert check_served(folder, base) == Served()
    configure(folder, target_modules=["q_proj"])
    assert check_served(folder, base) == Served("asked again")


def test_a_broken_memo_is_no_answer(base, made, tmp_path):
    assert check_served(made("plain"), base) == Served()
    for memo in (tmp_path / "cache/adapters").iterdir():
        memo.write_text("{")
    assert check_served(made("plain"), base) == Served()


@pytest.mark.slow
def test_the_other_libraries_say_nothing_on_the_way(base, made, tmp_path):
    """Run by itself, as what is printed while pytest captures is not a proof."""
    code = (
        "import sys; from pathlib import Path; from harness.train.adapter_fit import check_served;"
        "print(check_served(Path(sys.argv[1]), Path(sys.argv[2])).plain)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made("tokens")), str(base)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_kinds_are_all_of_both_sorts():
    assert set(KINDS) == {*BESIDE, *ALONE}
