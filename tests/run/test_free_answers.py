"""Conversations -> requests: to a model that takes tokens, to one that thinks, to an endpoint."""

from __future__ import annotations

import pytest
from thinkers import SPECIAL, TEMPLATE

from harness.engines import not_finite
from harness.errors import PromptError
from harness.prompts.open_format import open_format
from harness.reasons import Reason
from harness.records import Adapter, Output, Sampling, Thinking
from harness.run.free_answers import Speaker
from harness.spec.modelspec import ModelSpec

ASK = [{"role": "user", "content": "What is 2 + 2?"}]
SYSTEM = [{"role": "system", "content": "Be brief."}, *ASK]
FIX = Reason("raise_answer_tokens")


def speaker(folder, root, *, thinking=None, adapter=None) -> Speaker:
    chat = open_format("m", ModelSpec(source="file:model"), folder, root=root, thinking=thinking)
    return Speaker(chat, "shared", adapter, thinking, name="m")


@pytest.fixture
def plain(tiny_folder, tmp_path) -> Speaker:
    return speaker(tiny_folder, tmp_path)


@pytest.fixture
def thinker(tokenizers, tmp_path) -> Speaker:
    folder = tokenizers(tmp_path / "model", template=TEMPLATE, special=SPECIAL, words=True)
    return speaker(folder, tmp_path, thinking=Thinking(limit=64))


def text_of(one: Speaker, ids) -> str:
    return one.chat.tokenizer.decode(ids)


def output_of(one: Speaker, request, text: str) -> Output:
    """Return what an engine would have made of a request."""
    ids = tuple(one.chat.tokenizer(text, add_special_tokens=False)["input_ids"])
    return Output(request.key, text=text, token_ids=ids)


def test_a_turn_is_the_rendered_conversation(plain):
    (turn,) = plain.turns([SYSTEM], [Sampling(max_tokens=9)])
    shown = text_of(plain, turn.first.prompt_ids)
    assert shown.index("Be brief.") < shown.index("2 + 2") < shown.index("assistant")
    assert not plain.thinks
    assert plain.answer(turn, {}) is turn.first


def test_an_answer_ends_where_the_template_ends_a_turn(tokenizers, tmp_path):
    template = TEMPLATE.replace("<|im_end|>", "</s>")  # the tokenizer's own end is <|im_end|>
    one = speaker(tokenizers(tmp_path / "model", template=template, words=True), tmp_path)
    (turn,) = one.turns([ASK], [Sampling(max_tokens=9)])
    assert turn.first.sampling.stop_ids == (one.chat.tokenizer.convert_tokens_to_ids("</s>"),)
    # What is held to a form ends by the form.
    (bound,) = one.turns([ASK], [Sampling(max_tokens=9, schema='{"type": "object"}')])
    assert bound.first.sampling.stop_ids == ()


def test_a_mark_in_several_tokens_has_room_behind_the_answer(tokenizers, tmp_path):
    template = TEMPLATE.replace("<|im_end|>", "<end>")
    one = speaker(tokenizers(tmp_path / "model", template=template, words=True), tmp_path)
    (turn,) = one.turns([ASK], [Sampling(max_tokens=9)])
    assert turn.first.sampling.stop == ("<end>",)
    assert turn.first.sampling.max_tokens > 9


def test_the_adapter_and_the_seed_are_in_the_key(plain, tiny_folder, tmp_path):
    def key(one, **sampling):
        return one.turns([ASK], [Sampling(max_tokens=9, **sampling)])[0].first.key

    adapted = speaker(tiny_folder, tmp_path, adapter=Adapter("/a", "d" * 64, 8))
    keys = {key(plain), key(adapted), key(plain, seed=2), key(plain, temperature=0.5)}
    assert len(keys) == 4
    assert key(plain) == key(plain)


def test_what_does_not_fit_the_window_is_refused_never_cut(plain):
    long = [{"role": "user", "content": "a positive " * 600}]
    fits, too_long = plain.turns([ASK, long], [Sampling(max_tokens=9)] * 2)
    assert not isinstance(fits.first, Reason)
    assert too_long.first.text.startswith("too long: ")
    assert too_long.first.text.endswith("and room for 9 exceed the model's window of 512")
    said = plain.said(too_long, {}, fix=FIX)
    assert said.output.error == too_long.first


def test_a_template_that_refuses_is_named_by_its_model(tokenizers, tmp_path):
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}x"
    folder = tokenizers(tmp_path / "model", template=template, words=True)
    with pytest.raises(PromptError, match=r"^m: "):
        speaker(folder, tmp_path).turns([ASK], [Sampling()])


def test_nothing_is_said_until_the_output_is_there(plain):
    (turn,) = plain.turns([ASK], [Sampling(max_tokens=9)])
    assert plain.said(turn, {}, fix=FIX) is None
    output = output_of(plain, turn.first, "Four.")
    assert plain.said(turn, {turn.first.key: output}, fix=FIX).output.text == "Four."


def test_an_answer_is_asked_behind_the_closed_thought(thinker):
    (turn,) = thinker.turns([ASK], [Sampling(max_tokens=9)])
    assert thinker.thinks
    assert thinker.answer(turn, {}) is None
    thought = output_of(thinker, turn.first, "<think>\nTwo and two.\n</think>")
    request = thinker.answer(turn, {turn.first.key: thought})
    shown = text_of(thinker, request.prompt_ids)
    assert shown.endswith("<think>\nTwo and two.\n</think>\n\n")
    assert request.key != turn.first.key
    assert thinker.said(turn, {turn.first.key: thought}, fix=FIX) is None
    answer = output_of(thinker, request, "Four.")
    said = thinker.said(turn, {turn.first.key: thought, request.key: answer}, fix=FIX)
    assert said.output.text == "Four."
    assert "Two and two." in said.thought.text


def test_an_open_thought_has_no_answer(thinker):
    (turn,) = thinker.turns([ASK], [Sampling(max_tokens=9)])
    thought = output_of(thinker, turn.first, "<think>\nTwo and")
    reason = thinker.answer(turn, {turn.first.key: thought})
    assert isinstance(reason, Reason)
    said = thinker.said(turn, {turn.first.key: thought}, fix=FIX)
    assert said.output.error == reason
    assert said.output.text == ""


def test_an_engine_error_in_the_thought_is_the_answers(thinker):
    (turn,) = thinker.turns([ASK], [Sampling(max_tokens=9)])
    failed = Output(turn.first.key, finish_reason="error", error=not_finite("float32"))
    assert thinker.answer(turn, {turn.first.key: failed}) == not_finite("float32")
    assert thinker.said(turn, {turn.first.key: failed}, fix=FIX).output.error == not_finite(
        "float32"
    )


def test_an_endpoint_is_sent_messages_with_its_system_text():
    one = Speaker(None, "shared", thinking=Thinking(limit=100), name="e", system="Be kind.")
    own, without = one.turns([SYSTEM, ASK], [Sampling(max_tokens=9)] * 2)
    assert own.first.messages == (("system", "Be brief."), ("user", "What is 2 + 2?"))
    assert without.first.messages[0] == ("system", "Be kind.")
    # A thought and its answer are one completion there.
    assert without.first.sampling.max_tokens == 109
    assert without.first.sampling.thinking == "on"
    assert (one.thinks, one.controls, one.use(ASK)) == (False, None, None)
    with pytest.raises(ValueError, match="takes conversations"):
        one.texts([ASK])
