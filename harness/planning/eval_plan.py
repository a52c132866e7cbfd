"""The plan of eval sets: what their run would take, and what its gates and questions could show."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.gates.plan import PlannedGate
from harness.gates.plan_judged import PlannedJudgedGate
from harness.planning.asking import Asker, Asking
from harness.planning.earlier import EarlierRun, earlier_runs, last_of, last_work, seconds
from harness.planning.gate_reach import GateReach, gate_reach
from harness.planning.judged_reach import JudgedReach, judged_reach
from harness.planning.judging import JudgeAsking, answer_asking, judge_asking
from harness.planning.question_reach import QuestionReach, question_reaches
from harness.planning.seen import Watched
from harness.planning.size import Given, Size, group_of, size_of
from harness.planning.slice_reach import SliceReach, slice_reach
from harness.records import Note, Work
from harness.run.cells import Cell
from harness.run.probe_cells import ProbeCell
from harness.run.trained_on import trained_probes, trained_samples


@dataclass(frozen=True, slots=True)
class ModelTime:
    """How long a model would take.

    Attributes:
        seconds: With the start of its engine; None where no run says it.
        run: Name of the run whose rate it is.
    """

    model: str
    seconds: float | None
    run: str = ""


@dataclass(frozen=True, slots=True)
class SetPlan:
    """One labelled set.

    Attributes:
        asking: What its cells take, model by model.
        unseen: Labels that no sample has.
        times: How long that would be, without what is stored already.
        notes: Which samples adapters were trained on.
        slices: What its slices could show, None where it has none.
    """

    evalset: str
    cells: int
    size: Size
    asking: tuple[Asking, ...]
    times: tuple[ModelTime, ...]
    gates: tuple[GateReach, ...]
    questions: tuple[QuestionReach, ...]
    unseen: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    slices: SliceReach | None = None

    @property
    def mistakes(self) -> list[str]:
        """What a run would stop at, each a line that begins with the set."""
        found = [self.size.problem] if self.size.wrong else []
        found += [one.problem for one in self.asking if one.wrong]
        return [f"{self.evalset}: {problem}" for problem in dict.fromkeys(found)]


def plan_sets(
    cells: Sequence[Cell],
    gates: Sequence[PlannedGate],
    *,
    root: Path,
    reports: Path,
    given: Given,
    against: str = "",
) -> list[SetPlan]:
    """Return the plans of sets; data and tokenizers are read where they are at hand.

    Args:
        cells: The cells that would run.
        gates: The gates that would be judged.
        root: The project.
        reports: Where earlier runs lie.
        given: What the command line says about data.
        against: The cell whose baseline all cells are compared with, empty for each cell's own.
    """
    runs, asker, watched = earlier_runs(reports), Asker(root), Watched(root, against)
    sets = {path: [one for one in cells if one.path == path]
            for path in dict.fromkeys(one.path for one in cells)}  # fmt: skip
    sizes = {path: size_of(own[0], root, given) for path, own in sets.items()}
    last: dict[str, EarlierRun | None] = {path: last_of(runs, path) for path in sets}
    questions = question_reaches(cells, sizes, last)
    found = []
    for path, own in sets.items():
        asking = _by_model([asker.asking(cell, sizes[path]) for cell in own])
        found.append(
            SetPlan(
                evalset=path,
                cells=len(own),
                size=sizes[path],
                asking=tuple(asking),
                times=tuple(_time(one, runs, "cells") for one in asking if one.requests),
                gates=tuple(gate_reach(one, sizes[path], last[path], watched)
                            for one in gates if one.cell.path == path),
                questions=tuple(one for one in questions if one.evalset == path),
                unseen=_unseen(sizes[path], own[0].evalset.labels),
                notes=tuple(_trained(own, sizes[path], root)),
                slices=slice_reach(own, sizes[path], last[path]),
            )
        )  # fmt: skip
    return found


def _unseen(size: Size, labels: Collection[str]) -> tuple[str, ...]:
    if size.loaded is None:
        return ()
    counts = group_of(size.loaded.samples, labels).labels
    return tuple(label for label, count in counts.items() if not count)


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """One judge set.

    Attributes:
        probes: Of the set; `answers` to each of them by each model.
        between: Answers of all models to earlier turns of dialogues.
        notes: Which probes adapters were trained on.
        asking: What each model is asked; `judging` what each judge is.
        times: How long that would be, model by model; `judge_times` the same of the judges.
    """

    evalset: str
    models: int
    probes: int
    answers: int
    gates: tuple[JudgedReach, ...]
    between: int = 0
    notes: tuple[Note, ...] = ()
    asking: tuple[Asking, ...] = ()
    judging: tuple[JudgeAsking, ...] = ()
    times: tuple[ModelTime, ...] = ()
    judge_times: tuple[ModelTime, ...] = ()

    @property
    def mistakes(self) -> list[str]:
        """What a run would stop at, each a line that begins with the set."""
        found = [*self.asking, *(one.asking for one in self.judging)]
        lines = dict.fromkeys(one.problem for one in found if one.wrong)
        return [f"{self.evalset}: {problem}" for problem in lines]


def plan_judged_sets(
    cells: Sequence[ProbeCell], gates: Sequence[PlannedJudgedGate], *, root: Path, reports: Path
) -> list[JudgedPlan]:
    """Return the plans of judge sets.

    Args:
        cells: The probes that would run, of each model.
        gates: The gates that would be judged.
        root: The project.
        reports: Where earlier runs lie.
    """
    runs, asker = earlier_runs(reports), Asker(root)
    found = []
    for path in dict.fromkeys(one.path for one in cells):
        own = [one for one in cells if one.path == path]
        last = last_of(runs, path)
        models = dict.fromkeys(one.model for one in own)
        by_model = {name: [one for one in own if one.model == name] for name in models}
        asking = [_reckoned(answer_asking(asker, mine, last), runs, "answers")
                  for mine in by_model.values()]  # fmt: skip
        judging = [judge_asking(asker, judge, own, last, root) for judge in own[0].judges]
        judging = [replace(one, asking=_reckoned(one.asking, runs, "verdicts")) for one in judging]
        found.append(
            JudgedPlan(
                evalset=path,
                models=len(models),
                probes=len({one.probe.id for one in own}),
                answers=own[0].evalset.answers.n,
                between=sum(one.probe.blanks for one in own) * own[0].evalset.answers.n,
                gates=tuple(judged_reach(one, last) for one in gates if one.cell.path == path),
                notes=tuple(
                    note for mine in by_model.values() for note in trained_probes(mine, root)
                ),
                asking=tuple(asking),
                judging=tuple(judging),
                times=tuple(_time(one, runs, "answers") for one in asking if one.requests),
                judge_times=tuple(
                    _time(one.asking, runs, "verdicts") for one in judging if one.asking.requests
                ),
            )
        )
    return found


def _trained(cells: Sequence[Cell], size: Size, root: Path) -> Iterator[Note]:
    """Yield the notes on samples that adapters were trained on, where the data was read."""
    if size.loaded is not None:
        for cell in {cell.model: cell for cell in cells}.values():
            yield from trained_samples(cell, size.loaded.samples, root)


def _by_model(found: Sequence[Asking]) -> list[Asking]:
    """Return the sum over each model's cells; tokens are known where they are of all of them."""
    sums: list[Asking] = []
    for model in dict.fromkeys(one.model for one in found):
        own = [one for one in found if one.model == model]
        counted = [one.tokens for one in own if one.tokens is not None]
        tokens = sum(counted) if len(counted) == len(own) else None
        first = max(own, key=lambda one: (one.wrong, bool(one.problem)))
        sums.append(Asking(model, sum(one.requests for one in own), tokens, first.problem,
                           first.wrong))  # fmt: skip
    return sums


def _reckoned(one: Asking, runs: Sequence[EarlierRun], work: Work) -> Asking:
    """Return what a model takes by its last requests, where its own tokenizer is not here."""
    found = last_work(runs, one.model, work)
    if one.tokens is not None or one.wrong or found is None:
        return one
    run, info = found
    tokens = round(info.prompt_tokens / info.computed * one.requests)
    return replace(one, tokens=tokens, problem="", by=run.folder.name) if tokens else one


def _time(one: Asking, runs: Sequence[EarlierRun], work: Work) -> ModelTime:
    found = last_work(runs, one.model, work)
    if found is None:
        return ModelTime(one.model, None)
    run, info = found
    wanted = info.start_s + seconds(info, one.requests, one.tokens)
    return ModelTime(one.model, wanted, run.folder.name)
