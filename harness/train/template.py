"""Dialogues -> token ids and labels: loss on the assistant's answers, end mark included.

The masks are derived, not assumed. For every answer the template is rendered up to it, as a prompt
is at generation, and up to its end mark; both must be beginnings of the whole dialogue's text, and
between them must stand the answer and the mark that ends it alone. What else a template writes
there, such as an empty thought, would be trained as if it were the answer. The tokens before an
answer are those of the prompt by itself: a tokenizer may split the joined text otherwise at that
place, and the model would then meet at generation what it never saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from harness.errors import TrainError
from harness.prompts.chat import ChatFormat
from harness.prompts.end_marks import end_mark
from harness.prompts.open_format import open_format
from harness.prompts.rendering import template_variables
from harness.prompts.tokenizers import tokenizing
from harness.spec.modelspec import ModelSpec
from harness.spec.recipe import Recipe
from harness.spec.yamlfile import YamlFile
from harness.train.base import Base
from harness.train.rows import Dialogue

MASKED = -100
_TEMPLATE = ("base", "chat_template")
# By this variable most templates of reasoning models are told to leave thoughts out.
_THINKING = "enable_thinking"
# Characters of a prompt's end that are quoted.
_TAIL = 40
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Writing:
    """What is known of a template: the mark that ends an answer, and how its thoughts are left out.

    Attributes:
        mark: Where generation stops.
        fix: A beginning for the fix of an error.
    """

    mark: str | None = None
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A dialogue in tokens.

    Attributes:
        number: Its row in the source.
        ids: Token ids, from BOS (if there is one) to the end mark of the last answer.
        labels: The same ids where the loss is taken, `MASKED` elsewhere; equal in length.
    """

    number: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def trained(self) -> int:
        """Number of tokens that the loss is taken on."""
        return sum(label != MASKED for label in self.labels)


def open_template(recipe: Recipe, base: Base, *, root: Path, file: YamlFile) -> ChatFormat:
    """Return how the base model is spoken to in training.

    Raises:
        SpecError: No such template, or one without an end mark.
        PromptError: The tokenizer or the template cannot be used.
    """
    wanted = recipe.base.chat_template
    tokenizer = base.tokenizer
    if wanted == "own" and tokenizer.chat_template is None:
        raise file.error("the base model's tokenizer has no chat template of its own; write "
                         "llama-3, or a file under prompts/", _TEMPLATE)  # fmt: skip
    # Only how the model is spoken to is read from it; the folder is given.
    spec = ModelSpec(
        source="file:base",
        chat_template=wanted,
        template=recipe.base.template,
        system=recipe.base.system,
        max_model_len=recipe.training.max_length,
    )
    where = f"{file.path}: base"
    chat = open_format(file.path.stem, spec, base.asset.path, root=root, where=where)
    if chat.rendering is None or end_mark(chat.rendering) is None:
        raise file.error(f"the template {wanted} writes no mark after an answer, so that the "
                         "model would not learn to stop; write llama-3", _TEMPLATE)  # fmt: skip
    return chat


def encode_dialogues(dialogues: Sequence[Dialogue], chat: ChatFormat) -> list[Example]:
    """Return dialogues in tokens, in their order.

    Raises:
        TrainError: The template's masks cannot be derived for a dialogue.
        PromptError: The template refuses a dialogue.
    """
    # Rendered and tokenized all at once, which is many times faster than one by one.
    turns = [list(dialogue.messages) for dialogue in dialogues]
    texts = chat.texts(turns, closed=True)
    answers = [
        (number, place)
        for number, messages in enumerate(turns)
        for place, message in enumerate(messages)
        if message["role"] == "assistant"
    ]
    heads = chat.texts([turns[number][:place] for number, place in answers])
    closed = chat.texts([turns[number][: place + 1] for number, place in answers], closed=True)
    writing = _writing(chat)
    spans: list[list[Span]] = [[] for _ in dialogues]
    for (number, place), head, until in zip(answers, heads, closed, strict=True):
        span = _span(dialogues[number], place, texts[number], head, until.rstrip(), writing)
        spans[number].append(span)
    edges = [[at for span in row for at in span] for row in spans]
    parts = chat.encode([t[:at] for t, row in zip(texts, edges, strict=True) for at in row])
    rest = iter(parts)
    return [
        _encode(dialogue, chat, text, row, [next(rest) for _ in row])
        for dialogue, text, row in zip(dialogues, texts, edges, strict=True)
    ]


def _encode(
    dialogue: Dialogue,
    chat: ChatFormat,
    text: str,
    places: Sequence[int],
    parts: Sequence[tuple[int, ...]],
) -> Example:
    """Return a dialogue in tokens.

    Args:
        dialogue: The dialogue.
        chat: How the model is spoken to.
        text: The dialogue in the chat template.
        places: Where in the text each answer begins and ends, in turns.
        parts: Tokens of the text up to each of these places.
    """
    whole, edges = parts[-1], [len(part) for part in parts]
    if any(whole[: len(part)] != part for part in parts):
        whole, edges = _in_pieces(dialogue, chat, text, places)
    labels = [MASKED] * len(whole)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        labels[begin:end] = whole[begin:end]
    example = Example(dialogue.number, tuple(whole), tuple(labels))
    if example.trained == 0:
        raise TrainError(f"row {dialogue.number}: no token of it would be trained; look at its "
                         "answer and at the chat template with --dry-run")  # fmt: skip
    return example


def _span(
    dialogue: Dialogue, place: int, text: str, head: str, closed: str, writing: _Writing
) -> Span:
    """Return where in a dialogue's text the answer of one turn begins and its end mark ends.

    Args:
        dialogue: The dialogue.
        place: Which of its messages the answer is.
        text: The whole dialogue in the chat template.
        head: The messages before the answer, as a prompt.
        closed: The messages up to the answer, to the end of its mark.
        writing: What is known of the template.
    """
    begin, end = len(head), len(closed)
    refusal = partial(_refusal, dialogue, place, writing)
    content = dialogue.messages[place]["content"]
    if text.startswith(head) and text.startswith(closed):
        written = text[begin:end]
        answer = content if written.startswith(content) else content.strip()
        before, found, after = written.partition(answer)
        if found and not before and after == writing.mark:
            return begin, end
        if found and before:
            raise refusal(f"writes {before!r} before the answer and not at the "
                           "end of a prompt, so that it would be trained as if it were the "
                           "answer")  # fmt: skip
        if found:
            raise refusal(f"writes {after!r} after the answer, and generation "
                           f"stops at {writing.mark!r}")  # fmt: skip
        raise refusal("does not write the answer as it is in the data")
    pairs = enumerate(zip(text, head, strict=False))
    shared = next((at for at, (one, other) in pairs if one != other), min(len(text), begin))
    if begin - _TAIL < shared < begin:
        raise refusal(f"ends a prompt with {head[shared:]!r} where the dialogue "
                       f"goes on with {text[shared:][:_TAIL]!r}, so that the model would not be "
                       "asked as it is trained")  # fmt: skip
    raise refusal("writes it otherwise at the end of a dialogue than inside it")


def _writing(chat: ChatFormat) -> _Writing:
    if chat.rendering is None:
        return _Writing()
    reads = template_variables(chat.rendering.template)
    off = _THINKING in reads and _THINKING not in chat.rendering.variables
    fix = f"write base.template: {{{_THINKING}: false}}, or " if off else ""
    return _Writing(end_mark(chat.rendering), fix)


def _refusal(dialogue: Dialogue, place: int, writing: _Writing, what: str) -> TrainError:
    fix = f"{writing.fix}take a template without such a rule, such as llama-3"
    if len(dialogue.replies) > 1:
        fix += ", or filter with turns: {at_most: 1}"
    return TrainError(f"row {dialogue.number}, turn {place + 1}: the chat template {what}; {fix}")


def _in_pieces(
    dialogue: Dialogue, chat: ChatFormat, text: str, places: Sequence[int]
) -> tuple[tuple[int, ...], list[int]]:
    """Return tokens of the text cut at every edge of an answer, and where the edges come to lie."""
    (ids,) = chat.encode([text[: places[0]]])
    edges = [len(ids)]
    for begin, end in pairwise(places):
        with tokenizing():
            piece = chat.tokenizer(text[begin:end], add_special_tokens=False)["input_ids"]
        ids = (*ids, *piece)
        edges.append(len(ids))
    back = chat.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    if not str(back).endswith(text[: places[-1]]):
        raise TrainError(f"row {dialogue.number}: the tokenizer writes the pieces of the chat "
                         "template otherwise than the whole, so no mask can be derived; take "
                         "another chat_template")  # fmt: skip
    return ids, edges


def drop_long(examples: Sequence[Example], longest: int) -> tuple[list[Example], list[Example]]:
    """Return the examples of at most so many tokens, and the longer ones."""
    kept = [example for example in examples if len(example.ids) <= longest]
    return kept, [example for example in examples if len(example.ids) > longest]


def show(example: Example, chat: ChatFormat) -> str:
    """Return an example token by token: position, id, label (`-` where masked), text."""
    lines = [f"row {example.number}: {len(example.ids)} tokens, {example.trained} trained"]
    for place, (token, label) in enumerate(zip(example.ids, example.labels, strict=True)):
        shown = "-" if label == MASKED else str(label)
        text = chat.tokenizer.decode([token], clean_up_tokenization_spaces=False)
        lines.append(f"{place:5} {token:8} {shown:>8}  {text!r}")
    return "\n".join(lines)
