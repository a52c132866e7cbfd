"""The command `harness compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.failing import failing
from harness.commands.languages import Lang
from harness.commands.saying import say
from harness.errors import EXIT_FIXABLE, HarnessError


def compare(
    run_a: Annotated[Path, typer.Argument(help="Folder of the run that is compared with.")],
    run_b: Annotated[Path, typer.Argument(help="Folder of the run that is judged.")],
    match: Annotated[
        list[str] | None,
        typer.Option(
            help="OLD=NEW: a cell, model or prompt of run A has another name in run B; "
            "may be repeated."
        ),
    ] = None,
    against: Annotated[
        str, typer.Option(help="A cell of run A that all cells of run B are compared with.")
    ] = "",
    lang: Annotated[Lang, typer.Option(help="Language of the tables.")] = Lang.en,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")] = False,
) -> None:
    """Compare two runs on the same samples or probes: effects with intervals, and what changed."""
    from harness.analysis.compare_runs import compare_runs
    from harness.report.compare import comparison_text
    from harness.report.runfiles import load_whole

    with failing():
        renamed = _renamed(match or [])
        if renamed and against:
            raise HarnessError("--match with --against: the one names a cell of run A for each, "
                               "the other one for all; leave one of them out")  # fmt: skip
        found = compare_runs(load_whole(run_a), load_whole(run_b), renamed=renamed,
                             against=against)  # fmt: skip
    if as_json:
        from harness.analysis.files import comparison_json

        typer.echo(comparison_json(found))
    else:
        say(comparison_text(found, lang=lang.value))
    if not found.pairs and not found.models:
        if not found.refused:
            say("no cell of one run stands against one of the other; name them with --match "
                "OLD=NEW or --against CELL", err=True)  # fmt: skip
        elif as_json:
            first = found.refused[0]
            say(f"{first.evalset}::{first.second}: {first.reason}", err=True)
        raise typer.Exit(EXIT_FIXABLE)


def _renamed(entries: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        old, _, new = entry.partition("=")
        if not old or not new or "=" in new:
            raise HarnessError(f"--match {entry}: write OLD=NEW")
        if old in found or new in found.values():
            raise HarnessError(f"--match {entry}: a name is given twice; leave one out")
        found[old] = new
    return found
