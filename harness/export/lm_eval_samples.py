"""Samples as lm-evaluation-harness writes them to samples_*.jsonl."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from harness.jsontext import json_text
from harness.records import Json, Result

Placed = tuple[int, Result]
"""The place of a sample among those of its cell, from 0, and its result."""


def sample_lines(samples: Sequence[Placed]) -> Iterator[str]:
    """Yield a line for each sample.

    A prompt is kept of one sample a cell only, so that the arguments hold the sample's own text.
    Whether a label is the most probable continuation is not known, and stands nowhere.

    Args:
        samples: Those with a verdict: their files have no place for others.
    """
    for place, one in samples:
        yield json_text(_sample(place, one)) + "\n"


def samples_hash(samples: Sequence[Placed]) -> str:
    """Return one digest of a task's samples, as lm-evaluation-harness joins theirs."""
    return _hash("".join(_hash(_doc(one)) + one.prompt_key + _hash(one.target)
                         for _, one in samples))  # fmt: skip


def _sample(place: int, one: Result) -> Json:
    answered: Json
    if one.logprobs:
        arguments: list[dict[str, Json]] = [
            {"arg_0": one.text, "arg_1": label} for label in one.logprobs
        ]
        answered = [[str(value)] for value in one.logprobs.values()]
        responses: Json = [[[str(value)]] for value in one.logprobs.values()]
    else:
        arguments = [{"arg_0": one.text}]
        answered = [one.completion if one.answer is None else one.answer]
        responses = [[one.completion]]
    return {
        "doc_id": place,
        "doc": {"id": one.sample, "text": one.text, "label": one.target},
        "target": one.target,
        "arguments": {f"gen_args_{at}": value for at, value in enumerate(arguments)},
        "resps": responses,
        "filtered_resps": answered,
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": _hash(_doc(one)),
        "prompt_hash": one.prompt_key,
        "target_hash": _hash(one.target),
        "acc": float(bool(one.correct)),
    }


def _doc(one: Result) -> str:
    return json_text({"id": one.sample, "text": one.text, "label": one.target}, indent=2)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
