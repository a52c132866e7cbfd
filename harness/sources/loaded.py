"""What a model's configuration says, and transformers passes over: weights, attention, lengths."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.records import Json

if TYPE_CHECKING:
    from transformers import PretrainedConfig

# Kinds of rotary positions that depend on how long a sequence is, by all names of theirs.
_VARYING = re.compile(r'"(?:rope_)?type"\s*:\s*"(?:longrope|su|dynamic)"')
_LACKS = "a classifier, a reward model and an encoder have no language model's head"


def code_problem(error: Exception) -> str | None:
    """Return that a model cannot be loaded without code of its folder, None of another error."""
    if "trust_remote_code" not in str(error):
        return None
    return ("it is loaded by Python code of its own folder, which is not run; read that code, and "
            "write trust_remote_code: true for the model in models.yaml if it may be")  # fmt: skip


def attention_of(folder: Path, *, code: bool = False) -> Literal["eager"] | None:
    """Return the attention that computes what a model's configuration says, None for the default.

    PyTorch's own, which transformers takes where it can, knows no cap on the scores: Gemma 2 would
    be computed without.

    Args:
        folder: The model's.
        code: Whether Python files in it may be run.

    Raises:
        OSError: There is no configuration.
        ValueError: It is of no model that transformers knows.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=code).get_text_config().to_dict()
    return "eager" if config.get("attn_logit_softcapping") else None


def rope_settings(config: PretrainedConfig) -> list[Mapping[str, Json]]:
    """Return how a model computes rotary positions: one mapping, or one a kind of its layers."""
    found = config.get_text_config().to_dict().get("rope_parameters") or {}
    if "rope_type" in found:
        return [found]
    return [one for one in found.values() if isinstance(one, dict) and "rope_type" in one]


def positions_vary(folder: Path) -> bool:
    """Return whether a model computes positions by how long a sequence is, or may be."""
    try:
        return _VARYING.search((folder / "config.json").read_text(encoding="utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def weights_problem(
    missing: Collection[str],
    unexpected: Collection[str],
    modules: Collection[str],
    *,
    quantized: bool = False,
    lacks: str = _LACKS,
) -> str | None:
    """Return what of a model's weights is not as its files have it, or None.

    Weights of parts that stand beside the model as a whole, such as the head of a value function,
    are not used and do no harm. Weights of a part that is used are, as a bias that the
    configuration does not know.

    Args:
        missing: Names of weights that the model has and its files lack.
        unexpected: Names of weights that its files have and the model lacks.
        modules: Names of the model's modules, "" for the model itself.
        quantized: Whether the configuration says that the weights are quantized.
        lacks: Which other kinds of models lack such weights, in words.
    """
    strange = sorted(name for name in unexpected if not _beside(name, modules))
    if quantized and (missing or strange):
        odd = (f"it looks for {len(missing)} tensors that its files lack, such as {min(missing)}"
               if missing else f"it passes over {len(strange)} of them, such as {strange[0]}"
               )  # fmt: skip
        return (f"its quantized weights are in a form that transformers does not read here: {odd}; "
                "name the model before quantization, or set engine: vllm")  # fmt: skip
    if missing:
        return (f"its files lack {len(missing)} of its weights, which would be drawn at random, "
                f"such as {min(missing)}; complete them, or name another model ({lacks})"
                )  # fmt: skip
    if strange:
        return (f"its files have {len(strange)} weights that config.json knows nothing of, such "
                f"as {strange[0]}; take the config.json that belongs to them")  # fmt: skip
    return None


def _beside(name: str, modules: Collection[str]) -> bool:
    """Return whether a weight is of a part that the model lacks, and that stands beside its own."""
    place = name.rpartition(".")[0]
    if place in modules:
        return False
    while place not in modules:
        place = place.rpartition(".")[0]
    # Not of a layer more, nor of a part of a layer.
    return "." not in place and f"{place}.0".lstrip(".") not in modules
