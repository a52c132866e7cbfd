"""What a recipe's data is made of, before and after its filters: tables, plots, a funnel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from harness.markdown import escape
from harness.spec.recipe import Recipe
from harness.spec.yamlfile import YamlFile
from harness.train.filters import COLUMNS, CountTokens, Step, apply_filters
from harness.train.lengths import Lengths, measure, summary
from harness.train.rows import Dialogue, DialogueSet, dialogues_digest

_SHOWN = 15
_ORDERED = {"score", "turns", "complexity"}
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
        if name in _ORDERED:
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


def write_data_report(folder: Path, name: str, analysis: Analysis, *, tokenizer: str) -> Path:
    """Write `report.md` and its plots into a folder, and return the report's path.

    Args:
        folder: Made if it is missing.
        name: The recipe, as the title names it.
        analysis: What is shown.
        tokenizer: What tokens are counted with.
    """
    from harness.train.plots import plot_distributions, plot_funnel, plot_lengths

    folder.mkdir(parents=True, exist_ok=True)
    plot_funnel(analysis, folder / "funnel.png")
    plot_distributions(analysis, folder / "distributions.png")
    plot_lengths(analysis, folder / "lengths.png")
    report = folder / "report.md"
    report.write_text(_markdown(name, analysis, tokenizer), encoding="utf-8")
    return report


def _markdown(name: str, analysis: Analysis, tokenizer: str) -> str:
    read, kept = analysis.read, analysis.kept
    source = f"{escape(read.source)} (revision {escape(read.revision)})"
    parts = [
        f"# Data of {escape(name)}",
        f"{len(read.dialogues)} dialogues from {source}; "
        f"the filters keep {len(kept)}, sha256 {dialogues_digest(kept)[:16]}. "
        f"Tokens are those of {escape(tokenizer)}.",
    ]
    if read.malformed:
        first = "; ".join(escape(line) for line in read.malformed[:5])
        parts.append(f"{len(read.malformed)} rows are no dialogues and were left out: {first}.")
    parts += ["## What each filter drops", "![Funnel of the filters](funnel.png)",
              funnel_table(analysis.steps, len(read.dialogues))]  # fmt: skip
    parts += ["## Distributions", "![Distributions](distributions.png)"]
    parts += [_distribution(analysis, name) for name in analysis.values]
    parts += ["## Lengths", "![Distribution of lengths](lengths.png)", _lengths(analysis)]
    return "\n\n".join(parts) + "\n"


def funnel_table(steps: Sequence[Step], read: int) -> str:
    """Return the funnel as a markdown table."""
    rows = [["read", "", "", read]]
    for number, step in enumerate(steps, 1):
        dropped = step.before - step.after
        share = f"{dropped / step.before:.1%}" if step.before else "-"
        rows.append([f"{number}. {escape(step.name)}", dropped, share, step.after])
    return tabulate(rows, ["step", "dropped", "of those there", "left"], tablefmt="pipe",
                    colalign=("left", "right", "right", "right"))  # fmt: skip


def _distribution(analysis: Analysis, name: str) -> str:
    counts = analysis.counts(name)
    totals = [len(rows) for rows in analysis.groups.values()]
    shown = dict(list(counts.items())[: len(counts) if name in _ORDERED else _SHOWN])
    rows = [[escape(value), *_cells(row, totals)] for value, row in shown.items()]
    if rest := [row for value, row in counts.items() if value not in shown]:
        sums = [sum(column) for column in zip(*rest, strict=True)]
        rows.append([f"{len(rest)} others", *_cells(sums, totals)])
    return tabulate(rows, [name, *analysis.groups], tablefmt="pipe", disable_numparse=True,
                    colalign=("left", *("right" for _ in totals)))  # fmt: skip


def _cells(row: Sequence[int], totals: Sequence[int]) -> list[str]:
    return [f"{n} ({n / total:.1%})" if total else "-"
            for n, total in zip(row, totals, strict=True)]  # fmt: skip


def _lengths(analysis: Analysis) -> str:
    rows: list[list[str]] = []
    heads: list[str] = []
    for measured, _ in analysis.lengths.columns().items():
        for group, positions in analysis.groups.items():
            figures = summary(analysis.lengths.of(positions).columns()[measured])
            heads = list(figures)
            rows.append([f"{measured}: {group}", *(f"{v:,.0f}" for v in figures.values())])
    return tabulate(rows, ["length", *heads], tablefmt="pipe",
                    colalign=("left", *("right" for _ in heads)))  # fmt: skip


def _place(value: str) -> tuple[float, str]:
    try:
        return _DEGREES.get(value) or float(value), value
    except ValueError:
        return float("inf"), value
