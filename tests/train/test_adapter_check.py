"""Adapters that must not reach an engine, each with its one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from lora_adapters import make_adapter, make_base
from safetensors.torch import load_file, save_file

from harness.errors import AssetError, AssetUnreachable
from harness.prompts import limited
from harness.prompts.choose_template import AdapterChat
from harness.records import Note, Sampling
from harness.sources.assets import ModelAsset, model_asset
from harness.sources.cache import sha256
from harness.spec.modelspec import ModelSpec
from harness.train.adapter_check import check_adapter, conflicts
from harness.train.trained_rows import TRAINED_ROWS
from harness.workers.store import content_key

TEMPLATE = "{% for m in messages %}{{ m['content'] }}<|eot_id|>{% endfor %}"


RECIPE = """\
base: {source: "file:base"}
data: {source: "file:data.jsonl"}
lora: {r: 8, alpha: 4, target_modules: [q_proj, v_proj]}
"""
CONFIG = {
    "peft_type": "LORA", "r": 8, "lora_alpha": 4.0, "use_rslora": False, "bias": "none",
    "init_lora_weights": True, "use_dora": False, "rank_pattern": {}, "modules_to_save": None,
    "target_modules": ["v_proj", "q_proj"],
}  # fmt: skip
LAYERS = "base_model.model.model.layers"
LAYER = f"{LAYERS}.0.self_attn"
TENSORS = {f"{LAYERS}.{layer}.self_attn.{name}_proj.lora_{part}.weight": torch.ones(shape)
           for layer in (0, 1) for name, out in (("q", 32), ("v", 16))
           for part, shape in (("A", (8, 32)), ("B", (out, 8)))}  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base model whose digest the adapters' records name."""
    folder = make_base(tmp_path_factory.mktemp("base"))
    return ModelAsset(path=folder, revision="r", digest="d" * 64, gguf=False)


@pytest.fixture
def adapter(tmp_path):
    """An adapter as training writes it."""
    folder = tmp_path / "adapters/good"
    folder.mkdir(parents=True)
    configure(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    put(folder, TENSORS)
    return folder


def configure(folder, **changes):
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | changes))


def put(folder, tensors, **changes):
    """Write weights, and a record that fits them."""
    save_file(tensors, folder / "adapter_model.safetensors")
    record = {
        "weights": sha256(folder / "adapter_model.safetensors"),
        "base": {"source": "file:base", "digest": "d" * 64},
        "recipe": RECIPE,
        "template": TEMPLATE,
        "probe_difference": 1.5,
        **changes,
    }
    (folder / "training.json").write_text(json.dumps(record))


@pytest.fixture
def check(adapter, base, tmp_path):
    def check(folder=adapter, *, base=base, engine="vllm", source="file:base"):
        return check_adapter(
            folder,
            name="m",
            base=base,
            source=source,
            engine=engine,
            root=tmp_path,
            tell=check.told.append,
        )

    check.told = []
    return check


def test_a_good_adapter_brings_its_template(check, adapter):
    found = check()
    assert (found.adapter.path, found.adapter.rank) == (str(adapter), 8)
    assert found.chat == AdapterChat(TEMPLATE, {})
    assert check.told == []


def test_outputs_of_adapters_that_peft_puts_on_are_not_those_of_older_versions(check):
    vllm, own = check().adapter, check(engine="transformers").adapter
    assert (vllm.loader, own.loader) == ("", "peft 2")
    keys = {content_key("s", (1,), Sampling(), one) for one in (vllm, own, None)}
    assert len(keys) == 3


def test_what_training_wrote_passes(trained):
    job, _, _ = trained
    base = model_asset(ModelSpec(source="file:model"), base=job.root)
    for engine in ("vllm", "transformers"):
        told: list[Note] = []
        found = check_adapter(
            job.out, name="m", base=base, source="file:model", engine=engine, root=job.root,
            tell=told.append,
        )  # fmt: skip
        assert told == []
        assert found.adapter.rank == 4
        assert "im_start" in found.chat.template


def test_a_wrong_base(check, base):
    other = replace(base, digest="e" * 64)
    with pytest.raises(AssetError, match=r"^m: .*/good was trained on file:base \(digest dddd.*\), "
                                         r"not on this base model \(digest eeee"):  # fmt: skip
        check(base=other)


def test_a_tampered_adapter(check, adapter):
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors[f"{LAYER}.q_proj.lora_B.weight"][0, 0] = 2
    save_file(tensors, adapter / "adapter_model.safetensors")
    with pytest.raises(AssetError, match="is not what training wrote"):
        check()


def test_what_is_kept_of_the_rows_may_be_missing_but_no_other(check, adapter):
    put(adapter, TENSORS, trained_rows="0" * 64)
    check()
    rows = adapter / TRAINED_ROWS
    rows.write_bytes(b"others")
    with pytest.raises(AssetError, match=rf"{TRAINED_ROWS} is not what training wrote"):
        check()
    put(adapter, TENSORS, trained_rows=sha256(rows))
    check()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lora_alpha": 400.0}, r"lora_alpha is 400\.0, and was 4"),
        ({"lora_alpha": None}, "lora_alpha is None, and was 4"),
        ({"r": 4}, "r is 4, and was 8"),
        ({"use_rslora": True}, "use_rslora is True, and was False"),
        ({"bias": "all"}, "bias is all, and was none"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights is pissa, and was True"),
        ({"use_dora": True}, "use_dora is True, and was off"),
        ({"alpha_pattern": {"q_proj": 99}}, "alpha_pattern is .*, and was off"),
        ({"target_modules": ["q_proj"]}, r"lacks model\.layers\.0\.self_attn\.v_proj, which was"),
        ({"target_modules": r".*\.q_proj"}, r"lacks model\.layers\.0\.self_attn\.v_proj"),
        ({"target_modules": "("}, r"has a pattern that is none: missing \), unterminated"),
        ({"target_modules": None}, r"lacks model\.layers\.0\.self_attn\.q_proj"),
    ],
)
def test_a_tampered_configuration(check, adapter, changes, problem):
    configure(adapter, **changes)
    wanted = (
        rf"^m: .*adapter_config\.json is not what training wrote \(.*{problem}.*train it again$"
    )
    with pytest.raises(AssetError, match=wanted):
        check(engine="transformers")


def test_a_pattern_without_an_end_is_refused(check, adapter, monkeypatch):
    monkeypatch.setattr(limited, "SECONDS", 0.2)
    configure(adapter, target_modules=r"(\w+\.?)+!")
    with pytest.raises(AssetError, match=r"has a pattern that takes more than 0.2 s of processor"):
        check()


def test_target_modules_as_a_pattern(check, adapter):
    configure(adapter, target_modules=r".*self_attn\.(q_proj|v_proj)")
    assert check().adapter.rank == 8


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"template": "x"}, r"its template and chat_template\.jinja differ"),
        ({"template": None}, r"its template and chat_template\.jinja differ"),
        ({"recipe": "lora: {r: 0}"}, "its recipe cannot be read"),
        ({"recipe": "[1"}, "its recipe cannot be read"),
        ({"recipe": None}, "its recipe cannot be read"),
        ({"recipe": "[" * 3000}, "its recipe cannot be read"),
        ({"recipe": "day: 2026-13-45"}, "its recipe cannot be read"),
        ({"base": None}, "it names no base model"),
    ],
)
def test_a_tampered_record(check, adapter, changes, problem):
    put(adapter, TENSORS, **changes)
    with pytest.raises(AssetError, match=rf"training\.json is not what training wrote \({problem}"):
        check()


def test_a_template_that_is_gone(check, adapter):
    (adapter / "chat_template.jinja").unlink()
    with pytest.raises(
        AssetError, match=r"chat_template\.jinja is not what training wrote \(it is"
    ):
        check()


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_broken_record(check, adapter, text):
    (adapter / "training.json").write_text(text)
    with pytest.raises(AssetError, match=r"training\.json is not what training wrote \(it is not "):
        check()


@pytest.mark.parametrize("bias", ["all", "lora_only"])
def test_biases_are_not_for_vllm(check, adapter, bias):
    configure(adapter, bias=bias)
    put(adapter, TENSORS, recipe=RECIPE.replace("{r: 8", f"{{bias: {bias}, r: 8"))
    with pytest.raises(AssetError) as caught:
        check()
    assert str(caught.value) == (
        f"m: {adapter}/adapter_config.json has bias {bias}, which vllm does not take; train it "
        "with lora.bias: none, or run it with engine transformers (models.yaml, or --eval-engine)"
    )
    with pytest.raises(AssetError, match=r"claims modules for which .* has no weights"):
        check(engine="transformers")


def test_a_foreign_adapter_with_dora_is_not_for_vllm(check, adapter):
    (adapter / "training.json").unlink()
    configure(adapter, use_dora=True)
    with pytest.raises(AssetError, match="use_dora True, which vllm does not take; run it with"):
        check()


@pytest.mark.parametrize(
    "name", ["adapter_model.bin", "training_args.bin", "optimizer.pt", "x.PT", "deep/y.Pkl"]
)
def test_pickles(check, adapter, name):
    (adapter / name).parent.mkdir(exist_ok=True)
    (adapter / name).touch()
    with pytest.raises(AssetError, match=f"{name} is a pickle, which can run code"):
        check()


def test_tensors_that_are_not_finite(check, adapter):
    bad = torch.ones(4, 8, dtype=torch.bfloat16)
    bad[1, 1] = float("nan")
    put(adapter, {f"{LAYER}.q_proj.lora_B.weight": bad})
    with pytest.raises(
        AssetError, match=r"tensor base_.*\.q_proj\.lora_B\.weight in .* is not finite"
    ):
        check()


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_floats_of_eight_bits_are_read(check, adapter, kind):
    put(adapter, {name: tensor.to(kind) for name, tensor in TENSORS.items()})
    check()


def test_integers_are_no_weights_of_an_adapter(check, adapter):
    put(adapter, {name: torch.ones_like(one, dtype=torch.int8) for name, one in TENSORS.items()})
    with pytest.raises(AssetError, match=r"is of int8, which no engine reads; save it in float32"):
        check()


def test_an_adapter_that_does_nothing(check, adapter):
    put(adapter, {name: torch.zeros_like(tensor) for name, tensor in TENSORS.items()})
    with pytest.raises(AssetError, match=r"all B matrices in .* are zero"):
        check()


def test_tensors_of_other_names_are_told_by_their_names(check, adapter):
    record = adapter / "training.json"
    record.unlink()
    put(adapter, {name.lower(): tensor for name, tensor in TENSORS.items()})
    with pytest.raises(AssetError, match=r"lora_a"):
        check()


@pytest.mark.parametrize(
    ("zero", "told"),
    [
        (lambda name: "lora_A" in name, r"all A matrices in .* are zero"),
        (lambda name: ("lora_A" in name) == ("q_proj" in name), r"each product in .* is zero"),
    ],
)
def test_an_adapter_whose_products_are_zero(check, adapter, zero, told):
    put(adapter, {name: torch.zeros_like(tensor) if zero(name) else tensor
                  for name, tensor in TENSORS.items()})  # fmt: skip
    with pytest.raises(AssetError, match=f"{told}, so that the adapter changes nothing"):
        check()


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
@pytest.mark.parametrize(
    "alphas",
    [{"lora_alpha": 0}, {"alpha_pattern": {"q_proj": 0, "v_proj": 0.0}},
     {"lora_alpha": 0.0, "use_rslora": True}],
)  # fmt: skip
def test_an_adapter_that_is_scaled_to_nothing(check, adapter, alphas, engine):
    configure(adapter, **alphas)
    (adapter / "training.json").unlink()
    with pytest.raises(AssetError, match=r"alpha_pattern in adapter_config\.json is 0"):
        check(engine=engine)


def test_an_adapter_that_is_scaled_to_nothing_in_some_modules(check, adapter):
    configure(adapter, alpha_pattern={"q_proj": 0})
    (adapter / "training.json").unlink()
    assert check(engine="transformers").adapter.rank == 8


def test_a_probe_that_showed_no_difference(check, adapter):
    put(adapter, TENSORS, probe_difference=0.0)
    with pytest.raises(AssetError, match="did not change the base model's answer"):
        check()


def test_a_broken_file(check, adapter):
    (adapter / "training.json").unlink()
    (adapter / "adapter_model.safetensors").write_bytes(b"\x09garbage")
    with pytest.raises(AssetError, match=r"cannot be read: .*; train it again") as caught:
        check()
    assert len(str(caught.value).splitlines()) == 1


def test_a_rank_beyond_the_engines(check, adapter):
    configure(adapter, r=1024)
    put(adapter, {name: torch.ones([1024 if size == 8 else size for size in tensor.shape])
                  for name, tensor in TENSORS.items()})  # fmt: skip
    (adapter / "training.json").unlink()
    with pytest.raises(AssetError, match="has rank 1024, and vllm takes at most 512"):
        check()
    assert check(engine="transformers").adapter.rank == 1024


def test_a_foreign_adapter_is_used_in_its_own_template_and_told_of(check, adapter):
    (adapter / "training.json").unlink()
    assert check().chat == AdapterChat(TEMPLATE)
    facts = {"folder": str(adapter), "file": "training.json"}
    assert check.told == [Note("no_record", "m", facts)]


def test_a_foreign_adapter_without_a_template_is_told_of_for_that_too(check, adapter):
    (adapter / "training.json").unlink()
    (adapter / "chat_template.jinja").unlink()
    assert check().chat is None
    facts = {"folder": str(adapter), "file": "training.json"}
    assert check.told == [Note("no_template", "m", facts)]


def test_a_foreign_adapter_that_names_another_base_is_told_of(check, adapter):
    (adapter / "training.json").unlink()
    configure(adapter, base_model_name_or_path="Owner/Model-1B-Instruct")
    check(source="hub:Other/Model-1B@v1")
    facts = {"folder": str(adapter), "told": "Owner/Model-1B-Instruct",
             "source": "hub:Other/Model-1B@v1"}  # fmt: skip
    assert Note("other_base", "m", facts) in check.told


@pytest.mark.parametrize(
    ("told", "source", "before", "found"),
    [
        ("Owner/Model-1B", "hub:Owner/Model-1B", None, False),
        ("Owner/Model-1B", "hub:Owner/Model-1B@abc", None, False),
        ("unsloth/model-1b-bnb-4bit", "hub:Owner/Model-1B", None, False),
        ("unsloth/Model-1B-unsloth-bnb-4bit", "hub:Owner/Model-1B", None, False),
        ("Owner/Model-1B-Instruct", "hub:Owner/Model-1B", None, True),
        ("Owner/Model-2B", "file:model", None, False),
        ("Owner/Model-2B", "file:model", "Owner/Model-1B", True),
        ("Owner/Model-1B", "file:model", "Owner/Model-1B", False),
        ("/content/model", "hub:Owner/Model-1B", None, False),
        ("model", "hub:Owner/Model-1B", None, False),
    ],
)
def test_names_of_bases(tmp_path, told, source, before, found):
    (tmp_path / "config.json").write_text(json.dumps({"_name_or_path": before} if before else {}))
    assert conflicts(told, source, tmp_path) is found


@pytest.mark.parametrize("engine", ["transformers", "vllm", "fake"])
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda key: key.replace("model.layers", "model.language_model.layers"),
         r"8 of its 8 tensors belong to no module .* wants such as base_.*\.0\..*language_model"),
        (lambda key: key.replace("layers.1", "layers.2"), "4 of its 8 tensors belong to no module"),
    ],
)  # fmt: skip
def test_tensors_without_a_module_are_refused_for_every_engine(
    check, adapter, engine, change, problem
):
    put(adapter, {change(key): value for key, value in TENSORS.items()})
    (adapter / "training.json").unlink()
    with pytest.raises(AssetError, match=problem) as caught:
        check(engine=engine)
    assert str(caught.value).startswith(f"m: {adapter}: ")
    assert check.told == []
    assert "\n" not in str(caught.value)


def test_another_tokenizer_is_refused(check, adapter, base, tokenizers, tmp_path):
    (adapter / "training.json").unlink()
    own = ModelAsset(tokenizers(tmp_path / "other", words=True), "r", "d" * 64, gguf=False)
    for path in base.path.iterdir():
        shutil.copy(path, own.path / path.name)
    tokenizers(adapter, ascii_texts=["quite other texts"])
    (adapter / "config.json").unlink()
    with pytest.raises(AssetError, match=r"^m: .*/good: its tokenizer has id \d+ for .*, and the "):
        check(base=own)


def test_weights_of_the_head_are_not_for_vllm(check, base, tmp_path):
    folder = make_adapter(tmp_path / "head", base.path, "head")
    with pytest.raises(
        AssetError, match=r"or the output head, or .*, which vllm may pass over; run"
    ):
        check(folder)
    assert check(folder, engine="transformers").adapter.rank == 4


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("smoke", "harness train recipes/smoke.yaml"),
        ("smoke-unsloth", "harness train recipes/smoke.yaml --backend unsloth"),
    ],
)
def test_an_adapter_that_is_yet_to_be_trained(check, tmp_path, name, command):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/smoke.yaml").touch()
    with pytest.raises(AssetUnreachable, match=r"no adapter at .*; train it first: ") as caught:
        check(tmp_path / "adapters" / name)
    assert str(caught.value).endswith(command)


def test_an_adapter_that_no_recipe_makes(check, adapter, tmp_path):
    with pytest.raises(AssetError, match=r"no such folder, where an adapter is wanted"):
        check(tmp_path / "adapters/none")
    shutil.rmtree(adapter)
    with pytest.raises(AssetError, match=r"no such folder, where an adapter is wanted"):
        check()
