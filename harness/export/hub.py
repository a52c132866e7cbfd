"""A run's accuracies as files of `.eval_results/`, which model pages of the Hugging Face Hub show.

Source: https://huggingface.co/docs/hub/eval-results
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

import yaml

from harness.export.shared import (
    Files,
    hub_commit,
    hub_dataset,
    left_out,
    no_result,
    set_words,
    trained_on,
)
from harness.export.table import engines_of
from harness.records import DataInfo, Row, Run

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
        problem = no_result(row, engine)
        if problem is None and dataset is not None:
            files[_free(row, files)] = _text(run, row, dataset, source)
            continue
        problem = problem or ("its samples are from no data set of the hub; name one: "
                              f"--dataset {row.evalset}=OWNER/NAME")  # fmt: skip
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
        *trained_on(run, row),
    ]
    entry = EvalResultEntry(
        dataset_id=dataset,
        task_id=PurePosixPath(row.evalset).stem,
        value=figure.value,
        dataset_revision=hub_commit(source) if hub_dataset(source) == dataset else None,
        date=run.info.started[:10],
        notes="; ".join(notes),
    )
    return yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False,
                          allow_unicode=True)  # fmt: skip


def _free(row: Row, taken: Collection[PurePosixPath]) -> PurePosixPath:
    """Return a cell's file, numbered where another one has its name."""
    own = "-".join((set_words(row.evalset), row.cell.removeprefix(f"{row.model}-")))
    names = (own, *(f"{own}-{number}" for number in range(2, len(taken) + 2)))
    paths = (PurePosixPath(row.model, FOLDER, f"{name}.yaml") for name in names)
    return next(path for path in paths if path not in taken)
