"""A cell that was rendered: its requests, and how they are made of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.prompts.chat import ChatFormat
from harness.prompts.label_words import LabelTree
from harness.prompts.thoughttokens import closing_tokens, thought_sampling
from harness.reasons import Reason
from harness.records import (
    Adapter,
    CellPrompt,
    Request,
    Sample,
    Sampling,
    TemplateUse,
    Thought,
    ThoughtPlace,
)
from harness.run.cells import Cell
from harness.workers.store import content_key


@dataclass(frozen=True, slots=True)
class Questions:
    """How a cell's requests are made of tokenized prompts.

    Attributes:
        chat: How its model is spoken to.
        sampling: Of an answer that is written.
        prefill: What the answer begins with.
    """

    chat: ChatFormat
    shared: str
    adapter: Adapter | None
    sampling: Sampling
    tree: LabelTree | None
    prefill: str

    def ask(self, row: tuple[int, ...]) -> tuple[Request, ...]:
        """Return the requests about one prompt."""
        asked = [(row, self.sampling)]
        if self.tree is not None:
            asked = [(row + path, Sampling(score_ids=ids)) for path, ids in self.tree.questions]
        return tuple(self.request(prompt, sampling) for prompt, sampling in asked)

    def request(self, row: tuple[int, ...], sampling: Sampling) -> Request:
        """Return one request."""
        key = content_key(self.shared, row, sampling, self.adapter)
        return Request(key, row, sampling, self.adapter)

    def thought(self, row: tuple[int, ...]) -> Request:
        """Return the request for the thought that a prompt begins."""
        return self.request(row, thought_sampling(self.chat, self.sampling, room=self._left(row)))

    def room(self, row: Sequence[int]) -> int:
        """Return how many tokens of the window a prompt, its thought and its answer leave.

        A thought without a budget is taken as it comes, and must have room for one token.
        """
        thinking = self.chat.thinking
        if not self.chat.thinks or thinking is None:
            return self._left(row)
        return self._left(row) - (thinking.limit if thinking.budgeted else 1)

    def _left(self, row: Sequence[int]) -> int:
        """Return how many tokens of the window a prompt and its answer leave."""
        longest = max(len(path) for path, _ in self.tree.questions) if self.tree else 0
        closing = closing_tokens(self.chat, self.prefill) if self.chat.thinks else 0
        return self.chat.window - len(row) - closing - longest - self.sampling.max_tokens


@dataclass(frozen=True, slots=True)
class Known:
    """What a cell that was not rendered now says of its prompts, see `remembered`.

    Attributes:
        place: Where answers are asked, as far as thoughts go.
        thinking: The same in words, for what its results rest on.
        shown: The first prompt in pieces.
    """

    place: ThoughtPlace
    thinking: str
    shown: CellPrompt | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cell ready to run.

    Attributes:
        requests: For each sample its requests in order; empty where the sample has an error, or
            where they wait for its thought.
        errors: Why a sample cannot be asked, by its position.
        prompt_tokens: Mean prompt length over all samples, in tokens.
        window: The model's window in tokens.
        bare: The requests for each text without content; empty without contextual calibration,
            or where such a prompt is too long.
        train_rows: Rows that a classifier is trained on, 0 for a prompted model.
        wording: Digest of the prompt without samples and shots.
        conversations: Digest of all prompts as rendered, before the chat template.
        questions: How requests are made; None for a classifier, or where `known` is given.
        begun: Where the model thinks before it answers: for each sample, then for each text without
            content, the prompt in which its thought begins and the request for it; None where the
            sample has an error.
        thoughts: What came of these, by position of the sample.
        template: How the conversations became text, None for a classifier.
        known: Where all outputs are stored and nothing was rendered: what is known of the prompts,
            whose requests have keys and no tokens. Also of an encoder, which has no prompts.
    """

    cell: Cell
    samples: tuple[Sample, ...]
    words: Mapping[str, str]
    tree: LabelTree | None
    requests: tuple[tuple[Request, ...], ...]
    errors: Mapping[int, Reason]
    prompt_tokens: float
    window: int
    bare: tuple[tuple[Request, ...], ...] = ()
    wording: str = ""
    conversations: str = ""
    train_rows: int = 0
    questions: Questions | None = None
    begun: tuple[tuple[str, Request] | None, ...] = ()
    thoughts: Mapping[int, Thought] = field(default_factory=dict)
    template: TemplateUse | None = None
    known: Known | None = None

    @property
    def asked(self) -> tuple[tuple[Request, ...], ...]:
        """All answers that are asked for: the samples', then those to the texts without content."""
        return self.requests + self.bare

    @property
    def place(self) -> ThoughtPlace:
        """Where answers are asked, as far as thoughts go."""
        if self.known is not None:
            return self.known.place
        plan = self.questions.chat.plan if self.questions else None
        if self.questions is None or plan is None:
            return "none"
        start = plan.filled if self.questions.prefill else plan.bare
        # A free answer begins where the template leaves off, be it within a thought.
        free = self.cell.asks == "generate" and plan.thinking is None
        return "before" if free and start.text is not None else start.place

    def key(self, index: int) -> str:
        """Return the content key of a sample's first request, "" if there is none."""
        if self.begun:
            begun = self.begun[index]
            return begun[1].key if begun else ""
        return self.requests[index][0].key if self.requests[index] else ""

    @property
    def first(self) -> list[Request]:
        """All that is asked before anything is known: thoughts, if the model is to think."""
        if self.begun:
            return [one[1] for one in self.begun if one is not None]
        return [request for row in self.asked for request in row]
