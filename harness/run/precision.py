"""Whether labels are scored in float16, and which models are known not to fit it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from harness import hardware
from harness.engines import not_finite
from harness.records import Output

Unfit = Literal["float16_overflow", "float16_refused"]
"""Why a model is not run in float16: an output was not finite, or the engine refuses it. Kinds of
notes, too."""

_NARROW = "float16"
_ENGINES = ("vllm", "transformers")
# Both, and not bfloat16: a start may fail for many reasons with a precision in its last line.
_NAMED = re.compile(r"(?<![a-z])(float16|half)\b", re.IGNORECASE)
_REFUSAL = re.compile(r"not support|unsupported|not implemented", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Precision:
    """The precision that a model is run in.

    Attributes:
        dtype: `float32`, `bfloat16` or `float16`.
        tried: Whether it is float16 by default, to be given up where the model does not fit it.
        unfit: Why float16 was given up before, None if it was not.
    """

    dtype: str
    tried: bool = False
    unfit: Unfit | None = None

    def overflowed(self, output: Output) -> bool:
        """Return whether an output says that the model does not fit the float16 being tried."""
        return self.tried and output.error == not_finite(self.dtype)

    def refused(self, problem: str) -> bool:
        """Return whether an engine did not start because of the float16 being tried."""
        return self.tried and all(one.search(problem) for one in (_NAMED, _REFUSAL))


class UnfitRecord:
    """Models that do not fit float16, in a file beside the store of outputs.

    What it says is of one engine's version and the base weights: an adapter that overflows takes
    the models that share its engine along, so that they are compared in one precision.

    Args:
        store: File of stored outputs.
        key: What the weights, the engine and its version come to.
    """

    def __init__(self, store: Path, key: str) -> None:
        self._path = store.with_name("float16.json")
        self._key = key

    def read(self) -> Unfit | None:
        """Return why the model does not fit; None if nothing is known, or the file is damaged."""
        found = self._all().get(self._key)
        return next((reason for reason in get_args(Unfit) if reason == found), None)

    def add(self, reason: Unfit) -> None:
        """Remember that the model does not fit.

        Raises:
            OSError: The file cannot be written.
        """
        text = json.dumps(self._all() | {self._key: reason}, indent=1, sort_keys=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(self._path)

    def _all(self) -> dict[str, object]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def choose_precision(wanted: str, *, engine: str, labels: bool, record: UnfitRecord) -> Precision:
    """Return the precision that a prompted model is run in.

    Args:
        wanted: Of the command line or models.yaml; `auto` leaves it to the machine.
        engine: What runs the model.
        labels: Whether it answers with labels alone. Free answers and judges, to whose precision a
            passport is bound, stay in bfloat16.
        record: What is known of the model.
    """
    if wanted != "auto":
        return Precision(wanted)
    usual = hardware.best_dtype()
    if not labels or engine not in _ENGINES or hardware.label_dtype() != _NARROW:
        return Precision(usual)
    unfit = record.read()
    return Precision(usual, unfit=unfit) if unfit else Precision(_NARROW, tried=True)
