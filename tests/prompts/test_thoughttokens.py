"""Thoughts in tokens: what is asked for, what ends it, and what the answer stands behind."""

from __future__ import annotations

import pytest

from harness.prompts.open_format import open_format
from harness.prompts.thoughttokens import (
    answer_row,
    closing_tokens,
    cut_thought,
    read_thought,
    thought_sampling,
    tokens_behind_thought,
)
from harness.records import Output, Sampling, Thinking, Thought
from harness.spec.modelspec import ModelSpec

BUDGET, LIMIT = Thinking(64, budgeted=True), Thinking(64)
# Of the form of a family whose prompts say nothing of a thought, and of one whose prompts begin it.
FREE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OPENED = FREE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
SPECIAL = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")
ASK = [{"role": "user", "content": "Well?"}]


@pytest.fixture
def open_as(tokenizers, tmp_path):
    def opened(template=FREE, thinking=BUDGET, *, marked=True):
        special = (*SPECIAL, "<think>", "</think>") if marked else SPECIAL
        folder = tokenizers(tmp_path / f"model{marked}", template=template, special=special)
        spec = ModelSpec(source="file:x")
        return open_format("m", spec, folder, root=tmp_path, thinking=thinking)

    return opened


def spoken(chat, text: str, *, finish: str = "stop", hide: bool = True, end: str = "") -> Output:
    """Return what an engine that wrote a text gives: its tokens, and the text up to its end."""
    ids = tuple(chat.tokenizer(text + end, add_special_tokens=False)["input_ids"])
    shown = chat.tokenizer.decode(ids, skip_special_tokens=True) if hide else text
    return Output("k", text=shown, token_ids=ids, finish_reason=finish)


def begun(chat):
    (text,) = chat.thought_texts([ASK])
    return text, chat.encode([text])[0]


def whole(chat, row) -> str:
    return chat.tokenizer.decode(row)


def test_a_thought_is_asked_for_until_its_mark(open_as):
    answer = Sampling(max_tokens=5, temperature=0.5, top_p=0.9, seed=3, schema="{}", stop=("x",))
    chat = open_as()
    found = thought_sampling(chat, answer, room=500)
    assert found == Sampling(64, 0.5, 0.9, 3, stop_ids=(chat.plan.end_id,))
    assert thought_sampling(chat, answer, room=9).max_tokens == 9
    plain = thought_sampling(open_as(marked=False), answer, room=500)
    assert (plain.stop, plain.stop_ids) == (("</think>",), ())


def test_a_closed_thought_is_gone_on_from_by_its_own_tokens(open_as):
    chat = open_as()
    text, row = begun(chat)
    # A tokenizer would put the two letters together that the model wrote one by one.
    letters = tuple(chat.tokenizer.convert_tokens_to_ids(list("hm")))
    output = Output("k", "hm", (*letters, chat.plan.end_id), "stop")
    assert read_thought(chat, output) == Thought("hm", 2, "closed")
    found = answer_row(chat, text, row, output, "It is")
    assert found[: len(row) + 3] == (*row, *letters, chat.plan.end_id)
    assert whole(chat, found) == text + "hm</think>\n\nIt is"


def test_what_follows_the_mark_does_not_count(open_as):
    chat = open_as()
    text, row = begun(chat)
    output = spoken(chat, "hm\n</think>more", finish="length")
    assert read_thought(chat, output).end == "closed"
    assert whole(chat, answer_row(chat, text, row, output, "")) == text + "hm\n</think>\n\n"


@pytest.mark.parametrize(
    ("said", "finish", "closing"),
    [("hm, s", "length", "\n</think>\n\n"), ("hm\n", "length", "</think>\n\n")],
)
@pytest.mark.parametrize("marked", [True, False])
def test_a_budget_closes_a_thought_by_its_mark(open_as, said, finish, closing, marked):
    chat = open_as(marked=marked)
    text, row = begun(chat)
    output = spoken(chat, said, finish=finish)
    assert read_thought(chat, output) == Thought(said.strip(), len(output.token_ids), "cut")
    found = answer_row(chat, text, row, output, "It is")
    assert whole(chat, found) == text + said + closing + "It is"


@pytest.mark.parametrize("marked", [True, False])
def test_a_turn_that_ends_within_a_thought_has_not_closed_it(open_as, marked):
    output = spoken(open_as(marked=marked), "hm", end="<|im_end|>")
    limited, chat = open_as(thinking=LIMIT, marked=marked), open_as(marked=marked)
    assert read_thought(limited, output).end == "open"
    assert read_thought(chat, output).end == "cut"
    text, row = begun(chat)
    assert whole(chat, answer_row(chat, text, row, output, "")) == text + "hm\n</think>\n\n"


def test_a_mark_of_ordinary_tokens_is_cut_in_the_text(open_as):
    chat = open_as(marked=False)
    text, row = begun(chat)
    # Engines give all tokens, and the text up to the mark.
    ids = spoken(chat, "hm\n</think>").token_ids
    output = Output("k", "hm\n", ids, "stop")
    assert read_thought(chat, output).end == "closed"
    found = answer_row(chat, text, row, output, "It is")
    assert found == chat.encode([text + "hm\n</think>\n\nIt is"])[0]
    spelled = Output("k", "so <|im_end|> then\n", ids, "stop")
    assert answer_row(chat, text, row, spelled, "").text == (
        "the thought holds '<|im_end|>', a special token of the model"
    )


def test_rows_behind_a_thought_end_as_the_prompt_that_labels_are_split_in(open_as):
    for marked in (True, False):
        chat = open_as(marked=marked)
        text, row = begun(chat)
        (bound,) = chat.texts([[*ASK, {"role": "assistant", "content": "It is"}]], bound=True)
        (tree,) = chat.encode([bound])
        found = answer_row(chat, text, row, spoken(chat, "hm", finish="length"), "It is")
        size = closing_tokens(chat)
        assert found[-size:] == tree[-size:]
        assert tokens_behind_thought(chat, '{"a"') == chat.encode([bound[:-5] + '{"a"'])[0][
            len(chat.encode([bound[:-5]])[0]) :]  # fmt: skip


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(
    ("template", "said", "thought", "answer"),
    [
        (FREE, "<think>\nhm\n</think>\n\nyes", "hm", "yes"),
        (FREE, "yes", None, "yes"),
        (OPENED, "hm\n</think>\n\nyes", "hm", "yes"),
    ],
)
def test_a_thought_that_was_not_asked_for_is_cut_off(
    open_as, template, said, thought, answer, marked
):
    chat = open_as(template, None, marked=marked)
    output = spoken(chat, said, end="<|im_end|>")
    found, rest = cut_thought(chat, output)
    assert (found and found.text, rest.text) == (thought, answer)
    assert (rest.token_ids, rest.finish_reason) == (output.token_ids, "stop")
    if found:
        assert (found.end, found.tokens > 0) == ("closed", True)


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(("template", "said"), [(FREE, "<think>\nhm, s"), (OPENED, "hm, s")])
def test_a_thought_without_an_end_leaves_no_answer(open_as, template, said, marked):
    chat = open_as(template, None, marked=marked)
    found, rest = cut_thought(chat, spoken(chat, said, finish="length"))
    assert (found.text, found.end, rest.text) == ("hm, s", "open", "")


def test_a_failed_output_is_left_as_it_is(open_as):
    failed = Output("k", finish_reason="error", error="broken")
    assert cut_thought(open_as(OPENED, None), failed) == (None, failed)
