"""The command `harness export`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.failing import failing
from harness.commands.saying import say
from harness.errors import EXIT_FIXABLE, HarnessError

if TYPE_CHECKING:
    from harness.export.shared import Files
    from harness.export.tracked import Tracked
    from harness.records import Run

    Store = Callable[[Run, Sequence[Tracked], Path, Path], Path]


class Form(StrEnum):
    """What reads the files."""

    csv = "csv"
    hub = "hub"
    lm_eval = "lm-eval"
    every_eval_ever = "every-eval-ever"
    model_card = "model-card"
    mlflow = "mlflow"
    trackio = "trackio"


_NAMING = (Form.hub, Form.model_card, Form.every_eval_ever)
"""Those that name the hub's data set of an eval set."""
_MEANING = (
    "csv: all figures as summary.csv; hub: .eval_results/ of model pages; "
    "lm-eval: results_*.json and samples_*.jsonl as lm-evaluation-harness writes them; "
    "every-eval-ever: records of the EvalEval Coalition's collection; "
    "model-card: a README.md with model-index for each model; "
    "mlflow, trackio: a local store that its own client writes."
)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run, such as reports/latest.")],
    to: Annotated[Form, typer.Option(help=_MEANING)] = Form.csv,
    out: Annotated[Path | None, typer.Option(help="Folder; by default export/ of the run.")] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="EVALSET=OWNER/NAME: the hub's data set of an eval set; may be repeated."
        ),
    ] = None,
) -> None:
    """Write a run's figures for other tools."""
    with failing():
        folder, named = out or run / "export", _named(dataset or [])
        if named and to not in _NAMING:
            raise HarnessError(f"--dataset goes with --to {', '.join(_NAMING)}; leave it out")
        if to in _STORES:
            written, told = _stored(_STORES[to], run, named, folder)
        else:
            written, told = _written(_FORMS[to](run, named), folder)
        for path in written:
            say(str(path))
        for line in told:
            say(line, err=True)
    if not written:
        say(f"{run}: nothing to export to {to}", err=True)
        raise typer.Exit(EXIT_FIXABLE)


def _written(made: Files, folder: Path) -> tuple[list[Path], Sequence[str]]:
    from harness.writing import write_whole

    # Names of models and sets are those of a run that others may have written.
    for path in made.files:
        if path.is_absolute() or ".." in path.parts or "\0" in str(path):
            raise HarnessError(f"run.json: '{path.parent}' is no name of a folder below --out, and "
                               "nothing was written; correct the name of the model")  # fmt: skip
    for path, text in made.files.items():
        write_whole(folder / path, text)
    return [folder / path for path in made.files], made.left_out


def _stored(
    store: Store, folder: Path, named: Mapping[str, str], out: Path
) -> tuple[list[Path], Sequence[str]]:
    """Have a tracker's client write what there is of a run, in one line without it."""
    from harness.export.tracked import tracked_runs

    run = _head(folder, named)
    tracked, told = tracked_runs(run)
    return [store(run, tracked, out, folder / "report.md")] if tracked else [], told


def _csv(folder: Path, named: Mapping[str, str]) -> Files:
    from harness.export.shared import Files
    from harness.export.table import summary_csv

    return Files({PurePosixPath("summary.csv"): summary_csv(_head(folder, named))})


def _hub(folder: Path, named: Mapping[str, str]) -> Files:
    from harness.export.hub import hub_files

    return hub_files(_head(folder, named), datasets=named)


def _lm_eval(folder: Path, named: Mapping[str, str]) -> Files:
    from harness.export.lm_eval import lm_eval_files

    return lm_eval_files(_whole(folder, named))


def _every_eval_ever(folder: Path, named: Mapping[str, str]) -> Files:
    from harness.export.every_eval_ever import every_eval_ever_files

    return every_eval_ever_files(_whole(folder, named), datasets=named)


def _model_card(folder: Path, named: Mapping[str, str]) -> Files:
    from harness.export.model_card import model_card_files

    return model_card_files(_head(folder, named), datasets=named)


_FORMS: Mapping[Form, Callable[[Path, Mapping[str, str]], Files]] = {
    Form.csv: _csv,
    Form.hub: _hub,
    Form.lm_eval: _lm_eval,
    Form.every_eval_ever: _every_eval_ever,
    Form.model_card: _model_card,
}


def _mlflow(run: Run, tracked: Sequence[Tracked], folder: Path, report: Path) -> Path:
    from harness.export.mlflow import to_mlflow

    return to_mlflow(run, tracked, folder, report)


def _trackio(run: Run, tracked: Sequence[Tracked], folder: Path, report: Path) -> Path:
    from harness.export.trackio import to_trackio

    return to_trackio(run, tracked, folder, report)


_STORES: Mapping[Form, Store] = {Form.mlflow: _mlflow, Form.trackio: _trackio}


def _head(folder: Path, named: Mapping[str, str]) -> Run:
    from harness.report.runfiles import load_head

    return _checked(load_head(folder), named)


def _whole(folder: Path, named: Mapping[str, str]) -> Run:
    from harness.report.runfiles import load_whole

    return _checked(load_whole(folder), named)


def _checked(run: Run, named: Mapping[str, str]) -> Run:
    """Return the run if it has all the eval sets that the options name."""
    if unknown := sorted(named.keys() - {row.evalset for row in run.rows}):
        raise HarnessError(f"--dataset {unknown[0]}: the run has no such eval set")
    return run


def _named(entries: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        evalset, _, name = entry.partition("=")
        if not evalset or name.count("/") != 1 or not all(name.split("/")):
            raise HarnessError(f"--dataset {entry}: write EVALSET=OWNER/NAME")
        found[evalset] = name
    return found
