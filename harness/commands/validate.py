"""The command `harness validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.collect import collect_evalset
from harness.commands.failing import failing
from harness.commands.project import Project, chosen_evalsets, recipes_of
from harness.commands.saying import say
from harness.errors import HarnessError
from harness.spec.load import load_recipe


def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Eval sets or folders of them; default all.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Check eval sets and their prompts; say what they would take and their gates could show.

    No model loads. Data and tokenizers are read where they are at hand, and nothing is fetched.
    Without PATHS, recipes are checked as well.
    """
    from harness.planning.of_project import set_lines

    root = root.resolve()
    wrong: list[str] = []
    with failing():
        found = chosen_evalsets(root, paths)
        project = Project(root, found)
        for path in found:
            try:
                with project.registered(path.parent):
                    for line in set_lines(collect_evalset(path, root), root):
                        say(line)
            except HarnessError as error:
                wrong.append(str(error))
        for path in [] if paths else recipes_of(root):
            try:
                say(f"{path.relative_to(root)}: a recipe, {_of_recipe(path, root)}")
            except HarnessError as error:
                wrong.append(str(error))
        if wrong:
            raise HarnessError(*"\n".join(wrong).split("\n"))


def _of_recipe(path: Path, root: Path) -> str:
    """Return what a recipe trains on what."""
    spec, file = load_recipe(path, root=root)
    for key, where in (("base", spec.base.source), ("data", spec.data.source or "")):
        local = root / Path(where.removeprefix("file:")).expanduser()
        if where.startswith("file:") and not local.exists():
            raise file.error(f"nothing lies at {local}; fix the path, which counts from {root}",
                             (key, "source"))  # fmt: skip
    return f"{spec.base.source} on {spec.data.source}"
