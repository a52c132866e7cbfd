"""What trackers are told of a run. Their clients are toys here, which keep what they are given.

`benchmarks/exported_runs.py` has the clients of MLflow and trackio themselves write and read it.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from builders import make_row
from exported import FEWSHOT, exported, run_of, run_with_texts
from judged_builders import FAILED, make_judged, make_judged_run

from harness.export.tracked import tracked_runs
from harness.export.trackio import project_name
from harness.reasons import Reason
from harness.records import Figure

CELL = "smollm2-135m-prefill-zeroshot"


class Store:
    """What both toys keep, by name of a run: settings, numbers, files, tags and group."""

    def __init__(self) -> None:
        self.runs: dict[str, SimpleNamespace] = {}
        self.problem: Exception | None = None

    def add(self, name: str, group: str, **more) -> SimpleNamespace:
        one = SimpleNamespace(name=name, group=group, settings={}, numbers={}, files=[], **more)
        self.runs[name] = one
        return one


class Client:
    """As much of MLflow's client as an export uses."""

    def __init__(self, store: Store, tracking_uri: str) -> None:
        store.uri = tracking_uri
        self.store = store

    def get_experiment_by_name(self, name: str):
        if self.store.problem:
            raise self.store.problem
        known = any(one.group == name for one in self.store.runs.values())
        return SimpleNamespace(experiment_id=name) if known else None

    def create_experiment(self, name: str, artifact_location: str) -> str:
        assert artifact_location.startswith("file:///")
        return name

    def search_runs(self, ids, query: str):
        ((group,), wanted) = ids, query.split("'")[1]
        return [SimpleNamespace(data=one, info=SimpleNamespace(run_id=one.name))
                for one in self.store.runs.values()
                if (one.group, one.tags["pytest_evalsets.run"]) == (group, wanted)]  # fmt: skip

    def delete_run(self, name: str) -> None:
        del self.store.runs[name]

    def create_run(self, group: str, *, start_time: int, tags, run_name: str):
        assert start_time == 1796040000000
        self.store.add(run_name, group, tags=dict(tags))
        return SimpleNamespace(info=SimpleNamespace(run_id=run_name))

    def log_artifact(self, name: str, path: str) -> None:
        self.store.runs[name].files.append(Path(path).name)

    def log_batch(self, name: str, *, metrics, params) -> None:
        self.store.runs[name].numbers |= {one.key: one.value for one in metrics}
        self.store.runs[name].settings |= {one.key: one.value for one in params}

    def set_tag(self, name: str, key: str, value: str) -> None:
        self.store.runs[name].tags[key] = value

    def set_terminated(self, name: str, status: str, end_time: int) -> None:
        assert (status, end_time) == ("FINISHED", 1796040001000)


def module(monkeypatch, name: str, **content) -> ModuleType:
    made = ModuleType(name)
    for key, value in content.items():
        setattr(made, key, value)
    monkeypatch.setitem(sys.modules, name, made)
    return made


@pytest.fixture
def mlflow(monkeypatch) -> Store:
    store = Store()
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "")
    error = type("MlflowException", (Exception,), {})
    store.error = error
    module(monkeypatch, "alembic")
    module(monkeypatch, "sqlalchemy")
    module(monkeypatch, "sqlalchemy.exc", SQLAlchemyError=type("SQLAlchemyError", (Exception,), {}))
    module(monkeypatch, "mlflow")
    module(monkeypatch, "mlflow.exceptions", MlflowException=error)
    module(monkeypatch, "mlflow.tracking",
           MlflowClient=lambda tracking_uri: Client(store, tracking_uri))  # fmt: skip
    module(monkeypatch, "mlflow.entities", Metric=namedtuple("Metric", "key value timestamp step"),
           Param=namedtuple("Param", "key value"))  # fmt: skip
    return store


@pytest.fixture
def trackio(monkeypatch, tmp_path) -> Store:
    store = Store()
    for name in ("TRACKIO_DIR", "TRACKIO_SPACE_ID"):
        monkeypatch.setenv(name, "elsewhere")

    def init(*, project, name, group, config, **options) -> None:
        if store.problem:
            raise store.problem
        assert options == {"embed": False, "auto_log_gpu": False, "auto_log_cpu": False}
        store.now = store.add(name, project)
        store.now.settings |= config
        (tmp_path / f"out/trackio/{project}.db").touch()

    def runs(project: str):
        return [SimpleNamespace(name=one.name, delete=lambda name=one.name: store.runs.pop(name))
                for one in list(store.runs.values()) if one.group == project]  # fmt: skip

    module(
        monkeypatch, "trackio", init=init, finish=lambda: sys.stdout.write("* finished"),
        log=lambda numbers, step: store.now.numbers.update(numbers),
        log_artifact=lambda path, name, type: store.now.files.append(Path(path).name),
        Api=lambda: SimpleNamespace(runs=runs),
    )  # fmt: skip
    return store


def test_figures_have_interval_n_and_unscored_and_missing_ones_no_number():
    few = replace(FEWSHOT, figures={**FEWSHOT.figures, "recall:день": Figure(0.5, 0.4, 0.6, 50),
                                    "log_loss": Figure(math.inf, 1.0, math.inf, 100)})  # fmt: skip
    none = make_row(cell="none", figures={}, n=0, unscored=300)
    (first, second), told = tracked_runs(run_of(few, none))
    assert first.numbers == {
        "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "accuracy_n": 100,
        "recall_день": 0.5, "recall_день_low": 0.4, "recall_день_high": 0.6, "recall_день_n": 50,
        "n": 100, "unscored": 200,
    }  # fmt: skip
    assert second.numbers == {"n": 0, "unscored": 300}
    assert (first.group, first.name) == ("mini", few.cell)
    assert first.settings["k"] == "5"
    assert "selector" not in first.settings
    assert (first.settings["engine"], first.settings["dtype"]) == ("vllm", "float16")
    assert told == ()


def test_judged_models_are_told_where_trusted_judges_stand_behind_them():
    found, told = tracked_runs(make_judged_run(make_judged()))
    assert [one.name for one in found] == ["base", "ru-a", "ru-b"]
    assert all("score_low" in one.numbers for one in found)
    assert told == ()
    for changes in ({"check": FAILED}, {"void": Reason("judge_silent")}):
        found, told = tracked_runs(make_judged_run(make_judged(**changes)))
        assert (found, len(told)) == ([], 3)


@pytest.fixture(params=["mlflow", "trackio"])
def tracker(request) -> tuple[str, Store]:
    return request.param, request.getfixturevalue(request.param)


def test_cells_and_report_are_in_the_store(tmp_path: Path, tracker):
    kind, store = tracker
    run = run_with_texts()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/report.md").write_text("# A report\n")
    done = exported(tmp_path, run, "--to", kind)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{tmp_path}/out/{'mlflow.db' if kind == 'mlflow' else kind}\n"
    (expected,), _ = tracked_runs(run)
    by_name = {name.split(" ")[0]: one for name, one in store.runs.items()}
    assert by_name[CELL].numbers == expected.numbers
    assert by_name[CELL].settings == expected.settings
    assert by_name[run.info.id].files == ["report.md"]
    assert {one.group for one in store.runs.values()} == {"mini"}


def test_a_run_is_told_once_and_what_an_interrupted_export_left_is_replaced(tmp_path, tracker):
    kind, store = tracker
    run = run_with_texts()
    assert exported(tmp_path, run, "--to", kind).exit_code == 0
    again = exported(tmp_path, run, "--to", kind)
    assert again.exit_code == 2
    assert again.stderr.endswith("has the run r already\n")
    before = set(store.runs)
    if kind == "mlflow":
        del store.runs["r"].tags["pytest_evalsets.whole"]
    else:
        del store.runs["r"]
    store.runs = dict(reversed(store.runs.items()))
    assert exported(tmp_path, run, "--to", kind).exit_code == 0
    assert set(store.runs) == before


def test_what_a_tracker_says_is_one_line(tmp_path, tracker):
    kind, store = tracker
    store.problem = (sqlite3.DatabaseError if kind == "trackio" else store.error)("no\nmore")
    done = exported(tmp_path, run_with_texts(), "--to", kind)
    assert done.exit_code == 2
    assert f"{tmp_path}/out/" in done.stderr


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b"])
def test_a_folder_that_is_no_part_of_an_address_is_refused(tmp_path, mlflow, name):
    done = exported(tmp_path, run_with_texts(), "--to", "mlflow", "--out", str(tmp_path / name))
    assert done.exit_code == 2
    assert f"{tmp_path / name}: '{name.strip('ab20')}' means something else" in done.stderr
    assert not mlflow.runs


@pytest.mark.parametrize("kind", ["mlflow", "trackio"])
def test_a_tracker_that_is_missing_is_named(tmp_path, monkeypatch, kind):
    for name in ("MLFLOW_DISABLE_TELEMETRY", "TRACKIO_DIR", "TRACKIO_SPACE_ID"):
        monkeypatch.setenv(name, "")
    for name in ("mlflow", "alembic", "trackio"):
        monkeypatch.setitem(sys.modules, name, None)
    done = exported(tmp_path, run_with_texts(), "--to", kind)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"--to {kind} needs the package {kind} (")
    assert done.stderr.endswith(f"install it: pip install {kind}\n")
    assert done.stderr.count("\n") == 1


def test_projects_of_trackio_are_told_apart():
    assert project_name("ru-mini") == "ru-mini"
    assert project_name("мини") != project_name("макси")
    assert project_name("a.b").startswith("ab-")
