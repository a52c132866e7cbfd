"""An analysis -> its report: tables and plots of a recipe's data, in markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from harness.markdown import escape
from harness.train.analyze import ORDERED, Analysis
from harness.train.filters import Step
from harness.train.lengths import summary
from harness.train.rows import dialogues_digest
from harness.writing import write_whole

_SHOWN = 15


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
    write_whole(report, _markdown(name, analysis, tokenizer))
    return report


def _markdown(name: str, analysis: Analysis, tokenizer: str) -> str:
    read, kept = analysis.read, analysis.kept
    source = f"{escape(read.source)} (revision {escape(read.revision)})"
    parts = [
        f"# Data of {escape(name)}",
        f"{len(read.dialogues)} dialogues from {source}; "
        f"the filters keep {len(kept)}, sha256 {dialogues_digest(kept)[:16]}. "
        + (
            f"Lengths are in characters alone: {escape(analysis.tokens)}."
            if analysis.tokens
            else f"Tokens are those of {escape(tokenizer)}."
        ),
    ]
    if analysis.problem:
        parts.append(
            f"**No training with these filters**: {escape(analysis.problem)}. "
            "Those behind it were not tried."
        )
    if read.malformed:
        first = "; ".join(escape(line) for line in read.malformed[:5])
        parts.append(f"{len(read.malformed)} rows are not dialogues and were left out: {first}.")
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
    shown = dict(list(counts.items())[: len(counts) if name in ORDERED else _SHOWN])
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
    for measured in analysis.lengths.columns:
        for group, positions in analysis.groups.items():
            if not positions:
                continue
            figures = summary(analysis.lengths.of(positions).columns[measured])
            heads = list(figures)
            rows.append([f"{measured}: {group}", *(f"{v:,.0f}" for v in figures.values())])
    return tabulate(rows, ["length", *heads], tablefmt="pipe",
                    colalign=("left", *("right" for _ in heads)))  # fmt: skip
