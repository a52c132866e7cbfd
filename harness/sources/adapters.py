"""What lies in an adapter's folder: its configuration, its tensors' shapes, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.errors import AssetError
from harness.records import Adapter, Json
from harness.sources.model_files import check_inside, content_digest, read_config
from harness.sources.tensors import tensors_of

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
# What may be put beside a model's weights and taken away again: LoRA's matrices, DoRA's magnitudes.
_BESIDE = (
    ".lora_A.weight", ".lora_B.weight", ".lora_B.bias", ".lora_embedding_A", ".lora_embedding_B",
    ".lora_magnitude_vector", ".lora_magnitude_vector.weight",
)  # fmt: skip
# Beginnings of initialisations by which peft takes the adapter's start out of the base's weights.
_SUBTRACTED = ("pissa", "olora", "corda", "lora_ga", "loftq")
# Keys of the configuration by which other modules are trained than those beside which LoRA stands.
_TRAINED = ("modules_to_save", "trainable_token_indices", "target_parameters")


def adapter_asset(path: Path) -> Adapter:
    """Return the LoRA weights in a folder, with their rank and the digest of their content.

    Raises:
        AssetError: No LoRA adapter there, or weights that are not safetensors.
    """
    config = read_config(path, CONFIG, "an adapter")
    if (path / "adapter_model.bin").exists():
        raise AssetError(f"{path}: adapter_model.bin is a pickle, which can run code; convert it "
                         "to adapter_model.safetensors and remove it")  # fmt: skip
    weights = path / WEIGHTS
    if not weights.is_file():
        raise AssetError(f"{path}: no {WEIGHTS}; name the folder of a trained adapter")
    if config.get("peft_type") != "LORA":
        raise AssetError(f"{path}: adapter_config.json has peft_type {config.get('peft_type')!r}; "
                         "only LORA is served")  # fmt: skip
    pattern = config.get("rank_pattern") or {}
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
    good = [rank for rank in ranks if isinstance(rank, int) and rank >= 1]
    if len(good) < len(ranks):
        raise AssetError(f"{path}: adapter_config.json has no valid rank 'r': {ranks[0]!r}")
    files = [path / CONFIG, weights]
    for file in files:
        check_inside(file, path, str(path))
    return Adapter(str(path), content_digest(path, files), max(good))


def adapter_config(path: Path) -> dict[str, Json]:
    """Return the configuration in an adapter's folder.

    Raises:
        AssetError: There is none that can be read.
    """
    return read_config(path, CONFIG, "an adapter")


def tensor_shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a safetensors file's tensors by name, read from its header alone.

    Raises:
        AssetError: It is no such file.
    """
    try:
        return {name: tensor.shape for name, tensor in tensors_of(weights).items()}
    except (OSError, ValueError) as error:
        raise AssetError(f"{weights} cannot be read: it is not a safetensors file; train the "
                         "adapter again, or copy it again") from error  # fmt: skip


def changes_base(path: Path) -> bool:
    """Return whether an adapter needs an engine of its own, in which no other model is asked.

    That is one that changes the base's weights when it is loaded and leaves them so when it is
    switched off (an initialisation that is subtracted from them, biases, saved embeddings), and
    one that replaces modules, beside which another adapter may find no place. An adapter that is
    not there, or is none, needs nothing; the checks before a run say what is wrong with it.
    """
    try:
        return changing(adapter_config(path)) or any(
            not name.endswith(_BESIDE) for name in tensor_shapes(path / WEIGHTS)
        )
    except AssetError:
        return False


def changing(config: Mapping[str, Json]) -> bool:
    """Return whether an adapter's configuration says that it changes or replaces base weights."""
    start = str(config.get("init_lora_weights")).lower()
    return (
        start.startswith(_SUBTRACTED)
        or config.get("bias", "none") not in ("none", None)
        or any(bool(config.get(key)) for key in _TRAINED)
    )
