"""The encoder engine: a model that classifies a text, or a pair, and the scores of its classes."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.engines import not_finite, read_spec, too_long
from harness.engines.forward import keep_freed_memory, pad_rows
from harness.engines.loading import load_weights
from harness.engines.prefixes import plan_batches
from harness.errors import EngineError
from harness.reasons import Reason
from harness.records import EngineConfig, Output, Request
from harness.spec.encoderspec import EncoderSpec

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Tokens of a pass and of what one costs by itself, by device; those of the transformers engine.
_BATCH = {"cpu": 1024, "cuda": 16384}
_PASS = {"cpu": 40, "cuda": 512}
_LACKS = "a model that was not trained to classify has no head for it"
# Tokens of the rows that are tried in one batch, and by how much of their spread logits may differ
# there by rounding. A convolution that reads padding changes them by little (ConvBERT).
_TRIED = (17, 9, 6, 4, 3)
_EXACT, _ROUNDED = 1e-4, 0.1


def open_engine(config: EngineConfig) -> EncoderEngine:
    """Load the model.

    Raises:
        EngineError: It cannot be loaded, its positions do not reach the window, or an option is
            wrong.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    spec = read_spec(EncoderSpec, config.options)
    if config.device not in _BATCH:
        raise EngineError(f"device '{config.device}' is not one of {', '.join(_BATCH)}")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise EngineError("device 'cuda': torch finds no CUDA device; use device 'cpu'")
    if spec.threads:
        torch.set_num_threads(spec.threads)
    if config.device == "cpu":
        keep_freed_memory()
    model = load_weights(config, AutoModelForSequenceClassification, lacks=_LACKS)
    if problem := _short_positions(model, config.max_model_len - 1):
        raise EngineError(f"model '{config.model_path}' cannot be used: {problem}")
    return EncoderEngine(_Reader(model), config=config, spec=spec)


class EncoderEngine:
    """Answers with scores of the classes whose numbers are the `score_ids`.

    They are log-probabilities among all classes, or logits where these are asked for. The
    completion is one token, the number of the most probable class; there is no text.
    """

    def __init__(self, reader: _Reader, *, config: EngineConfig, spec: EncoderSpec) -> None:
        self._reader: _Reader | None = reader
        self._config = config
        self._budget = spec.batch_tokens or _BATCH[config.device]
        self._pass_cost = spec.pass_cost or _PASS[config.device]

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request, texts of like length together; see `Engine.generate`."""
        if self._reader is None:
            raise EngineError("the encoder engine is closed")
        able: list[Request] = []
        for request in requests:
            if problem := self._problem(request, self._reader):
                yield Output(request.key, finish_reason="error", error=problem)
            else:
                able.append(request)
        # In whatever order they are asked, the same ones are read together.
        able.sort(key=lambda request: request.prompt_ids)
        # Some models read no rows together that have other numbers of end tokens, as pairs have.
        for pairs in (False, True):
            yield from self._run(
                [request for request in able if request.sampling.logits is pairs], self._reader
            )

    def close(self) -> None:
        """Free the model; a second call does nothing."""
        if self._reader is None:
            return
        import torch

        self._reader = None
        if self._config.device == "cuda":
            torch.cuda.empty_cache()

    def _run(self, requests: Sequence[Request], reader: _Reader) -> Iterator[Output]:
        batches = plan_batches(
            [len(request.prompt_ids) for request in requests],
            budget=self._budget if reader.together else 1,
            pass_cost=self._pass_cost,
            padding=reader.padded,
        )
        for batch in batches:
            rows = [requests[index] for index in batch]
            for request, logits in zip(rows, reader.logits(rows), strict=True):
                yield _output(request, logits, self._config.dtype)

    def _problem(self, request: Request, reader: _Reader) -> Reason | str | None:
        """Return why a request cannot be answered, or None."""
        sampling = request.sampling
        if not request.prompt_ids:
            return "the text has no tokens"
        if problem := too_long(request, self._config.max_model_len):
            return problem
        if sampling.max_tokens > 1 or sampling.choices or sampling.schema:
            return "engine encoder writes no text; ask it with score_ids"
        if request.adapter is not None:
            return "engine encoder takes no adapter"
        return reader.problem(request)


@dataclass(slots=True)
class _Reader:
    """A model that classifies, and what may be done with it without its answers being others.

    Attributes:
        together: Whether several rows may be read in one pass.
        padded: Whether these may be of different lengths.
    """

    model: PreTrainedModel
    together: bool = False
    padded: bool = False
    _classes: int = 0
    _known: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._classes = int(self.model.config.num_labels)
        self._known = frozenset(inspect.signature(self.model.forward).parameters)
        end = getattr(self.model.config.get_text_config(), "eos_token_id", None)
        ends = (end,) if isinstance(end, int) and end < self._vocabulary else ()
        rows = [(*_drawn(self._vocabulary, size, without=end), *ends) for size in _TRIED]
        self.together = self._same([rows[0], (*rows[0][-2::-1], rows[0][-1])])
        self.padded = self.together and self._same(rows)

    @property
    def _vocabulary(self) -> int:
        return int(self.model.get_input_embeddings().weight.shape[0])

    def problem(self, request: Request) -> str | None:
        """Return which of a request's tokens, segments or classes the model has not, or None."""
        words, kinds = self._vocabulary, getattr(self.model.config, "type_vocab_size", 0)
        if strange := [i for i in request.prompt_ids if not 0 <= i < words]:
            return f"token id {strange[0]} is not in the vocabulary of {words}"
        if self._told and kinds and max(request.segments, default=0) >= kinds:
            return f"the tokenizer marks {max(request.segments) + 1} texts, and the model {kinds}"
        if any(not 0 <= i < self._classes for i in request.sampling.score_ids):
            return f"a score id is not the number of one of the {self._classes} classes"
        return None

    @property
    def _told(self) -> bool:
        """Whether the model is told of which text of a pair each token is."""
        return "token_type_ids" in self._known

    def logits(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the logits of all classes, a row for each request."""
        rows = [request.prompt_ids for request in requests]
        segments = [request.segments or (0,) * len(request.prompt_ids) for request in requests]
        if not any(request.segments for request in requests):
            segments = []
        found: list[list[float]] = self._forward(rows, segments).tolist()
        return found

    def _forward(
        self, rows: Sequence[Sequence[int]], segments: Sequence[Sequence[int]] = ()
    ) -> torch.Tensor:
        """Return float32 logits, shape [rows, classes]; padding stands behind the tokens."""
        import torch

        ids, lengths = pad_rows(rows)
        seen = torch.arange(ids.shape[1])[None] < lengths[:, None]
        padding = getattr(self.model.config.get_text_config(), "pad_token_id", None)
        if isinstance(padding, int):
            ids = ids.masked_fill(~seen, padding)
        device = self.model.device
        given = {"input_ids": ids.to(device), "attention_mask": seen.long().to(device)}
        if segments and self._told:
            given["token_type_ids"] = pad_rows(segments)[0].to(device)
        with torch.inference_mode():
            answer = self.model(**given)
        logits: torch.Tensor = answer.logits.float().cpu()
        return logits

    def _same(self, rows: Sequence[Sequence[int]]) -> bool:
        """Return whether rows have the same logits together as each alone.

        Raises:
            EngineError: One alone has none.
        """
        import torch

        try:
            alone = torch.cat([self._forward([row]) for row in rows])
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise EngineError(f"{type(self.model).__name__} cannot be asked by this engine: "
                              f"{' '.join(str(error).split())}") from error  # fmt: skip
        try:
            together = self._forward(rows)
        except (IndexError, RuntimeError, TypeError, ValueError):
            # Without a padding token some kinds of models read one row at a time.
            return False
        most = _EXACT if self.model.dtype == torch.float32 else _ROUNDED
        spread = float((alone - alone.mean()).square().mean().sqrt())
        apart = float((together - alone).abs().max())
        return not (math.isfinite(spread) and apart > most * spread)


def _output(request: Request, logits: Sequence[float], dtype: str) -> Output:
    length = len(request.prompt_ids)
    if not all(map(math.isfinite, logits)):
        return Output(request.key, finish_reason="error", prompt_tokens=length,
                      error=not_finite(dtype))  # fmt: skip
    best = max(logits)
    total = 0.0
    if not request.sampling.logits:
        total = best + math.log(math.fsum(math.exp(one - best) for one in logits))
    return Output(
        key=request.key,
        token_ids=(list(logits).index(best),),
        finish_reason="length",
        logprobs=tuple(logits[i] - total for i in request.sampling.score_ids),
        prompt_tokens=length,
    )


def _drawn(vocabulary: int, size: int, *, without: object) -> tuple[int, ...]:
    """Return tokens none of which is `without`, nor padding where that is among the first ones."""
    drawn = random.Random(size)
    among = [one for one in range(min(16, vocabulary - 2), vocabulary) if one != without]
    return tuple(drawn.choice(among) for _ in range(size))


def _short_positions(model: PreTrainedModel, window: int) -> str | None:
    """Return that a model has learned fewer positions than the window has, or None."""
    from torch.nn import Embedding

    for name, part in model.named_modules():
        if isinstance(part, Embedding) and "position" in name.rpartition(".")[2]:
            taken = 0 if part.padding_idx is None else part.padding_idx + 1
            if window > part.num_embeddings - taken:
                return (f"{window} tokens are more than the {part.num_embeddings - taken} that the "
                        "positions of this model reach; write max_model_len for it in models.yaml"
                        )  # fmt: skip
    return None
