"""Cells whose model thinks before it answers: two rounds of one engine start."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reasoned import numbers, told
from thinkers import SPECIAL, TEMPLATE

from harness.collect import load_cells
from harness.errors import EngineError, HarnessError, PromptError
from harness.records import Thoughts
from harness.run.runner import Runner
from harness.run.settings import Settings
from harness.run.thinking import think_through
from harness.workers.worker import Worker

SET = """\
data: {{source: "file:data.csv", id: id, split: {{test_size: 0.5, seed: 1}}}}
labels: [positive, negative]
models: [tiny]
prompts: [{prompt}.j2]
modes: [{modes}]
scoring: {scoring}
"""
MODELS = """\
models:
  tiny: {{source: "file:model", engine: fake, dtype: float32, options: {options}{more}}}
"""
SAMPLES = 6
# Words that the fake engine writes before it comes to the end that it is told.
WORDS = 16


class Study:
    """A tiny project with a model that can think."""

    def __init__(self, project, tokenizers) -> None:
        self.project, self._tokenizers = project, tokenizers
        root = project.root
        self.settings = Settings(root=root, store=root / ".harness/o.sqlite", logs=root / "logs")
        self.marks("tokens")

    def marks(self, kind: str, template: str = TEMPLATE) -> None:
        """Make the marks of a thought tokens, or ordinary text."""
        special = SPECIAL if kind == "tokens" else SPECIAL[:5]
        folder = self.project.root / "model"
        self._tokenizers(folder, template=template, special=special, words=True)

    def cells(
        self, thinking="on", *, modes="", prompt="plain", scoring="logprobs", options="{}", more=""
    ):
        self.project.models(MODELS.format(options=options, more=more))
        modes = modes or f"{{mode: zeroshot, thinking: {thinking}}}"
        path = self.project.evalset(SET.format(modes=modes, prompt=prompt, scoring=scoring))
        return load_cells(path, self.project.root)

    def run(self, *args, settings=None, **changes):
        """Return runner and outcomes of all cells."""
        cells = self.cells(*args, **changes)
        runner = Runner(replace(self.settings, **(settings or {})), cells, lambda *what: None)
        return runner, [runner.outcome(cell) for cell in cells]


@pytest.fixture
def study(project, tokenizers) -> Study:
    return Study(project, tokenizers)


@pytest.fixture
def asked(monkeypatch):
    """Return the requests that engines are given, a list a round."""
    rounds: list[list] = []
    own = Worker.generate

    def generate(self, requests):
        rounds.append(list(requests))
        return own(self, requests)

    monkeypatch.setattr(Worker, "generate", generate)
    return rounds


def decode(study, ids) -> str:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(study.project.root / "model").decode(ids)


def test_an_axis_makes_cells_of_one_engine_start(study, asked):
    runner, outcomes = study.run("[off, on, {budget: 8}]")
    assert [outcome.row.cell for outcome in outcomes] == [
        "tiny-plain-zeroshot-nothink",
        "tiny-plain-zeroshot-think",
        "tiny-plain-zeroshot-think8",
    ]
    assert [outcome.row.thinking for outcome in outcomes] == ["off", "on", "budget 8"]
    assert [outcome.row.place for outcome in outcomes] == ["empty", "behind", "behind"]
    (info,) = runner.engines
    assert [len(one) for one in asked] == [3 * SAMPLES, 2 * SAMPLES]
    assert (info.computed, info.stored) == (5 * SAMPLES, 0)
    off, on, budget = (outcome.row for outcome in outcomes)
    assert off.thoughts is None
    assert on.thoughts == Thoughts(SAMPLES, closed=SAMPLES, cut=0, open=0, tokens=WORDS)
    assert budget.thoughts == Thoughts(SAMPLES, closed=0, cut=SAMPLES, open=0, tokens=8)
    assert (on.n, budget.n) == (SAMPLES, SAMPLES)
    assert all(one.thought.text.startswith("w") for one in outcomes[1].results)
    assert {one.thought for one in outcomes[0].results} == {None}


@pytest.mark.parametrize("kind", ["tokens", "text"])
@pytest.mark.parametrize(("prompt", "prefill"), [("plain", ""), ("prefill", "The verdict is")])
def test_labels_stand_behind_the_closed_thought(study, asked, kind, prompt, prefill):
    study.marks(kind)
    _, (outcome,) = study.run("on", prompt=prompt)
    first, second = asked
    heads = {request.prompt_ids: request for request in first}
    for request in second:
        if kind == "tokens":
            head = next(row for row in heads if request.prompt_ids[: len(row)] == row)
            assert decode(study, head).endswith("<|im_start|>assistant\n<think>\n")
            assert len(request.prompt_ids) > len(head) + WORDS
        end = decode(study, request.prompt_ids)
        assert end.endswith("</think>\n\n" + prefill)
        assert end.count("<think>") == end.count("</think>") == 1
        assert request.sampling.score_ids
    assert outcome.row.n == SAMPLES


def test_off_is_read_behind_the_empty_thought_with_a_prefill_too(study, asked):
    study.run("off", prompt="prefill")
    for request in asked[0]:
        assert decode(study, request.prompt_ids).endswith(
            "assistant\n<think>\n\n</think>\n\nThe verdict is"
        )


def test_a_thought_without_an_end_is_no_answer(study, asked):
    _, (outcome,) = study.run("{limit: 5}")
    assert outcome.row.cell == "tiny-plain-zeroshot-think"
    assert (outcome.row.n, outcome.row.unscored) == (0, SAMPLES)
    reason = (
        "the thought was not closed within 5 tokens; raise thinking: {limit: 5}, or give a budget"
    )
    assert numbers(outcome.row.reasons) == {reason: SAMPLES}
    assert [len(one) for one in asked] == [SAMPLES]
    assert outcome.row.thoughts == Thoughts(SAMPLES, closed=0, cut=0, open=SAMPLES, tokens=5)
    assert {one.thought.end for one in outcome.results} == {"open"}
    assert all(one.prompt_key for one in outcome.results)


def test_a_second_run_starts_no_engine(study, asked, monkeypatch):
    _, before = study.run("[on, {budget: 8}]")
    monkeypatch.setattr(Worker, "start", lambda self: pytest.fail("an engine was started"))
    runner, after = study.run("[on, {budget: 8}]")
    assert [one.results for one in after] == [one.results for one in before]
    assert (runner.engines[0].computed, runner.engines[0].stored) == (0, 4 * SAMPLES)


def test_an_interrupted_run_goes_on_in_either_round(study):
    # The fake engine dies under the fifth request of a round, so it lasts for four.
    cells = study.cells("on", options="{die_after: 4}")
    made = []
    for _ in range(3):
        runner = Runner(study.settings, cells, lambda *what: None)
        try:
            outcome = runner.outcome(cells[0])
        except EngineError:
            assert len(runner.lost) == 1
        made.append((runner.engines[0].stored, runner.engines[0].computed))
    # Four thoughts; the other two and four answers; the other two answers.
    assert made == [(0, 4), (4, 6), (10, 2)]
    assert outcome.row.n == SAMPLES
    assert runner.lost == []


def test_what_failed_is_counted_as_far_as_it_is_known(study):
    cells = study.cells("on", options="{die_after: 4}")
    lost = []
    for _ in range(2):
        runner = Runner(study.settings, cells, lambda *what: None)
        with pytest.raises(EngineError):
            runner.outcome(cells[0])
        lost += runner.lost
    assert [one.text.partition(";")[0] for one in lost] == [
        "tiny: 2 of 6 outputs are missing",
        "tiny: 2 of 12 outputs are missing",
    ]


def test_cells_that_need_no_thought_are_done_where_thoughts_are_lost(study):
    cells = study.cells("[off, on]", options="{die_after: 9}")
    runner = Runner(study.settings, cells, lambda *what: None)
    found = {}
    for cell in cells:
        try:
            found[cell.id] = runner.outcome(cell).row.n
        except HarnessError as error:
            found[cell.id] = type(error).__name__
    assert found.pop("tiny-plain-zeroshot-think") == "EngineError"
    assert list(found) == ["tiny-plain-zeroshot-nothink"]


@pytest.mark.parametrize("scoring", ["generate", "choice", "{method: generate, max_tokens: 3}"])
def test_written_answers_stand_behind_thoughts(study, asked, scoring):
    _, (outcome,) = study.run("on", scoring=scoring, options="{answer: positive}")
    first, second = asked
    assert len(first) == len(second) == SAMPLES
    assert {request.sampling.max_tokens for request in first} <= {4096, *range(300, 512)}
    for request in second:
        assert decode(study, request.prompt_ids).endswith("</think>\n\n")
    assert (outcome.row.n, outcome.row.unscored) == (SAMPLES, 0)
    assert {one.answer for one in outcome.results} == {"positive"}
    assert {one.completion for one in outcome.results} == {"positive"}
    assert {one.thought.text for one in outcome.results} == {"positive"}


def test_a_second_pass_thinks_again(study, asked):
    runner, (outcome,) = study.run("on", settings={"repeat_engine": True})
    assert [len(one) for one in asked] == [SAMPLES] * 4
    assert runner.engines[0].computed == 4 * SAMPLES
    assert outcome.row.figures["label_flips"].value == 0
    keys = [{request.key for request in one} for one in asked]
    assert not (keys[0] & keys[2])
    assert [r.prompt_ids for r in asked[1]] == [r.prompt_ids for r in asked[3]]


def test_texts_without_content_are_thought_about_too(study, asked):
    scoring = "{method: logprobs, contextual: true}"
    _, (outcome,) = study.run("on", scoring=scoring)
    assert [len(one) for one in asked] == [SAMPLES + 3] * 2
    assert outcome.row.figures["contextual_accuracy"].n == SAMPLES
    assert outcome.row.thoughts.n == SAMPLES
    # A thought about one of them that has no end leaves no scale to calibrate by.
    _, (short,) = study.run("{limit: 5}", scoring=scoring)
    assert "contextual_accuracy" not in short.row.figures


def test_room_is_made_for_a_whole_budget(study, asked):
    _, (outcome,) = study.run("{budget: 380}", more=", max_model_len: 400")
    assert outcome.row.n == 0
    for reason in outcome.row.reasons:
        assert reason.text.startswith("too long: ")
        assert reason.text.endswith(
            "prompt tokens and room for thought and answer exceed the model's window of 400"
        )
    assert asked == []


def test_a_thought_without_a_budget_takes_what_the_window_leaves(study, asked):
    _, (outcome,) = study.run("on", more=", max_model_len: 74")
    rooms = {len(one.prompt_ids) + one.sampling.max_tokens for one in asked[0]}
    assert outcome.row.unscored == SAMPLES
    assert numbers(outcome.row.reasons) == {
        "the thought was not closed within what the model's window leaves; raise max_model_len, or "
        "give a budget": SAMPLES
    }
    # The closing mark, and one token that is scored.
    assert rooms == {74 - 4 - 1}


def test_a_property_of_the_model_holds_for_all_modes_that_say_nothing(study):
    modes = "zeroshot, {mode: zeroshot, thinking: off}, {mode: fewshot, k: 1}"
    cells = study.cells(modes=modes, more=", thinking: {budget: 9}")
    assert [cell.id for cell in cells] == [
        "tiny-plain-zeroshot-think9",
        "tiny-plain-zeroshot-nothink",
        "tiny-plain-fewshot1-chat-s0-think9",
    ]


def test_a_template_without_thoughts_is_one_line(study):
    study.marks("tokens", template=TEMPLATE.replace("think", "mumble").replace(
        "reasoning_content", "aside"))  # fmt: skip
    cells = study.cells("[off, on]")
    runner = Runner(study.settings, cells, lambda *what: None)
    outcome = runner.outcome(cells[0])
    assert (outcome.row.place, outcome.row.n) == ("none", SAMPLES)
    with pytest.raises(PromptError) as error:
        runner.outcome(cells[1])
    assert str(error.value) == (
        "models.yaml: tiny: its chat template knows no thought, so thinking cannot be on; remove "
        "it, or set chat_template"
    )
    assert [(note.kind, note.about) for note in runner.notes] == [("no_thought", "tiny")]


@pytest.mark.parametrize(
    ("answer", "label", "reason"),
    [
        ("<think> hm </think> positive", "positive", None),
        ("positive", "positive", None),
        ("<think> hm, so", None, "the model ended its turn within its thought"),
        (
            "<think> " + "hm " * 20,
            None,
            "the thought was not closed within 16 tokens; raise scoring.max_tokens, or set "
            "thinking",
        ),
    ],
)
def test_a_thought_that_nobody_asked_for_is_no_part_of_a_free_answer(study, answer, label, reason):
    study.marks("text")
    options = f'{{answer: "{answer}"}}'
    cells = study.cells(modes="zeroshot", scoring="generate", options=options)
    runner = Runner(study.settings, cells, lambda *what: None)
    row, results = runner.outcome(cells[0]).row, runner.outcome(cells[0]).results
    assert (row.cell, row.thinking, row.place) == ("tiny-plain-zeroshot", "", "before")
    assert {one.answer for one in results} == {label}
    assert {told(one.reason) for one in results} == {reason}
    thought = results[0].thought
    assert (thought is None) == (answer == "positive")
    if thought:
        assert thought.text.startswith("hm")
        assert row.thoughts.open == (SAMPLES if reason else 0)


def test_a_cell_without_thoughts_goes_through_as_it_is(study):
    from harness.run.prepared import Prepared

    (cell,) = study.cells("off")
    plain = Prepared(cell, (), {}, None, (), {}, 0.0, 1)
    assert think_through(plain, {}) is plain
