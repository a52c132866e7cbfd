"""Groups on several GPUs at once and ahead of being asked for; the GPUs are names, no devices."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace

import pytest

from harness import hardware
from harness.collect import load_cells
from harness.errors import EngineError
from harness.run import runner as runner_module
from harness.run import session
from harness.run.runner import Runner
from harness.run.settings import Settings
from harness.workers import fleet
from harness.workers.worker import Worker

MODEL = (
    "  {name}: {{source: file:model, engine: fake, dtype: float32, seed: {seed}, options: {opts}}}"
)


@pytest.fixture
def project(model_project, monkeypatch):
    """Return a function that makes a runner over models with options, on so many GPUs."""
    root = model_project.root
    text = (root / "evalsets/set.yaml").read_text()
    monkeypatch.setattr(hardware, "device", lambda: "cuda")

    def make(*options: str, gpus: int, **changes) -> Runner:
        monkeypatch.setattr(hardware, "gpus", lambda: tuple(map(str, range(gpus))))
        names = [f"m{seed}" for seed in range(len(options))]
        lines = [MODEL.format(name=name, seed=seed, opts=one)
                 for seed, (name, one) in enumerate(zip(names, options, strict=True))]  # fmt: skip
        model_project.models("models:\n" + "\n".join(lines) + "\n")
        model_project.evalset(text.replace("[tiny]", f"[{', '.join(names)}]"))
        settings = Settings(root, root / ".harness/o.sqlite", root / "logs", ahead=True)
        cells = load_cells(root / "evalsets/set.yaml", root)
        return Runner(replace(settings, **changes), cells, lambda *what: None)

    return make


@pytest.fixture
def events(monkeypatch):
    """Note when each engine starts, on what, and when it ends."""
    seen: list[tuple[str, str, tuple[str, ...]]] = []
    start, close = Worker.start, Worker.close

    def started(self, config=None):
        if config is not None:
            seen.append(("start", config.seed, config.gpus))
        start(self, config)

    def closed(self):
        seen.append(("close", self._config.seed, self._config.gpus))
        close(self)

    monkeypatch.setattr(Worker, "start", started)
    monkeypatch.setattr(Worker, "close", closed)
    return seen


def whole(runner: Runner) -> dict[str, object]:
    return {cell.id: runner.outcome(cell) for cell in runner.selected}


def test_groups_run_side_by_side_on_gpus_of_their_own(project, events):
    runner = project("{start_s: 1.5}", "{start_s: 0.5}", gpus=2)
    whole(runner)
    assert {event[0] for event in events[:2]} == {"start"}
    assert {event[2] for event in events[:2]} == {("0",), ("1",)}
    assert [info.model for info in runner.engines] == ["m0", "m1"]
    assert [info.replicas for info in runner.engines] == [1, 1]


def test_figures_are_those_of_one_gpu(project):
    alone = project("{}", "{}", "{}", gpus=1, ahead=False)
    apart = alone.settings.root / "apart.sqlite"
    beside = project("{}", "{}", "{}", gpus=2, store=apart)
    rows = {name: one.row for name, one in whole(alone).items()}
    assert {name: one.row for name, one in whole(beside).items()} == rows
    assert sum(info.computed for info in beside.engines) == 3 * 48


def test_the_next_group_imports_while_one_computes(project, events, monkeypatch):
    ahead: list[int] = []
    begin = Worker.import_ahead
    monkeypatch.setattr(
        Worker, "import_ahead", lambda self: (ahead.append(self._config.seed), begin(self))
    )
    runner = project("{delay_s: 0.02}", "{}", gpus=1)
    whole(runner)
    assert ahead == [1]
    # It stands on the GPU only once the first one is gone.
    assert events == [
        ("start", 0, ("0",)), ("close", 0, ("0",)), ("start", 1, ("0",)), ("close", 1, ("0",))
    ]  # fmt: skip


def test_a_standby_that_died_is_replaced(project, monkeypatch):
    begin = Worker.import_ahead

    def ahead(self):
        begin(self)
        os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(Worker, "import_ahead", ahead)
    runner = project("{delay_s: 0.02}", "{}", gpus=1)
    assert len(whole(runner)) == 16


def test_without_leave_nothing_runs_ahead(project, events):
    runner = project("{}", "{}", gpus=2, ahead=False)
    runner.outcome(runner.selected[0])
    assert [event[:2] for event in events] == [("start", 0), ("close", 0)]


def test_no_more_gpus_are_held_than_the_session_may(project, events):
    runner = project("{start_s: 0.2}", "{start_s: 0.2}", gpus=4)
    whole(Runner(replace(runner.settings, gpus=1), runner.selected, lambda *what: None))
    assert [event[0] for event in events] == ["start", "close", "start", "close"]


@pytest.fixture
def small_replicas(monkeypatch):
    monkeypatch.setattr(fleet, "_REPLICA", 10)


@pytest.mark.parametrize(
    ("gpus", "models", "expected"), [(2, 1, [2]), (4, 1, [4]), (4, 3, [1, 1, 2]), (9, 1, [4])]
)
def test_a_group_takes_the_gpus_that_no_other_waits_for(
    project, small_replicas, gpus, models, expected
):
    runner = project(*["{start_s: 0.6}"] * models, gpus=gpus)
    whole(runner)
    assert sorted(info.replicas for info in runner.engines) == expected
    for info in runner.engines:
        assert info.computed == 48


def test_a_model_that_needs_two_gpus_has_them(project, events):
    runner = project("{}", gpus=4)
    spec = runner.selected[0].spec.model_copy(update={"engine": "fake"})
    one = session.EngineSession(
        runner.settings, [replace(runner.selected[0], spec=spec)], lambda *what: None, tell=print
    )
    one._serving = replace(one._serving, options={"tensor_parallel_size": 2})
    one.start(64, 10_000)
    assert [replica.gpus for replica in one._fleet._replicas] == [("0", "1"), ("2", "3")]
    one.close()
    one._serving = replace(one._serving, options={"tensor_parallel_size": 8})
    with pytest.raises(EngineError, match="split over 8 GPUs"):
        one.start(64)


def test_a_replica_that_dies_leaves_nothing_undone(project, small_replicas):
    runner = project("{die_after: 20}", gpus=2)
    found = {}
    for cell in runner.selected:
        try:
            found[cell.id] = runner.outcome(cell)
        except EngineError:
            found[cell.id] = None
    # Both are told to die, so what the last one owes is lost, and said.
    assert [note.kind for note in runner.notes] == ["replica_lost"]
    assert [reason.kind for reason in runner.lost] == ["outputs_missing"]


def test_what_ran_ahead_ends_with_the_session(project, events):
    runner = project("{}", "{delay_s: 1.0}", gpus=2)
    runner.outcome(runner.selected[0])
    began = time.monotonic()
    runner.close()
    assert time.monotonic() - began < 5
    assert events[-1][0] == "close"
    runner.close()


def test_an_interrupt_ends_all_groups(project, monkeypatch):
    runner = project("{delay_s: 0.5}", "{delay_s: 0.5}", gpus=2)
    monkeypatch.setattr(
        "concurrent.futures.Future.result", lambda self: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        runner.outcome(runner.selected[0])
    assert runner._places.held == 0


def test_a_defect_in_a_group_is_raised_where_it_is_asked_for(project, monkeypatch):
    score = runner_module.score_cell

    def broken(one, *given):
        if one.cell.model == "m0":
            raise ZeroDivisionError("a defect")
        return score(one, *given)

    monkeypatch.setattr(runner_module, "score_cell", broken)
    runner = project("{}", "{}", gpus=2)
    for cell in runner.selected:
        if cell.model == "m0":
            with pytest.raises(ZeroDivisionError, match="a defect"):
                runner.outcome(cell)
        else:
            # The others go on.
            assert runner.outcome(cell).row.n > 0
    assert runner._places.held == 0
