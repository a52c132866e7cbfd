"""Patterns in an adapter's configuration, which peft and the engines match without a limit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from harness.prompts.limited import RefusedByTemplate, UnboundedTemplate, match_pattern
from harness.records import Json
from harness.sources.adapters import CONFIG

# In which pattern peft puts each key's own.
_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "target_modules": "{}",
        "exclude_modules": "{}",
        "modules_to_save": r"(^|.*\.){}($|\..*)",
        "layers_pattern": r"(?:^|.*?\.){}\.(?P<idx>\d+)\.",
        "rank_pattern": r"(.*\.)?({})$",
        "alpha_pattern": r"(.*\.)?({})$",
    }
)
# Of these, the entries of a list are endings of names.
_ENDINGS = frozenset({"target_modules", "exclude_modules"})
_PLAIN = re.compile(r"[\w.-]*")


def pattern_problem(config: Mapping[str, Json], names: Sequence[str]) -> str | None:
    """Say which pattern cannot be matched with names of modules, or takes too long to be.

    Args:
        config: The adapter's.
        names: Of the modules that it will be matched with.
    """
    for key, pattern in _patterns(config):
        if _PLAIN.fullmatch(pattern):
            continue
        try:
            match_pattern(_FORMS[key].replace("{}", pattern), names)
        except (UnboundedTemplate, RefusedByTemplate) as error:
            told = str(error) if isinstance(error, UnboundedTemplate) else f"is none: {error}"
            return (f"{key} in {CONFIG} has a pattern that {told}: {pattern[:100]!r}; list the "
                    "names of the modules instead")  # fmt: skip
    return None


def _patterns(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for key in _FORMS:
        value = config.get(key)
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict) or (isinstance(value, list) and key not in _ENDINGS):
            yield from ((key, one) for one in value if isinstance(one, str))
