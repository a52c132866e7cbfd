"""What was registered and took part in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ExtensionKind = Literal["scorer", "selector", "figure", "engine"]


@dataclass(frozen=True, slots=True)
class Extension:
    """A scorer, selector, figure or engine that a project or a package registered.

    Attributes:
        source: The file in the project that defines it, or the module.
        version: Distribution and version of a package, "" for a file of the project.
        digest: Of its source: the file, or all modules of its package; for all but engines of the
            file that registers it, too.
        title: Of a figure, its name in words; and of what its report must know: `smaller`,
            `lowest`, `highest` and `need`, as it is registered.
    """

    kind: ExtensionKind
    name: str
    source: str
    version: str
    digest: str
    title: str = ""
    smaller: bool = False
    lowest: float = 0.0
    highest: float = 1.0
    need: Literal["answers", "logprobs"] = "answers"

    @property
    def shown(self) -> str:
        """What tells it from another version of itself: source, version and digest."""
        return " ".join(filter(None, (self.source, self.version, self.digest)))
