"""Is an adapter fit to be evaluated? Asked before an engine starts, which a bad one would kill."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pydantic import ValidationError

from harness.errors import AssetError, AssetUnreachable
from harness.prompts.choose_template import AdapterChat
from harness.records import Adapter, Json, Note, NoteKind, Tell
from harness.sources.adapters import CONFIG, WEIGHTS, adapter_asset, adapter_config
from harness.sources.assets import ModelAsset
from harness.sources.cache import sha256
from harness.sources.model_files import read_config
from harness.spec.recipe import LoraSpec
from harness.train.adapter_fit import check_served
from harness.train.adapter_patterns import pattern_problem
from harness.train.brought import TEMPLATE, adapter_chat
from harness.train.features import feature_problem
from harness.train.record import RECORD, read_record
from harness.train.trained_rows import TRAINED_ROWS

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
# The greatest LoRA rank of each engine; the others have none.
_RANKS = {"vllm": 512}
# What puts an adapter onto its base, raised where outputs come to depend on it; see `Adapter`.
_LOADERS = {"transformers": "peft 2"}
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
# How packed copies of a model are called.
_PACKED = re.compile(r"(-unsloth)?(-bnb)?-4bit$|-gguf$|-(awq|gptq)[\w-]*$|-fp8$")
# Without a scale beside them, which adapters have none of, other numbers say nothing.
_FLOATS = ("float32", "bfloat16", "float16", "float64", "float8_e4m3fn", "float8_e5m2")
# Which of LoRA's two matrices a tensor is.
_PART = re.compile(r"\.lora_(?:embedding_)?([AB])(?:\.|$)")
# What training never turns on and changes what the weights do.
_OFF = (
    "use_dora", "lora_bias", "use_qalora", "use_bdlora", "rank_pattern", "alpha_pattern",
    "modules_to_save", "exclude_modules", "layers_to_transform", "layer_replication",
    "fan_in_fan_out", "trainable_token_indices", "alora_invocation_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Checked:
    """An adapter that may be used, and the chat template of its training, None if nothing tells."""

    adapter: Adapter
    chat: AdapterChat | None


def check_adapter(
    folder: Path,
    *,
    name: str,
    base: ModelAsset,
    source: str,
    engine: str,
    root: Path,
    tell: Tell,
) -> Checked:
    """Return an adapter that may be used, with what it was trained to be asked in.

    Args:
        folder: The adapter's folder.
        name: The model's name in models.yaml, for errors.
        base: The model that it is put on.
        source: Where that comes from, as models.yaml says.
        engine: The engine that will load it.
        root: The project's root, where its recipe is looked for.
        tell: Told what cannot be checked.

    Raises:
        AssetUnreachable: It is not there, and a recipe of the project would make it.
        AssetError: One line about what is wrong with it.
    """
    if not folder.is_dir() and (command := _command(folder, root)):
        raise AssetUnreachable(f"{name}: no adapter at {folder}; train it first: {command}")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PICKLES:
            raise AssetError(f"{name}: {path} is a pickle, which can run code; an adapter is "
                             "safetensors and JSON, so remove it or train again")  # fmt: skip
    adapter, config = adapter_asset(folder), adapter_config(folder)
    limit = _RANKS.get(engine)
    if limit is not None and adapter.rank > limit:
        raise AssetError(f"{name}: {folder} has rank {adapter.rank}, and {engine} takes at most "
                         f"{limit}; train it with a lower lora.r")  # fmt: skip
    record = read_record(folder)
    if record is None and (folder / RECORD).exists():
        raise AssetError(f"{name}: {folder / RECORD} is not what training wrote (it is not JSON "
                         "object); train it again")  # fmt: skip
    notes: list[Note] = []
    if record is not None:
        _check_record(record, folder, name, base)
    chat = adapter_chat(folder, name, base)
    if record is None:
        kind: NoteKind = "no_record" if chat else "no_template"
        notes = [Note(kind, name, {"folder": str(folder), "file": RECORD})]
        notes += _other_base(config, folder, name, base, source)
    if problem := feature_problem(config, engine):
        raise AssetError(f"{name}: {folder / CONFIG} has {problem}")
    _check_weights(folder, name)
    _check_served(folder, name, base, engine)
    for note in notes:
        tell(note)
    return Checked(replace(adapter, loader=_LOADERS.get(engine, "")), chat)


def _other_base(
    config: Mapping[str, Json], folder: Path, name: str, base: ModelAsset, source: str
) -> list[Note]:
    told = config.get("base_model_name_or_path")
    if not isinstance(told, str) or not conflicts(told, source, base.path):
        return []
    facts = {"folder": str(folder), "told": told, "source": source}
    return [Note("other_base", name, facts)]


def _check_served(folder: Path, name: str, base: ModelAsset, engine: str) -> None:
    served = check_served(folder, base.path)
    if served.problem:
        raise AssetError(f"{name}: {folder}: {served.problem}")
    if engine == "vllm" and not served.plain:
        raise AssetError(f"{name}: {folder} has weights for the embeddings or the output head, or "
                         "under names of an older release, which vllm may pass over; run it "
                         "with engine transformers (models.yaml, or --eval-engine)")  # fmt: skip


def conflicts(told: str, source: str, base: Path) -> bool:
    """Return whether the name of a base model is clearly that of another one than is used.

    A path says nothing on another machine; a name of the hub does, and so does what a GGUF file
    or a configuration of older releases is called.
    """
    if not _HUB_NAME.fullmatch(told) or Path(told).exists():
        return False
    kind, _, name = source.partition(":")
    known = [name.partition("@")[0]] if kind == "hub" else []
    before = read_config(base, "config.json", "a model").get("_name_or_path")
    if isinstance(before, str) and _HUB_NAME.fullmatch(before):
        known.append(before)
    return bool(known) and _bare_name(told) not in {_bare_name(one) for one in known}


def _bare_name(name: str) -> str:
    return _PACKED.sub("", name.rpartition("/")[2].lower())


def _command(folder: Path, root: Path) -> str | None:
    """Return the command that trains an adapter: `adapters/NAME` or `adapters/NAME-BACKEND`."""
    recipes = root / "recipes"
    if (recipes / f"{folder.name}.yaml").is_file():
        return f"harness train recipes/{folder.name}.yaml"
    found = re.fullmatch(r"(.+)-(trl|unsloth)", folder.name)
    if found and (recipes / f"{found[1]}.yaml").is_file():
        return f"harness train recipes/{found[1]}.yaml --backend {found[2]}"
    return None


def _check_record(record: Mapping[str, Json], folder: Path, name: str, base: ModelAsset) -> None:
    if record.get("weights") != sha256(folder / WEIGHTS):
        raise AssetError(f"{name}: {folder / WEIGHTS} is not what training wrote (its sha256 "
                         "differs); train it again")  # fmt: skip
    theirs = record.get("base")
    digest = theirs.get("digest") if isinstance(theirs, dict) else None
    if not isinstance(theirs, dict):
        raise AssetError(f"{name}: {folder / RECORD} is not what training wrote (it names no base "
                         "model); train it again")  # fmt: skip
    if digest != base.digest:
        raise AssetError(f"{name}: {folder} was trained on {theirs.get('source')} (digest "
                         f"{str(digest)[:12]}), not on this base model (digest "
                         f"{base.digest[:12]}); name its base in models.yaml")  # fmt: skip
    if not record.get("probe_difference"):
        raise AssetError(f"{name}: {folder} did not change the base model's answer when it was "
                         "trained; train it again")  # fmt: skip
    rows = folder / TRAINED_ROWS
    if record.get("trained_rows") and rows.is_file() and record["trained_rows"] != sha256(rows):
        raise AssetError(f"{name}: {rows} is not what training wrote (its sha256 differs); copy it "
                         "again, or train the adapter again")  # fmt: skip
    if broken := next(_not_as_trained(record, folder), None):
        raise AssetError(f"{name}: {folder / broken[0]} is not what training wrote "
                         f"({broken[1]}); train it again")  # fmt: skip


def _not_as_trained(record: Mapping[str, Json], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each file beside the weights that was changed, and how."""
    try:
        template = (folder / TEMPLATE).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        yield TEMPLATE, "it is missing or unreadable"
        return
    if template != record.get("template"):
        yield RECORD, f"its template and {TEMPLATE} differ"
    try:
        recipe = yaml.safe_load(str(record.get("recipe")))
        lora = LoraSpec.model_validate(recipe.get("lora") or {} if isinstance(recipe, dict) else "")
    # YAML's own are raised beside those of dates, numbers and levels.
    except (yaml.YAMLError, ValidationError, ValueError, RecursionError):
        yield RECORD, "its recipe cannot be read"
        return
    config = adapter_config(folder)
    wanted: dict[str, Json] = {
        "r": lora.r, "lora_alpha": lora.alpha, "use_rslora": lora.rslora, "bias": lora.bias,
        "init_lora_weights": True,
    }  # fmt: skip
    for key, value in wanted.items():
        if config.get(key) != value:
            yield CONFIG, f"{key} is {config.get(key)}, and was {value}"
    for key in _OFF:
        if config.get(key):
            yield CONFIG, f"{key} is {config[key]}, and was off"
    if problem := _untargeted(config.get("target_modules"), _trained_modules(folder)):
        yield CONFIG, problem


def _untargeted(targets: Json, modules: Sequence[str]) -> str | None:
    """Say which trained module no target names."""
    if problem := pattern_problem({"target_modules": targets}, modules):
        return problem
    lacking = next((module for module in modules if not _is_target(module, targets)), None)
    return f"target_modules lacks {lacking}, which was trained" if lacking else None


def _trained_modules(folder: Path) -> list[str]:
    """Return the modules that have weights; none where the file cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, framework="pt") as tensors:
            names = [key.partition(".lora_")[0] for key in tensors.keys() if ".lora_" in key]
    except (SafetensorError, OSError):
        return []
    return sorted({name.removeprefix("base_model.model.") for name in names})


def _is_target(module: str, targets: Json) -> bool:
    """Return whether peft would put LoRA on a module: a list names endings, a text is a pattern.

    unsloth writes a pattern for some models, so that the recipe's list is no measure. A name too
    many does nothing, as it has no weights.
    """
    if isinstance(targets, str):
        return re.fullmatch(targets, module) is not None
    return isinstance(targets, list) and any(
        f".{module}".endswith(f".{target}") for target in targets
    )


def _check_weights(folder: Path, name: str) -> None:
    """Raise AssetError unless all tensors are finite floats and some product is not zero."""
    import torch
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    works: dict[str, set[str]] = {"A": set(), "B": set()}
    named = False
    try:
        with safe_open(path, framework="pt") as tensors:
            for key in tensors.keys():
                tensor = tensors.get_tensor(key)
                kind = str(tensor.dtype).removeprefix("torch.")
                if kind not in _FLOATS:
                    raise AssetError(f"{name}: tensor {key} in {path} is of {kind}, which no "
                                     "engine reads; save it in float32")  # fmt: skip
                # Few operations know the numbers of eight bits.
                tensor = tensor.float()
                if not torch.isfinite(tensor).all():
                    raise AssetError(f"{name}: tensor {key} in {path} is not finite; train it "
                                     "again with a lower learning_rate")  # fmt: skip
                part = _PART.search(key)
                named = named or part is not None
                if part and bool(tensor.any()):
                    works[part[1]].add(key[: part.start()])
    except (SafetensorError, OSError) as error:
        first = str(error).splitlines()[0]
        raise AssetError(f"{name}: {path} cannot be read: {first}; train it again") from error
    # Names of another kind are told where they are held to the base's.
    if named and not works["A"] & works["B"]:
        zero = next((part for part in "BA" if not works[part]), None)
        told = f"all {zero} matrices in {path} are" if zero else f"each product in {path} is"
        raise AssetError(f"{name}: {told} zero, so that the adapter changes nothing; train it "
                         "again")  # fmt: skip
