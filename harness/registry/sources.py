"""Where an extension's code is, and a digest that changes with it."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import FunctionType, MethodType

from harness.errors import RegistryError

_DIGITS = 16
_OWN = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Source:
    """Code of an extension.

    Attributes:
        name: File in the project, or module.
        files: All files whose change may change what it does.
        version: Distribution and version, "" for a file of no distribution.
    """

    name: str
    files: tuple[Path, ...]
    version: str = ""

    def digest(self, *more: Path) -> str:
        """Return a digest of the files, and of further ones."""
        found = hashlib.sha256()
        for path in sorted({*self.files, *more}):
            found.update(path.name.encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
        return found.hexdigest()[:_DIGITS]


def caller() -> tuple[Path, int]:
    """Return file and line from which the registry was called."""
    frames = [
        frame
        for frame in traceback.extract_stack()
        if Path(frame.filename).parent != Path(_OWN) and frame.lineno is not None
    ]
    return Path(frames[-1].filename), frames[-1].lineno or 0


def shown(path: Path, root: Path | None) -> str:
    """Return a path from the project's root; of one outside of it the last two parts."""
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return Path(*path.parts[-2:]).as_posix()


def source_of(value: object, root: Path | None) -> Source | None:
    """Return where a function, or the class of an object, is defined; None if no file says so."""
    while isinstance(value, functools.partial):
        value = value.func
    known = isinstance(value, type | FunctionType | MethodType)
    definition = value if known else type(value)
    module = inspect.getmodule(definition)
    try:
        file = _file_of(definition)
    except TypeError:
        return None
    if module is None or file is None or not Path(file).is_file():
        return None
    return _source(module.__name__, Path(file), root)


def _file_of(definition: object) -> str | None:
    """Return the file that defines a class or a function.

    A class knows the name of its module alone, which several conftest.py share: those of its
    methods that are its own know the module itself.

    Raises:
        TypeError: It is built in.
    """
    if isinstance(definition, type):
        for one in vars(definition).values():
            if isinstance(one, FunctionType) and one.__module__ == definition.__module__:
                file = one.__globals__.get("__file__")
                if isinstance(file, str) and Path(file).is_file():
                    return file
    return inspect.getsourcefile(definition)  # type: ignore[arg-type]  # a class or a function


def source_of_module(name: str, root: Path | None) -> tuple[Source, Path]:
    """Return the source of a module, which is not imported, and the folder to import it from.

    Raises:
        RegistryError: There is no such module.
    """
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise RegistryError(f"cannot be imported: {error}") from error
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise RegistryError(
            f"no module {name}; install it, or add its folder to 'pythonpath' in the "
            "configuration file of pytest"
        )
    file = Path(spec.origin)
    depth = name.count(".") + (file.name == "__init__.py")
    return _source(name, file, root), file.parents[depth]


def _source(module: str, file: Path, root: Path | None) -> Source:
    top, dot, _ = module.partition(".")
    version = "" if file.name == "conftest.py" else _version(top)
    inside = root is not None and file.is_relative_to(root) and not version
    name = shown(file, root) if inside else module
    # pytest gives a conftest.py in a folder a name with dots, though it is of no package.
    if file.name == "conftest.py" or not (dot or file.name == "__init__.py"):
        return Source(name, (file,), version)
    folder = file.parents[module.count(".") - (file.name != "__init__.py")]
    return Source(name, tuple(_modules(folder)), version)


def _modules(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*.py") if path.is_file())


def _version(top: str) -> str:
    """Return the distribution of a package or module right on the path, with its version."""
    names = _distributions().get(top, ())
    return ", ".join(f"{name} {metadata.version(name)}" for name in dict.fromkeys(names))


@functools.cache
def _distributions() -> dict[str, tuple[str, ...]]:
    return {top: tuple(names) for top, names in metadata.packages_distributions().items()}
