"""One judge on one judge set: its rulings, and what is known of it."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judge.bench import Judge, bench_cost, with_tokens_of
from harness.judge.cases import CaseSet
from harness.judge.gold import GOLD_LANG
from harness.judge.judge_session import JudgeSession
from harness.judge.passport import FOLDER, Manner, load_passport
from harness.judge.points import PointRulings
from harness.judge.retest import ask_again, doubting
from harness.judge.trust import check_passport
from harness.prompts.rubric import DEFAULT_RUBRICS
from harness.reasons import Fact, Reason
from harness.records import (
    CanaryKind,
    CanaryResult,
    EngineInfo,
    Figure,
    JudgeInfo,
    PairResult,
    ProbeResult,
    Ruling,
    Tell,
)
from harness.run.settings import Progress, Settings
from harness.spec.judgeset import MAX_ANSWER_CHARS, PassportSpec
from harness.spec.thinkingspec import setting_name
from harness.stats.clusters import clustered_share

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
    """What one judge made of a set; `manner` is how it was run and asked."""

    info: JudgeInfo
    engine: EngineInfo
    rulings: Mapping[str, Ruling]
    pairs: Sequence[PairResult]
    canaries: Sequence[CanaryResult]
    points: PointRulings
    manner: Manner


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
        bench, doubtful = doubting(session, cases, stored_only=settings.stored_only)
        template = session.template(cases[0]) if cases else None
        manner = session.manner(max_answer_chars=asked.evalset.judge.max_answer_chars)
        check = check_passport(
            settings.root / FOLDER / f"{name}.json",
            judge=name,
            model_digest=session.digest,
            engine=session.engine,
            dtype=session.dtype,
            manner=manner,
            rubric_digest=asked.rubric.digest if asked.rubric else None,
            pairwise_digest=asked.pairwise.digest if asked.pairwise else None,
            points=(asked.points.digest, asked.evalset.judge.per) if asked.points else None,
            spec=demands,
            options=_options(asked, settings),
        )
        moved, again = None, None
        if doubtful and check.trusted:
            moved, again = ask_again(
                session,
                load_passport(settings.root / FOLDER / f"{name}.json"),
                demands,
                requests=bench.engine.computed,
                max_chars=manner.max_answer_chars,
                root=settings.root,
                tell=tell,
            )
    finally:
        session.close()
    spent = with_tokens_of(bench, again) if again else bench
    canaries = asked.canary_results(name, bench.rulings, bench.points)
    rulings = list(bench.rulings.values())
    verdicts = [one for own in bench.points.values() for one in own]
    lost = [*(one.problem for one in rulings), *(one.problem for one in verdicts)]
    info = JudgeInfo(
        evalset=asked.path,
        judge=name,
        engine=session.engine,
        dtype=session.dtype,
        digest=session.digest,
        check=check,
        void=moved or _void(name, canaries),
        expected=_expected(rulings) if asked.rubric else math.nan,
        asked=len(rulings) + len(verdicts),
        unscored=dict(Counter(one for one in lost if one)),
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=bench_cost(judge.spec, spent),
        template=template,
        thinking=setting_name(judge.spec.thinking),
        quoted=_quoted(asked.results({}, {name: bench.points})),
    )
    return JudgedBy(
        info,
        bench.engine,
        bench.rulings,
        asked.pair_results(name, bench.rulings),
        canaries,
        bench.points,
        manner,
    )


def _options(asked: CaseSet, settings: Settings) -> str:
    """Return what `harness judge passport` must be told to ask as a set does."""
    spec = asked.evalset.judge
    named = [
        (option, rubric.path.removeprefix("prompts/"))
        for option, rubric in asked.rubrics.items()
        # Points are measured where their rubric is named.
        if option == "points" or rubric.path != f"prompts/{DEFAULT_RUBRICS[rubric.kind]}"
    ]
    named += _gold(asked)
    if asked.points and spec.per == "answer":
        named.append(("per", "answer"))
    if spec.max_answer_chars != MAX_ANSWER_CHARS:
        named.append(("max-answer-chars", str(spec.max_answer_chars)))
    if asked.evalset.lang != "en":
        named.append(("lang", asked.evalset.lang))
    own = {"engine": settings.engine, "dtype": settings.dtype}
    named += [(option, value) for option, value in own.items() if value]
    return "".join(f" --{option} {shlex.quote(value)}" for option, value in named)


def _gold(asked: CaseSet) -> list[tuple[str, str]]:
    """Return what the judge is measured on; `FILE` where what ships is in another language.

    Pairs must be measured whatever the set asks for: without them there is no passport.
    """
    spec = asked.evalset.judge.passport
    shipped = asked.evalset.lang == GOLD_LANG
    kinds = {"gold": (spec.gold, True), "point-gold": (spec.point_gold, asked.points is not None)}
    return [
        (option, file)
        for option, (files, wanted) in kinds.items() if wanted
        for file in files or ([] if shipped else ["FILE"])
    ]  # fmt: skip


def _void(judge: str, canaries: Sequence[CanaryResult]) -> Reason | None:
    """Return which deliberately bad answers a judge scored above the limit, or failed to score.

    A judge that leaves more than a tenth of them without a score, or all of one kind, has not
    shown that it marks them down.
    """
    broken = [one for one in canaries if one.broke]
    mute = [one for one in canaries if one.value is None]
    kinds = {one.kind for one in mute} - {one.kind for one in canaries if one.value is not None}
    if not broken and (len(mute) > _MUTE * len(canaries) or kinds):
        never = tuple(_KINDS[kind] for kind in _KINDS if kind in kinds)
        facts: dict[str, Fact] = {"judge": judge, "lost": len(mute), "n": len(canaries)}
        causes = (mute[0].ruling.problem or Reason("no_reason"),)
        if never:
            return Reason("canary_kinds_mute", {**facts, "kinds": never}, causes)
        return Reason("canaries_mute", facts, causes)
    if not broken:
        return None
    by = broken[0].by
    own = [one for one in broken if one.by == by]
    worst = max(own, key=lambda one: one.value or 0.0)
    return Reason("canaries_broke" if by == "score" else "canaries_covered", {
        "judge": judge, "broke": len(own), "n": sum(one.by == by for one in canaries),
        "limit": worst.limit, "worst": (_KINDS[worst.kind],), "probe": worst.probe,
        "value": worst.value or 0.0,
    })  # fmt: skip


def _quoted(results: Sequence[ProbeResult]) -> Figure | None:
    """Return how many of one judge's quotes stand in the answer, where a point is met."""
    found = [(one.probe, ruling.found) for one in results for answer in one.answers
             for own in answer.points.values() for ruling in own
             if ruling.value and ruling.found is not None]  # fmt: skip
    return clustered_share(found)


def _expected(rulings: Sequence[Ruling]) -> float:
    scored = [one.expected for one in rulings if one.value is not None]
    return sum(scored) / len(scored) if scored else 0.0
