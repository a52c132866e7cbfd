"""The command `harness`: what needs no pytest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.collect import collect_evalset
from harness.commands.compare import compare
from harness.commands.judge import judge_app
from harness.commands.languages import Lang
from harness.commands.project import Project, evalsets_of
from harness.commands.saying import say
from harness.commands.train import data_app, train
from harness.errors import HarnessError
from harness.plugin.evalsets import FOLDER, is_evalset
from harness.spec.base import Strict
from harness.spec.evalset import EvalSet
from harness.spec.judgeset import JudgeSet
from harness.spec.modelspec import ModelsFile
from harness.spec.recipe import Recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(judge_app, name="judge")
app.command()(train)
app.command()(compare)
_SCHEMAS: dict[str, type[Strict]] = {
    "evalset": EvalSet,
    "judgeset": JudgeSet,
    "models": ModelsFile,
    "recipe": Recipe,
}


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
def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Eval sets or folders of them; default all.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Check eval sets and their prompts; say what they would take and their gates could show.

    No model loads. Data and tokenizers are read where they are at hand, and nothing is fetched.
    """
    from harness.planning.of_project import set_lines

    root = root.resolve()
    if FOLDER in root.parts and not (root / FOLDER).is_dir():
        _fail(f"{root}: is not a project, but a folder of eval sets; run in the folder above "
              f"'{FOLDER}', or give it by --root")  # fmt: skip
    found: list[Path] = []
    searched = [path.resolve() for path in paths] if paths else [root / FOLDER]
    for path in searched:
        inside = [one for one in sorted(path.rglob("*")) if is_evalset(one, root)]
        found += [path] if path.is_file() else inside
        if path.is_file() and not is_evalset(path, root):
            _fail(f"{path}: is not an eval set; those are .yaml files in a folder '{FOLDER}', but "
                  "for models.yaml")  # fmt: skip
        if not path.is_file() and not inside:
            _fail(f"{path}: no eval set (a .yaml file in a folder '{FOLDER}') is there; run "
                  "in the project's folder, or give it by --root")  # fmt: skip
    wrong: list[str] = []
    project = _project(root, found)
    for path in found:
        try:
            with project.registered(path.parent):
                for line in set_lines(collect_evalset(path, root), root):
                    say(line)
        except HarnessError as error:
            wrong.append(str(error))
    if wrong:
        _fail("\n".join(wrong))


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as reports/latest.")],
    lang: Annotated[Lang, typer.Option(help="Language.")] = Lang.en,
    texts: Annotated[Texts, typer.Option(help="Show the samples' texts or none.")] = Texts.full,
    plots: Annotated[Plots, typer.Option(help="Format of the plots, or none.")] = Plots.svg,
) -> None:
    """Write a run's report again with its plots, in another language or without texts."""
    from harness.analysis.analyze import analyze
    from harness.analysis.files import save_findings
    from harness.report.runfiles import load_run, redact_run
    from harness.report.write import write_report

    try:
        loaded = load_run(run)
        findings = analyze(redact_run(loaded) if texts is Texts.none else loaded)
        path = write_report(
            run, loaded, findings, lang=lang.value, texts=texts.value, plots=plots.value
        )
        save_findings(run, findings)
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
        (out / f"{name}.json").write_text(text, encoding="utf-8")
        typer.echo(out / f"{name}.json")


def _project(root: Path, paths: Sequence[Path]) -> Project:
    try:
        return Project(root, paths)
    except HarnessError as error:
        _fail(str(error))


def _fail(problem: str) -> NoReturn:
    say(problem, err=True)
    raise typer.Exit(2)


def schemas() -> dict[str, str]:
    """Return the JSON Schema text of each kind of YAML file, and of what programs read."""
    from harness.analysis.files import comparison_schema, findings_schema

    found = {name: model.model_json_schema() for name, model in _SCHEMAS.items()}
    found["findings"] = findings_schema()
    found["compare"] = comparison_schema()
    return {name: json.dumps(schema, indent=1) + "\n" for name, schema in found.items()}
