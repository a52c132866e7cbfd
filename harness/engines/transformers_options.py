"""Options of the transformers engine, with what was measured for CPU and GPU as defaults."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.engines import read_spec
from harness.errors import EngineError
from harness.records import EngineConfig
from harness.spec.enginespec import TransformersSpec


@dataclass(frozen=True, slots=True)
class Options:
    """The engine's own options, see `TransformersSpec`; `threads` is 0 for torch's choice."""

    batch_tokens: int = 0
    pass_cost: int = 0
    threads: int = 0


# Measured with 135M parameters on 2 cores in float32; on a GPU a pass is bound by its launches.
_DEFAULTS = {
    "cpu": Options(batch_tokens=1024, pass_cost=40),
    "cuda": Options(batch_tokens=16384, pass_cost=512),
}


def read_options(config: EngineConfig) -> Options:
    """Return a configuration's options over its device's defaults.

    Raises:
        EngineError: If device, name or value is wrong.
    """
    given = read_spec(TransformersSpec, config.options).model_dump(exclude_none=True)
    if config.device not in _DEFAULTS:
        raise EngineError(f"device '{config.device}' is not one of {', '.join(_DEFAULTS)}")
    return replace(_DEFAULTS[config.device], **given)
