"""What an engine is opened with, from what was chosen for its models."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Adapter, EngineConfig
from harness.registry import current
from harness.run.serving import Serving


def engine_config(
    serving: Serving,
    path: str,
    adapters: Sequence[Adapter],
    *,
    window: int,
    seed: int,
    trust_remote_code: bool,
) -> EngineConfig:
    """Return the configuration of an engine, without its GPUs.

    Args:
        serving: Which engine, in which precision, with which options.
        path: Of the weights; of an endpoint, the model's name there.
        adapters: All that will be in use.
        window: The model's window in tokens.
        seed: Of the engine.
        trust_remote_code: Whether code from the model's folder may be run.
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
        seed=seed,
        options=serving.options,
        module=registered.module if registered else "",
        folder=registered.folder if registered else "",
        trust_remote_code=trust_remote_code,
    )
