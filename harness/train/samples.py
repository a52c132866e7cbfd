"""What the base model and its adapter answer to the recipe's questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.prompts.chat import ChatFormat
from harness.train.lora import without_adapter

if TYPE_CHECKING:
    import torch
    from peft import PeftModel

_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Continuation:
    """A question, and how it is answered before and after training, greedily."""

    question: str
    before: str
    after: str


def continue_samples(
    model: PeftModel,
    chat: ChatFormat,
    questions: Sequence[str],
    before: Mapping[str, torch.Tensor],
) -> list[Continuation]:
    """Return what the base model and its adapter answer, at most 128 tokens each.

    Args:
        model: After its training.
        chat: How it is spoken to.
        questions: To ask.
        before: The base's weights that were trained, see `base_weights`.
    """
    prompts = chat.encode(chat.texts([[{"role": "user", "content": text}] for text in questions]))
    out: list[Continuation] = []
    for question, prompt in zip(questions, prompts, strict=True):
        after = _answer(model, chat, prompt)
        with without_adapter(model, before):
            first = _answer(model, chat, prompt)
        out.append(Continuation(question, first, after))
    return out


def _answer(model: PeftModel, chat: ChatFormat, prompt: Sequence[int]) -> str:
    import torch

    inputs = torch.tensor([list(prompt)], device=model.device)
    more = {"stop_strings": [chat.stop], "tokenizer": chat.tokenizer} if chat.stop else {}
    with torch.no_grad():
        ids = model.generate(
            input_ids=inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=_TOKENS,
            do_sample=False,
            use_cache=True,
            pad_token_id=chat.tokenizer.pad_token_id,
            **more,
        )
    text: str = chat.tokenizer.decode(
        ids[0, len(prompt) :], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text.partition(chat.stop)[0] if chat.stop else text
