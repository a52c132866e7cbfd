"""The command `harness`: what needs no pytest."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from harness.commands.assets import assets_app
from harness.commands.comment import comment
from harness.commands.compare import compare
from harness.commands.export import export
from harness.commands.importing import import_app
from harness.commands.init import init
from harness.commands.judge import judge_app
from harness.commands.languages import Lang
from harness.commands.mark import mark
from harness.commands.project import Project, evalsets_of
from harness.commands.saying import say
from harness.commands.schemas import schemas
from harness.commands.score import score
from harness.commands.train import data_app, train
from harness.commands.validate import validate
from harness.errors import HarnessError
from harness.writing import write_whole


class _OneLine(TyperGroup):
    """Ends whatever cannot be read or written, the standard output among it, with one line."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # what it is given
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Who reads has enough; the library ends quietly then.
            raise
        except OSError as error:
            _fail(str(error))


app = typer.Typer(
    cls=_OneLine, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(assets_app, name="assets")
app.add_typer(data_app, name="data")
app.add_typer(judge_app, name="judge")
app.add_typer(import_app, name="import")
judge_app.command()(mark)
app.command()(init)
app.command()(validate)
app.command()(score)
app.command()(train)
app.command()(comment)
app.command()(compare)
app.command()(export)


class Texts(StrEnum):
    """Whether a report shows the samples' texts."""

    full = "full"
    none = "none"


class Plots(StrEnum):
    """Format of a report's plots."""

    svg = "svg"
    png = "png"
    none = "none"


@app.callback()
def main() -> None:
    """Evaluate language models: `pytest` runs the evals, these commands do the rest."""


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as reports/latest.")],
    lang: Annotated[Lang, typer.Option(help="Language.")] = Lang.en,
    texts: Annotated[Texts, typer.Option(help="Show the samples' texts or none.")] = Texts.full,
    plots: Annotated[Plots, typer.Option(help="Format of the plots, or none.")] = Plots.svg,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report and its plots; default the run's.")
    ] = None,
) -> None:
    """Write a run's report again with its plots, in another language or without texts."""
    from harness.analysis.analyze import analyze
    from harness.analysis.files import save_findings
    from harness.report.runfiles import load_whole, redact_run
    from harness.report.write import write_report

    try:
        loaded = load_whole(run)
        findings = analyze(redact_run(loaded) if texts is Texts.none else loaded)
        folder = out or run
        path = write_report(
            folder, loaded, findings, lang=lang.value, texts=texts.value, plots=plots.value
        )
        save_findings(folder, findings)
    except (HarnessError, OSError) as error:
        _fail(str(error))
    typer.echo(path)


@app.command()
def schema(
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("docs/schema"),
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Write the JSON Schemas: of the YAML files, with what the project registers, and of findings.

    Editors read those of the YAML files; those of `findings.json` and of `harness compare --json`
    are for programs.
    """
    root = root.resolve()
    try:
        with _project(root, evalsets_of(root)).registered():
            texts = schemas()
    except HarnessError as error:
        _fail(str(error))
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_whole(out / f"{name}.json", text)
        typer.echo(out / f"{name}.json")


def _project(root: Path, paths: Sequence[Path]) -> Project:
    try:
        return Project(root, paths)
    except HarnessError as error:
        _fail(str(error))


def _fail(problem: str) -> NoReturn:
    say(problem, err=True)
    raise typer.Exit(2)
