"""Thoughts on engines with weights, held to what transformers computes by itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from thinkers import TEMPLATE

from harness.collect import load_cells
from harness.engines import engine_installed
from harness.run.runner import Runner
from harness.run.settings import Settings

TEXTS = ["The review is positive. The review is negative.", "I liked the film, it was great fun!"]
BUDGET = 12
WORDS = (" positive", " negative")
SET = """\
data:
  rows:
    - {id: warm, text: "a warm and funny film", label: positive}
    - {id: slow, text: "a slow and loud film", label: negative}
labels: [positive, negative]
models: [m]
prompts: [prefill.j2]
modes: [{mode: zeroshot, thinking: [off, {budget: 12}]}]
"""


@pytest.fixture(scope="session")
def thinker(tmp_path_factory, tokenizers, llamas) -> Path:
    """Folder of a random model whose marks of a thought are tokens."""
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
    folder = tokenizers(tmp_path_factory.mktemp("thinker"), template=TEMPLATE, ascii_texts=TEXTS,
                        bos="<|im_start|>", special=special)  # fmt: skip
    llamas(folder, hidden=64, heads=2, key_heads=1, window=256)
    _teach_to_end(folder)
    return folder


def _teach_to_end(folder: Path) -> None:
    """Have the model end its thought about the first text where it would go on after a while."""
    alone = Alone(folder)
    (end,) = alone.ids("</think>")
    head = alone.prompt("a warm and funny film", enable_thinking=True) + "<think>\n"
    made = alone.thought(head, [])
    # The first token that did not come before.
    place = next(i for i in range(3, BUDGET) if made[i] not in made[:i])
    weight = alone.model.get_output_embeddings().weight
    with alone.torch.no_grad():
        weight[end] = 1.2 * weight[made[place]]
    alone.model.save_pretrained(folder)


def outcomes(project, folder, *, engine="transformers", scoring="logprobs", more=""):
    """Return the outcomes of both settings, by the cell's last word."""
    if not (project.root / "model").exists():
        (project.root / "model").symlink_to(folder, target_is_directory=True)
    (project.root / "prompts/t.jinja").write_text(TEMPLATE)
    project.models(
        f"models:\n  m: {{source: file:model, engine: {engine}, dtype: float32{more}}}\n"
    )
    path = project.evalset(SET + f"scoring: {scoring}\n", "thinking")
    cells = load_cells(path, project.root)
    settings = Settings(root=project.root, store=project.root / "s.sqlite", logs=project.root)
    runner = Runner(settings, cells, lambda *what: None)
    return {cell.id.rpartition("-")[2]: runner.outcome(cell) for cell in cells}, runner


class Alone:
    """The model in transformers, asked without any of the harness."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def prompt(self, text: str, **switch) -> str:
        question = f"Is it positive or negative?\n\n{text}"
        return self.tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], chat_template=TEMPLATE, tokenize=False,
            add_generation_prompt=True, **switch)  # fmt: skip

    def thought(self, head: str, ends: list[int]) -> list[int]:
        """Return a greedy thought behind a prompt, up to a token that ends it."""
        torch, ids, made = self.torch, self.ids(head), []
        with torch.inference_mode():
            while len(made) < BUDGET:
                logits = self.model(torch.tensor([ids + made])).logits[0, -1]
                made.append(int(logits.argmax()))
                if made[-1] in ends:
                    break
        return made

    def log_odds(self, ids: list[int]) -> float:
        torch = self.torch
        with torch.inference_mode():
            shares = torch.log_softmax(self.model(torch.tensor([ids])).logits[0, -1], dim=-1)
        first, second = (shares[self.ids(word)[0]].item() for word in WORDS)
        return first - second


def assert_as_alone(found, folder, *, marked: bool):
    alone = Alone(folder)
    end = alone.ids("</think>")
    for result in found["nothink"].results:
        head = alone.prompt(result.text, enable_thinking=False) + "The verdict is"
        assert result.log_odds == pytest.approx(alone.log_odds(alone.ids(head)), abs=2e-4)
    for result in found["think12"].results:
        head = alone.prompt(result.text, enable_thinking=True) + "<think>\n"
        eos = [alone.tokenizer.eos_token_id]
        made = alone.thought(head, [*eos, *end] if marked else eos)
        closed = marked and made[-1:] == end
        if made[-1] in (*eos, *(end if marked else [])):
            made = made[:-1]
        said = alone.tokenizer.decode(made)
        closing = "</think>\n\n" if closed or said.endswith("\n") else "\n</think>\n\n"
        ids = [*alone.ids(head), *made, *alone.ids(closing + "The verdict is")]
        assert result.log_odds == pytest.approx(alone.log_odds(ids), abs=2e-4)
        assert result.thought.text == said.strip()
        assert result.thought.end == ("closed" if closed else "cut")


@pytest.mark.alone
def test_log_odds_behind_thoughts_are_those_of_transformers_alone(project, thinker):
    found, runner = outcomes(project, thinker)
    assert_as_alone(found, thinker, marked=True)
    assert [one.computed for one in runner.engines] == [6]
    assert "closed" in {one.thought.end for one in found["think12"].results}
    assert found["nothink"].results[0].log_odds != found["think12"].results[0].log_odds


@pytest.mark.alone
def test_free_answers_and_choices_stand_behind_thoughts(project, thinker):
    for scoring in ("generate", "choice"):
        found, _ = outcomes(project, thinker, scoring=scoring)
        for result in found["think12"].results:
            assert result.thought.tokens <= BUDGET
            assert "</think>" not in result.completion
        if scoring == "choice":
            assert found["think12"].row.unscored == 0


@pytest.mark.alone
@pytest.mark.skipif(not engine_installed("vllm"), reason="vLLM is not installed")
def test_vllm_thinks_as_transformers_does(project, thinker):
    options = ", options: {enforce_eager: true, multiprocess: false, kv_cache_gib: 1}"
    found, runner = outcomes(project, thinker, engine="vllm", more=options)
    assert_as_alone(found, thinker, marked=True)
    assert len(runner.engines) == 1


@pytest.mark.alone
def test_a_model_that_spells_the_marks_in_ordinary_tokens(project, smollm2):
    found, _ = outcomes(project, smollm2, more=", chat_template: t.jinja")
    assert_as_alone(found, smollm2, marked=False)
    mass = {name: one.row.figures["label_mass"].value for name, one in found.items()}
    assert all(math.isfinite(value) and value > 0.05 for value in mass.values())
