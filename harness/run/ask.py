"""Requests -> outputs: those that the store has, and the rest from the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import EngineError
from harness.reasons import Fact, Reason
from harness.records import Output, Request
from harness.run.session import EngineSession
from harness.workers.store import Store


@dataclass(slots=True)
class Asked:
    """What came of requests.

    Attributes:
        outputs: By content key; some are missing where the engine failed.
        computed: The outputs that were made now, in the order in which they came.
        stored: How many the store had.
        failure: Why the engine ended early, or None.
    """

    outputs: dict[str, Output]
    stored: int
    computed: list[Output] = field(default_factory=list)
    failure: EngineError | None = None


def ask(
    session: EngineSession,
    requests: Iterable[Request],
    store: Store,
    *,
    window: int,
    known: Mapping[str, Output] | None = None,
) -> Asked:
    """Return the outputs of requests, equal ones asked once; each is stored as it comes.

    Args:
        session: Its engine is started if something is to be asked.
        requests: In any order.
        store: Of outputs.
        window: The model's window in tokens.
        known: Stored outputs that were read before, by key.
    """
    wanted = {request.key: request for request in requests}
    outputs = {key: known[key] for key in wanted if key in known} if known else {}
    try:
        return _asked(session, wanted, outputs, store, window=window)
    except KeyboardInterrupt:
        kept = sum(output.error is None for output in outputs.values())
        session.tell_stopped(stored=kept, wanted=len(wanted))
        raise


def _asked(
    session: EngineSession,
    wanted: Mapping[str, Request],
    outputs: dict[str, Output],
    store: Store,
    *,
    window: int,
) -> Asked:
    """Fill in the outputs, and return them with what came of it."""
    outputs |= _stored({k: r for k, r in wanted.items() if k not in outputs}, store)
    failure: EngineError | None = None
    if len(outputs) < len(wanted):
        if session.stored_only:
            return Asked(outputs, stored=len(outputs), failure=EngineError("not all is stored"))
        try:
            if session.claim():
                # Another process may have made them while this one waited.
                outputs |= _stored({k: r for k, r in wanted.items() if k not in outputs}, store)
        except EngineError as error:
            failure = error
    asked = Asked(outputs, stored=len(outputs), failure=failure)
    missing = [request for key, request in wanted.items() if key not in outputs]
    if not missing or failure is not None:
        return asked
    session.start(window, len(missing))
    try:
        for output in session.generate(missing, store):
            asked.computed.append(output)
            outputs[output.key] = output
    except EngineError as error:
        asked.failure = error
    return asked


def _stored(wanted: Mapping[str, Request], store: Store) -> dict[str, Output]:
    """Return the stored outputs of requests; one without the scores that were asked for is none."""
    return {
        key: output
        for key, output in store.get(list(wanted)).items()
        if not wanted[key].prompt_ids or len(output.logprobs) == len(wanted[key].sampling.score_ids)
    }


def ask_rounds(
    session: EngineSession,
    first: Iterable[Request],
    second: Callable[[Mapping[str, Output]], Iterable[Request]],
    store: Store,
    *,
    window: int,
) -> Asked:
    """Return the outputs of two rounds of requests, made by one start of the engine.

    Args:
        session: As for `ask`.
        first: Requests that need no output of another.
        second: Makes those that rest on the outputs of the first, which it is given by key.
        store: Of outputs; a round that it has whole is not asked again.
        window: The model's window in tokens.
    """
    one = ask(session, first, store, window=window)
    if one.failure is not None:
        return one
    more = [request for request in second(one.outputs) if request.key not in one.outputs]
    return joined(one, ask(session, more, store, window=window))


def joined(one: Asked, two: Asked) -> Asked:
    """Return what came of two rounds whose requests all differ."""
    return Asked(
        {**one.outputs, **two.outputs},
        stored=one.stored + two.stored,
        computed=[*one.computed, *two.computed],
        failure=one.failure or two.failure,
    )


def outputs_missing(session: EngineSession, asked: Asked, wanted: int) -> Reason:
    """Say how many outputs an engine that failed owes."""
    missing = wanted - len(asked.outputs)
    facts: dict[str, Fact] = {"models": session.models, "missing": missing, "wanted": wanted}
    return Reason("outputs_missing", facts)


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Open the store of outputs for a while."""
    store = Store(path)
    try:
        yield store
    finally:
        store.close()
