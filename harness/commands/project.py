"""What a project registers, for commands that run no evals: pytest itself loads its plugins."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from pluggy import PluginValidationError

from harness.errors import INIT, SpecError
from harness.plugin.evalsets import FOLDER, SUFFIXES, is_evalset
from harness.plugin.registering import Registrations, registrations
from harness.registry import Registry, using


class _Stop:
    """Takes what pytest has loaded, and lets it go no further."""

    def __init__(self) -> None:
        self.config: pytest.Config | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> int:
        self.config = config
        registrations(config)
        return 0


class Project:
    """A project's extensions, as pytest finds them for each of its eval sets.

    Args:
        root: The project.
        paths: Its eval sets, whose conftest files are loaded.

    Raises:
        SpecError: pytest cannot load the project's configuration or a conftest.py, in its words.
    """

    def __init__(self, root: Path, paths: Sequence[Path]) -> None:
        self._folders = [path.parent for path in paths] or [root]
        self._found: Registrations = _load(root, paths or [root / "conftest.py"])

    @contextmanager
    def registered(self, folder: Path | None = None) -> Iterator[Registry]:
        """Look names up as the eval sets of a folder may write them, or of any.

        Raises:
            RegistryError: Something cannot be registered.
        """
        found = [self._found.at(one) for one in ([folder] if folder else self._folders)]
        with using(found[0] if folder else self._found.all) as registry:
            yield registry


def evalsets_of(root: Path) -> list[Path]:
    """Return all eval sets of a project."""
    return [path for path in sorted((root / FOLDER).rglob("*")) if is_evalset(path, root)]


def chosen_evalsets(root: Path, paths: Sequence[Path] | None) -> list[Path]:
    """Return the eval sets that are named, or lie in folders that are; by default all.

    Raises:
        SpecError: There are none, or the root is no project.
    """
    if FOLDER in root.parts and not (root / FOLDER).is_dir():
        raise SpecError("is not a project, but a folder of eval sets; run in the folder above "
                        f"'{FOLDER}', or give it by --root", path=root)  # fmt: skip
    found: list[Path] = []
    for path in [one.resolve() for one in paths] if paths else [root / FOLDER]:
        inside = [one for one in sorted(path.rglob("*")) if is_evalset(one, root)]
        if path.is_file() and not is_evalset(path, root):
            raise SpecError("is not an eval set; those are .yaml files in a folder "
                            f"'{FOLDER}', but for models.yaml", path=path)  # fmt: skip
        if not path.is_file() and not inside:
            raise SpecError(f"no eval set (a .yaml file in a folder '{FOLDER}') is there; run in "
                            "the project's folder, give it by --root, or write a first project "
                            f"by: {INIT}", path=path)  # fmt: skip
        found += [path] if path.is_file() else inside
    return found


def recipes_of(root: Path) -> list[Path]:
    """Return all recipes of a project."""
    return [path for path in sorted((root / "recipes").rglob("*")) if path.suffix in SUFFIXES]


def _load(root: Path, paths: Sequence[Path]) -> Registrations:
    stop, said = _Stop(), io.StringIO()
    # Rewriting asserts would warn of modules that this command has imported already.
    given = ["-p", "harness.plugin", "--assert=plain", "--rootdir", str(root)]
    with ExitStack() as quiet:
        quiet.enter_context(redirect_stdout(said))
        quiet.enter_context(redirect_stderr(said))
        quiet.enter_context(chdir(root))
        try:
            pytest.main([*given, *map(str, paths)], plugins=[stop])
        except PluginValidationError as error:
            raise SpecError(" ".join(str(error).split()), path=root) from error
    if stop.config is None:
        raise SpecError(_problem(said.getvalue()), path=root)
    return registrations(stop.config)


def _problem(said: str) -> str:
    """Return in one line why pytest ended before it began."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    told = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if told:
        return told[0]
    ends = [lines[0], lines[-1].removeprefix("E ").strip()] if lines else ["it says nothing"]
    return f"pytest does not load the project: {' '.join(dict.fromkeys(ends))}"
