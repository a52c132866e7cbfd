"""Runs judge sets: the models' answers, the judges' rulings, pairs, canaries and standings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from harness.engines.openai import endpoint_key
from harness.errors import HarnessError
from harness.gates.judged import judge_standing
from harness.gates.plan_judged import PlannedJudgedGate
from harness.judge.basis import answered_by, bases
from harness.judge.bench import Judge
from harness.judge.cases import CaseSet
from harness.judge.conversations import (
    Talk,
    ask_talks,
    check_dialogue,
    conversation,
    requests_due,
    talks_of,
)
from harness.judge.error_rates import errors_of
from harness.judge.one_judge import JudgedBy, ask_judge
from harness.judge.passport import FOLDER
from harness.judge.replies import Reply
from harness.judge.standings import jury_agreement, point_agreement, standings
from harness.prompts.rubric import RUBRIC_KEYS, load_rubric
from harness.reasons import Reason, several
from harness.records import (
    EngineInfo,
    Gate,
    Judged,
    JudgedPair,
    Note,
    ProbeResult,
    Provenance,
    TemplateUse,
    Thinking,
)
from harness.run.ask import Asked, opened, outputs_missing
from harness.run.free_answers import Speaker, open_speaker
from harness.run.probe_cells import ProbeCell
from harness.run.replies import Said
from harness.run.servednotes import tell_of_servers
from harness.run.serving import FAKE
from harness.run.session import EngineSession
from harness.run.settings import Progress, Settings
from harness.run.thoughtnotes import tell_of_replies
from harness.run.trained_on import trained_probes
from harness.spec.endpointspec import EndpointSpec
from harness.spec.modelspec import ModelSpec
from harness.spec.thinkingspec import setting_name


@dataclass(slots=True)
class Probing:
    """Runs probes, a whole judge set when the first of its probes is asked for.

    Attributes:
        selected: The probes of the session; only these are ever run.
        engines: What each engine did so far.
        lost: What could not be computed.
        notes: What is to be said of the models, each once.
        judged: What became of each set, by its path.
    """

    settings: Settings
    selected: Sequence[ProbeCell]
    progress: Progress
    engines: list[EngineInfo] = field(default_factory=list)
    lost: list[Reason] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    judged: dict[str, Judged] = field(default_factory=dict)
    _done: dict[tuple[str, str], ProbeResult | HarnessError] = field(default_factory=dict)
    _templates: dict[tuple[str, str], TemplateUse | None] = field(default_factory=dict)
    _answered: dict[str, dict[str, Provenance]] = field(default_factory=dict)

    def outcome(self, cell: ProbeCell) -> ProbeResult:
        """Return a probe's result.

        Raises:
            HarnessError: Why it has none.
        """
        key = (cell.path, cell.id)
        if key not in self._done:
            self._run_set([c for c in self.selected if c.path == cell.path] or [cell])
        found = self._done[key]
        if isinstance(found, HarnessError):
            raise found
        return found

    def judge(self, planned: PlannedJudgedGate, baseline: JudgedPair | None = None) -> Gate:
        """Return a gate's verdict.

        Args:
            planned: The gate.
            baseline: Of one that compares with it: the model against its baseline.

        Raises:
            HarnessError: Why there is none; `UntrustedJudge` where the judge may not gate.
        """
        for cell in planned.needs:
            self.outcome(cell)
        path, model = planned.cell.path, planned.cell.model
        judged = self.judged[path]
        standing = next(one for one in judged.standings if one.model == model)
        doubts = [info.check for info in judged.judges if not info.check.trusted]
        why = [
            Reason("of_judge", {"judge": check.judge}, (check.problem or Reason("not_covered"),))
            for check in doubts
        ]
        untrusted = Reason("untrusted", causes=tuple(why)) if why else None
        return judge_standing(planned, standing, untrusted=untrusted, baseline=baseline)

    def _tell(self, note: Note) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _fail(self, cells: Sequence[ProbeCell], error: HarnessError) -> None:
        for cell in cells:
            self._done.setdefault((cell.path, cell.id), error)

    def _check_endpoints(self, models: Sequence[ModelSpec]) -> None:
        """Check the models at endpoints, none of which has been asked yet.

        Raises:
            EngineError: A key is missing.
        """
        for spec in models:
            if spec.remote and self.settings.engine != FAKE:
                endpoint_key(EndpointSpec.model_validate(spec.options_for("openai")))

    def _run_set(self, cells: Sequence[ProbeCell]) -> None:
        try:
            # Before other engines have worked for nothing.
            self._check_endpoints([*(cell.spec for cell in cells), *cells[0].judges.values()])
        except HarnessError as error:
            self._fail(cells, error)
            return
        replies: dict[tuple[str, str], list[Reply]] = {}
        by_engine: dict[str, list[ProbeCell]] = {}
        for cell in cells:
            by_engine.setdefault(cell.engine_group, []).append(cell)
        for group in by_engine.values():
            try:
                replies |= self._answer(group)
            except HarnessError as error:
                self._fail(group, error)
        left = [cell for cell in cells if (cell.path, cell.id) not in self._done]
        if not left:
            return
        try:
            self._judge(left, replies)
        except HarnessError as error:
            return self._fail(left, error)
        results = {(one.model, one.probe): one for one in self.judged[left[0].path].probes}
        for cell in left:
            self._done[cell.path, cell.id] = results[cell.model, cell.probe.id]

    def _answer(self, cells: Sequence[ProbeCell]) -> dict[tuple[str, str], list[Reply]]:
        """Return the answers of one base model and the adapters on it, by model and probe."""
        session = EngineSession(
            self.settings, cells, self.progress, tell=self._tell, work="answers"
        )
        try:
            speakers: dict[str, Speaker] = {}
            # All before the engine starts, which must know the ranks of all adapters.
            for cell in cells:
                if cell.model not in speakers and self._fits(session, cell, cells):
                    speakers[cell.model] = open_speaker(
                        session, cell, root=self.settings.root, tell=self._tell
                    )
            talks: list[Talk] = []
            for model, speaker in speakers.items():
                talks += self._talks([cell for cell in cells if cell.model == model], speaker)
            if not talks:
                return {}
            window = max(speaker.window for speaker in speakers.values())
            with opened(self.settings.store) as store:
                talks, asked = ask_talks(session, talks, store, window=window)
            if asked.failure is not None:
                due = requests_due(talks, asked.outputs)
                self.lost.append(outputs_missing(session, asked, due))
            self.engines.append(session.info(asked.computed, asked.stored))
            for one in talks:
                path, model = one.cell.path, one.cell.model
                use = self._templates.get((path, model))
                made = answered_by(one.cell, one.speaker, self.engines[-1], use)
                self._answered.setdefault(path, {})[model] = made
        finally:
            session.close()
        return self._replies(talks, asked)

    def _talks(self, cells: Sequence[ProbeCell], speaker: Speaker) -> list[Talk]:
        """Return what one model is asked; nothing of what its chat template cannot say."""
        shown: list[ProbeCell] = []
        for cell in cells:
            try:
                check_dialogue(cell, speaker)
            except HarnessError as error:
                self._fail([cell], error)
                continue
            shown.append(cell)
        try:
            talks = talks_of(shown, speaker)
            for cell in shown[:1]:
                self._templates[cell.path, cell.model] = speaker.use(conversation(cell))
        except HarnessError as error:
            self._fail(shown, error)
            return []
        return talks

    def _fits(self, session: EngineSession, cell: ProbeCell, cells: Sequence[ProbeCell]) -> bool:
        own = [one for one in cells if one.model == cell.model]
        try:
            session.check_adapter(cell)
        except HarnessError as error:
            self._fail(own, error)
            return False
        for note in trained_probes(own, self.settings.root):
            self._tell(note)
        return True

    def _replies(self, talks: Sequence[Talk], asked: Asked) -> dict[tuple[str, str], list[Reply]]:
        found: dict[tuple[str, str], list[Reply]] = {}
        whole: dict[tuple[str, Thinking | None, str], list[Said]] = {}
        for one in talks:
            cell, speaker, said = one.cell, one.speaker, one.said(asked.outputs)
            if said is None:
                assert asked.failure is not None
                self._fail([cell], asked.failure)
                continue
            key = (cell.model, speaker.thinking, speaker.remote)
            whole.setdefault(key, []).append(said)
            found.setdefault((cell.model, cell.probe.id), []).append(one.reply(said))
        for (model, thinking, remote), replies in whole.items():
            tell_of_replies(self._tell, model, thinking, replies)
            tell_of_servers(self._tell, model, remote, replies)
        # A probe that lacks an answer has failed as a whole.
        failed = {(one.cell.model, one.cell.probe.id) for one in talks
                  if (one.cell.path, one.cell.id) in self._done}  # fmt: skip
        return {key: replies for key, replies in found.items() if key not in failed}

    def _judge(
        self, cells: Sequence[ProbeCell], replies: Mapping[tuple[str, str], list[Reply]]
    ) -> None:
        """Have the judges rule on a set's answers, and keep what comes of it."""
        cell = cells[0]
        spec, path = cell.evalset.judge, cell.path
        rubrics = {
            key: load_rubric(template, root=self.settings.root, kind=RUBRIC_KEYS[key])
            for key, template in spec.rubrics.items()
        }
        asked = CaseSet(
            cell.evalset,
            path,
            replies,
            *(rubrics.get(key) for key in ("rubric", "pairwise", "points")),
        )
        asked_judges: list[JudgedBy] = []
        for name, model in cell.judges.items():
            made = ask_judge(Judge(name, model), asked, spec.passport, settings=self.settings,
                       progress=self.progress, tell=self._tell)  # fmt: skip
            self.engines.append(made.engine)
            kin = dict.fromkeys(c.model for c in cells if c.spec.weights == model.weights)
            asked_judges.append(replace(made, info=replace(made.info, kin=tuple(kin))))
        results = asked.results(
            {one.info.judge: one.rulings for one in asked_judges},
            {one.info.judge: one.points for one in asked_judges},
        )
        pairs = tuple(chain.from_iterable(one.pairs for one in asked_judges))
        infos = tuple(one.info for one in asked_judges)
        trusted = all(info.check.trusted for info in infos)
        void = several([info.void for info in infos if info.void])
        errors = errors_of(self.settings.root / FOLDER, infos, passing=spec.passing)
        found = standings(cell.evalset, path, results, pairs, errors=errors)
        thinking = {one.model: setting_name(one.spec.thinking) for one in cells}
        alpha = jury_agreement(results) if len(infos) > 1 else None
        on_points = point_agreement(results) if len(infos) > 1 else None
        self.judged[path] = Judged(
            probes=tuple(results),
            pairs=pairs,
            canaries=tuple(chain.from_iterable(one.canaries for one in asked_judges)),
            judges=infos,
            standings=tuple(
                replace(
                    one,
                    trusted=trusted,
                    void=void,
                    template=self._templates.get((path, one.model)),
                    thinking=thinking.get(one.model, ""),
                )
                for one in found
            ),
            agreement={path: alpha} if alpha is not None else {},
            point_agreement={path: on_points} if on_points is not None else {},
            bases=bases(asked, self._answered[path], asked_judges),
        )
