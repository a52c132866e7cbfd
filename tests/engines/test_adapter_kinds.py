"""Adapters of every kind in the transformers engine, beside each other and alone, against peft."""

from __future__ import annotations

import json
import random
import shutil
import warnings

import pytest
import torch
from lora_adapters import (
    ALONE,
    BESIDE,
    PROMPT,
    asked_by_peft,
    configure,
    load,
    make_adapter,
    make_base,
)
from peft import PeftModel
from safetensors.torch import load_file, save_file

from harness.engines.transformers import open_engine
from harness.records import Adapter, EngineConfig, Request, Sampling

IDS = (7, 50, 3)


@pytest.fixture(scope="module", params=[False, True], ids=["own_head", "tied"])
def base(request, tmp_path_factory, tokenizers):
    folder = tokenizers(tmp_path_factory.mktemp("base"), words=True)
    return make_base(folder, tied=request.param)


@pytest.fixture(scope="module")
def made(base, tmp_path_factory):
    """Make adapters of some kinds on the base, each once."""
    folder = tmp_path_factory.mktemp("made")

    def made(kind):
        if not (folder / kind).is_dir():
            make_adapter(folder / kind, base, kind, seed=len(kind))
        return folder / kind

    return made


@pytest.fixture(scope="module")
def start(base):
    """Open engines on the base, closed when no test wants them any more."""
    opened = []

    def start():
        config = EngineConfig("transformers", str(base), "float32", "cpu", 128)
        opened.append(open_engine(config))
        return opened[-1]

    yield start
    for engine in opened:
        engine.close()


@pytest.fixture(scope="module")
def alone(start, made):
    """Return what an engine says that has served nothing but one kind of adapter, or the base."""
    known = {}

    def alone(kind):
        if kind not in known:
            engine = start()
            (known[kind],) = ask(engine, [adapter(made(kind), "5") if kind else None])
            engine.close()
        return known[kind]

    return alone


@pytest.fixture(scope="module")
def by_peft(base, made):
    known = {}

    def by_peft(kind):
        if kind not in known:
            known[kind] = asked_by_peft(base, made(kind), IDS)
        return known[kind]

    return by_peft


def ask(engine, adapters):
    """Return log-probabilities, or the error, for each adapter or None, in one call."""
    requests = [
        Request(str(n), PROMPT, Sampling(score_ids=IDS), adapter)
        for n, adapter in enumerate(adapters)
    ]
    outputs = {output.key: output for output in engine.generate(requests)}
    return [outputs[str(n)].error or outputs[str(n)].logprobs for n in range(len(adapters))]


def adapter(folder, digest):
    rank = json.loads((folder / "adapter_config.json").read_text())["r"]
    return Adapter(str(folder), digest, rank)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
def test_beside_each_other_each_answers_as_alone_and_so_does_the_base(
    start, made, alone, by_peft, seed
):
    kinds = list(BESIDE)
    random.Random(seed).shuffle(kinds)
    # Adapters are loaded in the order of their digests.
    used = [adapter(made(kind), f"{place:02}") for place, kind in enumerate(kinds)]
    shared = start()
    together = ask(shared, [*used, None])
    assert together[-1] == alone(None)
    # Later calls, when all are in the model: the base first, in the middle, and behind them.
    later = [ask(shared, one)[0] for one in ([None], [used[0]], [None], *([u] for u in used))]
    assert later[0] == later[2] == alone(None)
    assert later[3:] == together[:-1]
    for kind, found in zip(kinds, together, strict=False):
        assert found == alone(kind), kind
        assert list(found) == pytest.approx(by_peft(kind), abs=1e-4), kind
        assert list(found) != pytest.approx(list(alone(None)), abs=1e-2), kind


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "digest"), list(zip(ALONE, "09" * 9, strict=False)))
def test_what_changes_the_base_is_right_and_nothing_is_served_behind_it(
    start, made, alone, by_peft, kind, digest
):
    changing, plain = adapter(made(kind), digest), adapter(made("plain"), "5")
    engine = start()
    found = ask(engine, [changing, plain, None])
    assert list(found[0]) == pytest.approx(by_peft(kind), abs=1e-4)
    assert found[1:] == [alone("plain"), alone(None)]
    refused = ask(engine, [None, plain])
    assert all("has changed the model's own weights" in told for told in refused)
    assert ask(engine, [changing])[0] == found[0]
    assert list(alone(kind)) == pytest.approx(by_peft(kind), abs=1e-4)


@pytest.mark.parametrize("kind", ["bias_all", "pissa"])
def test_such_adapters_do_change_the_base(base, made, kind):
    """What the engine keeps apart would else be wrong: peft leaves the weights changed."""
    model = load(base)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = model(torch.tensor([PROMPT])).logits
        put = PeftModel.from_pretrained(model, made(kind)).eval()
        with put.disable_adapter():
            after = put(torch.tensor([PROMPT])).logits
    assert (before - after).abs().max() > 0.05


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key.replace("model.layers", "model.language_model.layers"),
        lambda key: key.replace("layers.1.self_attn.q_proj", "layers.1.self_attn.q"),
        lambda key: key.replace("lora_A.weight", "lora_A.default.weight"),
        lambda key: None if "layers.0" in key and "lora_B" in key else key,
    ],
)
def test_weights_without_a_module_are_an_error_at_loading(start, alone, made, tmp_path, change):
    """The checks before a run say it by name; here it must not pass in silence either."""
    folder = tmp_path / "broken"
    folder.mkdir()
    source = made("plain")
    (folder / "adapter_config.json").write_text((source / "adapter_config.json").read_text())
    held = load_file(source / "adapter_model.safetensors")
    renamed = {change(key): value for key, value in held.items()}
    renamed.pop(None, None)
    save_file(renamed, folder / "adapter_model.safetensors")
    found = ask(start(), [adapter(folder, "1"), adapter(source, "2"), None])
    assert "tensors of model and file have no counterpart" in found[0]
    assert found[1:] == [alone("plain"), alone(None)]


def test_a_configuration_that_claims_less_than_the_file_has(start, made, tmp_path):
    folder = shutil.copytree(made("plain"), tmp_path / "less")
    configure(folder, target_modules=["q_proj"])
    assert "have no counterpart" in ask(start(), [adapter(folder, "1")])[0]
