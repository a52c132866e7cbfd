"""What a rubric file sets above its macros."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes

from harness.errors import SpecError
from harness.prompts.dialects import DIALECTS, Dialect


def partly_of(tree: nodes.Template, path: Path) -> bool:
    """Return whether a rubric for points allows a point to be met in part.

    Raises:
        SpecError: One line: the value is neither true nor false.
    """
    for node, line in _settings(tree, "partly"):
        if isinstance(node, nodes.Const) and isinstance(node.value, bool):
            return node.value
        raise SpecError("partly is neither true nor false; write {% set partly = true %}",
                        path=path, line=line)  # fmt: skip
    return False


def dialect_of(tree: nodes.Template, path: Path) -> Dialect | None:
    """Return the dialect that a rubric names, None for verdicts in JSON.

    Raises:
        SpecError: One line: there is no such dialect.
    """
    for node, line in _settings(tree, "dialect"):
        if isinstance(node, nodes.Const) and node.value in DIALECTS:
            return DIALECTS[node.value]
        raise SpecError(f"dialect is none of {', '.join(DIALECTS)}; write "
                        '{% set dialect = "prometheus" %}, or leave it out for verdicts in JSON',
                        path=path, line=line)  # fmt: skip
    return None


def _settings(tree: nodes.Template, name: str) -> Iterator[tuple[nodes.Node, int]]:
    """Yield the values that a rubric sets a name to."""
    for one in tree.find_all(nodes.Assign):
        if isinstance(one.target, nodes.Name) and one.target.name == name:
            yield one.node, one.lineno
