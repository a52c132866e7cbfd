"""Cells whose answers another program gave: no prompt, no engine, the same scores and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.errors import SpecError
from harness.reasons import Reason
from harness.records import (
    GIVEN,
    EngineInfo,
    GivenAnswer,
    GivenAnswers,
    Note,
    NoteKind,
    Output,
    Sample,
    Score,
    Tell,
)
from harness.records.notes import Fact
from harness.run.cells import Cell
from harness.run.prepared import Prepared
from harness.run.score_cell import Outcome, settle
from harness.scorers import SCORERS, Trial, scorer_of
from harness.sources.data import LoadedData
from harness.suggest import did_you_mean


class _AsGiven:
    """The log-probabilities of labels where they need not be put together of tokens."""

    def logprobs(self, answers: Sequence[Sequence[float]]) -> tuple[float, ...]:
        """See `harness.contracts.Tree`."""
        return tuple(answers[0])


def given_outcome(cell: Cell, given: GivenAnswers, data: LoadedData, *, tell: Tell) -> Outcome:
    """Return what the answers of another program come to; a sample without one is unscored.

    Args:
        cell: The cell.
        given: Its answers.
        data: Of its set.
        tell: Is told how many samples have no answer, and how many answers are to other rows.

    Raises:
        SpecError: There is an answer to no sample of the set, with file and line.
        RegistryError: A registered scorer failed.
    """
    _check_ids(cell, given, data)
    samples = data.samples
    found = [given.answers.get(sample.id) for sample in samples]
    scores = [_score(cell, *pair) for pair in zip(samples, found, strict=True)]
    texts = [one.output or "" if one is not None else "" for one in found]
    prepared = Prepared(
        cell=cell,
        samples=samples,
        words=_words(cell),
        tree=None,
        requests=((),) * len(samples),
        errors={},
        prompt_tokens=0.0,
        window=0,
    )
    for note in _notes(cell, given, data):
        tell(note)
    return settle(prepared, scores, texts, engine_of(given))


def engine_of(given: GivenAnswers) -> EngineInfo:
    """Return what stands in a run for the program that gave the answers."""
    return EngineInfo(
        model=given.model,
        source=given.path,
        digest=given.digest,
        engine=GIVEN,
        version="file",
        dtype="",
        device="",
        start_s=0.0,
        generate_s=0.0,
        computed=0,
        stored=0,
        prompt_tokens=0,
        cached_tokens=0,
        completion_tokens=0,
        work="cells",
    )


def _notes(cell: Cell, given: GivenAnswers, data: LoadedData) -> Iterator[Note]:
    asked = dict.fromkeys(sample.id for sample in data.samples)
    missing = tuple(one for one in asked if one not in given.answers)
    spare = tuple(one for one in given.answers if one not in asked)
    found: dict[NoteKind, tuple[tuple[str, ...], int]] = {
        "given_missing": (missing, len(asked)),
        "given_spare": (spare, len(given.answers)),
    }
    for kind, (ids, total) in found.items():
        facts: dict[str, Fact] = {"model": given.model, "count": len(ids), "total": total,
                                  "ids": ids}  # fmt: skip
        if ids:
            yield Note(kind, cell.path, facts)


def _check_ids(cell: Cell, given: GivenAnswers, data: LoadedData) -> None:
    """Raise SpecError for an answer to what is no row of the set's data."""
    strange = [sample for sample in given.answers if sample not in data.ids]
    if strange:
        others = f", nor are {len(strange) - 1} more ids" if len(strange) > 1 else ""
        known = [sample.id for sample in data.samples]
        near = did_you_mean(strange[0], known, f"ids are such as '{known[0]}'")
        raise SpecError(f"id: '{strange[0]}' is no sample of {cell.path}{others}; {near}",
                        path=given.path, line=given.answers[strange[0]].line)  # fmt: skip


def _words(cell: Cell) -> dict[str, str]:
    return {label: label for label in cell.evalset.labels}


def _score(cell: Cell, sample: Sample, answer: GivenAnswer | None) -> Score:
    if answer is None:
        return Score(None, None, reason=Reason("given_missing"))
    if answer.error is not None:
        return Score(None, None, reason=Reason("given_failed", {"said": answer.error}))
    scoring, words = cell.evalset.scoring, _words(cell)
    if answer.label is not None:
        verdict = Trial(sample, words, ()).scored(answer.label)
    elif answer.output is not None:
        reader = scoring.method if scoring.asks == "generate" else "generate"
        output = Output(key="", text=answer.output)
        # It has no prompt, from which white space would part it.
        read = scoring.read and scoring.read.model_copy(update={"lead": ""})
        scorer = scorer_of(reader, scoring.model_copy(update={"read": read}))
        verdict = scorer.score(Trial(sample, words, [output]))
    elif answer.logprobs:
        output = Output(key="", logprobs=answer.logprobs)
        verdict = SCORERS["logprobs"].score(Trial(sample, words, [output], _AsGiven()))
    else:
        verdict = Score(None, None, reason=Reason("given_empty"))
    # Of a text without a label, the probabilities enter no figure either.
    rated = answer.logprobs and verdict.value is not None
    return replace(verdict, logprobs=answer.logprobs) if rated else verdict
