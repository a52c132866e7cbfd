"""How the conversations of a cell, a probe or a judge became text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SystemPlace = Literal["turn", "folded", "empty", "none"]
"""Where a system text stands: in a turn of its own, in the first user turn; a turn without text, or
no such turn."""


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """What a model's chat template was, was given and wrote.

    Attributes:
        digest: Of the template, empty for plain text.
        variables: What models.yaml gives beside the conversations, by name: JSON, empty for
            nothing; `system` is the text of conversations that have no system text.
        day: The day that it was given as today, empty where it asks for none; `day_chosen` says
            whether models.yaml named it.
        system: Where the system text stands.
        own_system: System text that the template wrote by itself where there was none, empty for
            none; its digest in a baseline.
    """

    digest: str
    variables: str = ""
    day: str = ""
    day_chosen: bool = False
    system: SystemPlace = "none"
    own_system: str = ""
