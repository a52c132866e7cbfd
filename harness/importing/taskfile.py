"""The YAML file of a task of lm-evaluation-harness and what it includes -> its keys with places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.errors import SpecError
from harness.records import Json
from harness.spec.yamlfile import Key, YamlFile, read_text, read_yaml, shown_path, spell

_FUNCTION = "!function"
# Files that a task is made of, each counted as often as it is included.
_MOST = 100


@dataclass(frozen=True, slots=True)
class TaskFile:
    """The keys of a task.

    Attributes:
        path: The file that was named.
        data: All keys; those of a file go before those that it includes.
        places: The file that each key stands in.
    """

    path: Path
    data: dict[str, Json]
    places: dict[str, YamlFile]

    def error(self, problem: str, *where: Key) -> SpecError:
        """Return an error at a key, with the file and the line that it stands in."""
        place = self.places.get(str(where[0])) if where else None
        if place is None:
            said = f"{spell(where)}: {problem}" if where else problem
            return SpecError(said, path=self.path, line=1)
        return place.error(problem, where)


def read_task(path: Path, *, root: Path) -> TaskFile:
    """Read a task file with all that it includes.

    Args:
        path: The file.
        root: Errors name files relative to it.

    Raises:
        SpecError: A file is missing, no YAML of keys, includes itself or names a function.
    """
    data: dict[str, Json] = {}
    places: dict[str, YamlFile] = {}
    _read(path.resolve(), root, (), data, places, [])
    return TaskFile(shown_path(path.resolve(), root), data, places)


def _read(
    path: Path,
    root: Path,
    above: Sequence[Path],
    data: dict[str, Json],
    places: dict[str, YamlFile],
    read: list[Path],
) -> None:
    read.append(path)
    shown = shown_path(path, root)
    _refuse_functions(path, shown)
    file = read_yaml(path, shown)
    if not isinstance(file.data, dict):
        raise SpecError("is empty or no mapping; give the YAML file of a task", path=shown)
    names = file.data.get("include", [])
    included = names if isinstance(names, list) else [names]
    for name in included:
        if not isinstance(name, str):
            raise file.error("is not a path; write the name of a file", ("include",))
        other = (path.parent / name).resolve()
        if other in (path, *above):
            raise file.error(f"'{name}' includes itself; remove it", ("include",))
        if not other.is_file():
            raise file.error(f"no file '{name}'; it counts from {shown.parent}", ("include",))
        if len(read) >= _MOST:
            raise file.error(f"the task includes more than {_MOST} files; include each once",
                             ("include",))  # fmt: skip
        _read(other, root, (*above, path), data, places, read)
    for key, value in file.data.items():
        if key != "include":
            data[key], places[key] = value, file


def _refuse_functions(path: Path, shown: Path) -> None:
    """Raise SpecError for a value that Python code makes, which is not run."""
    try:
        root = yaml.SafeLoader(read_text(path, shown)).get_single_node()
    except (yaml.YAMLError, RecursionError):
        # What is wrong is said by who reads it next.
        return
    for where, node in _nodes(root):
        if node.tag == _FUNCTION:
            raise SpecError(f"{spell(where)}: !function {node.value}: is Python code, which is not "
                            "run; write a template or the name of a column, or make the data with "
                            "that code first", path=shown,
                            line=node.start_mark.line + 1)  # fmt: skip


def _nodes(root: yaml.Node | None) -> list[tuple[tuple[Key, ...], yaml.Node]]:
    found: list[tuple[tuple[Key, ...], yaml.Node]] = []
    waiting: list[tuple[tuple[Key, ...], yaml.Node | None]] = [((), root)]
    seen: set[int] = set()
    while waiting:
        where, node = waiting.pop()
        # Aliases may lead back to what they stand in.
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        found.append((where, node))
        if isinstance(node, yaml.MappingNode):
            waiting += [((*where, str(key.value)), value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [((*where, place), value) for place, value in enumerate(node.value)]
    return found
