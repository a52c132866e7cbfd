"""What an adapter's configuration asks for, and whether an engine does it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from harness.engines import engine_version
from harness.records import Json
from harness.sources.adapters import changing

# Initialisations of which nothing is left when trained weights are loaded.
_STARTS = frozenset({"gaussian", "eva", "orthogonal", "mica"})
# Those whose start is taken out of the base's weights, and is the same whenever that is done.
_SUBTRACTED = frozenset({"pissa", "olora"})
_CONVERT = "convert it with path_initial_model_for_weight_conversion of peft's save_pretrained"
_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "corda": "whose start is taken out of the base's weights by data that the adapter lacks",
        "lora_ga": "whose start is taken out of the base's weights by gradients that it lacks",
        "loftq": "whose start is taken out of base weights that are quantized anew each time",
        "pissa_niter": "whose start is drawn at random and taken out of the base's weights",
    }
)
# Kinds of LoRA that compute more than its two products, or change which layers there are.
_UNKNOWN = (
    "alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication",
    "megatron_config", "monteclora_config", "use_bdlora", "use_qalora", "velora_config",
)  # fmt: skip
# What vLLM refuses only after it has started, or passes over, with the values that it takes.
_VLLM_TAKES: Mapping[str, Json] = MappingProxyType(
    {"bias": "none", "lora_bias": False, "use_dora": False}
)
_VLLM_NEEDS = ("r", "target_modules")
_VLLM_LACKS = ("modules_to_save", "trainable_token_indices", "target_parameters")
# Before this release vLLM passes over ranks and alphas of single modules.
_VLLM_PATTERNS = (0, 32)
# Keys by the form that peft takes of them.
_MAPPINGS = ("rank_pattern", "alpha_pattern")
_NAMES = ("target_modules", "exclude_modules", "modules_to_save", "layers_pattern",
          "target_parameters")  # fmt: skip
_TRANSFORMERS = "run it with engine transformers (models.yaml, or --eval-engine)"


def feature_problem(config: Mapping[str, Json], engine: str) -> str | None:
    """Return what an adapter's configuration asks for that an engine does not do, or None.

    Args:
        config: Of peft, as it stands in adapter_config.json.
        engine: Name of the engine.
    """
    if problem := _misshapen(config):
        return problem
    start = config.get("init_lora_weights", True)
    name = str(start).lower()
    for refused, why in _REFUSED.items():
        if name.startswith(refused):
            return f"init_lora_weights {start}, {why}; {_CONVERT}"
    if isinstance(start, str) and name not in _STARTS | _SUBTRACTED:
        return f"init_lora_weights {start}, which no engine knows; {_CONVERT}"
    for key in _UNKNOWN:
        if config.get(key):
            return f"{key} {config[key]}, which no engine does; train it without"
    bias = config.get("bias", "none")
    if bias not in ("none", "all", "lora_only"):
        return f"bias {bias}, which no engine knows; write none, all or lora_only as it was trained"
    if problem := _unscaled(config):
        return problem
    return _vllm_problem(config) if engine == "vllm" else None


def _misshapen(config: Mapping[str, Json]) -> str | None:
    """Say which value has a form of which peft would only say that it is none of Python's."""
    wanted: dict[str, tuple[bool, str]] = {}
    for key in _MAPPINGS:
        value = config.get(key, {})
        fits = isinstance(value, dict) and all(map(_is_number, value.values()))
        wanted[key] = fits, "no mapping of names to numbers; write {} for none"
    for key in _NAMES:
        value = config.get(key)
        names = value if isinstance(value, list) else [value or ""]
        wanted[key] = (
            all(isinstance(one, str) for one in names),
            "no list of names; write null for none",
        )
    dropout = config.get("lora_dropout", 0)
    wanted["lora_dropout"] = (
        _is_number(dropout),
        "no number; write 0, as it counts in training alone",
    )
    return next((f"{key} {json.dumps(config[key])}, which is {told}"
                 for key, (fits, told) in wanted.items() if not fits), None)  # fmt: skip


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _unscaled(config: Mapping[str, Json]) -> str | None:
    """Say that nothing tells by how much the adapter counts, for which peft takes 8."""
    alpha = config.get("lora_alpha")
    if alpha is None:
        return ("no lora_alpha, for which peft would take 8 without a word; write the alpha that "
                "it was trained with")  # fmt: skip
    if not _is_number(alpha):
        return (f"lora_alpha {alpha!r}, which is no number; write the alpha that it was trained "
                "with")  # fmt: skip
    return None


def _vllm_problem(config: Mapping[str, Json]) -> str | None:
    if missing := [key for key in _VLLM_NEEDS if key not in config]:
        return f"no {missing[0]}, which vllm asks for; write what it was trained with"
    for key, value in _VLLM_TAKES.items():
        if config.get(key, value) != value:
            fix = "train it with lora.bias: none, or " if key == "bias" else ""
            return f"{key} {config[key]}, which vllm does not take; {fix}{_TRANSFORMERS}"
    for key in _VLLM_LACKS:
        if config.get(key):
            return f"{key} {config[key]}, which vllm does not take; {_TRANSFORMERS}"
    if changing(config):
        return (f"init_lora_weights {config['init_lora_weights']}, which vllm does not take; "
                f"{_CONVERT}, or {_TRANSFORMERS}")  # fmt: skip
    for key in ("rank_pattern", "alpha_pattern"):
        if config.get(key) and vllm_release() < _VLLM_PATTERNS:
            return (f"{key}, which {engine_version('vllm')} passes over; take vllm 0.32 or later, "
                    f"or {_TRANSFORMERS}")  # fmt: skip
    return None


def vllm_release() -> tuple[int, ...]:
    """Return the installed vLLM's release, such as (0, 32)."""
    found = re.search(r"(\d+)\.(\d+)", engine_version("vllm"))
    return tuple(map(int, found.groups())) if found else _VLLM_PATTERNS
