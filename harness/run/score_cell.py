"""Outputs -> verdicts, a row and results of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.reasons import Reason
from harness.records import (
    CellPrompt,
    EngineInfo,
    Output,
    Provenance,
    Request,
    Result,
    Row,
    Sample,
    Score,
    Thought,
    Thoughts,
    sum_up,
)
from harness.run.figures import Summary, summarize
from harness.run.prepared import Prepared
from harness.run.provenance import provenance
from harness.run.replies import Said, said
from harness.run.shown_prompt import shown_prompt
from harness.scorers import SCORERS, Trial, scorer_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell, and what it rests on."""

    row: Row
    results: tuple[Result, ...]
    provenance: Provenance
    prompt: CellPrompt | None = None


def score_cell(prepared: Prepared, outputs: Mapping[str, Output], engine: EngineInfo) -> Outcome:
    """Score all samples of a cell.

    Args:
        prepared: The cell as it was asked.
        outputs: By content key; all of the cell's requests are there.
        engine: What answered.
    """
    cell = prepared.cell
    scorer = scorer_of(cell.scoring, cell.evalset.scoring)
    scores: list[Score] = []
    completions: list[str] = []
    thoughts = dict(prepared.thoughts)
    for index, sample in enumerate(prepared.samples):
        if index in prepared.errors:
            scores.append(Score(None, None, reason=prepared.errors[index]))
            completions.append("")
            continue
        answers = [_said(prepared, request, outputs) for request in prepared.requests[index]]
        if (thought := answers[0].thought) is not None:
            thoughts.setdefault(index, thought)
        said = [answer.output for answer in answers]
        trial = Trial(sample, prepared.words, said, prepared.tree)
        scores.append(scorer.score(trial))
        completions.append("" if prepared.tree else said[0].text)
    bare = _without_content(prepared, outputs)
    return settle(prepared, scores, completions, engine, thoughts=thoughts, bare=bare)


def settle(
    prepared: Prepared,
    scores: Sequence[Score],
    completions: Sequence[str],
    engine: EngineInfo,
    *,
    thoughts: Mapping[int, Thought] | None = None,
    bare: Sequence[tuple[float, ...]] = (),
) -> Outcome:
    """Return what the scores of a cell's samples come to.

    Args:
        prepared: The cell as it was asked.
        scores: One a sample, in the order of the samples.
        completions: Likewise what was written, "" for nothing.
        engine: What answered.
        thoughts: By position of the sample.
        bare: Each label's log-probability for the texts without content, or none for any.
    """
    cell, thoughts = prepared.cell, thoughts or {}
    labels = list(cell.evalset.labels)
    targets = [sample.label for sample in prepared.samples]
    clusters = [sample.cluster for sample in prepared.samples]
    summary = summarize(
        scores,
        targets,
        labels,
        clusters=clusters if any(clusters) else None,
        bare=bare,
        further=cell.evalset.further,
    )
    row = _row(prepared, summary, sum_up(list(thoughts.values())))
    results = tuple(
        _result(prepared, i, score, summary, completions[i], thoughts.get(i))
        for i, score in enumerate(scores)
    )
    return Outcome(row, results, provenance(prepared, engine), shown_prompt(prepared))


def _said(prepared: Prepared, request: Request, outputs: Mapping[str, Output]) -> Said:
    """Return what an answer says; of one that was written freely, without a thought before it."""
    output, questions = outputs[request.key], prepared.questions
    if questions is None or prepared.cell.asks != "generate":
        return Said(output)
    fix = Reason("raise_scoring_tokens")
    return said(output, questions.chat, room=request.sampling.max_tokens, fix=fix)


def _without_content(prepared: Prepared, outputs: Mapping[str, Output]) -> list[tuple[float, ...]]:
    """Return each label's log-probability for the texts without content, or none for any."""
    scorer, nothing = SCORERS["logprobs"], Sample(id="", text="", label="")
    found = [
        scorer.score(
            Trial(nothing, prepared.words, [outputs[one.key] for one in asked], prepared.tree)
        ).logprobs
        for asked in prepared.bare
    ]
    return found if all(found) else []


def _row(prepared: Prepared, summary: Summary, thoughts: Thoughts | None) -> Row:
    cell = prepared.cell
    thinking = cell.mode.thinking
    return Row(
        evalset=cell.path,
        cell=cell.id,
        model=cell.model,
        prompt=cell.prompt.id if cell.prompt else "",
        mode=cell.mode.name,
        k=cell.mode.k,
        placement=cell.mode.placement,
        selector=cell.mode.selector,
        seed=cell.mode.seed,
        scoring=cell.scoring,
        n=summary.n,
        unscored=summary.unscored,
        reasons=summary.reasons,
        figures=summary.figures,
        shares=summary.shares,
        targets=summary.targets,
        prompt_tokens=prepared.prompt_tokens,
        clusters=summary.clusters,
        order=cell.mode.order if cell.mode.k else None,
        train_rows=prepared.train_rows,
        encoder=cell.mode.encoder or "",
        classes=dict(prepared.words) if cell.mode.encoder else {},
        thinking=thinking.name if thinking else "",
        place=prepared.place,
        thoughts=thoughts,
        template=prepared.template,
        slices={one.name: one.min for one in cell.evalset.slices},
        primary=cell.evalset.primary or "",
        family=cell.evalset.family,
        wordings=cell.evalset.wordings,
    )


def _result(
    prepared: Prepared,
    index: int,
    score: Score,
    summary: Summary,
    completion: str,
    thought: Thought | None,
) -> Result:
    cell, sample = prepared.cell, prepared.samples[index]
    two = len(score.logprobs) == 2
    return Result(
        evalset=cell.path,
        cell=cell.id,
        sample=sample.id,
        prompt_key=prepared.key(index),
        text=sample.text,
        target=sample.label,
        answer=score.answer,
        calibrated=summary.calibrated[index],
        correct=None if score.value is None else score.value == 1.0,
        reason=score.reason,
        logprobs=dict(zip(cell.evalset.labels, score.logprobs, strict=bool(score.logprobs))),
        log_odds=score.logprobs[0] - score.logprobs[1] if two else None,
        completion=completion,
        length=len(sample.text),
        contextual=summary.contextual[index],
        cluster=sample.cluster,
        thought=thought,
        slices=dict(sample.slices),
    )
