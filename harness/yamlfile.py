"""Reads YAML with line numbers, and refuses what YAML would read otherwise than it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.errors import SpecError
from harness.records import Json

Key = str | int
Path_ = tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A YAML file's data, and the line (from 1) of every key and list entry by its path."""

    path: Path
    data: Json
    lines: dict[Path_, int]

    def line(self, where: Sequence[Key]) -> int:
        """Return the line of a path, or of its nearest ancestor that the file has."""
        for end in range(len(where), -1, -1):
            if (found := self.lines.get(tuple(where[:end]))) is not None:
                return found
        return 1

    def error(self, problem: str, where: Sequence[Key] = ()) -> SpecError:
        """Return an error at a path, its key spelt as in `modes[1].placement`."""
        spelt = spell(where)
        return SpecError(f"{spelt}: {problem}" if spelt else problem,
                         path=self.path, line=self.line(where))  # fmt: skip


def spell(where: Sequence[Key]) -> str:
    """Return a path as users write it: `modes[1].placement`."""
    out = ""
    for key in where:
        out += f"[{key}]" if isinstance(key, int) else f".{key}" if out else key
    return out


def read_yaml(path: Path, shown: Path | None = None) -> YamlFile:
    """Read one YAML document.

    Args:
        path: The file.
        shown: How errors name it; default the path itself.

    Raises:
        SpecError: Not YAML, not UTF-8, a repeated key, a key that is no string, or a word such
            as `NO` that YAML 1.1 turns into a boolean.
    """
    shown = shown or path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot be read as UTF-8 text: {error}", path=shown) from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path_, int] = {}
        data = None if node is None else _build(loader, node, (), lines, shown)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = " ".join(str(error.problem or error.context).split())
        raise SpecError(f"not valid YAML: {problem}; check indentation, quotes and colons",
                        path=shown, line=mark.line + 1 if mark else None) from error  # fmt: skip
    except yaml.YAMLError as error:
        raise SpecError(f"not valid YAML: {' '.join(str(error).split())}", path=shown) from error
    finally:
        loader.dispose()
    return YamlFile(path=shown, data=data, lines=lines)


def _build(
    loader: yaml.SafeLoader, node: yaml.Node, where: Path_, lines: dict[Path_, int], path: Path
) -> Json:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        mapping: dict[str, Json] = {}
        for key_node, value_node in node.value:
            key = _scalar(loader, key_node, where, path)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise SpecError(f"{spell((*where, key_node.value))}: keys are text; "
                                f'write "{key_node.value}" in quotes', path=path, line=line)  # fmt: skip
            if key in mapping:
                raise SpecError(f"{spell((*where, key))}: the key stands here twice; "
                                "remove or rename one", path=path, line=line)  # fmt: skip
            lines[(*where, key)] = line
            mapping[key] = _build(loader, value_node, (*where, key), lines, path)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, n, (*where, i), lines, path) for i, n in enumerate(node.value)]
    return _scalar(loader, node, where, path)


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, where: Path_, path: Path) -> Json:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        raise SpecError(f"{spell(where)}: a key must be a single word", path=path, line=line)
    value = loader.construct_object(node, deep=True)
    if isinstance(value, bool) and node.value.lower() not in {"true", "false"}:
        raise SpecError(f"{spell(where)}: YAML reads {node.value} as {str(value).lower()}; "
                        f'write "{node.value}" in quotes, or true or false',
                        path=path, line=line)  # fmt: skip
    if value is not None and not isinstance(value, bool | int | float | str):
        raise SpecError(f"{spell(where)}: YAML reads {node.value} as a {type(value).__name__}; "
                        f'write "{node.value}" in quotes', path=path, line=line)  # fmt: skip
    if isinstance(value, int | float) and str(value) != node.value and node.style is None and (
        node.value.lstrip("+-").startswith("0") and len(node.value) > 1 and "." not in node.value
        or ":" in node.value):  # fmt: skip
        raise SpecError(f"{spell(where)}: YAML reads {node.value} as {value}; "
                        f'write "{node.value}" in quotes', path=path, line=line)  # fmt: skip
    return value
