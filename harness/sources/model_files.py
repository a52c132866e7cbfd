"""Which files of a model's folder are loaded: those are checked, and those are its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import AssetError
from harness.jsontext import json_value
from harness.records import Json
from harness.sources.cache import file_digest
from harness.sources.tensors import quantized_problem, tensor_names

_SUFFIXES = {".safetensors", ".json", ".txt", ".model", ".jinja"}
# Engines look for the weights in one file, or in those that the index names.
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
# Of models with another head than a language model's, which is not missed in their files where it
# is tied to the embeddings.
CLASSIFIES = "ForSequenceClassification"
_HEADS = (CLASSIFIES, "ForTokenClassification", "ForQuestionAnswering",
          "ForMaskedLM", "ForMultipleChoice")  # fmt: skip
# transformers loads an adapter that lies beside a model.
_ADAPTER = "adapter_config.json"


def check_model(
    folder: Path, where: str, *, weightless: bool, code: bool, encoder: bool = False
) -> None:
    """Raise AssetError unless a folder has a configuration and the weights that will be loaded.

    Args:
        folder: A model's.
        where: What names it in errors.
        weightless: Whether it will do without weights, as the engine takes none of them.
        code: Whether code of its own is run.
        encoder: Whether it is to classify, and not to write.
    """
    if not folder.is_dir():
        raise AssetError(f"{where}: no such folder at {folder}; check the path")
    if problem := _gguf_alone(folder, weightless=weightless):
        raise AssetError(f"{where}: {problem}")
    config = read_config(folder, "config.json", "a model")
    if not weightless and (missing := _missing(folder)):
        raise AssetError(f"{where}: no {missing} in {folder}; complete it, or convert pickled "
                         "weights, which are not loaded, to safetensors")  # fmt: skip
    named = config.get("architectures")
    heads = [one for one in named if str(one).endswith(_HEADS)] if isinstance(named, list) else []
    if encoder:
        _check_head(config, where)
    elif heads and not weightless:
        raise AssetError(f"{where}: config.json says {heads[0]}: a classifier, a reward model or "
                         "an encoder, which writes no text; name a language model, or write "
                         "engine: encoder")  # fmt: skip
    for file in _files(folder, code=code):
        check_inside(file, folder, where)
    if weightless:
        return
    if problem := (_pickled(folder) or _other_weights(folder, config)
                   or quantized_problem(folder, config)):  # fmt: skip
        raise AssetError(f"{where}: {problem}")


def _check_head(config: Mapping[str, Json], where: str) -> None:
    """Raise AssetError unless a configuration is of a model that classifies whole texts."""
    named = config.get("architectures")
    heads = [str(one) for one in named] if isinstance(named, list) else []
    if not any(one.endswith(CLASSIFIES) for one in heads):
        raise AssetError(f"{where}: config.json says {', '.join(heads) or 'no architectures'}, and "
                         f"an encoder is a model *{CLASSIFIES}; name one, or another engine"
                         )  # fmt: skip


def check_inside(file: Path, folder: Path, where: str) -> None:
    """Raise AssetError for a file that lies elsewhere than in a folder, by a link or by its name.

    A snapshot of the hub's cache links to the blobs beside it.
    """
    own, real = folder.resolve(), file.resolve()
    blobs = own.parents[1] / "blobs" if own.parent.name == "snapshots" else own
    if not (real.is_relative_to(own) or real.is_relative_to(blobs)):
        raise AssetError(f"{where}: {file.name} leads out of {folder}, where it can be exchanged "
                         "unseen; copy the file into the folder")  # fmt: skip


def folder_digest(folder: Path, *, code: bool) -> str:
    """Return a sha256 over all files of a model's folder that an engine may load."""
    return content_digest(folder, _files(folder, code=code))


def content_digest(folder: Path, paths: Iterable[Path]) -> str:
    """Return a sha256 over the names and digests of files in a folder, in the names' order."""
    named = sorted((path.relative_to(folder).as_posix(), path) for path in paths)
    lines = (f"{name} {file_digest(path)}\n" for name, path in named)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(folder: Path, *, code: bool) -> set[Path]:
    """Return the files that are there of those that an engine may load."""
    found = {path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file()}
    found |= {path for name in _shards(folder) if _is_there(path := folder / name)}
    return found | ({path for path in folder.rglob("*.py") if path.is_file()} if code else set())


def _gguf_alone(folder: Path, *, weightless: bool) -> str | None:
    """Return that a folder has GGUF files in place of a model's, which are read one by one."""
    whole = (folder / "config.json").is_file() and (weightless or not _missing(folder))
    found = sorted(folder.glob("*.gguf"))
    if whole or not found:
        return None
    return (f"{folder} has no weights in safetensors, but {found[0].name}; write the path of that "
            "file as the source, as in source: file:models/model.gguf")  # fmt: skip


def _missing(folder: Path) -> str | None:
    """Return the name of the first file of weights that will be looked for in vain."""
    shards = _shards(folder)
    if not shards and not (folder / _WHOLE).is_file():
        return _WHOLE
    return next((name for name in shards if not _is_there(folder / name)), None)


def _is_there(path: Path) -> bool:
    """Return whether a file is there under a name that may be none, such as one too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def _pickled(folder: Path) -> str | None:
    """Say which shard is no safetensors file by its name, which transformers would unpickle."""
    shard = next((name for name in _shards(folder) if not name.endswith(".safetensors")), None)
    return shard and (f"{_INDEX} names {shard}, which would be loaded as a pickle; convert it to "
                      "safetensors")  # fmt: skip


def _other_weights(folder: Path, config: Mapping[str, Json]) -> str | None:
    """Say which file makes weights ambiguous: an adapter's, or one with weights of the same names.

    With `model.safetensors` beside an index, transformers takes that file and vLLM the shards;
    without an index, vLLM takes all that are there.
    """
    if (folder / _ADAPTER).is_file():
        return (f"{folder} has {_ADAPTER} beside the model's weights, and transformers would put "
                "that adapter on them, a second time where it is merged into them; move the "
                "adapter's files to a folder of their own")  # fmt: skip
    named = set(_shards(folder)) or {_WHOLE}
    told = config.get("transformers_weights")
    if told is not None and told not in [*named, _INDEX]:
        return (f"config.json has transformers_weights {told!r}, which transformers alone would "
                f"load; name that file {_WHOLE}, and remove the key")  # fmt: skip
    if _has_own_head(folder, named, config):
        return (f"config.json in {folder} says tie_word_embeddings, and its head is not its "
                "embeddings: transformers takes the head, and vLLM one matrix for both; write "
                "false there, or take the files that belong to it")  # fmt: skip
    held_in: dict[str, Path] = {}
    for shard in sorted(named):
        for name in tensor_names(folder / shard):
            first = held_in.setdefault(name, folder / shard)
            if not _equal((first, name), (folder / shard, name)):
                return (f"{folder} has {name} in two of its shards, {first.name} and {shard}, with "
                        "other numbers, and engines need not take the one that the index names; "
                        "copy the model anew")  # fmt: skip
    further = sorted(file for file in folder.glob("*.safetensors") if file.name not in named)
    held = {name for file in named for name in tensor_names(folder / file)} if further else set()
    for file in further:
        if held & tensor_names(file):
            return (f"{folder} has weights twice, in {file.name} and in {min(named)}, and engines "
                    "do not take the same ones; remove what is not the model's")  # fmt: skip
    return None


def _has_own_head(folder: Path, named: Iterable[str], config: Mapping[str, Json]) -> bool:
    """Return whether a head that should be the embeddings is another matrix; many files have both.

    Args:
        folder: A model's.
        named: Its files of weights.
        config: Its configuration.
    """
    if config.get("tie_word_embeddings") is not True:
        return False
    held = {name: folder / file for file in named for name in tensor_names(folder / file)}
    ends = [name for name in held if name in ("lm_head.weight", "model.embed_tokens.weight")]
    if len(ends) < 2:
        return False
    return not _equal(*((held[name], name) for name in ends))


def _equal(one: tuple[Path, str], other: tuple[Path, str]) -> bool:
    """Return whether two tensors hold the same numbers, each by its file and name.

    Raises:
        AssetError: A file is damaged.
    """
    if one == other:
        return True
    import torch
    from safetensors import SafetensorError, safe_open

    found = []
    for file, name in (one, other):
        try:
            with safe_open(file, framework="pt") as tensors:
                found.append(tensors.get_tensor(name))
        except SafetensorError as error:
            raise AssetError(f"{file}: is damaged: {error}; copy the model anew") from error
    if found[0].dtype != found[1].dtype:
        return False
    # By their bytes: numbers of eight bits cannot be compared.
    same: bool = torch.equal(*(tensor.reshape(-1).view(torch.uint8) for tensor in found))
    return same


def _shards(folder: Path) -> list[str]:
    if not (folder / _INDEX).is_file():
        return []
    shards = read_config(folder, _INDEX, "a model").get("weight_map")
    return sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []


def read_config(folder: Path, name: str, kind: str) -> dict[str, Json]:
    """Return a JSON object in a folder.

    Args:
        folder: Where it should lie.
        name: The file's name.
        kind: What the folder should be, for errors.

    Raises:
        AssetError: No such folder or file, or no JSON object in it.
    """
    if not folder.is_dir():
        raise AssetError(f"{folder}: no such folder, where {kind} is wanted; check the path")
    try:
        config = json_value((folder / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise AssetError(f"{folder}: no readable {name}, so it is not the folder of {kind}; check "
                         "the path") from error  # fmt: skip
    except ValueError as error:
        raise AssetError(f"{folder / name}: is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise AssetError(f"{folder / name}: is not a JSON object")
    return config
