"""A run as lm-evaluation-harness 0.4.13 writes its own: results_*.json and samples_*.jsonl.

A model is a folder, a cell a task.

Source: lm_eval/result_schema.py and lm_eval/loggers/evaluation_tracker.py of
https://github.com/EleutherAI/lm-evaluation-harness
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness import __version__
from harness.export.lm_eval_samples import sample_lines, samples_hash
from harness.export.shared import (
    Files,
    finite_figures,
    free_name,
    has_texts,
    hub_dataset,
    hub_model,
    left_out,
    moment,
    provenances,
    results_by_cell,
    set_name,
    smaller_is_better,
    sound_standings,
    task_name,
    trained_on,
)
from harness.export.table import engines_of
from harness.jsontext import json_text
from harness.records import EngineInfo, Figure, Json, Result, Row, Run, Standing

METRIC = "acc"
"""What lm-evaluation-harness calls accuracy. Other figures keep their names."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What the result file says of a cell, or of a model in a judge set.

    Attributes:
        error: Standard error of the accuracy, None where there is none that holds.
        config: What was asked, as in a task's YAML file.
        samples_hash: Of the samples that are written, "" without any.
    """

    name: str
    n: int
    unscored: int
    shots: int
    figures: Mapping[str, Figure]
    error: float | None
    config: Mapping[str, Json]
    samples_hash: str = ""


def lm_eval_files(run: Run) -> Files:
    """Return `MODEL/results_TIME.json`, and `MODEL/samples_TASK_TIME.jsonl` for cells with texts.

    Figures are fractions, as theirs. What their files have no place for (interval and n of each
    figure, samples without a verdict and why) stands in the metadata of a task's configuration.

    Raises:
        HarnessError: The run does not say when it started.
    """
    time = moment(run).strftime("%Y-%m-%dT%H-%M-%S")
    results = results_by_cell(run)
    models: dict[str, list[_Task]] = defaultdict(list)
    samples: dict[PurePosixPath, str] = {}
    standings, told = sound_standings(run)
    textless = False
    for row in run.rows:
        if "accuracy" not in row.figures:
            told.append(left_out(row.evalset, row.cell, "no sample has a verdict"))
            continue
        own, tasks = results.get((row.evalset, row.cell), []), models[row.model]
        name = _name(task_name(row.evalset, row.cell, row.model), tasks)
        digest = ""
        if has_texts(own):
            scored = [(place, one) for place, one in enumerate(own) if one.correct is not None]
            path = PurePosixPath(row.model, f"samples_{name}_{time}.jsonl")
            samples[path] = "".join(sample_lines(scored))
            digest = samples_hash(scored)
            if len(scored) < len(own):
                what = f"{len(own) - len(scored)} samples without a verdict, of {path.name}"
                told.append(left_out(row.evalset, row.cell, what))
        else:
            textless = True
        tasks.append(_of_row(run, row, name, own, digest))
    for one in standings:
        tasks = models[one.model]
        tasks.append(_of_standing(one, _name(set_name(one.evalset), tasks)))
    if textless:
        told.append("samples_*.jsonl: left out: the run keeps no texts")
    found = {
        PurePosixPath(model, f"results_{time}.json"):
            json_text(_document(run, model, tasks), indent=2) + "\n"
        for model, tasks in models.items()
    }  # fmt: skip
    return Files(found | samples, tuple(told))


def _name(name: str, tasks: Iterable[_Task]) -> str:
    return free_name(name, {task.name for task in tasks})


def _of_row(run: Run, row: Row, name: str, results: Sequence[Result], digest: str) -> _Task:
    source = next((one for one in run.info.data if one.evalset == row.evalset), None)
    figures = finite_figures(row.figures)
    chosen = any(one.logprobs for one in results) or row.scoring == "logprobs"
    config: dict[str, Json] = {
        "task": name,
        "dataset_path": hub_dataset(source),
        "output_type": "multiple_choice" if chosen else "generate_until",
        "num_fewshot": row.k,
        "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
        "metadata": {
            **_metadata(figures, row.n, row.unscored),
            "unscored_reasons": {reason.kind: count for reason, count in row.reasons.items()},
            "evalset": row.evalset, "cell": row.cell, "prompt": row.prompt, "mode": row.mode,
            "placement": row.placement, "scoring": row.scoring, "thinking": row.thinking,
            "source": source.source if source else None,
            "revision": source.revision if source else None,
            "remarks": list(trained_on(run, row)),
        },
    }  # fmt: skip
    accuracy = figures["accuracy"]
    error = None
    if row.clusters is None and accuracy.n > 1:
        error = math.sqrt(accuracy.value * (1 - accuracy.value) / (accuracy.n - 1))
    return _Task(name, row.n, row.unscored, row.k, figures, error, config, digest)


def _of_standing(one: Standing, name: str) -> _Task:
    figures = finite_figures(one.figures)
    config: dict[str, Json] = {
        "task": name,
        "output_type": "generate_until",
        "num_fewshot": 0,
        "metric_list": [],
        "metadata": {
            **_metadata(figures, one.n, one.unscored),
            "evalset": one.evalset, "thinking": one.thinking,
            "scored_by": "judges that hold a passport", "probes": one.probes,
        },
    }  # fmt: skip
    return _Task(name, one.n, one.unscored, 0, figures, None, config)


def _metadata(figures: Mapping[str, Figure], n: int, unscored: int) -> dict[str, Json]:
    intervals: Json = {
        _metric(name): {"low": one.low, "high": one.high, "level": 0.95, "n": one.n}
        for name, one in figures.items()
    }
    return {"written_by": f"pytest-evalsets {__version__}", "n": n, "unscored": unscored,
            "intervals": intervals}  # fmt: skip


def _document(run: Run, model: str, tasks: Sequence[_Task]) -> Json:
    """Return what a result file holds of all tasks of one model."""
    engines = {**engines_of(run, "answers"), **engines_of(run, "cells")}
    return {
        "results": {task.name: _metrics(task) for task in tasks},
        "group_subtasks": {},
        "configs": {task.name: dict(task.config) for task in tasks},
        "versions": {task.name: None for task in tasks},
        "n-shot": {task.name: task.shots for task in tasks},
        "higher_is_better": {
            task.name: {_metric(name): not smaller_is_better(name) for name in task.figures}
            for task in tasks
        },
        "n-samples": {
            task.name: {"original": task.n + task.unscored, "effective": task.n} for task in tasks
        },
        "config": _engine(run, model, engines.get(model)),
        "date": moment(run).timestamp(),
        "task_hashes": {task.name: task.samples_hash for task in tasks if task.samples_hash},
        "model_source": engines[model].engine if model in engines else None,
        "model_name": model,
        "model_name_sanitized": model,
    }  # fmt: skip


def _metrics(task: _Task) -> dict[str, Json]:
    found: dict[str, Json] = {"name": task.name, "alias": task.name, "sample_len": task.n}
    for name, figure in task.figures.items():
        found[f"{_metric(name)},none"] = figure.value
        error = task.error if name == "accuracy" else None
        found[f"{_metric(name)}_stderr,none"] = "N/A" if error is None else error
    return found


def _engine(run: Run, model: str, engine: EngineInfo | None) -> dict[str, Json]:
    if engine is None:
        return {"model": None, "model_args": {"pretrained": model}}
    own = {(row.evalset, row.cell) for row in run.rows if row.model == model}
    own |= {(one.evalset, one.model) for one in run.judged.standings if one.model == model}
    rested = [one for key, one in provenances(run).items() if key in own]
    args: dict[str, Json] = {
        "pretrained": hub_model(engine, rested[0] if rested else None) or model,
        "source": engine.source,
        "dtype": engine.dtype,
    }
    if rested and rested[0].adapter:
        args["peft"] = model
    return {"model": engine.engine, "model_args": args, "model_dtype": engine.dtype,
            "model_sha": engine.digest, "device": engine.device}  # fmt: skip


def _metric(name: str) -> str:
    return METRIC if name == "accuracy" else name
