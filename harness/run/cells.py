"""Eval sets -> cells -> groups by engine; pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.contracts import Asks
from harness.records import GIVEN, GivenAnswers, Placement, ShotOrder, Thinking
from harness.spec.encoderspec import Task
from harness.spec.evalset import EvalSet, PromptSpec
from harness.spec.modelspec import ModelSpec
from harness.spec.thinkingspec import setting


@dataclass(frozen=True, slots=True)
class Mode:
    """Zero-shot (k = 0), few-shot with k shots somewhere, trained with a seed, encoder or given.

    Attributes:
        encoder: What an encoder does, None for what is none.
        given: Whether another program gave the answers.
        thinking: Whether the model thinks before it answers, None where nothing says so.
    """

    k: int = 0
    placement: Placement | None = None
    selector: str | None = None
    seed: int | None = None
    order: ShotOrder = "shuffled"
    trained: bool = False
    thinking: Thinking | None = None
    given: bool = False
    encoder: Task | None = None

    @property
    def name(self) -> str:
        """`zeroshot`, or such as `fewshot5-chat-s0-think`; what is usual is not named."""
        if self.given:
            return GIVEN
        if self.trained:
            return f"trained-s{self.seed}"
        if self.encoder:
            return "encoder"
        thinking = f"-{self.thinking.suffix}" if self.thinking else ""
        if self.k == 0:
            return f"zeroshot{thinking}"
        selector = "" if self.selector == "balanced" else f"-{self.selector}"
        order = "" if self.order == "shuffled" else f"-{self.order}"
        return f"fewshot{self.k}-{self.placement}{selector}{order}-s{self.seed}{thinking}"


@dataclass(frozen=True, slots=True)
class Cell:
    """Eval set x model x prompt x mode: one pytest item, one line of the report.

    Attributes:
        path: The eval set, relative to the root, with forward slashes.
        name: The eval set's name, by which `--eval-dataset` calls it.
        prompt: The wording; None for a classifier, and for given answers.
        alone: Whether its adapter needs an engine of its own, see `changes_base`.
        given: What another program answered; None where a model is asked, and in a set without
            models that has no answers yet.
    """

    path: str
    name: str
    evalset: EvalSet
    model: str
    spec: ModelSpec
    prompt: PromptSpec | None
    mode: Mode
    alone: bool = False
    given: GivenAnswers | None = None

    @property
    def id(self) -> str:
        """Such as `smollm2-135m-prefill-fewshot5-chat-s0`, or `tfidf-trained-s0`."""
        parts = [self.model, *([self.prompt.id] if self.prompt else []), self.mode.name]
        return "-".join(parts)

    @property
    def scoring(self) -> str:
        """How the answer is read; a classifier has log-probabilities in any set."""
        if self.given is not None and not self.given.rated:
            scoring = self.evalset.scoring
            return scoring.method if scoring.asks == "generate" else "generate"
        if self.given is not None:
            return "logprobs"
        return self.evalset.scoring.method if self.spec.writes else "logprobs"

    @property
    def asks(self) -> Asks:
        """What the model is asked, for a registered scorer too."""
        if self.given is not None:
            return "logprobs" if self.given.rated else "generate"
        return self.evalset.scoring.asks if self.spec.writes else "logprobs"

    @property
    def gpu(self) -> str | None:
        """The model, if it needs CUDA."""
        return self.model if self.spec.gpu else None

    @property
    def group(self) -> str:
        """What one engine start serves: everything about the model but, mostly, its adapter."""
        # A classifier is trained on its own set's pool.
        own = f" {self.path}" if self.spec.trained else ""
        own += f" {self.path} {self.model}" if self.mode.given else ""
        return engine_group(self.spec, alone=self.alone) + own


def engine_group(spec: ModelSpec, *, alone: bool) -> str:
    """Return what is equal of two models that one engine start can serve.

    Args:
        spec: The model.
        alone: Whether its adapter needs an engine of its own.
    """
    of_asking = {"adapter", "chat_template", "base", "system_role", "system", "template",
                 "thinking", "task", "hypothesis", "labels"}  # fmt: skip
    same = spec.model_dump(exclude=of_asking)
    return json.dumps(same, sort_keys=True) + (f" {spec.adapter}" if alone else "")


def modes(evalset: EvalSet, thinking: Thinking | None = None) -> list[Mode]:
    """Return the modes of a set for a model, placements and seeds multiplied out.

    Args:
        evalset: The set.
        thinking: What the model's own entry says, for modes that say nothing.
    """
    out: list[Mode] = []
    for spec in evalset.modes:
        ways = [setting(one) for one in spec.thinking] or [thinking]
        if spec.mode == "zeroshot":
            out += [Mode(thinking=one) for one in ways]
            continue
        out += [
            Mode(k=k, placement=placement, selector=selector, seed=seed, order=order, thinking=one)
            for one in ways
            for k in spec.k
            for selector, order in spec.ways()
            for seed in (spec.seeds if spec.draws(order) else spec.seeds[:1])
            for placement in spec.placement
        ]
    return out


def cells(
    path: str,
    name: str,
    evalset: EvalSet,
    models: Mapping[str, ModelSpec],
    *,
    alone: Collection[str] = (),
) -> list[Cell]:
    """Return a set's cells, model by model, in the order in which the file names things.

    Args:
        path: The set, relative to the root.
        name: Its name.
        evalset: The set.
        models: Its models, by name.
        alone: Those whose adapter needs an engine of its own.
    """
    out: list[Cell] = []
    for model in evalset.models:
        spec = models[model]
        if spec.trained:
            for seed in spec.seeds or [spec.seed]:
                one = spec.model_copy(update={"seed": seed, "seeds": None})
                mode = Mode(seed=seed, trained=True)
                out.append(Cell(path, name, evalset, model, one, None, mode))
            continue
        if spec.encoder:
            mode = Mode(encoder=spec.encoder)
            out.append(Cell(path, name, evalset, model, spec, None, mode))
            continue
        out += [
            Cell(path, name, evalset, model, spec, prompt, mode, alone=model in alone)
            for prompt in evalset.prompts
            for mode in modes(evalset, setting(spec.thinking))
        ]
    return out


def given_cells(
    path: str, name: str, evalset: EvalSet, answers: Sequence[GivenAnswers]
) -> list[Cell]:
    """Return a cell for each system whose answers are given; other arguments as for `cells`."""
    awaited = awaited_cell(path, name, evalset)
    return [replace(awaited, model=one.model, given=one) for one in answers]


def awaited_cell(path: str, name: str, evalset: EvalSet) -> Cell:
    """Return what stands for the answers of a set without models until they are given."""
    # It is no entry of models.yaml, and nothing of it is ever opened.
    spec = ModelSpec.model_construct(engine=GIVEN)
    return Cell(path, name, evalset, "answers", spec, None, Mode(given=True))


def prefix_order(rows: Sequence[tuple[int, ...]]) -> list[int]:
    """Return the order in which prompts with equal beginnings stand together."""
    return sorted(range(len(rows)), key=rows.__getitem__)
