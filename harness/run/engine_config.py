"""What an engine is opened with, from what was chosen for its models."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Adapter, EngineConfig
from harness.registry import current
from harness.run.serving import Serving
from harness.spec.modelspec import ModelSpec


def engine_config(
    serving: Serving, spec: ModelSpec, path: str, adapters: Sequence[Adapter], *, window: int
) -> EngineConfig:
    """Return the configuration of an engine, without its GPUs.

    Args:
        serving: Which engine, in which precision, with which options.
        spec: Of the model, or of one of those that it serves.
        path: Of the weights; of an endpoint, the model's name there.
        adapters: All that will be in use.
        window: The model's window in tokens.
    """
    registered = current().engines.get(serving.engine)
    return EngineConfig(
        engine=serving.engine,
        model_path=path,
        dtype=serving.dtype,
        device=serving.device,
        max_model_len=window,
        max_lora_rank=max((adapter.rank for adapter in adapters), default=0),
        max_loras=len({adapter.digest for adapter in adapters}),
        seed=spec.seed,
        options=serving.options,
        module=registered.module if registered else "",
        folder=registered.folder if registered else "",
        trust_remote_code=spec.trust_remote_code,
    )
