"""The transformers engine: completions on CPU or GPU, shared prompt prefixes computed once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.engines import not_finite, too_long
from harness.engines.adapters import Adapters, loading_order
from harness.engines.decoding import Completion, start_completion
from harness.engines.forward import (
    KeyValue,
    fold_attention,
    forward,
    keep_freed_memory,
    lend_prefix,
    new_cache,
    pad_rows,
    pick_logprobs,
    plain_window,
    widen_head,
)
from harness.engines.lengths import by_length, last_length, turning_length, unsteady
from harness.engines.loading import load_model
from harness.engines.prefixes import Group, plan_batches, plan_groups, split_batch
from harness.engines.schemas import Schemas
from harness.engines.transformers_options import Options, read_options
from harness.engines.tryout import Able, try_out
from harness.errors import EngineError
from harness.reasons import Reason
from harness.records import Adapter, EngineConfig, Output, Request

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


# Tokens whose attention state is kept while rows are completed, in batches of a forward pass.
_KEPT = 16


def open_engine(config: EngineConfig) -> TransformersEngine:
    """Load model and tokenizer.

    Raises:
        EngineError: If they cannot be loaded or an option is wrong.
    """
    import torch

    options = read_options(config)
    if config.device == "cuda" and not torch.cuda.is_available():
        raise EngineError("device 'cuda': torch finds no CUDA device; use device 'cpu'")
    if options.threads:
        torch.set_num_threads(options.threads)
    if config.device == "cpu":
        keep_freed_memory()
    model, tokenizer = load_model(config)
    able = try_out(model, window=config.max_model_len)
    widen_head(model)
    if config.device == "cpu":
        fold_attention(model)
    return TransformersEngine(model, tokenizer, config=config, options=options, able=able)


class TransformersEngine:
    """Completes requests by a causal language model in this process; made by `open_engine`."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        config: EngineConfig,
        options: Options,
        able: Able,
    ) -> None:
        self._model: PreTrainedModel | None = model
        self._tokenizer = tokenizer
        self._config = config
        self._options = options
        self._able = able
        self._eos_ids = _eos_ids(model, tokenizer)
        self._window = plain_window(model.config) if able.cached else 0
        self._turn, self._last = turning_length(model.config), last_length(model.config)
        self._vocab = int(model.get_output_embeddings().weight.shape[0])
        self._schemas = Schemas(tokenizer, vocab=self._vocab, eos_ids=self._eos_ids)
        self._adapters = Adapters(model)
        # Tokens of prefixes that were computed and are not yet in any output's account.
        self._uncounted = 0

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request as it is finished; see `Engine.generate`."""
        import torch

        if self._model is None:
            raise EngineError("the engine is closed; open a new one")
        by_adapter: dict[Adapter | None, list[Request]] = defaultdict(list)
        for request in requests:
            problem = self._problem(request)
            if problem is None:
                by_adapter[request.adapter].append(request)
            else:
                yield _failed(request, problem)
        # The base model goes first, before any adapter is in it, and what changes it last.
        for adapter in sorted(by_adapter, key=loading_order):
            group = by_adapter[adapter]
            refusal = self._adapters.load(adapter)
            if refusal is not None:
                yield from (_failed(request, refusal) for request in group)
                continue
            outputs = self._run(group)
            while True:
                # The mode is entered for each step: it must not leak to the consumer of a yield.
                with torch.inference_mode(), self._adapters.use(adapter):
                    output = next(outputs, None)
                if output is None:
                    break
                yield output

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        if self._model is None:
            return
        import torch

        self._model = None
        self._adapters.forget()
        if self._config.device == "cuda":
            torch.cuda.empty_cache()

    def _problem(self, request: Request) -> Reason | str | None:
        """Return why a request cannot be run, or None."""
        if not request.prompt_ids:
            return "the prompt has no tokens"
        strange = [
            i
            for i in (*request.prompt_ids, *request.sampling.score_ids)
            if not 0 <= i < self._vocab
        ]
        if strange:
            return f"token id {strange[0]} is not in the vocabulary of {self._vocab}"
        return too_long(request, self._config.max_model_len) or unsteady(request, self._last)

    def _run(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Run requests of one adapter along the tree of their prefixes."""
        for able, part in by_length(requests, self._able, window=self._window, turn=self._turn):
            if able.shared:
                prompts = [request.prompt_ids for request in part]
                root = plan_groups(prompts, min_saving=2 * self._options.pass_cost)
            else:
                root = Group((), tuple(range(len(part))), ())
            yield from self._run_group(root, [], part, able)

    def _run_group(
        self, group: Group, prefix: list[KeyValue], requests: Sequence[Request], able: Able
    ) -> Iterator[Output]:
        """Run a group's members and then its children, depth first: few prefixes live at once."""
        done = len(group.prefix)
        members = [requests[index] for index in group.members]
        for goes_on in (False, True):
            part = [request for request in members if _goes_on(request) is goes_on]
            batches = plan_batches(
                [len(request.prompt_ids) - done for request in part],
                budget=self._options.batch_tokens * (4 if goes_on else 1),
                pass_cost=self._options.pass_cost,
                padding=able.plain and (able.padded or not goes_on),
            )
            sizes = [len(one.prompt_ids) + one.sampling.max_tokens for one in part]
            most = _KEPT * self._options.batch_tokens
            for whole in batches:
                for batch in split_batch(whole, sizes, most=most) if goes_on else [whole]:
                    kept = goes_on and able.cached
                    yield from self._run_batch([part[i] for i in batch], prefix, done, kept)
        for child in group.children:
            longer = self._extend(prefix, child.prefix[done:])
            yield from self._run_group(child, longer, requests, able)

    def _extend(self, prefix: list[KeyValue], tokens: Sequence[int]) -> list[KeyValue]:
        """Return the attention state of a prefix and the tokens after it."""
        import torch

        cache = lend_prefix(prefix, rows=1, keep=True) if prefix else new_cache(self._model)
        ids = torch.tensor([tokens], device=self._config.device)
        forward(self._model, ids, last=torch.tensor([len(tokens) - 1]), cache=cache)
        self._uncounted += len(tokens)
        return [(layer.keys, layer.values) for layer in cache.layers]

    def _run_batch(
        self,
        requests: Sequence[Request],
        prefix: Sequence[KeyValue],
        done: int,
        kept: bool,
    ) -> Iterator[Output]:
        """Complete requests in one batch, padded on the right so that positions stay as they are.

        Args:
            requests: All stand on `prefix`.
            prefix: Attention state of the first `done` tokens, per layer; empty if `done` is 0.
            done: Length of the prefix in tokens.
            kept: Whether the attention state is kept for tokens after the first.
        """
        import torch

        rows, failed = self._start(requests)
        yield from failed
        if not rows:
            return
        ids, lengths = pad_rows([row.request.prompt_ids[done:] for row in rows])
        cache = None
        if prefix:
            cache = lend_prefix(prefix, rows=len(rows), keep=kept)
        elif kept:
            cache = new_cache(self._model)
        logits = forward(self._model, ids, last=lengths - 1, cache=cache)
        scores = pick_logprobs(logits, [row.request.sampling.score_ids for row in rows])
        seen = torch.arange(done + ids.shape[1])[None] < done + lengths[:, None]
        while True:
            finished = _advance(rows, logits, self._config.dtype)
            for number in finished:
                yield self._count(rows[number], scores[number], done)
            left = [number for number in range(len(rows)) if number not in finished]
            if not left:
                return
            if finished:
                rows, scores = [rows[n] for n in left], [scores[n] for n in left]
                seen = seen[left]
                if cache is not None:
                    # Which every kind of layer has, unlike `batch_select_indices`.
                    cache.reorder_cache(torch.tensor(left, device=self._config.device))
            if cache is None:
                # All rows are equally long: read them again, whole.
                ids = torch.tensor([[*row.request.prompt_ids, *row.ids] for row in rows])
                last = torch.full((len(rows),), ids.shape[1] - 1)
                logits = forward(self._model, ids, last=last, cache=None)
                continue
            positions = seen.sum(dim=1, keepdim=True)
            seen = torch.nn.functional.pad(seen, (0, 1), value=True)
            ids = torch.tensor([row.ids[-1:] for row in rows])
            last = torch.zeros(len(rows), dtype=torch.long)
            logits = forward(
                self._model, ids, last=last, cache=cache, seen=seen, positions=positions
            )

    def _start(self, requests: Sequence[Request]) -> tuple[list[Completion], list[Output]]:
        """Return the states of requests before their first token, and outputs of the unfit."""
        rows, failed = [], []
        for request in requests:
            try:
                row = start_completion(
                    request,
                    self._tokenizer,
                    eos_ids=self._eos_ids,
                    schemas=self._schemas,
                    config=self._config,
                )
            except ValueError as error:
                failed.append(_failed(request, str(error)))
            else:
                rows.append(row)
        return rows, failed

    def _count(self, row: Completion, scores: Sequence[float], done: int) -> Output:
        """Return a row's output; the first one after a prefix was computed pays for it."""
        cached, self._uncounted = done - self._uncounted, 0
        return row.output(logprobs=scores, cached_tokens=cached)


def _advance(rows: Sequence[Completion], logits: torch.Tensor, dtype: str) -> list[int]:
    """Give each row its next token; return the numbers of those that are finished."""
    peaks, best = logits.max(dim=-1)
    for number, (peak, token) in enumerate(zip(peaks.tolist(), best.tolist(), strict=True)):
        if math.isfinite(peak):
            rows[number].advance(logits[number], token)
        else:
            rows[number].fail(not_finite(dtype))
    return [number for number, row in enumerate(rows) if row.finish_reason]


def _goes_on(request: Request) -> bool:
    """Return whether a completion may need more than one forward pass."""
    return request.sampling.max_tokens > 1 or bool(request.sampling.choices)


def _failed(request: Request, error: Reason | str) -> Output:
    return Output(
        key=request.key,
        finish_reason="error",
        prompt_tokens=len(request.prompt_ids),
        error=error,
    )


def _eos_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the ids that end a completion, from the generation config and the tokenizer."""
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in (*listed, tokenizer.eos_token_id) if isinstance(i, int))
