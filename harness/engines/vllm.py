"""vLLM, 0.25 to 0.33, on GPU or on the CPU wheel: token ids in, outputs as they finish."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engines import engine_version, not_finite, too_long
from harness.engines.vllm_options import (
    check_options,
    engine_options,
    error_line,
    set_environment,
    uses_xgrammar,
)
from harness.engines.vllm_sampling import sampling_params
from harness.errors import EngineError
from harness.prompts.tokenizers import faithful_folder
from harness.reasons import Reason
from harness.records import Adapter, EngineConfig, Output, Request, Sampling

if TYPE_CHECKING:
    from vllm import LLM, RequestOutput
    from vllm.lora.request import LoRARequest

# The fewest requests that are handed over before each step.
_FEED = 64
# Tokens at the end of a prompt that hold its last character.
_TAIL = 8


@dataclass(slots=True)
class _Pending:
    """A request under way as the vLLM requests `ids`, the last of which is the completion.

    Attributes:
        finite: Whether the log-probabilities seen so far are numbers. vLLM takes a token, and says
            nothing, where the model's logits are none.
    """

    request: Request
    ids: list[str]
    main: RequestOutput | None = None
    logprobs: dict[int, float] = field(default_factory=dict)
    cached: list[int] = field(default_factory=list)
    finite: bool = True


class VllmEngine:
    """Completes requests by `vllm.LLM`; made by `open_engine`."""

    def __init__(self, llm: LLM, config: EngineConfig) -> None:
        self._llm: LLM | None = llm
        self._window = config.max_model_len
        self._dtype = config.dtype
        self._spells = uses_xgrammar(config)
        self._waves_needed = config.device == "cpu" and config.max_lora_rank > 0
        self._max_rank = config.max_lora_rank
        self._loras: dict[str, LoRARequest | str] = {}
        # Whether vLLM has processes of its own; taking down what is in this one takes seconds.
        spread = any(name.endswith("_parallel_size") for name in config.options)
        self._apart = spread or bool(config.options.get("multiprocess"))
        self._served = 0

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request as it is finished; see `Engine.generate`.

        Drives the engine's own step loop, the one that `LLM.generate` runs to its end: the same
        batches are formed, yet each output leaves with the step that finished it, and requests are
        handed over while the device works on those before them.
        """
        if not self._waves_needed:
            yield from self._wave(requests)
            return
        # Beside adapters, vLLM on CPU gives the base model the weights of one of them:
        # https://github.com/vllm-project/vllm/pull/48421
        yield from self._wave([request for request in requests if request.adapter is None])
        yield from self._wave([request for request in requests if request.adapter is not None])

    def _wave(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Complete requests that may stand in one batch."""
        if self._llm is None:
            raise EngineError("the vLLM engine is closed")
        engine = self._llm.llm_engine
        room = engine.vllm_config.scheduler_config.max_num_batched_tokens
        parts: dict[str, _Pending] = {}
        left = deque(requests)
        try:
            while left or parts:
                for request in _next(left, room):
                    pending, refusal = self._add(request)
                    if refusal:
                        yield Output(request.key, finish_reason="error", error=refusal)
                    parts.update(dict.fromkeys(pending.ids, pending))
                finished = [part for part in engine.step() if part.finished] if parts else []
                whole = [_take(parts.pop(part.request_id), part) for part in finished]
                yield from (_output(pending, self._dtype) for pending in whole if pending)
        except GeneratorExit:
            engine.abort_request(list(parts))
            raise
        except Exception as error:
            raise EngineError(f"vLLM failed while generating: {error_line(error)}") from error

    def close(self) -> None:
        """Stop vLLM's own processes, if it has any; memory comes back when this process ends."""
        llm, self._llm = self._llm, None
        if llm is not None and self._apart:
            llm.llm_engine.engine_core.shutdown()

    def _add(self, request: Request) -> tuple[_Pending, Reason | str | None]:
        """Hand a request to vLLM; return what is under way, and why it was refused, or None."""
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError

        assert self._llm is not None
        pending = _Pending(request, [])
        lora = self._lora(request.adapter) if request.adapter else None
        refusal: Reason | str | None = lora if isinstance(lora, str) else None
        refusal = refusal or too_long(request, self._window)
        refusal = refusal or self._open_choice(request.sampling)
        refusal = refusal or self._open_character(request)
        if refusal:
            return pending, refusal
        engine = self._llm.llm_engine
        try:
            for params in sampling_params(request.sampling, spells=self._spells):
                self._served += 1
                prompt = tokens_input(list(request.prompt_ids))
                engine.add_request(str(self._served), prompt, params, lora_request=lora)
                pending.ids.append(str(self._served))
        except EngineDeadError:
            raise
        except Exception as error:
            engine.abort_request(pending.ids)
            pending.ids.clear()
            return pending, f"vLLM refused the request: {error_line(error)}"
        return pending, None

    def _open_choice(self, sampling: Sampling) -> str | None:
        """Return why choices cannot be told apart, or None.

        Behind a choice with which another begins, xgrammar lets the answer end by the tokenizer's
        eos token alone, whatever token the model ends it with.
        """
        assert self._llm is not None
        if not sampling.choices or not sampling.stop_ids:
            return None
        eos = self._llm.get_tokenizer().eos_token_id
        if set(sampling.stop_ids) <= {eos}:
            return None
        return ("one label begins with another, and vLLM ends a choice only by the tokenizer's eos "
                f"token {eos}, which is not how this model ends an answer; set scoring: "
                "logprobs")  # fmt: skip

    def _open_character(self, request: Request) -> str | None:
        """Return why the text of an answer would begin with text of the prompt, or None.

        Behind a prompt that ends within a character vLLM takes what it wrote before for its own.
        Nobody reads the text where labels are scored.
        """
        assert self._llm is not None
        if request.sampling.score_ids:
            return None
        end = self._llm.get_tokenizer().decode(list(request.prompt_ids[-_TAIL:]))
        if not end.endswith("\N{REPLACEMENT CHARACTER}"):
            return None
        return ("the prompt ends with U+FFFD or within a character, and vLLM would repeat a part "
                "of it in the answer; end it with another character")  # fmt: skip

    def _lora(self, adapter: Adapter) -> LoRARequest | str:
        """Return vLLM's handle of an adapter, or why it cannot be used.

        Ids are per digest: vLLM caches weights by id and prompts by name. The adapter is loaded
        before its first request, since a broken one met during a step takes the engine down.
        """
        from vllm.lora.request import LoRARequest

        assert self._llm is not None
        if adapter.digest not in self._loras:
            handle, refusal = LoRARequest(adapter.digest, len(self._loras) + 1, adapter.path), None
            if not (Path(adapter.path) / "adapter_config.json").is_file():
                refusal = f"adapter '{adapter.path}' has no adapter_config.json"
            elif adapter.rank > self._max_rank:
                refusal = f"adapter '{adapter.path}' has rank {adapter.rank} > {self._max_rank}"
            else:
                try:
                    self._llm.llm_engine.add_lora(handle)
                except Exception as error:
                    refusal = f"adapter '{adapter.path}' cannot be loaded: {error_line(error)}"
            self._loras[adapter.digest] = refusal or handle
        return self._loras[adapter.digest]


def open_engine(config: EngineConfig) -> VllmEngine:
    """Start vLLM in this process.

    Options of `EngineConfig` are those of `vllm.EngineArgs` (`max_num_batched_tokens`,
    `gpu_memory_utilization`, `load_format`, ...) and two of our own: `kv_cache_gib`, the room for
    attention state on CPU in whole GiB, and `multiprocess`, whether vLLM's core gets a process of
    its own (off: this process is a worker's child already, and starts in a fraction of the time).
    `enforce_eager` is on unless an option says otherwise: capturing graphs doubles the start and
    does nothing for completions of one token. So is a float32 head, see `engine_options`.

    Raises:
        EngineError: If vLLM does not know an option or cannot start.
    """
    if not (Path(config.model_path) / "config.json").is_file():
        raise EngineError(f"model folder '{config.model_path}' has no config.json: check the path")
    if config.max_lora_rank and config.device != "cpu" and config.dtype == "float32":
        raise EngineError("vLLM's LoRA kernels on a GPU take no float32: set dtype to bfloat16 or "
                          "float16 in models.yaml (or --eval-dtype)")  # fmt: skip
    set_environment(config)
    try:
        from vllm import LLM, EngineArgs
        from vllm.platforms import current_platform
    except ImportError as error:
        raise EngineError(f"vLLM cannot be imported: {error_line(error)}") from error
    check_options(config.options, [f.name for f in fields(EngineArgs)])
    if current_platform.is_cpu() != (config.device == "cpu"):
        raise EngineError(
            f"device '{config.device}' is asked for, but {engine_version('vllm')} runs on "
            f"{current_platform.device_type} here"
        )
    options = engine_options(config)
    try:
        # With another one it would write answers, and hold them to a form, in other texts.
        folder = Path(config.model_path)
        options.setdefault("tokenizer", str(faithful_folder(folder, code=config.trust_remote_code)))
        llm = LLM(
            config.model_path,
            dtype=config.dtype,
            max_model_len=config.max_model_len,
            seed=config.seed,
            trust_remote_code=config.trust_remote_code,
            **{"load_format": "safetensors", **options},
        )
    except Exception as error:
        raise EngineError(error_line(error)) from error
    return VllmEngine(llm, config)


def _next(left: deque[Request], room: int) -> Iterator[Request]:
    """Take the next requests: one batch of `room` tokens, or more where prefixes are cached."""
    taken = tokens = 0
    while left and (taken < _FEED or tokens < room):
        taken, tokens = taken + 1, tokens + len(left[0].prompt_ids)
        yield left.popleft()


def _take(pending: _Pending, finished: RequestOutput) -> _Pending | None:
    """Put a finished part into its place; return the request if it was the last one."""
    if finished.request_id == pending.ids[-1]:
        pending.main = finished
    places = finished.outputs[0].logprobs or [{}]
    for token, entry in places[0].items():
        pending.logprobs[token] = entry.logprob
    values = (entry.logprob for place in places for entry in place.values())
    pending.finite = pending.finite and not any(map(math.isnan, values))
    pending.cached.append(finished.num_cached_tokens or 0)
    return pending if len(pending.cached) == len(pending.ids) else None


def _output(pending: _Pending, dtype: str) -> Output:
    assert pending.main is not None
    completion, request = pending.main.outputs[0], pending.request
    if completion.finish_reason not in ("stop", "length"):
        reason = f"vLLM ended the request with '{completion.finish_reason}'"
        return Output(request.key, finish_reason="error", error=reason)
    if not pending.finite:
        return Output(request.key, finish_reason="error", error=not_finite(dtype))
    return Output(
        key=request.key,
        text=completion.text,
        token_ids=tuple(completion.token_ids),
        finish_reason=completion.finish_reason,
        logprobs=tuple(pending.logprobs[i] for i in request.sampling.score_ids),
        prompt_tokens=len(request.prompt_ids),
        cached_tokens=min(pending.cached),
    )
