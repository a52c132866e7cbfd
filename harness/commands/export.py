"""The command `harness export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.failing import failing
from harness.commands.saying import say
from harness.errors import EXIT_FIXABLE, HarnessError


class Form(StrEnum):
    """What reads the files."""

    csv = "csv"
    hub = "hub"


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as reports/latest.")],
    to: Annotated[
        Form,
        typer.Option(help="csv: all figures as summary.csv; hub: .eval_results/ of model pages."),
    ] = Form.csv,
    out: Annotated[Path | None, typer.Option(help="Folder; by default export/ of the run.")] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="EVALSET=OWNER/NAME: the hub's data set of an eval set; may be repeated."
        ),
    ] = None,
) -> None:
    """Write a run's figures for other tools."""
    from harness.report.runfiles import load_head
    from harness.writing import write_whole

    with failing():
        named = _named(dataset or [])
        found = load_head(run)
        if unknown := sorted(named.keys() - {row.evalset for row in found.rows}):
            raise HarnessError(f"--dataset {unknown[0]}: the run has no such eval set")
        folder = out or run / "export"
        if to is Form.csv:
            from harness.export.table import summary_csv

            write_whole(folder / "summary.csv", summary_csv(found))
            typer.echo(folder / "summary.csv")
            return
        from harness.export.hub import hub_files

        made = hub_files(found, datasets=named)
        for path, text in made.files.items():
            write_whole(folder / path, text)
            typer.echo(folder / path)
        for (evalset, cell), problem in made.left_out.items():
            say(f"{evalset}::{cell}: left out: {problem}", err=True)
    if not made.files:
        say(f"{run}: nothing to export to the hub", err=True)
        raise typer.Exit(EXIT_FIXABLE)


def _named(entries: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        evalset, _, name = entry.partition("=")
        if not evalset or name.count("/") != 1 or not all(name.split("/")):
            raise HarnessError(f"--dataset {entry}: write EVALSET=OWNER/NAME")
        found[evalset] = name
    return found
