"""Equal engines side by side: requests are shared out among them, and none is lost with one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from harness.errors import EngineError
from harness.records import Output, Request
from harness.workers.places import Lease
from harness.workers.worker import Worker

# The fewest requests that an engine is handed at once: towards the end, the unit of what is shared.
_LEAST = 128
# Of those of an endpoint, each of which takes long.
_LEAST_REMOTE = 16
_JOIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One of the engines.

    Attributes:
        worker: Its process.
        lease: What it stands on; None at an endpoint.
    """

    worker: Worker
    lease: Lease | None

    @property
    def gpus(self) -> tuple[str, ...]:
        """Names of its GPUs."""
        return self.lease.gpus if self.lease else ()

    def close(self) -> None:
        """End its process and give back its place."""
        try:
            self.worker.close()
        finally:
            if self.lease is not None:
                self.lease.release()


Lost = Callable[[Replica, EngineError], None]
"""Is told of an engine that failed where others go on."""


def first_ready(replicas: Sequence[Replica], lost: Lost) -> list[Replica]:
    """Return the engines that have not failed, as soon as the first of them is ready.

    Raises:
        EngineError: None of them could start.
    """
    left = list(replicas)
    while True:
        try:
            left[0].worker.wait_ready()
        except EngineError as error:
            if len(left) == 1:
                raise
            left[0].close()
            lost(left.pop(0), error)
        else:
            return left


def share_out(replicas: list[Replica], requests: Sequence[Request], lost: Lost) -> Iterator[Output]:
    """Yield one output per request as it is finished, in any order, by whichever engine is free.

    Each engine has a stretch of the requests, so that equal beginnings stay together, and takes
    from the longest stretch that is left when its own is done. What one owed when it failed is
    asked of the others.

    Args:
        replicas: The engines, of which those that fail are taken out.
        requests: Those with equal beginnings stand together; all differ.
        lost: Is told of an engine that failed where others go on.

    Raises:
        EngineError: The last engine failed; outputs yielded before stay valid.
    """
    if len(replicas) == 1 or not requests:
        yield from replicas[0].worker.generate(requests)
        return
    least = _LEAST if replicas[0].lease else _LEAST_REMOTE
    shares = _Shares(requests, len(replicas), least)
    told: queue.SimpleQueue[Output | _Ended] = queue.SimpleQueue()
    at_work = list(replicas)
    threads = [
        threading.Thread(target=_work, args=(one, place, shares, told), daemon=True)
        for place, one in enumerate(at_work)
    ]
    for thread in threads:
        thread.start()
    owed = len(requests)
    try:
        left = len(threads)
        # One that is still starting when all is done is not waited for.
        while left and owed:
            found = told.get()
            if isinstance(found, Output):
                owed -= 1
                yield found
                continue
            left -= 1
            if isinstance(found.error, EngineError) and len(replicas) > 1:
                _take_out(at_work[found.place], replicas, found.error, lost)
            elif found.error is not None:
                raise found.error
    finally:
        shares.close()
        stopped = _stop([one for one in replicas if owed or not one.worker.start_s], threads)
    for one in stopped:
        replicas.remove(one)
        one.close()
    for one, error in _failures(told, at_work):
        if one in replicas:
            _take_out(one, replicas, error, lost)


def _failures(
    told: queue.SimpleQueue[Output | _Ended], at_work: Sequence[Replica]
) -> Iterator[tuple[Replica, EngineError]]:
    """Yield the engines whose failure nobody has read yet."""
    while not told.empty():
        found = told.get()
        if isinstance(found, _Ended) and isinstance(found.error, EngineError):
            yield at_work[found.place], found.error


def _stop(replicas: Sequence[Replica], threads: Sequence[threading.Thread]) -> list[Replica]:
    """Kill engines that nobody waits for, and return those that had not ended by themselves."""
    stopped = [one for one in replicas if one.worker.stop()]
    for thread in threads:
        thread.join(_JOIN_S)
    return stopped


def _take_out(one: Replica, of: list[Replica], error: EngineError, lost: Lost) -> None:
    of.remove(one)
    one.close()
    lost(one, error)


@dataclass(frozen=True, slots=True)
class _Ended:
    place: int
    error: BaseException | None


def _work(
    replica: Replica, place: int, shares: _Shares, told: queue.SimpleQueue[Output | _Ended]
) -> None:
    """Have one engine complete what it is handed, until nothing is left or it fails."""
    error: BaseException | None = None
    try:
        replica.worker.wait_ready()
        while chunk := shares.take(place):
            owed = {request.key: request for request in chunk}
            try:
                for output in replica.worker.generate(chunk):
                    del owed[output.key]
                    told.put(output)
            finally:
                shares.put_back(place, owed.values())
    except BaseException as failure:
        error = failure
    told.put(_Ended(place, error))


class _Shares:
    """What is left to be handed to each engine; used by their threads together."""

    def __init__(self, requests: Sequence[Request], parts: int, least: int) -> None:
        self._least = least
        sums = list(accumulate(len(request.prompt_ids) + 1 for request in requests))
        self._left: list[list[Request]] = [[] for _ in range(parts)]
        for request, tokens in zip(requests, sums, strict=True):
            self._left[min(parts - 1, (tokens - 1) * parts // sums[-1])].append(request)
        self._out = 0
        self._closed = False
        self._change = threading.Condition()

    def take(self, place: int) -> list[Request]:
        """Return what an engine is to be asked next; nothing once all is done."""
        with self._change:
            while not self._closed:
                mine = self._left[place]
                if not mine:
                    longest = max(self._left, key=len)
                    cut = len(longest) // 2 if len(longest) > self._least else 0
                    mine[:], longest[cut:] = longest[cut:], []
                if mine:
                    size = max(self._least, len(mine) * 3 // 4)
                    chunk, self._left[place] = mine[:size], mine[size:]
                    self._out += 1
                    return chunk
                if not self._out:
                    break
                # What another engine is asked now comes back if that one fails.
                self._change.wait()
            return []

    def put_back(self, place: int, owed: Iterable[Request]) -> None:
        """Take note that a chunk is done, but for what is owed of it."""
        with self._change:
            self._left[place][:0] = owed
            self._out -= 1
            self._change.notify_all()

    def close(self) -> None:
        """Hand out nothing any more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
