"""One request's completion, token by token: sampling, choices, schemas, stop strings."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.engines.schemas import Matcher, Schemas
from harness.reasons import Reason
from harness.records import EngineConfig, Output, Request, Sampling

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

# Prompt tokens that are decoded with a completion, since a token's text depends on those before.
_CONTEXT = 8


@dataclass(slots=True)
class Choices:
    """A trie of the token ids of the allowed completions; `text` is set where one ends."""

    next: dict[int, Choices] = field(default_factory=dict)
    text: str | None = None

    @property
    def longest(self) -> int:
        """Return the number of tokens of the longest completion from here."""
        return max((1 + child.longest for child in self.next.values()), default=0)

    def only_path(self) -> tuple[list[int], Choices] | None:
        """Return the tokens to the end and the end, or None if there is more than one way on."""
        at, tokens = self, list[int]()
        while len(at.next) == 1 and at.text is None:
            token, at = next(iter(at.next.items()))
            tokens.append(token)
        return None if at.next else (tokens, at)


@dataclass(slots=True)
class Completion:
    """The state of one request while it is completed.

    Attributes:
        eos_ids: Tokens that end it: the model's own and those of the request.
        choices: Where the completion stands in the trie of choices, or None if it is free.
        schema: Likewise where in its JSON Schema.
        random: The request's own random stream, None for greedy decoding.
    """

    request: Request
    tokenizer: PreTrainedTokenizerBase
    eos_ids: Collection[int]
    choices: Choices | None
    schema: Matcher | None
    random: torch.Generator | None
    ids: list[int] = field(default_factory=list)
    text: str = ""
    finish_reason: str | None = None
    error: Reason | str | None = None

    def advance(self, logits: torch.Tensor, best: int) -> None:
        """Take the next token.

        Args:
            logits: Shape (vocabulary,), float32, before any constraint.
            best: The id of the highest logit.
        """
        if self.choices is not None:
            self._advance_choice(logits, self.choices)
            return
        if self.schema is not None:
            allowed = self.schema.allowed(len(logits)).to(logits.device)
            logits = logits.masked_fill(~allowed, -math.inf)
            best = int(logits.argmax())
        token = best if self.random is None else sample(logits, self._sampling, self.random)
        self.ids.append(token)
        complete = self.schema is not None and self.schema.take(token)
        if complete or token in self.eos_ids:
            self.finish_reason = "stop"
        elif len(self.ids) >= self._sampling.max_tokens:
            self.finish_reason = "length"
        if self.finish_reason or self._sampling.stop:
            self._read_text()

    def fail(self, error: Reason) -> None:
        """End without a completion."""
        self.finish_reason, self.error = "error", error

    def output(self, *, logprobs: Sequence[float], cached_tokens: int) -> Output:
        """Return the finished completion as an output."""
        failed = self.error is not None
        return Output(
            key=self.request.key,
            text="" if failed else self.text,
            token_ids=() if failed else tuple(self.ids),
            finish_reason=self.finish_reason or "length",
            logprobs=() if failed else tuple(logprobs),
            prompt_tokens=len(self.request.prompt_ids),
            cached_tokens=cached_tokens,
            error=self.error,
        )

    @property
    def _sampling(self) -> Sampling:
        return self.request.sampling

    def _read_text(self) -> None:
        ids = self.ids[:-1] if self.ids[-1] in self.eos_ids else self.ids
        self.text = continuation_text(self.tokenizer, self.request.prompt_ids, ids)
        ends = [self.text.index(stop) for stop in self._sampling.stop if stop in self.text]
        if ends:
            self.text = self.text[: min(ends)]
            self.finish_reason = "stop"

    def _advance_choice(self, logits: torch.Tensor, at: Choices) -> None:
        """Take the next token of a choice, and those that follow without an alternative."""
        options = list(at.next)
        if at.text is not None:
            options += [token for token in sorted(self.eos_ids) if token not in at.next]
        allowed = logits[options]
        pick = (
            int(allowed.argmax())
            if self.random is None
            else sample(allowed, self._sampling, self.random)
        )
        if options[pick] not in at.next:
            self._finish_choice(at)
            return
        at = at.next[options[pick]]
        self.ids.append(options[pick])
        # Without an alternative up to the end, no forward pass is needed to know the rest.
        rest = at.only_path()
        if rest is not None:
            tokens, at = rest
            self.ids += tokens
            self._finish_choice(at)
        self.choices = at

    def _finish_choice(self, at: Choices) -> None:
        self.text = at.text or ""
        self.finish_reason = "stop"


def start_completion(
    request: Request,
    tokenizer: PreTrainedTokenizerBase,
    *,
    eos_ids: Collection[int],
    schemas: Schemas,
    config: EngineConfig,
) -> Completion:
    """Return the state of a request before its first token.

    The random stream of a request without a seed comes from the engine's seed and the request's
    key, so that it does not depend on the batch either.

    Raises:
        ValueError: If a choice cannot be spelled or does not fit into the window, or if a schema
            cannot be used.
    """
    import torch

    sampling = request.sampling
    choices = schema = random = None
    if sampling.choices and sampling.schema:
        raise ValueError("a completion takes choices or a schema, not both")
    if sampling.schema:
        schema = schemas.matcher(sampling.schema)
    if sampling.choices:
        choices = build_choices(tokenizer, request.prompt_ids, sampling.choices)
        whole = len(request.prompt_ids) + choices.longest
        if whole > config.max_model_len:
            raise ValueError(
                f"prompt and longest choice have {whole} tokens, "
                f"more than the window of {config.max_model_len}"
            )
    if sampling.temperature > 0:
        seed = sampling.seed
        if seed is None:
            digest = hashlib.sha256(f"{config.seed} {request.key}".encode()).digest()
            seed = int.from_bytes(digest[:7], "big")
        random = torch.Generator().manual_seed(seed)
    ends = {*eos_ids, *sampling.stop_ids}
    return Completion(request, tokenizer, ends, choices, schema, random)


def sample(logits: torch.Tensor, sampling: Sampling, random: torch.Generator) -> int:
    """Draw an index by temperature and nucleus.

    The inverse of the cumulated probabilities is taken in the order of the vocabulary, which a
    rounding difference between two batches does not change, as sorting would.

    Args:
        logits: Shape (options,).
        sampling: Its temperature is above 0.
        random: A generator on the CPU.
    """
    import torch

    shares = torch.softmax(logits.cpu().double() / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        ordered, order = shares.sort(descending=True)
        outside = ordered.cumsum(0) - ordered >= sampling.top_p
        shares[order[outside]] = 0
    sums = shares.cumsum(0)
    drawn = torch.rand(1, generator=random, dtype=torch.float64) * sums[-1]
    found = int(torch.searchsorted(sums, drawn, right=True))
    return min(found, int(shares.nonzero()[-1]))


def continuation_text(
    tokenizer: PreTrainedTokenizerBase, prompt_ids: Sequence[int], ids: Sequence[int]
) -> str:
    """Return the text that `ids` add to the prompt, special tokens left out."""
    context = list(prompt_ids[-_CONTEXT:])
    before = _decode(tokenizer, context)
    whole = _decode(tokenizer, [*context, *ids])
    return whole[len(before) :] if whole.startswith(before) else _decode(tokenizer, list(ids))


def build_choices(
    tokenizer: PreTrainedTokenizerBase, prompt_ids: Sequence[int], choices: Sequence[str]
) -> Choices:
    """Return the trie of the choices' token ids, as they continue the prompt.

    Raises:
        ValueError: If a choice is empty or has no tokens that spell it after this prompt.
    """
    root = Choices()
    for choice in choices:
        at = root
        for token in choice_ids(tokenizer, prompt_ids, choice):
            at = at.next.setdefault(token, Choices())
        at.text = choice
    return root


def choice_ids(
    tokenizer: PreTrainedTokenizerBase, prompt_ids: Sequence[int], choice: str
) -> list[int]:
    """Return the tokens of `choice` after the prompt.

    Those that the tokenizer gives to the joined text where the prompt's own tokens stay as they
    are in it, else those of the choice alone.

    Raises:
        ValueError: If neither spells the choice.
    """
    context = list(prompt_ids[-_CONTEXT:])
    before = tokenizer.decode(context)
    joined = tokenizer.encode(before + choice, add_special_tokens=False)
    alone = tokenizer.encode(choice, add_special_tokens=False)
    candidates = [joined[len(context) :]] if joined[: len(context)] == context else []
    for ids in [*candidates, alone]:
        if ids and continuation_text(tokenizer, prompt_ids, ids) == choice:
            return list(ids)
    raise ValueError(f"choice {choice!r} has no tokens that spell it after this prompt")


def _decode(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text
