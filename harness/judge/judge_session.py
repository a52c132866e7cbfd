"""Cases -> the rulings of one judge model: verdicts first, then how sure of its score it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.judge.bench import (
    VERDICT_TOKENS,
    AnyCase,
    Bench,
    Case,
    Judge,
    case_sampling,
    score_tree,
)
from harness.judge.passport import Manner
from harness.judge.points import PointCase, read_points
from harness.judge.verdict import MIN_MASS, can_go_on, with_scores
from harness.prompts.label_words import LabelTree
from harness.prompts.thoughttokens import tokens_behind_thought
from harness.reasons import Reason
from harness.records import (
    Output,
    PointRuling,
    Request,
    Ruling,
    Sampling,
    Tell,
    TemplateUse,
)
from harness.run.ask import Asked, ask, ask_rounds, opened
from harness.run.free_answers import Turn, open_speaker
from harness.run.replies import Said
from harness.run.servednotes import served_names, tell_of_servers, uncounted
from harness.run.session import EngineSession
from harness.run.settings import Progress, Settings
from harness.run.thoughtnotes import tell_of_replies
from harness.workers.store import Store, fingerprint

_FIX = Reason("give_judge_room")
# What these engine options change is speed and memory, not what a judge says.
_OF_SPEED = frozenset(
    "batch_tokens enable_prefix_caching enforce_eager gpu_memory_utilization kv_cache_gib "
    "max_num_batched_tokens max_num_seqs multiprocess pass_cost tensor_parallel_size "
    "threads".split()
)


@dataclass(frozen=True, slots=True)
class _Written:
    """A verdict as a judge wrote it, and the prompt that it wrote it behind."""

    verdict: str
    prompt: tuple[int, ...]


class JudgeSession:
    """One judge's engine; started when something is to be asked, closed at the end.

    Attributes:
        digest: Of its weights; `engine` and `dtype` say how they are run.
        controls: Finds what its tokenizer would not read as text, or None.
        shared: Fingerprint of its outputs in `stores`: the store, and that of `rule_anew`.

    Raises:
        HarnessError: It has no weights here, or no usable tokenizer.
    """

    def __init__(self, judge: Judge, *, settings: Settings, progress: Progress, tell: Tell) -> None:
        self._session = EngineSession(settings, [judge], progress, tell=tell, work="verdicts")
        self._session.check_adapter(judge)
        self._speaker = open_speaker(self._session, judge, root=settings.root, tell=tell)
        self._tell, self._name, self._served = tell, judge.model, ""
        self.digest, self.controls = self._session.asset.digest, self._speaker.controls
        adapter = self._session.adapters.get(judge.model)
        if adapter is not None:
            self.digest += f"+{adapter.digest}"
        self.engine, self.dtype = self._session.engine, self._session.dtype
        self._options = {} if self._session.endpoint else self._session.options
        self.shared, kept = self._session.shared, settings.store
        self.stores = (kept, kept.with_name(f"{kept.stem}-again.sqlite"))

    def manner(self, *, max_answer_chars: int) -> Manner:
        """Return how it is run and asked, with answers cut at so many characters.

        Who answered at an endpoint is known behind `rule`.
        """
        chat = self._speaker.chat
        system = self._speaker.system
        alone = fingerprint({"system": system}) if system is not None else ""
        spoken = alone if chat is None else fingerprint(
            {
                "template": chat.template,
                "fold_system": chat.fold_system,
                "stop": chat.stop,
                **({"stop_ids": list(chat.stop_ids)} if chat.stop_ids else {}),
                **chat.told,
            }
        )  # fmt: skip
        telling = {name: value for name, value in self._options.items() if name not in _OF_SPEED}
        options = json.dumps(telling, sort_keys=True)
        # Under vLLM reasons broke off before a quotation mark.
        grammar = "spelled" if self.engine == "vllm" else ""
        manner, served = self._speaker.manner, self._served
        return Manner(spoken, options, max_answer_chars, manner, grammar, served)

    def template(self, case: AnyCase) -> TemplateUse | None:
        """Return how a case becomes text, None at an endpoint, which does not say.

        Raises:
            PromptError: The chat template refuses it, or leaves out a part of it.
        """
        return self._speaker.use(case.messages, bound=True)

    def close(self) -> None:
        """End the engine's process."""
        self._session.close()

    def rule(self, cases: Sequence[AnyCase], *, max_tokens: int = VERDICT_TOKENS) -> Bench:
        """Return the ruling on every case; without a verdict, it says why.

        Args:
            cases: Absolute ones, pairwise ones and those about points, in any order.
            max_tokens: Longest verdict in tokens, its reason included; one on points has as many
                for each of them as a quote takes.

        Raises:
            EngineError: The engine failed; what it made is stored.
            PromptError: The chat template refuses a conversation.
        """
        with opened(self.stores[0]) as store:
            bench, replies = self._rule(cases, max_tokens, store)
        tell_of_replies(self._tell, self._name, self._speaker.thinking, replies)
        tell_of_servers(self._tell, self._name, self._speaker.remote, replies)
        self._served = served_names(replies)
        return bench

    def rule_anew(self, cases: Sequence[AnyCase], *, keep: bool = False) -> Bench:
        """Return the ruling on every case, whatever the store has of the same question.

        Args:
            cases: Absolute and pairwise ones.
            keep: Whether a second time of the same command takes what the first one made.

        Raises:
            EngineError: The engine failed.
            PromptError: The chat template refuses a conversation.
        """
        with TemporaryDirectory() as folder:
            with opened(self.stores[1] if keep else Path(folder) / "again.sqlite") as store:
                return self._rule(cases, VERDICT_TOKENS, store)[0]

    def _rule(
        self, cases: Sequence[AnyCase], max_tokens: int, store: Store
    ) -> tuple[Bench, list[Said]]:
        remote = self._speaker.chat is None
        samplings = [case_sampling(case, max_tokens, remote=remote) for case in cases]
        turns = self._speaker.turns([case.messages for case in cases], samplings)
        first = self._ask_turns(turns, store)
        rulings: dict[str, Ruling] = {}
        points: dict[str, tuple[PointRuling, ...]] = {}
        written: dict[str, _Written] = {}
        replies: list[Said] = []
        for case, turn in zip(cases, turns, strict=True):
            said = self._speaker.said(turn, first.outputs, fix=_FIX)
            assert said is not None
            replies.append(said)
            if isinstance(case, PointCase):
                ruled, *others = read_points(said.output, case.asked)
                points[case.id] = (replace(ruled, thought=said.thought), *others)
                continue
            rulings[case.id] = replace(case.read(said.output), thought=said.thought)
            if case.kind == "absolute" and rulings[case.id].problem is None:
                if self._speaker.chat is None:
                    rulings[case.id] = with_scores(rulings[case.id], said.output.logprobs)
                elif can_go_on(case.prefix(said.output.text), self.controls):
                    request = self._speaker.answer(turn, first.outputs)
                    assert isinstance(request, Request)
                    written[case.id] = _Written(said.output.text, request.prompt_ids)
        asked = [first]
        if written:
            asked.append(self._weigh(cases, written, rulings, store))
        computed = [output for one in asked for output in one.computed]
        outputs = [output for one in asked for output in one.outputs.values()]
        bench = Bench(
            rulings,
            self._session.info(computed, sum(one.stored for one in asked)),
            prompt_tokens=sum(output.prompt_tokens for output in outputs),
            completion_tokens=sum(output.length for output in outputs),
            counted=not uncounted(replies),
            points=points,
        )
        return bench, replies

    def _ask_turns(self, turns: Sequence[Turn], store: Store) -> Asked:
        """Ask for all answers, in a second round where thoughts stand before them."""

        def behind(outputs: Mapping[str, Output]) -> list[Request]:
            if not self._speaker.thinks:
                return []
            found = [self._speaker.answer(turn, outputs) for turn in turns]
            return [request for request in found if isinstance(request, Request)]

        first = [turn.first for turn in turns if isinstance(turn.first, Request)]
        window = self._speaker.window
        asked = ask_rounds(self._session, first, behind, store, window=window)
        if asked.failure is not None:
            raise asked.failure
        return asked

    def _ask(self, requests: Sequence[Request], store: Store) -> Asked:
        asked = ask(self._session, requests, store, window=self._speaker.window)
        if asked.failure is not None:
            raise asked.failure
        return asked

    def _weigh(
        self,
        cases: Sequence[AnyCase],
        written: Mapping[str, _Written],
        rulings: dict[str, Ruling],
        store: Store,
    ) -> Asked:
        """Ask for the probability of every score behind each verdict's own words.

        Args:
            cases: All cases.
            written: The verdicts as the judge wrote them, by id of the case, and their prompts.
            rulings: Is changed to the expected scores.
            store: Of outputs.
        """
        chat = self._speaker.chat
        assert chat is not None
        chosen = [case for case in cases if isinstance(case, Case) and case.id in written]
        # Of a judge that thinks the end alone is its own: there stands an empty thought.
        heads = self._speaker.texts([case.messages for case in chosen], bound=True)
        verdicts = [written[case.id].verdict for case in chosen]
        prefixes = [case.prefix(text) or "" for case, text in zip(chosen, verdicts, strict=True)]
        texts = [head + prefix for head, prefix in zip(heads, prefixes, strict=True)]
        if chat.thinks:
            rows = [(*written[case.id].prompt, *tokens_behind_thought(chat, prefix))
                    for case, prefix in zip(chosen, prefixes, strict=True)]  # fmt: skip
        else:
            rows = chat.encode(texts)
        # How the scores are split into tokens depends on what stands right beside them alone.
        trees: dict[tuple[int, tuple[str, ...]], LabelTree | None] = {}
        plans: list[tuple[Case, LabelTree, list[Request]]] = []
        for case, text, row, verdict in zip(chosen, texts, rows, verdicts, strict=True):
            words = case.words(verdict)
            if (row[-1], words) not in trees:
                trees[row[-1], words] = score_tree(chat, text, words)
            tree = trees[row[-1], words]
            if tree is not None:
                plans.append((case, tree, self._questions(row, tree)))
        asked = self._ask([r for _, _, questions in plans for r in questions], store)
        for case, tree, questions in plans:
            answers = [asked.outputs[r.key] for r in questions]
            if any(output.error for output in answers):
                continue
            found = tree.constrained([output.logprobs for output in answers], floor=MIN_MASS)
            rulings[case.id] = with_scores(rulings[case.id], found, case.values)
        return asked

    def _questions(self, row: tuple[int, ...], tree: LabelTree) -> list[Request]:
        samplings = [Sampling(score_ids=ids) for _, ids in tree.questions]
        rows = [row + path for path, _ in tree.questions]
        return [self._speaker.of_ids(one, s) for one, s in zip(rows, samplings, strict=True)]
