"""The training report and the model card: markdown from an adapter's record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from harness.markdown import code, escape, fenced, plain
from harness.train.data_report import funnel_table
from harness.train.filters import Step
from harness.train.plots import plot_loss
from harness.train.record import Record
from harness.writing import write_whole

_LINES = 12
_ANSWER = 4000


def write_training_report(
    folder: Path,
    record: Record,
    steps: Sequence[Step],
    *,
    expected: tuple[float | None, float | None],
) -> Path:
    """Write `report.md` and `loss.png`, and return the report's path.

    Args:
        folder: Made if it is missing.
        record: Of the adapter.
        steps: The funnel of its data.
        expected: Ends of the range in which the final loss should lie; None leaves one open.
    """
    folder.mkdir(parents=True, exist_ok=True)
    losses = record.losses
    plot_loss(range(1, len(losses) + 1), losses, folder / "loss.png", expected=expected)
    data, run = record.data, record.settings
    parts = [
        f"# Training of {escape(record.name)} with {record.backend}",
        _sentence(record),
        "## Loss",
        "![Training loss](loss.png)",
        _loss_table(losses),
        "## Data",
        f"{data['rows']} rows of {data['tokens']:,} tokens, {data['trained_tokens']:,} of them "
        f"trained (the answers with their end marks); {data['too_long']} rows were dropped for "
        f"their length, {data['malformed']} were no dialogues. Source {_named(data)}, "
        f"sha256 of the rows {str(data['digest'])[:16]}.",
        funnel_table(steps, int(data["read"])),
        "## Run",
        _table(
            {
                "base model": f"{record.base['source']} ({record.base['revision'][:12]})",
                **run,
                **record.versions,
            }
        ),
    ]
    if record.continuations:
        parts += ["## Answers before and after", *(_answers(one) for one in record.continuations)]
    report = folder / "report.md"
    write_whole(report, "\n\n".join(parts) + "\n")
    return report


def write_card(folder: Path, record: Record) -> None:
    """Write the model card, README.md, into an adapter's folder."""
    source = record.base["source"].partition(":")[2]
    # A JSON string is one of YAML too.
    head = (
        f"---\nbase_model: {json.dumps(plain(source))}\nlibrary_name: peft\ntags: [lora, sft]\n---"
    )
    data = record.data
    parts = [
        head,
        f"# {escape(record.name)}",
        f"LoRA weights for {escape(record.base['source'])} (revision "
        f"{escape(record.base['revision'][:12])}), trained with {record.backend}. "
        + _sentence(record),
        "The chat template is in the tokenizer of this folder. "
        "Answers end at its end mark; an engine needs it as a stop string where it is plain text.",
        f"Data: {data['rows']} rows from {_named(data)}, sha256 of the rows `{data['digest']}`.",
        "## Recipe",
        fenced(record.recipe.rstrip(), kind="yaml"),
    ]
    if record.given:
        given = ", ".join(code(f"--{key} {value}") for key, value in record.given.items())
        parts.append(f"Overridden on the command line: {given}.")
    parts += ["## Versions", _table(record.versions)]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def verdict(record: Record) -> str:
    """Return whether the final loss is where the recipe expects it, in words."""
    if record.expected is None:
        return f"final loss {record.final_loss:.3f}; the recipe states no range"
    inside = "within" if record.as_expected else "OUTSIDE"
    return f"final loss {record.final_loss:.3f}, {inside} the expected range ({record.expected})"


def _sentence(record: Record) -> str:
    text = verdict(record)
    return (f"{text[0].upper()}{text[1:]}, after {len(record.losses)} steps. The adapter changes "
            f"the logits of a probe by up to {record.probe_difference:.2f}.")  # fmt: skip


def _named(asset: Mapping[str, str | int]) -> str:
    """Return a source and its revision as inert markdown."""
    return f"{escape(str(asset['source']))} (revision {escape(str(asset['revision']))})"


def _loss_table(losses: Sequence[float]) -> str:
    """Return the mean losses of up to twelve spans of steps."""
    span = max(1, -(-len(losses) // _LINES))
    rows = []
    for first in range(0, len(losses), span):
        some = losses[first : first + span]
        rows.append([f"{first + 1}-{first + len(some)}" if len(some) > 1 else str(first + 1),
                     f"{sum(some) / len(some):.4f}"])  # fmt: skip
    return tabulate(rows, ["steps", "mean loss"], tablefmt="pipe", disable_numparse=True,
                    colalign=("left", "right"))  # fmt: skip


def _table(values: Mapping[str, str | int | float | bool]) -> str:
    rows = [[key.replace("_", " "), escape(str(value))] for key, value in values.items()]
    return tabulate(rows, ["", ""], tablefmt="pipe", disable_numparse=True)


def _answers(one: Mapping[str, str]) -> str:
    rows = [f"**{escape(one['question'])}**"]
    for name in ("before", "after"):
        rows.append(f"{name.capitalize()}:\n\n{fenced(one[name], limit=_ANSWER)}")
    return "\n\n".join(rows)
