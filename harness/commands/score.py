"""The command `harness score`: pytest over answers that another program gave."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.failing import failing
from harness.commands.languages import Lang
from harness.commands.project import chosen_evalsets
from harness.errors import AssetError, SpecError
from harness.records import GIVEN


def score(
    file: Annotated[Path, typer.Argument(help="The answers: JSON Lines, one object a sample.")],
    evalset: Annotated[Path, typer.Option("--set", help="The eval set that they are to.")],
    options: Annotated[
        list[str] | None, typer.Argument(help="Further options of pytest, behind --.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Accept the results: write baselines.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail for gates that are undecided or not judged.")
    ] = False,
    report_dir: Annotated[Path | None, typer.Option(help="Folder of the reports.")] = None,
    lang: Annotated[Lang | None, typer.Option(help="Language of the report.")] = None,
) -> None:
    """Score and gate answers that another program gave to an eval set; no model loads.

    pytest does it, and says its exit code: 0 passed, 1 a gate failed, 2 a file is wrong, 11 nothing
    was judged.
    """
    root = root.resolve()
    with failing():
        if not file.is_file():
            raise AssetError(f"{file}: no such file; give a file of answers")
        found = chosen_evalsets(root, [evalset])
        if len(found) != 1:
            raise SpecError("holds several eval sets; name the one that is answered", path=evalset)
        if "=" in found[0].stem:
            raise SpecError("a file name with '=' cannot be given answers; rename it",
                            path=evalset)  # fmt: skip
        given = ["-p", "harness.plugin", "-q", "--no-header", "--rootdir", str(root), "-m", GIVEN,
                 "--eval-answers", f"{found[0].stem}={file.resolve()}"]  # fmt: skip
        given += ["--eval-report-lang", lang.value] if lang else []
        given += ["--eval-write-baseline"] if write_baseline else []
        given += ["--eval-strict"] if strict else []
        given += ["--eval-reports", str(report_dir.resolve())] if report_dir else []
        os.chdir(root)
    sys.stdout.flush()
    # In place of this process, so that signals and the exit code are pytest's own.
    command = [sys.executable, "-m", "pytest", str(found[0].relative_to(root)), *given,
               *(options or [])]  # fmt: skip
    os.execv(sys.executable, command)
