"""Thoughts in an engine's tokens: asked for, found to be ended, gone on from, and cut off.

A thought's end is told by its token where it is one token. The answer is then asked behind the very
tokens that the model wrote, and nothing is tokenized again. Only where the mark is spelt in
ordinary tokens is the text cut at it and tokenized anew.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from harness.prompts.chat import ChatFormat
from harness.prompts.thinking import ThoughtPlan
from harness.prompts.thoughts import split_thought
from harness.reasons import Reason
from harness.records import Output, Sampling, Thinking, Thought

# Stands before a text where its tokens are wanted as they are in the middle of one.
_LEFT = "a"


def thought_sampling(chat: ChatFormat, sampling: Sampling, *, room: int) -> Sampling:
    """Return how a thought is asked for whose answer is asked for by `sampling`.

    Args:
        chat: How the model is spoken to; it is to think.
        sampling: Of the answer.
        room: Tokens that prompt and answer leave of the window, at least 1.
    """
    plan, thinking = _plan(chat)
    return Sampling(
        max_tokens=min(thinking.limit, room),
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        stop=(plan.format.stop,) if plan.end_id is None else (),
        stop_ids=(*chat.stop_ids, *(() if plan.end_id is None else (plan.end_id,))),
    )


def closing_tokens(chat: ChatFormat, prefill: str = "") -> int:
    """Return how many tokens close a thought and begin its answer, some white space aside."""
    plan, _ = _plan(chat)
    return len(_within(chat, plan.format.marks.closing + prefill))


def read_thought(chat: ChatFormat, output: Output) -> Thought:
    """Return the thought that a request for one brought, cut where a budget has cut it."""
    plan, thinking = _plan(chat)
    if _is_closed(plan, chat, output):
        ids = _kept(plan, chat, output)
        return Thought(output.text.strip(), len(ids), "closed")
    text = output.text.strip()
    return Thought(text, output.length, "cut" if thinking.budgeted else "open")


def answer_row(
    chat: ChatFormat, text: str, row: tuple[int, ...], output: Output, prefill: str
) -> tuple[int, ...] | Reason:
    """Return the prompt of the answer behind a thought, or why there is none.

    Args:
        chat: How the model is spoken to.
        text: The prompt in which the thought begins, and `row` its tokens.
        row: Likewise.
        output: The thought, without an error.
        prefill: The beginning of the answer, empty for none.
    """
    plan, _ = _plan(chat)
    closing = plan.format.marks.closing
    if not _is_closed(plan, chat, output):
        if output.text.endswith("\n"):
            closing = closing.lstrip("\n")
        return (*row, *_kept(plan, chat, output), *_within(chat, closing + prefill))
    # The model's own white space stands before its mark.
    closing = closing.lstrip()
    if plan.end_id is not None:
        return (*row, *_kept(plan, chat, output), *chat.pieces.encode([closing + prefill])[0])
    if token := chat.control_token(output.text):
        return Reason("special_token_in_thought", {"token": token})
    return chat.encode([text + output.text + closing + prefill])[0]


def tokens_behind_thought(chat: ChatFormat, text: str) -> tuple[int, ...]:
    """Return the tokens of a text as they are where an answer begins behind a thought."""
    plan, _ = _plan(chat)
    closing = plan.format.marks.closing.lstrip()
    lead, whole = chat.pieces.encode([closing, closing + text])
    return whole[len(lead) :] if whole[: len(lead)] == lead else chat.pieces.encode([text])[0]


def cut_thought(chat: ChatFormat, output: Output) -> tuple[Thought | None, Output]:
    """Return the thought that a completion begins with, or None, and the completion without it."""
    plan = chat.plan
    if plan is None or output.error is not None:
        return None, output
    if plan.hidden and output.token_ids and max(output.token_ids) < len(chat.tokenizer):
        return _cut_tokens(plan, chat, output)
    thought, text = split_thought(output.text, [plan.format.marks], opened=plan.opened)
    if thought is None:
        return None, output
    tokens = len(chat.pieces.encode([thought.text])[0])
    return replace(thought, tokens=tokens), replace(output, text=text)


def _cut_tokens(
    plan: ThoughtPlan, chat: ChatFormat, output: Output
) -> tuple[Thought | None, Output]:
    """Cut a thought off by its marks where the text does not show them."""
    marks, ids = plan.format.marks, output.token_ids
    if not (plan.opened or _decode(chat, ids, marked=True).lstrip().startswith(marks.begin)):
        return None, output
    # The fewest tokens that hold the mark.
    end = bisect_left(
        range(len(ids)), 1, key=lambda at: marks.end in _decode(chat, ids[: at + 1], marked=True)
    )
    if end == len(ids):
        return Thought(output.text.strip(), len(ids), "open"), replace(output, text="")
    inner = _decode(chat, ids[: end + 1], marked=True).partition(marks.end)[0]
    bare = inner.lstrip().removeprefix(marks.begin).strip()
    text = _decode(chat, ids[end + 1 :])
    if chat.stop:
        text = text.partition(chat.stop)[0]
    return Thought(bare, end + 1, "closed"), replace(output, text=text.lstrip())


def _plan(chat: ChatFormat) -> tuple[ThoughtPlan, Thinking]:
    if chat.plan is None or chat.plan.thinking is None:
        raise ValueError("the model is not told to think")
    return chat.plan, chat.plan.thinking


def _is_closed(plan: ThoughtPlan, chat: ChatFormat, output: Output) -> bool:
    """Return whether the model has ended a thought, and not its turn within it."""
    if plan.end_id is not None:
        return plan.end_id in output.token_ids
    return output.finish_reason == "stop" and not _ends_turn(chat, output)


def _kept(plan: ThoughtPlan, chat: ChatFormat, output: Output) -> tuple[int, ...]:
    """Return the tokens of a thought without what ends it, or the turn."""
    ids = output.token_ids
    if plan.end_id is not None and plan.end_id in ids:
        return ids[: ids.index(plan.end_id)]
    return ids[:-1] if _ends_turn(chat, output) else ids


def _ends_turn(chat: ChatFormat, output: Output) -> bool:
    """Return whether a completion ends with a token that ends a turn."""
    special = chat.tokenizer.all_special_ids
    return any(last in special or last in chat.stop_ids for last in output.token_ids[-1:])


def _within(chat: ChatFormat, text: str) -> tuple[int, ...]:
    """Return the tokens of a text as they are in the middle of another."""
    left, whole = chat.pieces.encode([_LEFT, _LEFT + text])
    if whole[: len(left)] == left:
        return whole[len(left) :]
    return chat.pieces.encode([text])[0]


def _decode(chat: ChatFormat, ids: tuple[int, ...], *, marked: bool = False) -> str:
    return str(
        chat.tokenizer.decode(
            list(ids), skip_special_tokens=not marked, clean_up_tokenization_spaces=False
        )
    )
