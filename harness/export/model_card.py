"""A part of a model card: figures as a table, and as the model-index that the Hub reads.

Source: https://huggingface.co/docs/hub/model-cards#evaluation-results
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tabulate import tabulate

from harness import __version__
from harness.export.shared import (
    FAKE,
    Files,
    finite_figures,
    hub_commit,
    hub_dataset,
    left_out,
    no_result,
    sound_standings,
    task_name,
    trained_on,
)
from harness.export.table import engines_of
from harness.markdown import escape
from harness.records import SHOTS, DataInfo, Figure, Row, Run, Standing
from harness.report.format import with_interval
from harness.spec.base import hub_name

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

CARD = "README.md"
_TYPES = {"auc": "roc_auc"}
"""Figures that the Hub knows by another name."""
_HEADERS = ("set", "cell", "figure", "value, 95% interval", "n", "unscored")


@dataclass(slots=True)
class _Card:
    """What a model's card is made of: results for the index, lines of the table, remarks."""

    index: list[EvalResult] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def model_card_files(run: Run, *, datasets: Mapping[str, str]) -> Files:
    """Return `MODEL/README.md` for each model, to be made part of its card.

    The table has all figures. The index has those on data sets of the hub, with interval, n and
    samples without a verdict among the arguments of a metric.

    Args:
        run: A finished run.
        datasets: By path of an eval set, the data set on the hub that its samples are from,
            `OWNER/NAME`, where its source does not say.
    """
    cards: dict[str, _Card] = {}
    engines, data = engines_of(run, "cells"), {one.evalset: one for one in run.info.data}
    told: list[str] = []
    for row in run.rows:
        engine, source = engines.get(row.model), data.get(row.evalset)
        if problem := no_result(row, engine):
            told.append(left_out(row.evalset, row.cell, problem))
            continue
        card = cards.setdefault(row.model, _Card())
        card.lines += _lines(row.evalset, task_name(row.evalset, row.cell, row.model), row)
        card.remarks += [f"{row.cell}: {one}" for one in trained_on(run, row)]
        if dataset := datasets.get(row.evalset) or hub_dataset(source):
            card.index += _results(run, row, dataset, source)
        else:
            told.append(left_out(row.evalset, row.cell, "of the model-index: its samples are from "
                                 "no data set of the hub; name one: --dataset "
                                 f"{row.evalset}=OWNER/NAME"))  # fmt: skip
    standings, judged = sound_standings(run)
    answered = engines_of(run, "answers")
    for one in standings:
        engine = answered.get(one.model)
        if engine is not None and engine.engine == "fake":
            told.append(left_out(one.evalset, one.model, FAKE))
            continue
        card = cards.setdefault(one.model, _Card())
        card.lines += _lines(one.evalset, "judged", one)
    files = {PurePosixPath(model, CARD): _text(run, model, card) for model, card in cards.items()}
    return Files(files, (*told, *judged))


def _lines(evalset: str, name: str, one: Row | Standing) -> Iterator[tuple[object, ...]]:
    for figure, value in finite_figures(one.figures).items():
        yield (escape(evalset), escape(name), escape(figure), with_interval(value), value.n,
               one.unscored)  # fmt: skip


def _results(run: Run, row: Row, dataset: str, source: DataInfo | None) -> Iterator[EvalResult]:
    from huggingface_hub import EvalResult

    own = hub_name(source.source.partition(SHOTS)[0]) if source else None
    is_own = own is not None and own.name == dataset
    for name, figure in finite_figures(row.figures).items():
        yield EvalResult(
            task_type="text-classification",
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_config=own.config if own is not None and is_own else None,
            dataset_revision=hub_commit(source) if is_own else None,
            metric_type=_TYPES.get(name, name),
            metric_value=figure.value,
            metric_name=f"{name} ({task_name(row.evalset, row.cell, row.model)})",
            metric_args=_args(run, row, figure),
        )


def _args(run: Run, row: Row, figure: Figure) -> dict[str, object]:
    told = {"prompt": row.prompt, "encoder": row.encoder, "remark": "; ".join(trained_on(run, row))}
    return {
        "interval_95": [figure.low, figure.high],
        "n": figure.n,
        "unscored": row.unscored,
        "shots": row.k,
        "scoring": row.scoring,
        "date": run.info.started[:10],
        **{name: text for name, text in told.items() if text},
    }


def _text(run: Run, model: str, card: _Card) -> str:
    from huggingface_hub import ModelCardData

    data = ModelCardData(model_name=model, eval_results=card.index or None)
    table = tabulate(card.lines, headers=_HEADERS, tablefmt="github", disable_numparse=True)
    parts = [
        f"---\n{data.to_yaml()}\n---" if card.index else "",
        "## Evaluation",
        f"By pytest-evalsets {__version__}, run {run.info.id} of {run.info.started[:10]}. Unscored "
        "are samples, or answers, without a verdict. Judged figures are of judges that hold a "
        "passport.",
        table,
        "\n".join(f"- {escape(one)}" for one in card.remarks),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
