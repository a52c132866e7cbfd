"""What a safetensors file holds, read from its header alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.jsontext import json_value
from harness.records import Json

# A header of safetensors is refused by the library itself above this size.
_HEADER_BYTES = 100_000_000
_INTEGERS = {"BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"}
# Weights of layers, and of experts that stand in one tensor; masks and positions are integers.
_WEIGHTS = (".weight", ".qweight", "_proj")
# Where a configuration says how its weights are quantized, and files of their own that say it.
_QUANTIZED = ("quantization_config", "compression_config")
_QUANTIZED_FILES = ("quantize_config.json", "quant_config.json", "hf_quant_config.json")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Number format, such as `F32` or `I8`, and shape of a tensor."""

    dtype: str
    shape: tuple[int, ...]


def tensors_of(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no such file.
    """
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(8), "little")
        header = json_value(opened.read(size) if size <= _HEADER_BYTES else b"[]")
    try:
        return {
            name: Tensor(str(entry["dtype"]), tuple(map(int, entry["shape"])))
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("it is not a safetensors file") from error


def tensor_names(file: Path) -> set[str]:
    """Return the names of a safetensors file's tensors, none where it cannot be read."""
    return {name for name, _ in _readable(file)}


def quantized_problem(folder: Path, config: Mapping[str, Json]) -> str | None:
    """Return why a model's quantized weights cannot be read, or None.

    Args:
        folder: A model's folder.
        config: Its config.json.
    """
    told = config.get(_QUANTIZED[0])
    # Of bitsandbytes, which said it otherwise before there were others.
    known = ("quant_method", "load_in_4bit", "load_in_8bit")
    if isinstance(told, dict) and told and not any(told.get(key) for key in known):
        if not any((folder / name).is_file() for name in _QUANTIZED_FILES):
            return ("config.json has a quantization_config without quant_method, as MLX writes "
                    "it, whose weights no engine here reads; take the model before quantization"
                    )  # fmt: skip
    return integers_problem(folder, config)


def integers_problem(folder: Path, config: Mapping[str, Json]) -> str | None:
    """Return that a model's weights are integers of which nothing says what they stand for.

    transformers would take them as numbers, 127 for what was 0.3. Files that cannot be read are
    left to who loads them.

    Args:
        folder: A model's folder.
        config: Its config.json.
    """
    inner = config.get("text_config")
    told = [config, inner if isinstance(inner, dict) else {}]
    if any(one.get(key) for one in told for key in _QUANTIZED) or any(
        (folder / name).is_file() for name in _QUANTIZED_FILES
    ):
        return None
    found = sorted(
        (name, tensor.dtype)
        for file in _loaded(folder)
        for name, tensor in _readable(file)
        if tensor.dtype in _INTEGERS and tensor.shape and name.endswith(_WEIGHTS)
    )
    if not found:
        return None
    name, dtype = found[0]
    return (f"{len(found)} of its weights are integers ({dtype}), such as {name}, and config.json "
            "has no quantization_config that says how to read them; take the config.json and the "
            "scales that belong to them, or the model before quantization")  # fmt: skip


def _loaded(folder: Path) -> list[Path]:
    """Return the files that a model is loaded from."""
    one = folder / "model.safetensors"
    whole = one.is_file() and not (folder / f"{one.name}.index.json").is_file()
    # Shards may lie in folders of their own.
    return [one] if whole else sorted(folder.rglob("*.safetensors"))


def _readable(file: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        yield from tensors_of(file).items()
    except (OSError, ValueError):
        return
