"""Whether a model computes what its GGUF file says, tensor by tensor and key by key.

transformers 5.17 passes over tensors and keys that it does not know, without a word: the factors
of Llama 3's rotary positions (`rope_freqs.weight`), biases, every `rope.scaling`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isclose, prod
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import AssetError
from harness.records import Json
from harness.sources.loaded import rope_settings

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_EPSILON = ("rms_norm_eps", "norm_eps", "layer_norm_epsilon", "layer_norm_eps", "norm_epsilon")
# Key behind the architecture -> what transformers calls it; one of the names has the value.
_NAMES: Mapping[str, Sequence[str]] = {
    "block_count": ("num_hidden_layers", "n_layer"),
    "embedding_length": ("hidden_size", "n_embd"),
    "feed_forward_length": ("intermediate_size", "n_inner", "feed_forward_length"),
    "vocab_size": ("vocab_size",),
    "attention.head_count": ("num_attention_heads", "n_head"),
    "attention.head_count_kv": ("num_key_value_heads", "num_attention_heads", "n_head"),
    "attention.layer_norm_rms_epsilon": _EPSILON,
    "attention.layer_norm_epsilon": _EPSILON,
    "attention.key_length": ("head_dim", "global_head_dim"),
    "attention.value_length": ("head_dim", "global_head_dim"),
    "attention.sliding_window": ("sliding_window",),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "use_parallel_residual": ("use_parallel_residual",),
    "expert_count": ("num_experts", "num_local_experts"),
    "expert_used_count": ("num_experts_per_tok",),
    "expert_feed_forward_length": ("moe_intermediate_size", "intermediate_size"),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size",),
    "shortconv.l_cache": ("conv_L_cache",),
    "full_attention_interval": ("full_attention_interval",),
    "ssm.conv_kernel": ("conv_kernel", "linear_conv_kernel_dim"),
    "ssm.state_size": ("state_size", "linear_key_head_dim"),
    "ssm.group_count": ("linear_num_key_heads",),
    "ssm.time_step_rank": ("time_step_rank", "linear_num_value_heads"),
}
# They change nothing that is computed, say it once more, or are looked at together with others.
_HARMLESS = {"context_length", "tensor_data_layout", "ssm.inner_size", "rope.dimension_sections",
             "nextn_predict_layers", "rope.scaling.original_context_length",
             "rope.scaling.finetuned"}  # fmt: skip
_LAYERS_BESIDE = "nextn_predict_layers"
_ROPE_BASE = 10000.0


@dataclass(frozen=True, slots=True)
class _File:
    """What a GGUF file says of its model, and the numbers in each of its tensors."""

    architecture: str
    said: Mapping[str, Json]
    sizes: Mapping[str, int]


def check_shape(model: PreTrainedModel, gguf: Path) -> None:
    """Compare a model with the GGUF file that it was read from.

    Each number of the file's tensors has to be in the model, and each key of its architecture has
    to say what the model's configuration says.

    Raises:
        AssetError: They do not; the first key or tensor is named.
    """
    from gguf import GGUFReader

    reader = GGUFReader(gguf)
    architecture = str(reader.fields["general.architecture"].contents())
    prefix = f"{architecture}."
    file = _File(
        architecture,
        {
            key.removeprefix(prefix): field.contents()
            for key, field in reader.fields.items()
            if key.startswith(prefix)
        },
        {tensor.name: prod(map(int, tensor.shape)) for tensor in reader.tensors},
    )
    problem = next(_strange_keys(file, model.config), None) or _strange_tensor(file, model)
    if problem is not None:
        raise AssetError(f"transformers does not compute it as its file says: {problem}; take the "
                         "model's own folder")  # fmt: skip


def _strange_keys(file: _File, config: PretrainedConfig) -> Iterator[str]:
    settings = config.get_text_config().to_dict()
    ropes = [rope for rope in rope_settings(config) if rope]
    for key, value in file.said.items():
        if key in _HARMLESS:
            continue
        if key.startswith("rope."):
            found: Sequence[Json] = [_rope_value(key, rope, settings) for rope in ropes]
        else:
            found = [settings[name] for name in _NAMES.get(key, ()) if name in settings]
        if key == "block_count" and isinstance(value, int):
            value -= _number(file.said.get(_LAYERS_BESIDE, 0))
        if not any(_equal(value, one) for one in found):
            # A setting that is off, such as a factor of one.
            if key == "rope.scaling.type" and value == "none":
                continue
            if key == "rope.scaling.factor" and value in (0, 1):
                continue
            yield f"{key} is {value}, and there {_shown(found)}"
    yield from _silent_keys(file, settings, ropes)


def _silent_keys(
    file: _File, settings: Mapping[str, Json], ropes: Sequence[Mapping[str, Json]]
) -> Iterator[str]:
    """Say where a file is silent and transformers takes a default that llama.cpp does not."""
    if not any(key.endswith("_epsilon") for key in file.said):
        yield "it has no attention.layer_norm_rms_epsilon"
    if ropes and "rope.freq_base" not in file.said:
        bases = [rope.get("rope_theta") for rope in ropes]
        if not any(_equal(_ROPE_BASE, base) for base in bases):
            yield f"it has no rope.freq_base, and there it is {bases[0]}"
    window = settings.get("sliding_window")
    used = settings.get("use_sliding_window", True)
    if window is not None and used and "attention.sliding_window" not in file.said:
        yield f"it has no attention.sliding_window, and there it is {window}"


def _rope_value(key: str, rope: Mapping[str, Json], settings: Mapping[str, Json]) -> Json:
    """Return what transformers has for a key of rotary positions, None where it has nothing."""
    name = key.removeprefix("rope.")
    if name in {"freq_base", "freq_base_swa"}:
        return rope.get("rope_theta")
    if name == "dimension_count":
        width = settings.get("head_dim")
        if width is None:
            width = _number(settings["hidden_size"]) // _number(settings["num_attention_heads"])
        part = rope.get("partial_rotary_factor", settings.get("partial_rotary_factor"))
        rotary = settings.get("rotary_dim")
        if rotary is not None:
            return rotary
        return _number(width) * (part if isinstance(part, int | float) else 1)
    if name == "scaling.type":
        return rope.get("rope_type")
    return rope.get("factor") if name == "scaling.factor" else None


def _strange_tensor(file: _File, model: PreTrainedModel) -> str | None:
    """Return which tensor has no place in the model, None where every number has one."""
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    layers = _number(file.said["block_count"]) - _number(file.said.get(_LAYERS_BESIDE, 0))
    sizes = {name: size for name, size in file.sizes.items() if _layer(name) < layers}
    # A weight that is tied stands in the model twice, under one address.
    weights = {weight.data_ptr(): weight.numel() for weight in model.state_dict().values()}
    if sum(sizes.values()) == sum(weights.values()) and len(sizes) == len(file.sizes):
        return None
    beyond = set(file.sizes) - set(sizes)
    if beyond and not file.said.get(_LAYERS_BESIDE):
        return f"{min(beyond)} is of a layer more than block_count, {layers}, says"
    if sum(sizes.values()) == sum(weights.values()):
        return None
    # Of this architecture alone: gguf 0.19 lets the map of one change those of all later ones.
    (architecture,) = [at for at, name in MODEL_ARCH_NAMES.items() if name == file.architecture]
    names = get_tensor_name_map(architecture, layers)
    known: set[str] = set()
    for name in model.state_dict():
        place, _, kind = name.rpartition(".")
        known.add(f"{names.get_name(place)}.{kind}")
    strange = sorted(set(sizes) - known)
    there = f"{sum(sizes.values())} numbers in its tensors, {sum(weights.values())} in the model"
    return f"{strange[0]} has no place in the model ({there})" if strange else there


def _layer(name: str) -> int:
    """Return the number of a tensor's layer, -1 for one that stands outside of them."""
    kind, _, rest = name.partition(".")
    number = rest.partition(".")[0]
    return int(number) if kind == "blk" and number.isdigit() else -1


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _equal(said: Json, found: Json) -> bool:
    """Return whether two values are one, but for the width of a float; of a list, its greatest."""
    if isinstance(said, list) and not isinstance(found, list):
        numbers = [one for one in said if isinstance(one, int)]
        return bool(numbers) and len(numbers) == len(said) and max(numbers) == found
    if isinstance(said, int | float) and isinstance(found, int | float):
        return isclose(said, found, rel_tol=1e-6)
    return said == found


def _shown(found: Sequence[Json]) -> str:
    values = [str(one) for one in dict.fromkeys(map(str, found)) if one != "None"]
    return f"it is {' or '.join(values)}" if values else "nothing stands for it"
