"""What engines import when they start, to be imported before there is a GPU for them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping
from types import MappingProxyType

from harness.engines.vllm_options import set_environment
from harness.records import EngineConfig

# None of it opens a device.
_MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "vllm": (
            "vllm",
            "vllm.entrypoints.llm",
            "vllm.v1.engine.core",
            "vllm.v1.engine.llm_engine",
            "vllm.v1.worker.gpu_worker",
            "vllm.v1.worker.gpu_model_runner",
            "vllm.model_executor.models.llama",
            "vllm.model_executor.models.qwen2",
        ),
        "transformers": ("harness.engines.transformers", "torch", "transformers.modeling_utils"),
    }
)


def import_ahead(config: EngineConfig) -> None:
    """Import what an engine takes long to import; what is not there is left for its start.

    Args:
        config: Of the engine; its window and adapters need not be known.
    """
    if config.engine == "vllm":
        set_environment(config)
    for name in _MODULES.get(config.engine, ()):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
