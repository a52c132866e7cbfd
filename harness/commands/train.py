"""The commands `harness data analyze` and `harness train`."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.failing import failing, interruptible
from harness.commands.saying import say

if TYPE_CHECKING:
    from harness.train.filters import CountTokens


class Backend(StrEnum):
    """What trains."""

    auto = "auto"
    trl = "trl"
    unsloth = "unsloth"


data_app = typer.Typer(no_args_is_help=True, help="Training data.")

RecipePath = Annotated[Path, typer.Argument(help="The recipe, such as recipes/smoke.yaml.")]
Root = Annotated[Path, typer.Option(help="The project folder.")]
DataFile = Annotated[
    str | None, typer.Option("--data", help="A file that stands in for the recipe's source.")
]
BaseSource = Annotated[
    str | None,
    typer.Option("--base", help="A model in place of the recipe's: file:FOLDER or hub:owner/name."),
]


@data_app.callback()
def _data() -> None:
    """Training data."""


@data_app.command()
def analyze(
    recipe: RecipePath, data: DataFile = None, base: BaseSource = None, root: Root = Path()
) -> None:
    """Show what a recipe's data is made of, and what each of its filters drops."""
    from harness.errors import AssetError, SpecError
    from harness.paths import public_source
    from harness.spec.load import load_recipe
    from harness.train.analyze import analyze as measure
    from harness.train.base import open_base
    from harness.train.data_report import write_data_report
    from harness.train.lengths import token_counter
    from harness.train.rows import read_dialogues

    root = root.resolve()
    with failing():
        spec, file = load_recipe(recipe.resolve(), root=root)
        read = read_dialogues(spec.data, base=root, file=file, given=data)
        for note in read.notes:
            say(note)
        read = replace(read, source=public_source(read.source, root))
        count: CountTokens | str
        try:
            model = open_base(spec.base, root=root, given=base)
            count, shown = token_counter(model.tokenizer), public_source(model.source, root)
        except AssetError as error:
            if base:
                raise
            # Lengths in characters tell most of what tokens would.
            count, shown = str(error), ""
            say(f"warning: lengths are in characters alone: {error}", err=True)
        found = measure(spec, read, count_tokens=count, file=file)
        folder = root / "reports" / f"data-{recipe.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
        typer.echo(write_data_report(folder, recipe.stem, found, tokenizer=shown))
        if found.problem:
            raise SpecError(found.problem)


def train(
    recipe: RecipePath,
    backend: Annotated[Backend | None, typer.Option(help="Instead of the recipe's.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show rows, tokens and masks; load no weights.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint.")
    ] = False,
    data: DataFile = None,
    base: BaseSource = None,
    out: Annotated[Path | None, typer.Option(help="The adapter's folder.")] = None,
    root: Root = Path(),
) -> None:
    """Train a recipe's LoRA adapter into adapters/<recipe>, or adapters/<recipe>-<backend>."""
    from harness.spec.load import load_recipe
    from harness.train.job import Job
    from harness.train.machine import choose_backend
    from harness.train.pipeline import dry_run as show
    from harness.train.pipeline import train_adapter

    root = root.resolve()
    with failing():
        spec, file = load_recipe(recipe.resolve(), root=root)
        # Before any other library: unsloth patches those that come after it.
        chosen = choose_backend((backend or Backend(spec.backend)).value) if not dry_run else "trl"
        name = recipe.stem + (f"-{backend.value}" if backend else "")
        job = Job(
            recipe=spec,
            file=file,
            name=recipe.stem,
            root=root,
            backend=chosen,
            out=out.resolve() if out else root / "adapters" / name,
            data=data,
            base=base,
        )
        if dry_run:
            show(job, say=say)
        else:
            with interruptible("go on from the last checkpoint, if there is one, with --resume"):
                typer.echo(train_adapter(job, resume=resume, say=say))
