"""Which extensions there are for an eval set: those of plugins, and of conftest files above it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from harness.errors import HarnessError, RegistryError
from harness.figures import FIGURES
from harness.plugin.tally import SESSION
from harness.records import ENGINE_NAMES, SCORINGS, SHOT_SELECTORS, ExtensionKind
from harness.registry import Registry, using
from harness.registry.sources import shown

_HOOK = "pytest_harness_register"


class Registrations:
    """The extensions of a session, by the folder of the eval set that may name them.

    Attributes:
        all: Those of all folders that were asked for. A name is of one thing in all of a session,
            whose report shows it.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._at: dict[Path, Registry] = {}
        self.all = _empty(config)

    def at(self, folder: Path) -> Registry:
        """Return what the eval sets of a folder may name.

        Raises:
            RegistryError: Something cannot be registered, or a hook failed.
        """
        if folder not in self._at:
            found = _empty(self._config)
            manager = self._config.pluginmanager
            apart = [one for one in manager.get_plugins() if not _holds(one, folder)]
            hook = manager.subset_hook_caller(_HOOK, apart)
            try:
                hook(registry=found)
            except HarnessError:
                raise
            except Exception as error:
                raise RegistryError(f"{_raised(error, self._config.rootpath)}: {_HOOK}: "
                                    f"{type(error).__name__}: {error}") from error  # fmt: skip
            self.all.add(found)
            self._at[folder] = found
        return self._at[folder]


_REGISTRATIONS = pytest.StashKey[Registrations]()


def registrations(config: pytest.Config) -> Registrations:
    """Return a session's extensions, which names are looked up in from now on to its end."""
    found = config.stash.get(_REGISTRATIONS, None)
    if found is None:
        found = config.stash[_REGISTRATIONS] = Registrations(config)
        open_until_the_end = ExitStack()
        open_until_the_end.enter_context(using(found.all))
        config.add_cleanup(open_until_the_end.close)
    return found


@contextmanager
def registered(config: pytest.Config, path: Path) -> Iterator[Registry]:
    """Look names up as an eval set may write them.

    Raises:
        RegistryError: See `Registrations.at`.
    """
    with using(registrations(config).at(path.parent)) as found:
        yield found


def engine_names(config: pytest.Config) -> list[str]:
    """Return the engines that plugins and the project's root register.

    Raises:
        pytest.UsageError: Something cannot be registered.
    """
    try:
        return list(registrations(config).at(config.rootpath).engines)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


def load_conftests(config: pytest.Config, folder: Path) -> None:
    """Load the conftest files of a folder and of those above it in the project, as collecting does.

    For a process that collects nothing, such as xdist's controller. What goes wrong in one of them
    is told by those that collect.
    """
    session = config.stash.get(SESSION, None)
    if session is None:
        return
    above = [one for one in (folder, *folder.parents) if one.is_relative_to(config.rootpath)]
    for one in reversed(above):
        node = pytest.Dir.from_parent(session, path=one)
        config.hook.pytest_make_collect_report(collector=node)


def _empty(config: pytest.Config) -> Registry:
    taken: dict[ExtensionKind, Collection[str]] = {
        "scorer": SCORINGS,
        "selector": SHOT_SELECTORS,
        "figure": FIGURES.built_in,
        "engine": ("auto", *ENGINE_NAMES),
    }
    return Registry(root=config.rootpath, taken=taken)


def _holds(plugin: object, folder: Path) -> bool:
    """Return whether a plugin is none of a folder, or of this one or one above it."""
    file = plugin.__file__ if isinstance(plugin, ModuleType) else None
    if file is None or Path(file).name != "conftest.py":
        return True
    own = Path(file).parent
    return own == folder or own in folder.parents


def _raised(error: Exception, root: Path) -> str:
    """Return the file and line that an error comes from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return _HOOK
    return f"{shown(Path(trace.tb_frame.f_code.co_filename), root)}:{trace.tb_lineno}"
