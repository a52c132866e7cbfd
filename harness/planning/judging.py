"""How many requests and prompt tokens a judge set takes: of its models, and of its judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.judge.bench import AnyCase, Case, case_sampling, score_tree
from harness.judge.cases import CaseSet
from harness.judge.conversations import turns_of
from harness.judge.passport import FOLDER, PassportError, load_passport
from harness.judge.replies import Reply
from harness.judge.retest import pairs_due
from harness.planning.asking import Asker, Asking
from harness.planning.earlier import EarlierRun
from harness.prompts.rubric import RUBRIC_KEYS, Rubric, load_rubric
from harness.reasons import Reason
from harness.records import Request
from harness.report.runfiles import load_run
from harness.run.free_answers import Speaker, Turn
from harness.run.probe_cells import ProbeCell
from harness.spec.modelspec import ModelSpec
from harness.spec.thinkingspec import setting

# So many probes stand for all, as every two models' answers to each are compared.
_TRIED = 48
_Answers = Mapping[tuple[str, str], list[Reply]]


@dataclass(frozen=True, slots=True)
class JudgeAsking:
    """What one judge of a set is asked, at most: equal answers are judged once.

    Attributes:
        asking: Its verdicts on answers, pairs and canaries, with what tells scores apart.
        again: Requests about gold pairs of its passport, where that covers it.
        answers: The run whose answers stand in the prompts; "" where none do.
    """

    asking: Asking
    again: int
    answers: str


def answer_asking(asker: Asker, cells: Sequence[ProbeCell], last: EarlierRun | None) -> Asking:
    """Return what one model is asked for its probes, those of dialogues turn by turn."""
    model = cells[0].model
    replies, _ = _replies(cells, last)
    places = [
        (cell, reply.number, reply.earlier[:turn])
        for cell in cells
        for reply in replies[model, cell.probe.id]
        for turn in range(cell.probe.blanks + 1)
    ]
    try:
        speaker, problem = _speaker(asker, model, cells[0].spec)
        turns = turns_of(speaker, places)
    except (HarnessError, OSError) as error:
        return Asking(model, len(places), None, str(error), wrong=True)
    requests, tokens = _counted(turns, speaker)
    return Asking(model, requests, None if problem else tokens, problem, refused=_refused(turns))


def judge_asking(
    asker: Asker, name: str, cells: Sequence[ProbeCell], last: EarlierRun | None, root: Path
) -> JudgeAsking:
    """Return what one judge is asked.

    Args:
        asker: Opens its tokenizer.
        name: The judge.
        cells: All probes of the set that would run, of each model.
        last: The last run of the set, whose answers stand in for those to come.
        root: The project.
    """
    spec, judged = cells[0].judges[name], cells[0].evalset.judge
    probes = list(dict.fromkeys(cell.probe.id for cell in cells))
    tried = {probes[place * len(probes) // _TRIED] for place in range(_TRIED)}
    own = [cell for cell in cells if cell.probe.id in tried]
    replies, source = _replies(own, last)
    try:
        rubrics: dict[str, Rubric] = {
            key: load_rubric(template, root=root, kind=RUBRIC_KEYS[key])
            for key, template in judged.rubrics.items()
        }
        kinds = (rubrics.get(key) for key in ("rubric", "pairwise", "points"))
        asked = CaseSet(own[0].evalset, own[0].path, replies, *kinds)
        speaker, problem = _speaker(asker, name, spec)
        cases = asked.cases(speaker.controls)
        samplings = [case_sampling(case, remote=bool(speaker.remote)) for case in cases]
        turns = speaker.turns([case.messages for case in cases], samplings)
        requests, tokens = _verdicts(cases, turns, speaker)
    except (HarnessError, OSError) as error:
        return JudgeAsking(Asking(name, 0, None, str(error), wrong=True), 0, "")
    share = len(probes) / len(tried)
    requests, tokens = round(share * requests), round(share * tokens)
    asking = Asking(name, requests, None if problem else tokens, problem, refused=_refused(turns))
    return JudgeAsking(asking, _again(root, name, requests) * _rounds(speaker), source)


def _verdicts(cases: Sequence[AnyCase], turns: Sequence[Turn], speaker: Speaker) -> tuple[int, int]:
    """Return the requests of a judge and their prompt tokens, 0 where these are not known."""
    requests, tokens = _counted(turns, speaker)
    scored = [turn for case, turn in zip(cases, turns, strict=True)
              if isinstance(case, Case) and case.kind == "absolute"]  # fmt: skip
    if speaker.remote or not scored:
        return requests, tokens
    # Behind each verdict the probability of every score is asked for, in one request or more.
    each = 1
    if speaker.chat is not None:
        case = next(one for one in cases if isinstance(one, Case) and one.kind == "absolute")
        reply = case.dialect.mark if case.dialect else '{"reason": "", "score":'
        text = speaker.texts([case.messages], bound=True)[0] + reply
        tree = score_tree(speaker.chat, text, case.words(""))
        each = len(tree.questions) if tree is not None else 0
    more, behind = _counted(scored, speaker)
    rounds = _rounds(speaker)
    return requests + each * more // rounds, tokens + each * behind // rounds


def _counted(turns: Sequence[Turn], speaker: Speaker) -> tuple[int, int]:
    """Return how many requests answers take, equal ones once, and their prompt tokens."""
    first = {turn.first.key: turn.first for turn in turns if isinstance(turn.first, Request)}
    tokens = sum(len(one.prompt_ids) for one in first.values())
    return len(first) * _rounds(speaker), tokens * _rounds(speaker)


def _refused(turns: Sequence[Turn]) -> str:
    why = [turn.first.text for turn in turns if isinstance(turn.first, Reason)]
    return f"{len(why)} of {len(turns)} prompts cannot be asked: {why[0]}" if why else ""


def _rounds(speaker: Speaker) -> int:
    """Return how many requests bring an answer; of a model that is not here, by its entry."""
    if speaker.chat is None:
        thinks = speaker.thinking is not None and speaker.thinking.on and not speaker.remote
    else:
        thinks = speaker.thinks
    return 2 if thinks else 1


def _speaker(asker: Asker, name: str, spec: ModelSpec) -> tuple[Speaker, str]:
    """Return how a model is asked, and why its tokens are not known, "" where they are."""
    thinking = setting(spec.thinking)
    chat = asker.chat(name, spec, thinking)
    if isinstance(chat, str):
        remote = (spec.source or "") if spec.remote else ""
        return Speaker(None, "", thinking=thinking, name=name, remote=remote), chat
    return Speaker(chat, "", thinking=thinking, name=name), ""


def _again(root: Path, judge: str, requests: int) -> int:
    """Return how many requests ask a judge about its passport's gold pairs, in both orders."""
    try:
        known = load_passport(root / FOLDER / f"{judge}.json").retest
    except PassportError:
        return 0
    return 2 * pairs_due(known, requests) if known is not None else 0


def _replies(cells: Sequence[ProbeCell], last: EarlierRun | None) -> tuple[_Answers, str]:
    """Return the answers of the last run and its name, or short ones that are all different."""
    known = _of_run(cells, last)
    if known is not None and last is not None:
        return known, last.folder.name
    return {
        (cell.model, cell.probe.id): [
            Reply(number, 0, f"{cell.id} {number}", earlier=("x",) * cell.probe.blanks)
            for number in range(cell.evalset.answers.n)
        ]
        for cell in cells
    }, ""


def _of_run(cells: Sequence[ProbeCell], last: EarlierRun | None) -> _Answers | None:
    """Return the answers that a run gave to these questions, None where one of them lacks."""
    if last is None:
        return None
    try:
        probes = load_run(last.folder).judged.probes
    except (HarnessError, OSError):
        return None
    said = {(one.evalset, one.model, one.probe, one.question, one.turns): one.answers
            for one in probes}  # fmt: skip
    found: dict[tuple[str, str], list[Reply]] = {}
    for cell in cells:
        probe, turns = cell.probe, tuple(one["content"] for one in cell.probe.before)
        answers = said.get((cell.path, cell.model, probe.id, probe.asked, turns), ())
        if len(answers) != cell.evalset.answers.n or not any(one.text for one in answers):
            return None
        found[cell.model, probe.id] = [
            Reply(one.number, 0, one.text, problem=one.problem, earlier=one.earlier)
            for one in answers
        ]
    return found
