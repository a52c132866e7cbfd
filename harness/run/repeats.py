"""The same requests made twice of one engine: how many labels change by themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.errors import EngineError
from harness.records import Figure, Output, Request
from harness.run.ask import Asked
from harness.run.score_cell import Outcome
from harness.run.session import EngineSession
from harness.stats import clopper_pearson_interval

_SALT = b"repeat"


def repeated(requests: Sequence[Request]) -> list[Request]:
    """Return the requests under keys of their own, which no store has and none must get."""
    return [replace(request, key=_salted(request.key)) for request in requests]


def first_keys(requests: Sequence[Request], outputs: Iterable[Output]) -> dict[str, Output]:
    """Return the outputs of `repeated` requests under the keys of the original ones."""
    keys = {_salted(request.key): request.key for request in requests}
    return {keys[one.key]: replace(one, key=keys[one.key]) for one in outputs}


def ask_again(session: EngineSession, requests: Sequence[Request]) -> Asked:
    """Return second outputs of an engine that is started, by the keys of the first."""
    try:
        outputs = first_keys(requests, session.generate(repeated(requests), None))
    except EngineError as error:
        return Asked({}, 0, failure=error)
    return Asked(outputs, 0, list(outputs.values()))


def with_flips(first: Outcome, second: Outcome) -> Outcome:
    """Return the first outcome with the figure `label_flips`: the share of changed labels.

    A label that is there once and missing once has changed; where both are missing, nothing is
    known. On a deterministic engine the expected rate is 0. The interval is Clopper and
    Pearson's.
    """
    pairs = [
        (one.answer, two.answer)
        for one, two in zip(first.results, second.results, strict=True)
        if one.answer is not None or two.answer is not None
    ]
    if not pairs:
        return first
    flips = sum(one != two for one, two in pairs)
    figure = Figure(flips / len(pairs), *clopper_pearson_interval(flips, len(pairs)), len(pairs))
    row = replace(first.row, figures={**first.row.figures, "label_flips": figure})
    return replace(first, row=row)


def _salted(key: str) -> str:
    return hashlib.sha256(_SALT + key.encode()).hexdigest()
