"""Backends and machines."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import torch

from harness import hardware
from harness.errors import TrainError
from harness.train import machine, unsloth
from harness.train.machine import choose_backend, device_wait, resolve_machine


@pytest.fixture
def installed(monkeypatch):
    """Set which packages count as installed."""

    def installed(*names):
        monkeypatch.setattr(machine, "_installed", lambda name: name in names)

    return installed


def test_auto_takes_unsloth_where_it_is(installed, monkeypatch):
    prepared = []
    monkeypatch.setattr(unsloth, "prepare", lambda: prepared.append(1))
    installed("peft", "trl", "unsloth")
    assert choose_backend("auto") == "unsloth"
    assert prepared == [1]
    assert choose_backend("trl") == "trl"
    installed("peft", "trl")
    assert choose_backend("auto") == "trl"


def test_a_backend_that_is_not_there(installed):
    installed("peft", "trl")
    with pytest.raises(TrainError, match=r"unsloth is not installed; .* and unsloth \(docs"):
        choose_backend("unsloth")
    installed()
    with pytest.raises(TrainError, match=r"trl is not installed; .*pytest-evalsets\[train"):
        choose_backend("auto")


def test_unsloth_that_does_not_load(installed, monkeypatch):
    def broken():
        raise NotImplementedError("needs a GPU\nand more")

    installed("peft", "trl", "unsloth")
    monkeypatch.setattr(unsloth, "prepare", broken)
    with pytest.raises(
        TrainError, match=r"^unsloth does not load: needs a GPU; use --backend trl$"
    ):
        choose_backend("auto")


def test_unsloth_does_not_see_vllm(tmp_path, monkeypatch):
    (tmp_path / "unsloth.py").write_text(
        "import importlib.util\nfound = importlib.util.find_spec('vllm')\n", encoding="utf-8"
    )
    (tmp_path / "vllm.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("unsloth", "vllm"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    unsloth.prepare()
    assert sys.modules.pop("unsloth").found is None
    assert importlib.util.find_spec("vllm") is not None


def test_only_a_gpu_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(1))
    device_wait("cpu")()
    assert not waited
    device_wait("cuda")()
    assert waited == [1]


@pytest.fixture
def resolve(make_recipe, monkeypatch):
    def resolve(more="", *, device="cpu", base=None):
        monkeypatch.setattr(hardware, "device", lambda: device)
        recipe, _ = make_recipe(more)
        spec = recipe.base.model_copy(update=base or {})
        said = []
        return resolve_machine(recipe.model_copy(update={"base": spec}), said.append), said

    return resolve


def test_a_cpu(resolve, installed):
    installed("bitsandbytes")
    found, said = resolve()
    assert (found.dtype, found.four_bit, found.optimizer) == ("float32", False, "adamw_torch")
    assert "8 bits needs CUDA" in said[0]
    assert resolve("training: {optimizer: adamw}\n")[1] == []


def test_a_gpu(resolve, installed):
    installed("bitsandbytes")
    found, _ = resolve(device="cuda")
    assert (found.dtype, found.four_bit, found.optimizer) == ("bfloat16", True, "adamw_8bit")
    assert not resolve(device="cuda", base={"four_bit": False})[0].four_bit
    installed()
    found, _ = resolve(device="cuda")
    assert (found.four_bit, found.optimizer) == (False, "adamw_torch_fused")


def test_four_bits_where_they_cannot_be(resolve, installed):
    installed()
    with pytest.raises(TrainError, match=r"base\.four_bit needs CUDA and bitsandbytes"):
        resolve(base={"four_bit": True})
