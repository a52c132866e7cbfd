"""What a recipe's data is made of, before and after its filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.spec.recipe import Recipe
from harness.spec.yamlfile import YamlFile
from harness.train.filters import COLUMNS, CountTokens, Step, apply_filters
from harness.train.lengths import Lengths, measure
from harness.train.rows import Dialogue, DialogueSet

ORDERED = {"score", "turns", "complexity"}
"""Properties whose values are shown in their own order, not by frequency."""

_DEGREES = {"easy": 1.0, "medium": 2.0, "hard": 3.0}
_PROPERTIES = {
    "language": COLUMNS["language"],
    "topic": COLUMNS["topic"],
    "complexity": COLUMNS["complexity"],
    "score": COLUMNS["score"],
    "source": COLUMNS["source"],
}


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that the report on a recipe's data shows.

    Attributes:
        groups: Positions of the dialogues of each group: `all`, `Russian` and `kept`.
        values: Per property, each dialogue's value; properties without a column are left out.
        kept: The dialogues that the filters keep.
    """

    read: DialogueSet
    kept: Sequence[Dialogue]
    steps: Sequence[Step]
    lengths: Lengths
    groups: Mapping[str, Sequence[int]]
    values: Mapping[str, Sequence[str]]

    def counts(self, name: str) -> dict[str, list[int]]:
        """Return how many dialogues of each group have each value, most frequent first."""
        values = self.values[name]
        found = {group: Counter(values[at] for at in rows) for group, rows in self.groups.items()}
        order = [value for value, _ in Counter(values).most_common()]
        if name in ORDERED:
            order.sort(key=_place)
        return {value: [found[group][value] for group in self.groups] for value in order}


def analyze(
    recipe: Recipe, read: DialogueSet, *, count_tokens: CountTokens, file: YamlFile
) -> Analysis:
    """Measure a recipe's data.

    Raises:
        SpecError: A filter cannot work or leaves too few.
    """
    dialogues = read.dialogues
    kept, steps = apply_filters(
        dialogues, recipe.data.filters, count_tokens=count_tokens, file=file
    )
    positions = {dialogue.number: at for at, dialogue in enumerate(dialogues)}
    languages = [dialogue.meta.get(COLUMNS["language"], "") for dialogue in dialogues]
    groups: dict[str, list[int]] = {"all": list(range(len(dialogues)))}
    if russian := [at for at, language in enumerate(languages) if language.lower() == "russian"]:
        groups["Russian"] = russian
    groups["kept"] = [positions[dialogue.number] for dialogue in kept]
    values = {
        name: [dialogue.meta.get(column, "") or "(none)" for dialogue in dialogues]
        for name, column in _PROPERTIES.items()
        if any(column in dialogue.meta for dialogue in dialogues)
    }
    values["turns"] = [str(dialogue.turns) for dialogue in dialogues]
    return Analysis(read, kept, steps, measure(dialogues, count_tokens), groups, values)


def _place(value: str) -> tuple[float, str]:
    try:
        return _DEGREES.get(value) or float(value), value
    except ValueError:
        return float("inf"), value
