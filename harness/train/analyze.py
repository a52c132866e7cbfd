"""What a recipe's data is made of, before and after its filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import SpecError
from harness.spec.recipe import Recipe
from harness.spec.yamlfile import YamlFile
from harness.train.filters import COLUMNS, CountTokens, Step, run_filters
from harness.train.lengths import Lengths, measure
from harness.train.rows import Dialogue, DialogueSet, number_text

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
        problem: The filter that cannot work or leaves too few, behind which none was tried.
        tokens: Why nothing is measured in tokens; None where it is.
    """

    read: DialogueSet
    kept: Sequence[Dialogue]
    steps: Sequence[Step]
    lengths: Lengths
    groups: Mapping[str, Sequence[int]]
    values: Mapping[str, Sequence[str]]
    problem: str | None = None
    tokens: str | None = None

    def counts(self, name: str) -> dict[str, list[int]]:
        """Return how many dialogues of each group have each value, most frequent first."""
        values = self.values[name]
        found = {group: Counter(values[at] for at in rows) for group, rows in self.groups.items()}
        order = [value for value, _ in Counter(values).most_common()]
        if name in ORDERED:
            order.sort(key=_place)
        return {value: [found[group][value] for group in self.groups] for value in order}


def analyze(
    recipe: Recipe, read: DialogueSet, *, count_tokens: CountTokens | str, file: YamlFile
) -> Analysis:
    """Measure a recipe's data, up to a filter that cannot work or leaves too few.

    Args:
        recipe: Whose filters are tried.
        read: Its data.
        count_tokens: Number of tokens of each text, or why nothing counts them.
        file: The recipe's file, for the place of a mistake.
    """
    dialogues = read.dialogues
    missing = count_tokens if isinstance(count_tokens, str) else None

    def no_tokens(_texts: Sequence[str]) -> list[int]:
        raise SpecError(f"this filter counts tokens, and no tokenizer is at hand: {missing}")

    counter = no_tokens if isinstance(count_tokens, str) else count_tokens
    funnel = run_filters(dialogues, recipe.data.filters, count_tokens=counter, file=file)
    positions = {dialogue.number: at for at, dialogue in enumerate(dialogues)}
    languages = [dialogue.meta.get(COLUMNS["language"], "") for dialogue in dialogues]
    groups: dict[str, list[int]] = {"all": list(range(len(dialogues)))}
    if russian := [at for at, language in enumerate(languages) if language.lower() == "russian"]:
        groups["Russian"] = russian
    groups["kept"] = [positions[dialogue.number] for dialogue in funnel.kept]
    values = {
        name: [dialogue.meta.get(column, "") or "(none)" for dialogue in dialogues]
        for name, column in _PROPERTIES.items()
        if any(column in dialogue.meta for dialogue in dialogues)
    }
    if "score" in values:
        values["score"] = [number_text(score) for score in values["score"]]
    values["turns"] = [str(dialogue.turns) for dialogue in dialogues]
    return Analysis(
        read=read,
        kept=funnel.kept,
        steps=funnel.steps,
        lengths=measure(dialogues, None if missing else counter),
        groups=groups,
        values=values,
        problem=str(funnel.problem) if funnel.problem else None,
        tokens=missing,
    )


def _place(value: str) -> tuple[float, str]:
    try:
        return _DEGREES.get(value) or float(value), value
    except ValueError:
        return float("inf"), value
