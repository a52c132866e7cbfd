"""A cell's first prompt in pieces: its text, token by token."""

from __future__ import annotations

from types import SimpleNamespace

from transformers import AutoTokenizer

from harness.records import Request, Sample, Sampling
from harness.run.shown_prompt import shown_prompt, token_pieces

TEXT = "<|im_start|>user\n Is it fine?  Привет 👩 ok"


def test_pieces_are_tokens_or_whole_characters(tmp_path, tokenizers):
    tokenizer = AutoTokenizer.from_pretrained(tokenizers(tmp_path))
    ids = tokenizer(TEXT, add_special_tokens=False).input_ids
    pieces = token_pieces(tokenizer, ids)
    assert "".join(text for text, _ in pieces) == TEXT
    assert [token for _, own in pieces for token in own] == ids
    assert (pieces[0][0], len(pieces[0][1])) == ("<|im_start|>", 1)
    assert {text: len(own) for text, own in pieces}["👩"] == 4
    assert token_pieces(tokenizer, ()) == []
    # The middle of a long prompt is left out; samples that were not asked are passed over.
    row = Request("k", tuple(ids * 300), Sampling())
    prepared = SimpleNamespace(
        cell=SimpleNamespace(path="evalsets/a.yaml", id="m-p-zeroshot"),
        samples=[Sample("a", "", "x"), Sample("b", "", "x")],
        requests=[(), (row,)],
        questions=SimpleNamespace(chat=SimpleNamespace(tokenizer=tokenizer)),
        known=None,
    )
    found = shown_prompt(prepared)
    assert (found.sample, found.left_out) == ("b", len(row.prompt_ids) - 4096)
    assert [token for own in found.ids[: found.place] for token in own] == [*row.prompt_ids[:2048]]
    assert sum(map(len, found.ids)) == 4096
    prepared.requests = [(), ()]
    assert shown_prompt(prepared) is None
    prepared.questions = None
    assert shown_prompt(prepared) is None
    prepared.known = SimpleNamespace(shown=found)
    assert shown_prompt(prepared) is found
