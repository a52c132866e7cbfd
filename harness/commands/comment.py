"""The command `harness comment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.failing import failing
from harness.commands.languages import Lang
from harness.errors import HarnessError


def comment(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as reports/latest.")],
    link: Annotated[
        str | None, typer.Option(help="Address behind the comment, such as that of the job.")
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the report.")] = Lang.en,
) -> None:
    """Print the first screen of a run's report, as a comment on a pull request."""
    from harness.report.summary import comment as first_screen
    from harness.report.write import REPORT_FILE

    with failing():
        try:
            text = (run / REPORT_FILE).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise HarnessError(f"{run}: has no report that can be read, {error}; name the folder "
                               "of a run") from error  # fmt: skip
        if not text.startswith("# "):
            raise HarnessError(f"{run / REPORT_FILE}: is no report, which begins with its title; "
                               f"write it again: harness report {run}")  # fmt: skip
        typer.echo(first_screen(text, link=link, lang=lang.value), nl=False)
