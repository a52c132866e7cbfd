"""LoRA adapters of the transformers engine, by peft, which is imported when the first one comes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from harness.records import Adapter
from harness.sources.adapters import changes_base

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from peft import PeftModel
    from transformers import PreTrainedModel


def loading_order(adapter: Adapter | None) -> tuple[bool, str]:
    """Return the place of an adapter among those to load, of None that of the base model."""
    return (False, "") if adapter is None else (changes_base(Path(adapter.path)), adapter.digest)


class Adapters:
    """LoRA weights in a model, each loaded once, by digest.

    Some adapters change the model's own weights when they are loaded, and leave them so when they
    are switched off. Behind one of those nothing else is served, not even the base model.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model: PreTrainedModel | None = model
        self._peft: PeftModel | None = None
        self._names: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._changed: Adapter | None = None

    def load(self, adapter: Adapter | None) -> str | None:
        """Load an adapter if it is new; return why it, or the base model, cannot be used."""
        if self._changed is not None and (
            adapter is None or adapter.digest != self._changed.digest
        ):
            return (f"adapter '{self._changed.path}' has changed the model's own weights; it needs "
                    "an engine of its own")  # fmt: skip
        if adapter is None or adapter.digest in self._names:
            return None
        if adapter.digest not in self._problems:
            # Names come from a counter: peft refuses dots, and a failed name may be half there.
            name = f"adapter{len(self._names) + len(self._problems)}"
            problem = self._add(Path(adapter.path), name)
            # What failed may have changed them before.
            if changes_base(Path(adapter.path)):
                self._changed = adapter
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
            return "LoRA needs peft; pip install peft"
        # peft would look for a missing folder on the hub.
        if not (folder / "adapter_config.json").is_file():
            return "no adapter_config.json there; name the folder of a trained adapter"
        try:
            config = PeftConfig.from_pretrained(folder)
            if self._peft is None:
                self._peft = PeftModel(self._model, config, adapter_name=name)
            result = self._peft.load_adapter(str(folder), adapter_name=name)
            # Else the base model would answer in its place, wholly or in part.
            if left := [*result.missing_keys, *result.unexpected_keys]:
                raise ValueError(f"{len(left)} tensors of model and file have no counterpart, such "
                                 f"as {left[0]}")  # fmt: skip
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
