"""Is an adapter fit to be evaluated? Asked before an engine starts, which a bad one would kill."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from harness.errors import AssetError, AssetUnreachable
from harness.records import Adapter, Json, Note, Tell
from harness.sources.assets import ModelAsset, adapter_asset
from harness.sources.cache import sha256
from harness.spec.recipe import LoraSpec
from harness.train.record import RECORD, WEIGHTS, read_record

_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
# The greatest LoRA rank of each engine; the others have none.
_RANKS = {"vllm": 512}
_CONFIG = "adapter_config.json"
_TEMPLATE = "chat_template.jinja"
# What vLLM refuses only after it has started, with the values that it takes.
_VLLM_TAKES: Mapping[str, Json] = {"bias": "none", "lora_bias": False, "use_dora": False}
# What training never turns on and changes what the weights do.
_OFF = (
    "use_dora", "lora_bias", "use_qalora", "use_bdlora", "rank_pattern", "alpha_pattern",
    "modules_to_save", "exclude_modules", "layers_to_transform", "layer_replication",
    "fan_in_fan_out", "trainable_token_indices", "alora_invocation_tokens",
)  # fmt: skip


def check_adapter(
    folder: Path, *, name: str, base: ModelAsset, engine: str, root: Path, tell: Tell
) -> tuple[Adapter, str | None]:
    """Return an adapter that may be used, and the chat template that it was trained with.

    Args:
        folder: The adapter's folder.
        name: The model's name in models.yaml, for errors.
        base: The model that it is put on.
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
    adapter = adapter_asset(folder)
    limit = _RANKS.get(engine)
    if limit is not None and adapter.rank > limit:
        raise AssetError(f"{name}: {folder} has rank {adapter.rank}, and {engine} takes at most "
                         f"{limit}; train it with a lower lora.r")  # fmt: skip
    record = read_record(folder)
    if record is None and (folder / RECORD).exists():
        raise AssetError(f"{name}: {folder / RECORD} is not what training wrote (it is no JSON "
                         "object); train it again")  # fmt: skip
    if record is None:
        tell(Note("no_record", name, {"folder": str(folder), "file": RECORD}))
    else:
        _check_record(record, folder, name, base)
        if broken := next(_not_as_trained(record, folder), None):
            raise AssetError(f"{name}: {folder / broken[0]} is not what training wrote "
                             f"({broken[1]}); train it again")  # fmt: skip
    if engine == "vllm":
        _check_vllm(_config(folder), folder, name)
    _check_weights(folder, name)
    return adapter, str(record["template"]) if record else None


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


def _not_as_trained(record: Mapping[str, Json], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each file beside the weights that was changed, and how."""
    try:
        template = (folder / _TEMPLATE).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        yield _TEMPLATE, "it is missing or unreadable"
        return
    if template != record.get("template"):
        yield RECORD, f"its template and {_TEMPLATE} differ"
    try:
        recipe = yaml.safe_load(str(record.get("recipe")))
        lora = LoraSpec.model_validate(recipe.get("lora") or {} if isinstance(recipe, dict) else "")
    except (yaml.YAMLError, ValidationError):
        yield RECORD, "its recipe cannot be read"
        return
    config = _config(folder)
    wanted: dict[str, Json] = {
        "r": lora.r, "lora_alpha": lora.alpha, "use_rslora": lora.rslora, "bias": lora.bias,
        "init_lora_weights": True,
    }  # fmt: skip
    for key, value in wanted.items():
        if config.get(key) != value:
            yield _CONFIG, f"{key} is {config.get(key)}, and was {value}"
    for key in _OFF:
        if config.get(key):
            yield _CONFIG, f"{key} is {config[key]}, and was off"
    targets = config.get("target_modules")
    for module in _trained_modules(folder):
        if not _is_target(module, targets):
            yield _CONFIG, f"target_modules lacks {module}, which was trained"


def _config(folder: Path) -> dict[str, Json]:
    found: dict[str, Json] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    return found


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
        try:
            return re.fullmatch(targets, module) is not None
        except re.error:
            return False
    return isinstance(targets, list) and any(
        f".{module}".endswith(f".{target}") for target in targets
    )


def _check_vllm(config: Mapping[str, Json], folder: Path, name: str) -> None:
    for key, value in _VLLM_TAKES.items():
        if config.get(key, value) != value:
            mend = "train it with lora.bias: none, or " if key == "bias" else ""
            raise AssetError(f"{name}: {folder / _CONFIG} has {key} {config[key]}, which vllm does "
                             f"not take; {mend}run with --engine transformers")  # fmt: skip


def _check_weights(folder: Path, name: str) -> None:
    """Raise AssetError unless all tensors are finite and some B matrix is not zero."""
    import torch
    from safetensors import SafetensorError, safe_open

    path = folder / WEIGHTS
    works = False
    try:
        with safe_open(path, framework="pt") as tensors:
            for key in tensors.keys():
                tensor = tensors.get_tensor(key)
                if not torch.isfinite(tensor).all():
                    raise AssetError(f"{name}: tensor {key} in {path} is not finite; train it "
                                     "again with a lower learning_rate")  # fmt: skip
                works = works or ("lora_B" in key and bool(tensor.any()))
    except (SafetensorError, OSError) as error:
        first = str(error).splitlines()[0]
        raise AssetError(f"{name}: {path} cannot be read: {first}; train it again") from error
    if not works:
        raise AssetError(f"{name}: all B matrices in {path} are zero, so that the adapter changes "
                         "nothing; train it again")  # fmt: skip
