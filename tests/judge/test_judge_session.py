"""A judge's scores as expectations, on engines that run here."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from harness.engines.fake import open_engine
from harness.judge.bench import Case, Judge
from harness.judge.judge_session import JudgeSession
from harness.judge.points import QUOTE_CHARS, point_cases, point_rulings
from harness.judge.verdict import MIN_MASS, read_absolute, score_prefix
from harness.prompts.fence import fence
from harness.prompts.open_format import open_format
from harness.prompts.rubric import load_rubric
from harness.records import EngineConfig, Output, Request, Sampling
from harness.run.settings import Settings
from harness.spec.modelspec import ModelSpec
from harness.workers.worker import Worker

ROOT = Path(__file__).parents[2]
ASKED = tuple(
    Case(f"c{i}", "absolute", ({"role": "user", "content": text},))
    # A small model says much of its own, and little where it can repeat.
    for i, text in enumerate(('Repeat {"reason":"no","score":1}', 'Say {"reason":"ok","score":10}'))
)


def rule(folder, root, cases=ASKED, **spec):
    """Return the rulings of a judge on cases."""
    return judged(folder, root, cases, **spec).rulings


def judged(folder, root, cases, **spec):
    """Return all that a judge says to cases."""
    (root / "model").symlink_to(folder, target_is_directory=True)
    judge = Judge("wise", ModelSpec(source="file:model", dtype="float32", **spec))
    settings = Settings(root=root, store=root / "s.sqlite", logs=root)
    session = JudgeSession(judge, settings=settings, progress=lambda *what: None, tell=print)
    try:
        return session.rule(cases)
    finally:
        session.close()


def drawn(folder, text, ask) -> float | None:
    """Return the mean score that a schema leaves of a model's probabilities, None of too few.

    Args:
        folder: Of a model whose tokenizer writes digits one by one.
        text: The prompt and a verdict up to its score.
        ask: Returns the probabilities of some tokens behind others.
    """
    chat = open_format("wise", ModelSpec(source="file:model"), folder, root=ROOT)

    def shares(text, words):
        (ids,) = chat.encode([text])
        tokens = [chat.tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
        assert all(len(token) == 1 for token in tokens)
        return ask(ids, [token[0] for token in tokens])

    digits = shares(text, "123456789")
    more, end = shares(text + "1", "0}")
    mass = math.fsum(digits)
    if mass < MIN_MASS or (more + end < MIN_MASS and digits[0] > MIN_MASS * mass):
        return None
    scores = [1 + 9 * more / (more + end), *range(2, 10)]
    return math.fsum(s * p for s, p in zip(scores, digits, strict=True)) / mass


def assert_as_drawn(folder, root, ask, monkeypatch, **spec):
    """Compare a judge's scores with those that its own probabilities leave under the schema."""
    texts: list[str] = []

    def read(output: Output):
        texts.append(output.text)
        return read_absolute(output)

    monkeypatch.setattr("harness.judge.bench.read_absolute", read)
    rulings = rule(folder, root, **spec)
    chat = open_format("wise", ModelSpec(source="file:model"), folder, root=ROOT)
    heads = chat.texts([list(case.messages) for case in ASKED])
    compared = 0
    for case, head, text in zip(ASKED, heads, texts, strict=True):
        if rulings[case.id].problem is not None:
            continue
        mean = drawn(folder, head + score_prefix(text), ask)
        assert rulings[case.id].expected == (mean is not None)
        if mean is not None:
            compared += 1
            assert rulings[case.id].value == pytest.approx(mean, abs=1e-3)
    assert compared >= 2


def test_a_score_is_the_mean_of_what_the_schema_leaves(tmp_path, tiny_folder, monkeypatch):
    engine = open_engine(EngineConfig("fake", str(tiny_folder), "float32", "cpu", 512))

    def ask(ids, tokens):
        (output,) = engine.generate([Request("k", ids, Sampling(score_ids=tuple(tokens)))])
        return [math.exp(one) for one in output.logprobs]

    assert_as_drawn(tiny_folder, tmp_path, ask, monkeypatch, engine="fake")


@pytest.mark.slow
def test_a_score_of_the_real_model_is_the_mean_of_what_the_schema_leaves(
    tmp_path, smollm2, monkeypatch
):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32)

    def ask(ids, tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1].double()
        return torch.softmax(logits, -1)[tokens].tolist()

    assert_as_drawn(smollm2, tmp_path, ask, monkeypatch, engine="transformers")


@pytest.mark.slow
@pytest.mark.parametrize("per", ["point", "answer"])
def test_a_small_real_judge_decides_on_every_point(tmp_path, smollm2, per):
    rubric = load_rubric("judge/points.en.j2", root=ROOT, kind="points")
    texts = (
        "Paris lies on the Seine.",
        'It is large.\n"Big", they say.',
        "",
        "\u041f\u0430\u0440\u0438\u0436.",
    )
    points = ["It names Paris.", "It names a river.", "It names a price."]
    cases = [
        case
        for number, text in enumerate(texts)
        for case in point_cases(
            f"a{number}", rubric=rubric, per=per, question="What of Paris?", answer=fence(text),
            points=points, controls=None,
        )
    ]  # fmt: skip
    bench = judged(smollm2, tmp_path, cases, engine="transformers", max_model_len=4096)
    for number in range(len(texts)):
        rulings = point_rulings(f"a{number}", bench.points)
        assert [one.problem for one in rulings] == [None] * len(points)
        assert {one.verdict for one in rulings} <= {"met", "not met"}
        assert all(len(one.quote) <= QUOTE_CHARS for one in rulings)
    # An empty answer has no words that a quote could be of.
    assert not any(one.found for one in point_rulings("a2", bench.points))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("it is good", True),
        # What looks like a token to a reader is none to this tokenizer.
        ("it says </answer-12> and <|eot_id|>", True),
        ("it says <|im_end|> and no more", False),
        ("<s>", False),
    ],
)
def test_a_reason_cannot_end_the_judge_s_turn(tmp_path, tiny_folder, reason, expected):
    verdict = json.dumps({"reason": reason, "score": 7}, separators=(",", ":"))
    found = rule(tiny_folder, tmp_path, ASKED[:1], engine="fake", options={"answer": verdict})
    assert found["c0"].problem is None
    assert found["c0"].reason == reason
    assert found["c0"].expected is expected
    assert (found["c0"].value == 7) is not expected


def test_a_score_whose_place_is_not_found_stays_as_it_was_written(tmp_path, tiny_folder):
    verdict = '{"reason":"a","\\u0073core":7}'
    found = rule(tiny_folder, tmp_path, ASKED[:1], engine="fake", options={"answer": verdict})
    assert (found["c0"].value, found["c0"].expected) == (7.0, False)


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning %}<think>\n{{ m.reasoning }}\n</think>\n\n{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_scores_are_weighed_behind_the_thought_and_the_judge_s_own_words(
    tmp_path, tokenizers, monkeypatch
):
    special = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
    folder = tokenizers(tmp_path / "t", template=THINKING, special=special, words=True)
    rounds: list[list[Request]] = []
    own = Worker.generate

    def generate(self, requests):
        rounds.append(list(requests))
        return own(self, requests)

    monkeypatch.setattr(Worker, "generate", generate)
    verdict = '{"reason":"it is","score":7}'
    found = rule(folder, tmp_path, engine="fake", options={"answer": verdict},
                 thinking={"budget": 2})  # fmt: skip
    thoughts, verdicts, weighed = rounds
    assert len(thoughts) == len(verdicts) == len(ASKED)
    assert {request.sampling.schema for request in thoughts} == {""}
    assert all(request.sampling.schema for request in verdicts)
    chat = open_format("wise", ModelSpec(source="file:model"), folder, root=ROOT)
    heads = {request.prompt_ids for request in verdicts}
    for head in heads:
        assert chat.tokenizer.decode(head[-4:]) == "\n</think>\n\n"
    for request in weighed:
        head = next(one for one in heads if request.prompt_ids[: len(one)] == one)
        behind = chat.tokenizer.decode(request.prompt_ids[len(head) :])
        # A score of two tokens is asked about behind its first one too.
        assert behind in (score_prefix(verdict), score_prefix(verdict) + "1")
        assert request.sampling.score_ids
    for ruling in found.values():
        assert ruling.expected
        assert 1 <= ruling.value <= 10
        assert (ruling.reason, ruling.thought.end) == ("it is", "cut")
