"""What the trained classifiers share: options, weights in the cache, and answers to requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from harness.engines import engine_version, too_long
from harness.engines.classifiers.rows import TrainingSet, load_training
from harness.errors import EngineError
from harness.reasons import Reason
from harness.records import EngineConfig, Output, Request
from harness.sources.cache import building, cache_folder
from harness.spec.classifierspec import TrainSpec

Arrays = Mapping[str, npt.NDArray[np.generic]]
Predict = Callable[[Sequence[tuple[int, ...]]], npt.NDArray[np.float64]]
"""Word ids of some texts -> log-probabilities of the labels, shape [texts, labels]."""
_Spec = TypeVar("_Spec", bound=TrainSpec)

_AT_ONCE = 64


class ClassifierEngine:
    """Answers with the log-probabilities of the labels whose indices are the `score_ids`.

    The completion is one token, the index of the most probable label; there is no text.
    """

    def __init__(self, config: EngineConfig, training: TrainingSet, predict: Predict) -> None:
        self._name, self._window = config.engine, config.max_model_len
        self._words, self._classes = training.words, training.classes
        self._predict: Predict | None = predict

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request, texts of like length together; see `Engine.generate`."""
        if self._predict is None:
            raise EngineError(f"the {self._name} engine is closed")
        able: list[Request] = []
        for request in requests:
            if error := self._refusal(request):
                yield Output(request.key, finish_reason="error", error=error)
            else:
                able.append(request)
        able.sort(key=lambda request: len(request.prompt_ids))
        for start in range(0, len(able), _AT_ONCE):
            some = able[start : start + _AT_ONCE]
            scores = self._predict([request.prompt_ids for request in some])
            for request, row in zip(some, scores, strict=True):
                yield Output(
                    key=request.key,
                    token_ids=(int(row.argmax()),),
                    finish_reason="length",
                    logprobs=tuple(float(row[i]) for i in request.sampling.score_ids),
                    prompt_tokens=len(request.prompt_ids),
                )

    def close(self) -> None:
        """Free the weights; a second call does nothing."""
        self._predict = None

    def _refusal(self, request: Request) -> Reason | str | None:
        """Return why a request cannot be answered, or None."""
        sampling = request.sampling
        if error := too_long(request, self._window):
            return error
        if not request.prompt_ids:
            return "the prompt is empty"
        if not all(0 <= i < self._words for i in request.prompt_ids):
            return f"a word id is not one of the {self._words} of the vocabulary"
        if not all(0 <= i < self._classes for i in sampling.score_ids):
            return f"a score id is not the index of one of the {self._classes} labels"
        if sampling.max_tokens > 1 or sampling.choices or sampling.schema:
            return f"engine {self._name} writes no text; ask it with score_ids"
        if request.adapter is not None:
            return f"engine {self._name} takes no adapter"
        return None


def read_spec(config: EngineConfig, kind: type[_Spec]) -> _Spec:
    """Return the options of a configuration.

    Raises:
        EngineError: An option is unknown or has a wrong value.
    """
    try:
        return kind.model_validate(dict(config.options))
    except ValidationError as error:
        first = error.errors()[0]
        # An unknown key is told by the whole mapping, which has no place of its own.
        name = ".".join(map(str, first["loc"])) or first.get("ctx", {}).get("key", "")
        raise EngineError(f"option '{name}': {first['msg']}") from error


def trained(
    config: EngineConfig, spec: TrainSpec, train: Callable[[TrainingSet], Arrays]
) -> tuple[TrainingSet, Arrays]:
    """Return the training rows and the weights: trained now, or found in the cache.

    The weights are known by training rows, options, seed and library version.

    Raises:
        EngineError: The training rows or the weights cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save_file

    training = load_training(Path(config.model_path))
    known = {
        "engine": config.engine,
        "version": engine_version(config.engine),
        "data": training.digest,
        "options": spec.model_dump(),
        "seed": config.seed,
    }
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    path = cache_folder("trained") / f"{config.engine}-{digest}.safetensors"
    with building(path) as out:
        if out is not None:
            arrays = {name: np.ascontiguousarray(a) for name, a in train(training).items()}
            save_file(arrays, out)
    try:
        return training, load_file(path)
    except (OSError, SafetensorError) as error:
        raise EngineError(f"weights {path}: cannot be read: {error}; remove the file and run "
                          "again") from error  # fmt: skip
