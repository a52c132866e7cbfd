"""Has each tensor of an adapter its module in the base, and each module of the adapter its tensors?

peft answers it, as it does in the engine: it puts the adapter onto the base model, both without
their weights, on torch's `meta` device. Which modules there are follows from the base's
configuration, and which of them the adapter claims, with what shapes, from its own.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from harness.records import Json
from harness.sources.adapters import CONFIG, WEIGHTS, adapter_config, tensor_shapes
from harness.sources.cache import file_digest, recalled, remember
from harness.train.adapter_patterns import pattern_problem

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedModel

# Under this name the adapter is put on; no module of a model is called so.
_NAME = "harness_checked"
_PREFIX = "base_model.model."
_FIX = "name the model that it was trained on as its source in models.yaml"
# Read by peft from no file.
_IGNORED = frozenset({"runtime_config"})
_BROKEN = (ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError, OSError)


@dataclass(frozen=True, slots=True)
class Served:
    """How an adapter fits its base.

    Attributes:
        problem: Why it does not, in words; empty where it does.
        plain: Whether it is LoRA on linear layers inside the model alone, under the names that the
            base has now: what every engine reads alike.
    """

    problem: str = ""
    plain: bool = True


def check_served(folder: Path, base: Path) -> Served:
    """Return how an adapter fits the base model in a folder, whose weights are not read.

    The answer is remembered in the user's cache: it depends on files, this one included, and on the
    releases of peft and transformers.

    Args:
        folder: The adapter's.
        base: The base model's, with a configuration.

    Raises:
        AssetError: A file cannot be read.
    """
    files = [Path(__file__), base / "config.json", folder / CONFIG, folder / WEIGHTS]
    parts = [version("peft"), version("transformers"), *map(file_digest, files)]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    known = recalled("adapters", key)
    if isinstance(known, dict) and known.keys() == {"problem", "plain"}:
        return Served(str(known["problem"]), bool(known["plain"]))
    found = _check(folder, base)
    remember("adapters", key, asdict(found))
    return found


def _check(folder: Path, base: Path) -> Served:
    from peft import LoraConfig, PeftModel

    config = adapter_config(folder)
    if problem := _unknown_key(config, [field.name for field in fields(LoraConfig)]):
        return Served(problem)
    shapes = tensor_shapes(folder / WEIGHTS)
    with _quiet():
        try:
            model = _bare(base)
        except _BROKEN as error:
            return Served(f"the base model cannot be built to check it: {_first(error)}")
        names = [name for name, _ in model.named_modules()]
        if problem := pattern_problem(config, names) or _strange_tokens(model, config):
            return Served(problem)
        try:
            own = _bare_lora(folder)
            put = PeftModel(model, own, adapter_name=_NAME, low_cpu_mem_usage=True)
        except _BROKEN as error:
            return Served(f"cannot be put on the base model: {_first(error)}; {_FIX}")
        return _compare(put, shapes, config)


def _unknown_key(config: Mapping[str, Json], known: Sequence[str]) -> str | None:
    """Say which key of a configuration peft would pass over, if it is set to anything."""
    for key, value in config.items():
        if key not in known and key not in _IGNORED and value:
            return (f"{CONFIG} has {key} {value}, which peft {version('peft')} does not know; "
                    "install the peft that wrote it, or remove the key if it changes "
                    "nothing")  # fmt: skip
    return None


def _strange_tokens(model: PreTrainedModel, config: Mapping[str, Json]) -> str | None:
    """Say which trained token is none of the base's, which peft finds out only when it computes."""
    claimed = config.get("trainable_token_indices")
    rows = int(model.get_input_embeddings().weight.shape[0])
    lists = list(claimed.values()) if isinstance(claimed, dict) else [claimed]
    for tokens in lists:
        for token in tokens if isinstance(tokens, list) else ():
            if not isinstance(token, int) or not 0 <= token < rows:
                return (f"trainable_token_indices names {token}, and the base has {rows} tokens; "
                        f"{_FIX}")  # fmt: skip
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries say of a model without weights off the terminal."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


def _bare(base: Path) -> PreTrainedModel:
    """Return a model without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return model


def _bare_lora(folder: Path) -> LoraConfig:
    """Return an adapter's configuration, its weights to begin with left out."""
    from peft import LoraConfig

    config: LoraConfig = LoraConfig.from_pretrained(str(folder))
    config.init_lora_weights, config.inference_mode = True, True
    return config


def _compare(put: PeftModel, shapes: Mapping[str, tuple[int, ...]], config: Mapping[str, Json]
             ) -> Served:  # fmt: skip
    """Return how the tensors of a file fit a model onto which their adapter was put."""
    import torch
    from peft.utils.save_and_load import get_peft_model_state_dict, set_peft_model_state_dict

    wanted = {
        name: tuple(tensor.shape)
        for name, tensor in get_peft_model_state_dict(
            put, adapter_name=_NAME, save_embedding_layers=False
        ).items()
    }
    if problem := _misshapen(shapes, wanted) or _unmatched(put, config) or _unscaled(put):
        return Served(problem)
    held = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    try:
        result = set_peft_model_state_dict(put, held, adapter_name=_NAME)
    except KeyError as error:
        return Served(_missing([str(error.args[0])], wanted))
    except _BROKEN as error:
        return Served(f"cannot be put on the base model: {_first(error)}; {_FIX}")
    if result.unexpected_keys:
        return Served(_unexpected(result.unexpected_keys, shapes, wanted))
    everything = set(put.state_dict())
    loaded = everything - set(result.missing_keys)
    own = {name for name in everything if f".{_NAME}" in name}
    claimed = own | {name for name in wanted if name in everything}
    if missing := _untied(put, claimed - loaded, loaded):
        return Served(_missing([_without_name(name) for name in missing], wanted))
    strange = sorted(name for name in loaded - claimed if not _is_embedding(put, name))
    if strange:
        return Served(f"tensor {strange[0]} is a weight of the base model itself, which {CONFIG} "
                      "does not claim; remove it, or make a model of its own of the "
                      "two")  # fmt: skip
    ends = _embeddings(put)
    plain = set(shapes) == set(wanted) and not any(_module(name) in ends for name in wanted)
    return Served(plain=plain)


def _misshapen(shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]
               ) -> str | None:  # fmt: skip
    for name in sorted(shapes.keys() & wanted.keys()):
        if shapes[name] != wanted[name]:
            return (f"tensor {name} is of {_shape(shapes[name])}, and the base model and {CONFIG} "
                    f"make it {_shape(wanted[name])}; {_FIX}")  # fmt: skip
    return None


def _unscaled(put: PeftModel) -> str | None:
    """Say that no product of LoRA counts, as each is multiplied by 0."""
    from peft.tuners.lora import LoraLayer

    scales = [module.scaling[_NAME] for module in put.modules()
              if isinstance(module, LoraLayer) and _NAME in module.scaling]  # fmt: skip
    if any(scales):
        return None
    return (f"lora_alpha or alpha_pattern in {CONFIG} is 0 for all of its modules, so that it "
            "changes nothing; write the alpha that it was trained with")  # fmt: skip


def _unmatched(put: PeftModel, config: Mapping[str, Json]) -> str | None:
    """Say which rank or alpha of single modules has no module, and would be passed over."""
    from peft.tuners.lora import LoraLayer
    from peft.utils.other import get_pattern_key

    layers = [name.removeprefix(_PREFIX) for name, module in put.named_modules()
              if isinstance(module, LoraLayer)]  # fmt: skip
    for key in ("rank_pattern", "alpha_pattern"):
        pattern = config.get(key)
        for one in pattern if isinstance(pattern, dict) else ():
            if not any(get_pattern_key([one], layer) == one for layer in layers):
                return (f"{key} names {one}, which is not a module that the adapter has in the "
                        f"base model; {_FIX}")  # fmt: skip
    return None


def _missing(names: Sequence[str], wanted: Mapping[str, tuple[int, ...]]) -> str:
    return (f"{CONFIG} claims modules for which {WEIGHTS} has no weights ({len(names)} of "
            f"{len(wanted)} tensors), such as {sorted(names)[0]}; complete it, or claim what was "
            "trained")  # fmt: skip


def _unexpected(
    names: Sequence[str], shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, object]
) -> str:
    """Say which tensors have no module, by the names that the file has for them."""
    strange = sorted({_without_name(name) for name in names})
    own = sorted(shapes.keys() - wanted.keys())
    shown = next((name for name in strange if name in shapes), own[0] if own else strange[0])
    left = sorted(wanted.keys() - shapes.keys())
    like = f", which wants such as {left[0]}" if left else ""
    return (f"{len(names)} of its {len(shapes)} tensors belong to no module that {CONFIG} claims "
            f"in the base model{like}: {shown}; {_FIX}, or rename them, or claim "
            "them")  # fmt: skip


def _untied(put: PeftModel, missing: set[str], loaded: set[str]) -> list[str]:
    """Return the missing parameters that are not one with a loaded one."""
    both = dict(put.named_parameters(remove_duplicate=False))
    held = {id(both[name]) for name in loaded if name in both}
    return sorted(name for name in missing if id(both.get(name)) not in held)


def _embeddings(put: PeftModel) -> set[str]:
    """Return the names of the modules at both ends of a model, without the prefix of peft."""
    model = put.get_base_model()
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    inner = {id(module) for end in ends if end is not None for module in end.modules()}
    return {
        name.removeprefix(_PREFIX).removesuffix(".base_layer")
        for name, module in put.named_modules(remove_duplicate=False)
        if id(module) in inner
    }


def _is_embedding(put: PeftModel, name: str) -> bool:
    return _module(name).removesuffix(".base_layer") in _embeddings(put)


def _module(name: str) -> str:
    """Return the module of a tensor, without the prefix of peft."""
    inner = name.removeprefix(_PREFIX)
    return inner.partition(".lora_")[0] if ".lora_" in inner else inner.rpartition(".")[0]


def _without_name(name: str) -> str:
    return name.replace(f".{_NAME}", "")


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _first(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("size mismatch")), lines[:1])
    text = told if isinstance(told, str) else "".join(told) or type(error).__name__
    return _without_name(text)[:300].rstrip(".")
