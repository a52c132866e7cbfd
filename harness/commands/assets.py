"""The commands `harness assets list` and `harness assets fetch`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.collect import AnyCell, collect_evalset
from harness.commands.failing import failing, interruptible
from harness.commands.project import Project, chosen_evalsets, recipes_of
from harness.commands.saying import say
from harness.errors import AssetError, HarnessError
from harness.sources.cache import cache_folder
from harness.spec.load import load_recipe

if TYPE_CHECKING:
    from harness.planning.needs import Need

assets_app = typer.Typer(no_args_is_help=True, help="Models and data that eval sets need.")

Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Eval sets or folders of them; default all, and all recipes."),
]
Root = Annotated[Path, typer.Option(help="The project folder.")]
_NO_VALUE = "\N{EN DASH}"


@assets_app.callback()
def _assets() -> None:
    """Models and data that eval sets need."""


@assets_app.command("list")
def list_(paths: Paths = None, root: Root = Path()) -> None:
    """List what eval sets need: models, adapters and data, whether they are here, and where."""
    from tabulate import tabulate

    root = root.resolve()
    with failing():
        rows = [_row(need, root) for need in _needs(root, paths)]
    say(tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True))
    say(_caches())


@assets_app.command()
def fetch(paths: Paths = None, root: Root = Path()) -> None:
    """Fetch what eval sets need, for machines without network; says what cannot be had."""
    from harness.planning.needs import fetch as get

    root = root.resolve()
    missing: list[str] = []
    with failing(), interruptible("what was fetched is kept, and the same command goes on"):
        for need in _needs(root, paths):
            since = time.monotonic()
            try:
                get(need, root)
            except AssetError as error:
                missing.append(f"{', '.join(need.users)}: {error}")
            else:
                row = _row(need, root)
                say(f"{need.kind} {need.source}: {row['size']} in {row['where']}, "
                    f"{time.monotonic() - since:.0f} s")  # fmt: skip
        say(_caches())
        if missing:
            raise HarnessError(*missing)


def _needs(root: Path, paths: list[Path] | None) -> list[Need]:
    """Return what the chosen sets need, and all recipes where none is chosen."""
    from harness.planning.needs import needs_of

    found = chosen_evalsets(root, paths)
    project, cells = Project(root, found), list[AnyCell]()
    for path in found:
        with project.registered(path.parent):
            cells += collect_evalset(path, root).cells
    recipes = [] if paths else recipes_of(root)
    return needs_of(cells, {path.relative_to(root).as_posix(): load_recipe(path, root=root)[0]
                            for path in recipes})  # fmt: skip


def _row(need: Need, root: Path) -> dict[str, str]:
    from harness.planning.needs import at_hand, size_of_files

    place = at_hand(need, root)
    return {
        "here": "yes" if place else "no",
        "what": need.kind,
        "size": _size(size_of_files(place)) if place else _NO_VALUE,
        "source": need.source,
        "needed by": ", ".join(need.users),
        "where": _shown(place, root) if place else _NO_VALUE,
    }


def _shown(place: Path, root: Path) -> str:
    return str(place.relative_to(root) if place.is_relative_to(root) else place)


def _size(count: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.1f} kB"


def _caches() -> str:
    """Say which folders to take to a machine without network."""
    home = os.environ.get("HF_HOME") or Path("~/.cache/huggingface").expanduser()
    return (f"caches: HARNESS_CACHE={cache_folder()} HF_HOME={home}; on a machine without network "
            "copies of them are named by these variables")  # fmt: skip
