"""A run's accuracies as files of `.eval_results/`, which model pages of the Hugging Face Hub show.

Source: https://huggingface.co/docs/hub/eval-results
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

import yaml

from harness.export.shared import Files, hub_dataset, left_out
from harness.export.table import engines_of
from harness.records import SHOTS, DataInfo, Row, Run

FOLDER = ".eval_results"


def hub_files(run: Run, *, datasets: Mapping[str, str]) -> Files:
    """Return a file for each cell of a model, with its accuracy in [0, 1].

    Interval, n, samples without a verdict, shots, wording and how many samples the adapter was
    trained on stand in the notes.

    Args:
        run: A finished run.
        datasets: By path of an eval set, the data set on the hub that its samples are from,
            `OWNER/NAME`, where its source does not say.
    """
    files: dict[PurePosixPath, str] = {}
    told: list[str] = []
    engines, data = engines_of(run, "cells"), {one.evalset: one for one in run.info.data}
    for row in run.rows:
        engine, source = engines.get(row.model), data.get(row.evalset)
        dataset = datasets.get(row.evalset) or hub_dataset(source)
        if engine is not None and engine.engine == "fake":
            problem = "the engine fake made up its answers"
        elif row.train_rows:
            problem = "a classifier that was trained here is no model of the hub"
        elif dataset is None:
            problem = (f"its samples are from no data set of the hub; name one: "
                       f"--dataset {row.evalset}=OWNER/NAME")  # fmt: skip
        elif "accuracy" not in row.figures:
            problem = "no sample has a verdict"
        else:
            files[_free(row, files)] = _text(run, row, dataset, source)
            continue
        told.append(left_out(row.evalset, row.cell, problem))
    return Files(files, tuple(told))


def _text(run: Run, row: Row, dataset: str, source: DataInfo | None) -> str:
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    figure = row.figures["accuracy"]
    shots = f"{row.k}-shot ({row.placement})" if row.k else "zero-shot"
    asked = f"{shots}, prompt {row.prompt}"
    if row.given or row.encoder:
        asked = f"an encoder, {row.encoder}" if row.encoder else "answers given by another program"
    notes = [
        f"accuracy {figure.value:.4f}, 95% interval {figure.low:.4f} to {figure.high:.4f}",
        f"n = {figure.n}, without a verdict {row.unscored}",
        f"{asked}, scoring {row.scoring}",
        *_trained(run, row),
    ]
    entry = EvalResultEntry(
        dataset_id=dataset,
        task_id=PurePosixPath(row.evalset).stem,
        value=figure.value,
        dataset_revision=_commit(source) if hub_dataset(source) == dataset else None,
        date=run.info.started[:10],
        notes="; ".join(notes),
    )
    return yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False,
                          allow_unicode=True)  # fmt: skip


def _commit(source: DataInfo | None) -> str | None:
    """Return the commit that the samples are of, None where another digest is known of them."""
    revision = source.revision.partition(SHOTS)[0] if source else ""
    return revision if re.fullmatch("[0-9a-f]{40}", revision) else None


def _trained(run: Run, row: Row) -> Iterator[str]:
    """Yield how many of the samples the cell's adapter was trained on, if any."""
    for note in run.info.notes:
        if (note.kind, note.about, note.facts.get("model")) == (
            "trained_samples", row.evalset, row.model):  # fmt: skip
            yield f"trained on {note.facts['count']} of the {note.facts['total']} samples"


def _free(row: Row, taken: Collection[PurePosixPath]) -> PurePosixPath:
    """Return a cell's file, numbered where another one has its name."""
    folders = PurePosixPath(row.evalset).with_suffix("").parts
    own = "-".join((*(one for one in folders if one != "evalsets"),
                    row.cell.removeprefix(f"{row.model}-")))  # fmt: skip
    names = (own, *(f"{own}-{number}" for number in range(2, len(taken) + 2)))
    paths = (PurePosixPath(row.model, FOLDER, f"{name}.yaml") for name in names)
    return next(path for path in paths if path not in taken)
