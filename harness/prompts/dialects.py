"""The forms in which models that were trained as judges write their verdicts.

A rubric names one above its macros, `{% set dialect = "prometheus" %}`; without it a verdict is a
JSON object. In a dialect a judge writes freely, then a mark, and behind it one word of a scale.

Source: Kim et al. (2024), Prometheus 2, arXiv 2405.01535; Alexandru et al. (2025), Atla Selene
Mini, arXiv 2501.17195; Martynov et al. (2025), POLLUX, arXiv 2505.24616.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ScaleOf = Literal["absolute", "pairwise", "points", "points_partly"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a judge writes a verdict.

    Attributes:
        opening: What may stand before its words.
        mark: What stands between its words and the verdict, exactly once.
        ending: What may stand behind the verdict; empty for nothing.
        scales: The words of a verdict, from the worst to the best, by what is asked; of two
            answers the first and the second. What is not there cannot be asked in this dialect.
        untold: Whether the model writes so without being told the form.
    """

    name: str
    opening: str
    mark: str
    scales: Mapping[ScaleOf, tuple[str, ...]]
    ending: str = ""
    untold: bool = False


_FIVE = ("1", "2", "3", "4", "5")
_ALL = (
    Dialect("prometheus", "Feedback:", "[RESULT]", {"absolute": _FIVE, "pairwise": ("A", "B")}),
    Dialect(
        "selene",
        "**Reasoning:**",
        "**Result:**",
        {"absolute": _FIVE, "pairwise": ("A", "B"), "points": ("No", "Yes")},
    ),
    Dialect(
        "pollux",
        "[FEEDBACK]",
        "[RESULT]",
        {"absolute": ("0", "1", "2"), "points": ("0", "1"), "points_partly": ("0", "1", "2")},
        ending="[END]",
        untold=True,
    ),
)
DIALECTS: Mapping[str, Dialect] = MappingProxyType({one.name: one for one in _ALL})
