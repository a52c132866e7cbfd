"""The command `harness init`."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

import harness
from harness.commands.failing import failing
from harness.commands.saying import say
from harness.commands.schemas import editor_schemas
from harness.errors import HarnessError

_STARTER = Path(harness.__file__).parent / "starter"
_HIDDEN = {"gitignore": ".gitignore", "github": ".github"}
# Their settings would no longer be read beside a pytest.ini.
_SETTINGS = ("pyproject.toml", "tox.ini", "setup.cfg", "pytest.toml", ".pytest.toml", ".pytest.ini")
_OF_PYTEST = re.compile(r"^\[(tool[.:])?pytest\b", re.MULTILINE)


def init(
    folder: Annotated[Path, typer.Argument(help="Where; made if it is missing.")] = Path(),
    judge: Annotated[
        bool, typer.Option("--judge", help="Add a judge set, rubrics and gold pairs.")
    ] = False,
) -> None:
    """Write a first project: an eval set with data, prompts, models, CI. Overwrites nothing."""
    with failing():
        texts = _project(judge=judge)
        _check_free(folder, texts)
        _write(folder, texts)
    say(f"wrote {len(texts)} files to {folder.resolve()}: {', '.join(sorted(texts))}")
    if not (folder / ".git").exists() and any((one / ".git").exists()
                                              for one in folder.resolve().parents):  # fmt: skip
        say("GitHub reads workflows at the root of a repository alone: move "
            f"{folder / '.github'} there, as its first lines say", err=True)  # fmt: skip
    moved = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    say(f"next:\n  {moved}harness validate\n  pytest")


def _project(*, judge: bool) -> dict[str, str]:
    """Return the text of each file of a project, by its path in it."""
    texts = {f"schema/{name}.json": text for name, text in editor_schemas().items()}
    for part in ("project", "judge") if judge else ("project",):
        for path in sorted((_STARTER / part).rglob("*")):
            if path.is_file():
                top, *below = path.relative_to(_STARTER / part).parts
                text = path.read_text(encoding="utf-8")
                texts["/".join([_HIDDEN.get(top, top), *below])] = text.replace(
                    "@VERSION@", harness.__version__)  # fmt: skip
    return texts


def _check_free(folder: Path, texts: Mapping[str, str]) -> None:
    """Raise HarnessError if something is there that would be overwritten or pushed aside."""
    if os.path.lexists(folder) and not folder.is_dir():
        raise HarnessError(f"{folder.absolute()}: is not a folder; give a new one, as in: "
                           "harness init evals")  # fmt: skip
    wanted = [Path(name) for name in sorted(texts)]
    there = [path for path in wanted if os.path.lexists(folder / path)]
    # A file, or a link to nothing, where a folder is wanted.
    above = dict.fromkeys(one for path in wanted for one in path.parents)
    there += [one for one in above
              if os.path.lexists(folder / one) and not (folder / one).is_dir()]  # fmt: skip
    if there:
        named = ", ".join(map(str, dict.fromkeys(there)))
        raise HarnessError(f"{folder.resolve()}: has {named} already, and nothing was "
                           "written; give a new folder, as in: harness init evals")  # fmt: skip
    for name in _SETTINGS:
        path = folder / name
        if path.is_file() and _OF_PYTEST.search(path.read_text(encoding="utf-8", errors="replace")):
            raise HarnessError(f"{path.resolve()}: has settings of pytest, which a pytest.ini "
                               "beside it would hide, and nothing was written; give a new folder, "
                               "as in: harness init evals")  # fmt: skip


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files, or leave none of them.

    Raises:
        OSError: One cannot be written.
    """
    written: list[Path] = []
    path = folder
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except BaseException as error:
        # Of a full disk, the system names no file.
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        for one in written:
            one.unlink()
        raise
