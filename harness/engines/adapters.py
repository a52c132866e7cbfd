"""LoRA adapters of the transformers engine, by peft, which is imported when the first one comes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from harness.records import Adapter

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from peft import PeftModel
    from transformers import PreTrainedModel


class Adapters:
    """LoRA weights in a model, each loaded once, by digest."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model: PreTrainedModel | None = model
        self._peft: PeftModel | None = None
        self._names: dict[str, str] = {}
        self._problems: dict[str, str] = {}

    def load(self, adapter: Adapter | None) -> str | None:
        """Load an adapter if it is new; return why it cannot be, or None."""
        if adapter is None or adapter.digest in self._names:
            return None
        if adapter.digest not in self._problems:
            # Names come from a counter: peft refuses dots, and a failed name may be half there.
            name = f"adapter{len(self._names) + len(self._problems)}"
            problem = self._add(Path(adapter.path), name)
            if problem is None:
                self._names[adapter.digest] = name
                return None
            self._problems[adapter.digest] = f"adapter '{adapter.path}': {problem}"
        return self._problems[adapter.digest]

    def _add(self, folder: Path, name: str) -> str | None:
        """Put an adapter's weights into the model under `name`; return why not, or None."""
        try:
            from peft import PeftConfig, PeftModel
        except ImportError:
            return "LoRA needs peft; pip install '.[train]'"
        # peft would look for a missing folder on the hub.
        if not (folder / "adapter_config.json").is_file():
            return "no adapter_config.json there; name the folder of a trained adapter"
        try:
            config = PeftConfig.from_pretrained(folder)
            if self._peft is None:
                self._peft = PeftModel(self._model, config, adapter_name=name)
            self._peft.load_adapter(str(folder), adapter_name=name)
        except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            self._remove(name)
            return f"cannot be loaded: {' '.join(str(error).split())}"
        finally:
            if self._peft is not None:
                self._peft.eval()
        return None

    def _remove(self, name: str) -> None:
        """Take what is there of a failed adapter out of the model."""
        if self._peft is not None and not self._names:
            self._peft.unload()
            self._peft = None
        elif self._peft is not None and name in self._peft.peft_config:
            self._peft.delete_adapter(name)

    def use(self, adapter: Adapter | None) -> AbstractContextManager[object]:
        """Return a context in which the model works with `adapter`, or as the base model."""
        if self._peft is None:
            return nullcontext()
        if adapter is None:
            base: AbstractContextManager[object] = self._peft.disable_adapter()
            return base
        self._peft.set_adapter(self._names[adapter.digest])
        return nullcontext()

    def forget(self) -> None:
        """Free the model and all adapters."""
        self._model = self._peft = None
        self._names.clear()
