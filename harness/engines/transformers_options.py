"""Options of the transformers engine, with what was measured for CPU and GPU as defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from harness.errors import EngineError
from harness.records import EngineConfig


@dataclass(frozen=True, slots=True)
class Options:
    """The engine's own options.

    Attributes:
        batch_tokens: Tokens of a forward pass, padding included; four times as many for
            requests that go on after the first token, whose later passes are one token a row.
        pass_cost: What a forward pass costs by itself, in tokens: padding is held below it, and
            a prefix is shared if that saves twice as much, a pass of its own and a broken batch.
        threads: CPU threads, 0 for torch's choice.
    """

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
    names = [field.name for field in fields(Options)]
    given: dict[str, int] = {}
    for name, value in config.options.items():
        if name not in names:
            raise EngineError(f"option '{name}' is not one of {', '.join(names)}")
        if type(value) is not int or value < 1:
            raise EngineError(f"option '{name}': {value!r} is not a whole number of at least 1")
        given[name] = value
    if config.device not in _DEFAULTS:
        raise EngineError(f"device '{config.device}' is not one of {', '.join(_DEFAULTS)}")
    return replace(_DEFAULTS[config.device], **given)
