"""One judge on one judge set: its rulings, and what is known of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judge.bench import Judge, bench_cost
from harness.judge.cases import CaseSet
from harness.judge.judge_session import JudgeSession
from harness.judge.passport import FOLDER
from harness.judge.trust import check_passport
from harness.prompts.rubric import DEFAULT_RUBRICS
from harness.reasons import Fact, Reason
from harness.records import (
    CanaryKind,
    CanaryResult,
    EngineInfo,
    JudgeInfo,
    PairResult,
    Ruling,
    Tell,
)
from harness.run.settings import Progress, Settings
from harness.spec.judgeset import MAX_ANSWER_CHARS, PassportSpec
from harness.spec.thinkingspec import setting_name

# The share of deliberately bad answers that may lack a score.
_MUTE = 0.1
_KINDS: Mapping[CanaryKind, str] = {
    "null": "canary_null",
    "constant": "canary_constant",
    "off_topic": "canary_off_topic",
    "shuffled": "canary_shuffled",
}


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """What one judge made of a set."""

    info: JudgeInfo
    engine: EngineInfo
    rulings: Mapping[str, Ruling]
    pairs: Sequence[PairResult]
    canaries: Sequence[CanaryResult]


def ask_judge(
    judge: Judge,
    asked: CaseSet,
    demands: PassportSpec,
    *,
    settings: Settings,
    progress: Progress,
    tell: Tell,
) -> JudgedBy:
    """Have one judge rule on all cases, and check what is known of it."""
    name = judge.model
    session = JudgeSession(judge, settings=settings, progress=progress, tell=tell)
    try:
        cases = asked.cases(session.controls)
        bench = session.rule(cases)
        template = session.template(cases[0]) if cases else None
    finally:
        session.close()
    canaries = asked.canary_results(name, bench.rulings)
    check = check_passport(
        settings.root / FOLDER / f"{name}.json",
        judge=name,
        model_digest=session.digest,
        engine=session.engine,
        dtype=session.dtype,
        manner=session.manner(max_answer_chars=asked.evalset.judge.max_answer_chars),
        rubric_digest=asked.rubric.digest,
        pairwise_digest=asked.pairwise.digest if asked.pairwise else None,
        spec=demands,
        options=_options(asked),
    )
    rulings = list(bench.rulings.values())
    info = JudgeInfo(
        evalset=asked.path,
        judge=name,
        engine=session.engine,
        dtype=session.dtype,
        digest=session.digest,
        check=check,
        void=_void(name, canaries),
        expected=_expected(rulings),
        asked=len(rulings),
        unscored=dict(Counter(one.problem for one in rulings if one.problem)),
        prompt_tokens=bench.prompt_tokens,
        completion_tokens=bench.completion_tokens,
        cost=bench_cost(judge.spec, bench),
        template=template,
        thinking=setting_name(judge.spec.thinking),
    )
    return JudgedBy(
        info, bench.engine, bench.rulings, asked.pair_results(name, bench.rulings), canaries
    )


def _options(asked: CaseSet) -> str:
    """Return what `harness judge passport` must be told to ask as a set does."""
    rubrics = [("rubric", asked.rubric), ("pairwise", asked.pairwise)]
    chars = asked.evalset.judge.max_answer_chars
    cut = f" --max-answer-chars {chars}" if chars != MAX_ANSWER_CHARS else ""
    named = "".join(
        f" --{option} {rubric.path.removeprefix('prompts/')}"
        for option, rubric in rubrics
        if rubric is not None and rubric.path != f"prompts/{DEFAULT_RUBRICS[rubric.kind]}"
    )
    return named + cut


def _void(judge: str, canaries: Sequence[CanaryResult]) -> Reason | None:
    """Return which deliberately bad answers a judge scored above the limit, or failed to score.

    A judge that leaves more than a tenth of them without a score, or all of one kind, has not
    shown that it marks them down.
    """
    broken = [one for one in canaries if one.broke]
    mute = [one for one in canaries if one.ruling.value is None]
    kinds = {one.kind for one in mute} - {c.kind for c in canaries if c.ruling.value is not None}
    if not broken and (len(mute) > _MUTE * len(canaries) or kinds):
        never = tuple(_KINDS[kind] for kind in _KINDS if kind in kinds)
        facts: dict[str, Fact] = {"judge": judge, "lost": len(mute), "n": len(canaries)}
        causes = (mute[0].ruling.problem or Reason("no_reason"),)
        if never:
            return Reason("canary_kinds_mute", {**facts, "kinds": never}, causes)
        return Reason("canaries_mute", facts, causes)
    if not broken:
        return None
    worst = max(broken, key=lambda one: one.ruling.value or 0.0)
    return Reason("canaries_broke", {
        "judge": judge, "broke": len(broken), "n": len(canaries), "limit": worst.limit,
        "worst": (_KINDS[worst.kind],), "probe": worst.probe, "value": worst.ruling.value or 0.0,
    })  # fmt: skip


def _expected(rulings: Sequence[Ruling]) -> float:
    scored = [one.expected for one in rulings if one.value is not None]
    return sum(scored) / len(scored) if scored else 0.0
