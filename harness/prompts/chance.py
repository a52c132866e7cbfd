"""What in a Jinja2 template draws at random, so that its prompts differ from run to run."""

from __future__ import annotations

from jinja2 import nodes


def random_draw(tree: nodes.Template) -> tuple[str, int] | None:
    """Return the name of the first filter or function that draws at random, and its line.

    Args:
        tree: A parsed template.
    """
    drawn = [(one.name, one.lineno) for one in tree.find_all(nodes.Filter) if one.name == "random"]
    drawn += [(one.name, one.lineno) for one in tree.find_all(nodes.Name) if one.name == "lipsum"]
    return min(drawn, key=lambda one: one[1], default=None)
