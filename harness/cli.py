"""The command `harness`: what needs no pytest."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from harness.collect import load_cells
from harness.errors import HarnessError
from harness.schema import EvalSet, ModelsFile, Strict

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_SCHEMAS: dict[str, type[Strict]] = {"evalset": EvalSet, "models": ModelsFile}


class Lang(str, Enum):
    """Languages of a report."""

    en = "en"
    ru = "ru"


class Texts(str, Enum):
    """Whether a report shows the samples' texts."""

    full = "full"
    none = "none"


@app.callback()
def main() -> None:
    """Evaluate language models: `pytest` runs the evals, these commands do the rest."""


@app.command()
def validate(
    paths: Annotated[list[Path] | None, typer.Argument(help="Eval sets; default all.")] = None,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Check eval sets and their prompts without loading data or models."""
    root = root.resolve()
    found = [path.resolve() for path in paths or sorted((root / "evalsets").rglob("*.yaml"))]
    wrong = False
    for path in found:
        if path.stem == "models":
            continue
        try:
            cells = load_cells(path, root)
            typer.echo(f"{path.relative_to(root)}: {len(cells)} cells")
        except HarnessError as error:
            typer.echo(str(error), err=True)
            wrong = True
    if wrong:
        raise typer.Exit(2)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as reports/latest.")],
    lang: Annotated[Lang, typer.Option(help="Language.")] = Lang.en,
    texts: Annotated[Texts, typer.Option(help="Show the samples' texts or none.")] = Texts.full,
) -> None:
    """Write a run's report again, in another language or without texts."""
    from harness.report import write_report
    from harness.runfiles import load_run

    try:
        saved = load_run(run)
        path = write_report(
            run,
            info=saved.info,
            rows=saved.rows,
            gates=saved.gates,
            results=saved.results,
            skipped=saved.skipped,
            lang=lang.value,
            texts=texts.value,
        )
    except HarnessError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(path)


@app.command()
def schema(
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("docs/schema"),
) -> None:
    """Write the JSON Schema of the YAML files, for editors."""
    out.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (out / f"{name}.json").write_text(text, encoding="utf-8")
        typer.echo(out / f"{name}.json")


def schemas() -> dict[str, str]:
    """Return the JSON Schema text of each kind of YAML file."""
    return {
        name: json.dumps(model.model_json_schema(), indent=1) + "\n"
        for name, model in _SCHEMAS.items()
    }
