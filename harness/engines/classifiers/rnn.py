"""A bidirectional LSTM over words, by torch: what a small network learns from the shot pool.

It is trained on the CPU, in one thread unless told otherwise, so that a seed gives the same network
whatever GPU and number of cores a machine has.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.engines.classifiers.engine import Arrays, ClassifierEngine, read_spec, trained
from harness.engines.classifiers.rows import TrainingSet
from harness.engines.classifiers.words import PADDING, UNKNOWN
from harness.errors import EngineError
from harness.records import EngineConfig
from harness.spec.classifierspec import RnnSpec

if TYPE_CHECKING:
    import torch

# Of the words of a training row this share is read as unknown, so that the unknown word is learned.
_HIDDEN_WORDS = 0.02
_MAX_NORM = 1.0
# Standard deviation of a new embedding: what is learned of a word outweighs where it began.
_SPREAD = 0.1
# Share of the steps in which the learning rate rises; in the others it falls.
_WARM_UP = 0.1
# Batches are cut from this many batches' rows sorted by length: little padding, still shuffled.
_POOLED = 20


def open_engine(config: EngineConfig) -> ClassifierEngine:
    """Train, or find the weights in the cache, and open the engine.

    Raises:
        EngineError: An option is wrong, the training rows cannot be read or the weights do not fit.
    """
    import torch

    spec = read_spec(config, RnnSpec)
    torch.set_num_threads(spec.threads)
    training, weights = trained(config, spec, lambda rows: _train(rows, spec, config.seed))
    model = _network(spec, training)
    try:
        state = {name: torch.from_numpy(array) for name, array in weights.items()}
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        problem = " ".join(str(error).split())
        raise EngineError(f"the cached weights do not fit: {problem}") from error
    model.eval()

    def predict(rows: Sequence[tuple[int, ...]]) -> npt.NDArray[np.float64]:
        with torch.inference_mode():
            scores = _scores(model, [torch.tensor(row) for row in rows])
            logprobs: npt.NDArray[np.float64] = scores.double().log_softmax(1).numpy()
        return logprobs

    return ClassifierEngine(config, training, predict)


def _network(spec: RnnSpec, training: TrainingSet) -> torch.nn.ModuleDict:
    """Return embedding -> LSTM in each direction -> maximum and mean over the words -> labels."""
    import torch
    from torch import nn

    embedding = nn.Embedding(training.words, spec.embedding, padding_idx=PADDING)
    with torch.no_grad():
        embedding.weight.mul_(_SPREAD)
    return nn.ModuleDict(
        {
            "embedding": embedding,
            "onward": nn.LSTM(spec.embedding, spec.hidden, batch_first=True),
            "turned": nn.LSTM(spec.embedding, spec.hidden, batch_first=True),
            "dropout": nn.Dropout(spec.dropout),
            "head": nn.Linear(4 * spec.hidden, training.classes),
        }
    )


def _scores(model: torch.nn.ModuleDict, rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the scores of the word ids of some texts, before softmax; shape [texts, labels].

    This is what packed sequences give: behind the end of a text nothing counts, and the second
    direction reads each text turned round, so it too meets padding last. On a CPU torch computes
    packed sequences word by word, which takes six times as long.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    inside = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).unsqueeze(2)
    pooled: list[torch.Tensor] = []
    for name, texts in (("onward", rows), ("turned", [row.flip(0) for row in rows])):
        seen = model["embedding"](pad_sequence(list(texts), batch_first=True))
        states = model[name](model["dropout"](seen))[0] * inside
        # A state is above -1, so padding never is the maximum.
        pooled += [states.masked_fill(inside == 0, -1.0).amax(1), states.sum(1) / inside.sum(1)]
    scores: torch.Tensor = model["head"](model["dropout"](torch.cat(pooled, 1)))
    return scores


def _train(training: TrainingSet, spec: RnnSpec, seed: int) -> Arrays:
    """Return the weights after the last epoch; the same for the same seed."""
    import torch
    from torch.nn.functional import cross_entropy

    rows = [torch.from_numpy(row.copy()) for row in training.rows()]
    labels = torch.from_numpy(training.labels)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _network(spec, training).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=spec.rate)
        steps = spec.epochs * -(-len(rows) // spec.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=spec.rate, total_steps=steps + 1, pct_start=_WARM_UP
        )
        for epoch in range(1, spec.epochs + 1):
            began, losses = time.monotonic(), []
            for chosen in _batches(training.lengths, spec.batch, rng):
                texts = [_with_holes(rows[i]) for i in chosen]
                loss = cross_entropy(_scores(model, texts), labels[chosen])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), _MAX_NORM)
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
            sys.stdout.write(f"epoch {epoch} of {spec.epochs}: loss {np.mean(losses):.3f}, "
                             f"{time.monotonic() - began:.1f} s\n")  # fmt: skip
            sys.stdout.flush()
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def _with_holes(row: torch.Tensor) -> torch.Tensor:
    """Return word ids of which a few are replaced by the unknown word."""
    import torch

    return row.masked_fill(torch.rand(len(row)) < _HIDDEN_WORDS, UNKNOWN)


def _batches(
    lengths: npt.NDArray[np.int64], size: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the row numbers of one epoch, in batches of rows of like length."""
    order = rng.permutation(len(lengths))
    batches: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(order), size * _POOLED):
        pool = order[start : start + size * _POOLED]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    for place in rng.permutation(len(batches)):
        yield batches[place]
