"""The same requests made several times of one engine: how many labels change by themselves."""

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

_SALT = "repeat"


def repeated(requests: Sequence[Request], turn: int = 2) -> list[Request]:
    """Return the requests under keys of their own, which no store has and none must get.

    Args:
        requests: As they were made first.
        turn: Which pass over them it is. Draws of an engine may come from the keys, so that those
            of each pass differ.
    """
    return [replace(request, key=_salted(request.key, turn)) for request in requests]


def first_keys(
    requests: Sequence[Request], outputs: Iterable[Output], turn: int = 2
) -> dict[str, Output]:
    """Return the outputs of `repeated` requests under the keys of the original ones."""
    keys = {_salted(request.key, turn): request.key for request in requests}
    return {keys[one.key]: replace(one, key=keys[one.key]) for one in outputs}


def ask_again(turn: int, session: EngineSession, requests: Sequence[Request]) -> Asked:
    """Return further outputs of an engine that is started, by the keys of the first.

    Args:
        turn: Which pass over the requests it is, from 2.
        session: The engine.
        requests: As they were made first.
    """
    try:
        outputs = first_keys(requests, session.generate(repeated(requests, turn), None), turn)
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


def _salted(key: str, turn: int) -> str:
    salt = _SALT if turn == 2 else f"{_SALT}{turn}"
    return hashlib.sha256(f"{salt}{key}".encode()).hexdigest()
