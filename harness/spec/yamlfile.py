"""Reads YAML with line numbers, and refuses what YAML would read otherwise than it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import yaml

from harness.characters import half_character
from harness.errors import SpecError
from harness.records import Json

# Keys whose values `on` and `off` are words, alone or in a list.
_SWITCHES = {"thinking"}
# Levels of a document, and entries that aliases may repeat.
_DEEPEST, _REPEATED = 50, 10_000
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


def shown_path(path: Path, root: Path) -> Path:
    """Return a path as errors name it: relative to the project where it lies in there."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def read_yaml(path: Path, shown: Path | None = None) -> YamlFile:
    """Read one YAML document.

    Args:
        path: The file.
        shown: How errors name it; default the path itself.

    Raises:
        SpecError: Not there, not YAML, not UTF-8, a repeated key, a key that is not a string, or a
            word such as `NO` that YAML 1.1 turns into a boolean.
    """
    shown = shown or path
    text = read_text(path, shown)
    lines: dict[Path_, int] = {}
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _check_size(node, shown)
        data = None if node is None else _build(loader, node, (), lines, shown)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        problem = " ".join(str(error.problem or error.context).split())
        fix = "put what begins with * or & in quotes" if "alias" in problem else (
            "check indentation, quotes and colons")  # fmt: skip
        raise SpecError(f"not valid YAML: {problem}; {fix}",
                        path=shown, line=mark.line + 1 if mark else None) from error  # fmt: skip
    except yaml.YAMLError as error:
        raise SpecError(f"not valid YAML: {' '.join(str(error).split())}", path=shown) from error
    except RecursionError as error:
        raise SpecError("is nested too deep; look for an alias inside its own anchor",
                        path=shown) from error  # fmt: skip
    return YamlFile(path=shown, data=data, lines=lines)


def read_text(path: Path, shown: Path) -> str:
    """Return a file's text, its ends of lines as they are.

    Raises:
        SpecError: No such file, one that may not be read or is none on a disk, or no UTF-8.
    """
    # A pipe would be waited for, and a device has no end.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise SpecError("is a pipe, a socket or a device; give a file", path=shown)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise SpecError("no such file; check the path", path=shown) from error
    except OSError as error:
        raise SpecError(f"cannot be read: {error.strerror}; give a file that you may read",
                        path=shown) from error  # fmt: skip
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(f"is not UTF-8 (byte {data[error.start]:#04x}); save it as UTF-8",
                        path=shown, line=line) from error  # fmt: skip


def _check_size(root: yaml.Node | None, path: Path) -> None:
    """Raise SpecError for a document that aliases or nesting make far larger than it is written."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        """Return the entries of a node, those that aliases repeat included."""
        if depth > _DEEPEST or sizes.get(id(node)) == 0:
            raise _error("is nested too deep; look for an alias inside its own anchor",
                         (), node, path)  # fmt: skip
        if id(node) not in sizes:
            sizes[id(node)] = 0
            sizes[id(node)] = 1 + sum(size(one, depth + 1) for one in _inside(node))
            if sizes[id(node)] - len(sizes) > _REPEATED:
                raise _error(f"its aliases repeat more than {_REPEATED:,} entries; write what is "
                             "meant without them", (), node, path)  # fmt: skip
        return sizes[id(node)]

    if root is not None:
        size(root, 0)


def _inside(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from chain.from_iterable(node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _build(
    loader: yaml.SafeLoader, node: yaml.Node, where: Path_, lines: dict[Path_, int], path: Path
) -> Json:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        _merge(loader, node, where, path)
        mapping: dict[str, Json] = {}
        for key_node, value_node in node.value:
            key = _whole(key_node.value, where, key_node, path)
            below = (*where, key)
            lines[below] = key_node.start_mark.line + 1
            mapping[key] = _build(loader, value_node, below, lines, path)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, n, (*where, i), lines, path) for i, n in enumerate(node.value)]
    return _scalar(loader, node, where, path)


def _merge(loader: yaml.SafeLoader, node: yaml.MappingNode, where: Path_, path: Path) -> None:
    """Check a mapping's own keys, then put in those of its `<<` that it does not have itself."""
    seen: set[str] = set()
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _error("a key must be a single word", where, key_node, path)
        below = (*where, key_node.value)
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        if comma := _decimal_comma(node, key_node):
            key, number = comma
            raise _error(f"a comma ends the entry; write {number}", (*where, key), key_node, path)
        if not isinstance(_scalar(loader, key_node, below, path), str):
            raise _error(
                f'keys are text; write "{key_node.value}" in quotes', below, key_node, path
            )
        if key_node.value in seen:
            raise _error("duplicate key; remove or rename one", below, key_node, path)
        seen.add(key_node.value)
    loader.flatten_mapping(node)
    # An alias meets its anchor's mapping again, so what is overridden is taken out of it.
    last = {key_node.value: (key_node, value_node) for key_node, value_node in node.value}
    node.value = list(last.values())


def _decimal_comma(node: yaml.MappingNode, key_node: yaml.ScalarNode) -> tuple[str, str] | None:
    """Return key and number of `{key: 0,5}`, where the comma was meant for a decimal point."""
    keys = [key for key, _ in node.value]
    place = keys.index(key_node)
    value, after = node.value[place - 1][1], node.value[place][1]
    if not (place and node.flow_style and key_node.value.isdecimal() and not after.value):
        return None
    whole = value.value if isinstance(value, yaml.ScalarNode) else ""
    return (keys[place - 1].value, f"{whole}.{key_node.value}") if whole.isdecimal() else None


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, where: Path_, path: Path) -> Json:
    shown = node.value
    try:
        value = loader.construct_object(node, deep=True)
    except ValueError as error:
        raise _error(f'YAML cannot read {shown}: {error}; write "{shown}" in quotes',
                     where, node, path) from error  # fmt: skip
    if isinstance(value, bool) and shown in {"on", "off"} and _key(where) in _SWITCHES:
        return str(shown)
    if isinstance(value, bool) and shown.lower() not in {"true", "false"}:
        raise _error(f"YAML reads {shown} as {str(value).lower()}; "
                     f'write "{shown}" in quotes, or true or false', where, node, path)  # fmt: skip
    if isinstance(value, str):
        return _whole(value, where, node, path)
    if value is not None and not isinstance(value, bool | int | float):
        raise _error(f"YAML reads {shown} as a {type(value).__name__}; "
                     f'write "{shown}" in quotes', where, node, path)  # fmt: skip
    if isinstance(value, int | float) and _otherwise(shown):
        raise _error(f"YAML reads {shown} as {value}; "
                     f'write "{shown}" in quotes', where, node, path)  # fmt: skip
    return value


def _whole(text: str, where: Path_, node: yaml.Node, path: Path) -> str:
    """Return a text, the halves of one character that JSON's escapes make of it put together."""
    if half_character(text) is None:
        return text
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if half := half_character(text):
        raise _error(f"holds {half}, half of a character; write the whole one, or take it out",
                     where, node, path)  # fmt: skip
    return text


def _key(where: Path_) -> Key:
    """Return the key of a value, or of the list that it stands in."""
    return next((key for key in reversed(where) if isinstance(key, str)), "")


def _otherwise(number: str) -> bool:
    """Return whether YAML reads a number as octal, hexadecimal, binary or in base 60."""
    digits = number.lstrip("+-")
    return ":" in digits or (len(digits) > 1 and digits[0] == "0" and "." not in digits)


def _error(problem: str, where: Path_, node: yaml.Node, path: Path) -> SpecError:
    spelt = spell(where)
    return SpecError(f"{spelt}: {problem}" if spelt else problem,
                     path=path, line=node.start_mark.line + 1)  # fmt: skip
