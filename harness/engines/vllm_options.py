"""Options of the vLLM engine: what is checked, what is set for it, what its environment holds."""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil
from pydantic import ValidationError

from harness.engines import engine_version
from harness.errors import EngineError
from harness.records import EngineConfig, Json
from harness.spec.enginespec import VLLM_RESERVED

# The ranks that vLLM takes.
_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
_OWN_OPTIONS = frozenset({"kv_cache_gib", "multiprocess"})
# JSON without free white space, which a small model writes until its tokens run out. It can be said
# of the whole engine only, and only with a backend named. Choices come from this one in any case.
_COMPACT: Mapping[str, Json] = MappingProxyType(
    {"backend": "xgrammar", "disable_any_whitespace": True}
)


def engine_options(config: EngineConfig) -> dict[str, Json]:
    """Return the options of a configuration as vLLM takes them, over the defaults of ours.

    Raises:
        EngineError: If vLLM takes no adapter of such a rank.
    """
    options: dict[str, Json] = {"enforce_eager": True, "enable_prefix_caching": True}
    options |= {k: v for k, v in config.options.items() if k not in _OWN_OPTIONS}
    given = config.options.get("structured_outputs_config", {})
    if isinstance(given, dict):
        options["structured_outputs_config"] = {**_COMPACT, **given}
    if overrides := hf_overrides(config):
        options["hf_overrides"] = overrides
    if config.max_lora_rank:
        ranks = [rank for rank in _LORA_RANKS if rank >= config.max_lora_rank]
        if not ranks:
            raise EngineError(f"LoRA rank {config.max_lora_rank} is above vLLM's {_LORA_RANKS[-1]}")
        options |= {"enable_lora": True, "max_lora_rank": ranks[0]}
        options["max_loras"] = max(1, config.max_loras)
    return options


def uses_xgrammar(config: EngineConfig) -> bool:
    """Return whether xgrammar holds completions to their schemas, as it does by default."""
    given = config.options.get("structured_outputs_config", {})
    backend = given.get("backend") if isinstance(given, dict) else None
    return backend in (None, "auto", _COMPACT["backend"])


def hf_overrides(config: EngineConfig) -> Json:
    """Return vLLM's `hf_overrides`: those given, and an output head that computes in float32.

    Logits rounded to bfloat16 are often equal for two label words. vLLM does it from 0.26 on
    (https://github.com/vllm-project/vllm/pull/48390); 0.25 warns and computes as before. It takes
    no quantized head, so a quantized model keeps the head that it has. `head_dtype: model` in
    `hf_overrides` turns it off.
    """
    given = config.options.get("hf_overrides", {})
    model = json.loads((Path(config.model_path) / "config.json").read_text(encoding="utf-8"))
    quantized = "quantization_config" in model or config.options.get("quantization") is not None
    if config.dtype == "float32" or quantized or not isinstance(given, dict):
        return given
    return {"head_dtype": "float32", **given}


def set_environment(config: EngineConfig) -> None:
    """Set what vLLM reads from the environment; must come before its import."""
    multiprocess = bool(config.options.get("multiprocess", False))
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = str(int(multiprocess))
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    if config.device == "cpu":
        room = config.options.get("kv_cache_gib")
        if not isinstance(room, int):
            room = max(1, min(4, psutil.virtual_memory().available // 2**30 // 4))
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(room)
    elif importlib.util.find_spec("flashinfer") is None:
        # Otherwise the engine dies at start, on the first look for FlashInfer's sampler.
        os.environ.setdefault("VLLM_USE_FLASHINFER_SAMPLER", "0")


def check_options(options: Mapping[str, Json], known: Sequence[str]) -> None:
    """Check the names of options.

    Raises:
        EngineError: If vLLM does not know one, or if it is not the user's to set.
    """
    for name in options:
        if name in VLLM_RESERVED:
            raise EngineError(f"engine option '{name}' is set by the harness: take it out")
        if name not in known and name not in _OWN_OPTIONS:
            near = difflib.get_close_matches(name, [*known, *_OWN_OPTIONS], n=1)
            fix = f"did you mean '{near[0]}'?" if near else "take it out"
            version = engine_version("vllm")
            raise EngineError(f"engine option '{name}' is not one that {version} knows: {fix}")


def error_line(error: Exception) -> str:
    """Return an exception in one line of at most 300 characters."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        text = ": ".join([*map(str, problem["loc"][:1]), problem["msg"]])
    return " ".join(text.split())[:300]
