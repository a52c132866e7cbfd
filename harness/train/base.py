"""The base model of a recipe: its folder on disk and its tokenizer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.errors import TrainError
from harness.prompts.tokenizers import load_tokenizer
from harness.sources.assets import ModelAsset, model_asset
from harness.sources.loaded import code_problem
from harness.spec.modelspec import ModelSpec
from harness.spec.recipe import BaseModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Base:
    """A base model on disk; `source` is what the recipe or the command line names."""

    source: str
    asset: ModelAsset
    tokenizer: PreTrainedTokenizerBase


def open_base(spec: BaseModelSpec, *, root: Path, given: str | None = None) -> Base:
    """Fetch a base model, and open its tokenizer; no weights are loaded.

    Args:
        spec: The recipe's key `base`.
        root: Folder that relative paths start from: the project's root.
        given: A source that stands in for the recipe's: `file:FOLDER` or `hub:owner/name`.

    Raises:
        AssetUnreachable: It is not on this machine, and no hub or index is in reach.
        AssetError: No model there, or another digest than the pinned one.
        TrainError: No tokenizer that can be loaded.
    """
    source = given or spec.source
    if given and not re.match(r"(file|hub):.", given):
        raise TrainError(f"--base: invalid source '{given}'; write file:FOLDER or hub:owner/name")
    try:
        model = ModelSpec(source=source) if given else ModelSpec(
            source=source, dist=spec.dist, member=spec.member, sha256=spec.sha256,
            parts=spec.parts)  # fmt: skip
    except ValidationError as error:
        raise TrainError(f"--base: {error.errors()[0]['msg']}") from error
    asset = model_asset(model, base=root)
    try:
        tokenizer = load_tokenizer(asset.path)
    except (OSError, ValueError) as error:
        first = code_problem(error) or str(error).splitlines()[0]
        raise TrainError(f"{source}: no usable tokenizer in {asset.path}: {first}") from error
    return Base(source, asset, tokenizer)
