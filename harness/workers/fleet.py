"""The engines of one group of requests: one, or several on GPUs or at addresses of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.errors import EngineError
from harness.records import EngineConfig, Output, Request
from harness.workers.places import Lease, Places
from harness.workers.replicas import Lost, Replica, first_ready, share_out
from harness.workers.worker import Worker

# Requests for which a further GPU is worth an engine of its own.
_REPLICA = 1000
# Options of an engine that spread a model over GPUs.
_SPREAD = ("tensor_parallel_size", "pipeline_parallel_size")


class Fleet:
    """Starts engines where there is room for them, and shares requests out.

    Args:
        make: Makes the worker of a configuration; the number says which of several it is.
        places: Where engines may run.
        share: How many GPUs may be taken beside those of the first engine, asked when it starts.
        lost: Is told of an engine that failed where others go on.

    Attributes:
        most: The most engines that there were at once; 0 before the first start.
    """

    def __init__(
        self,
        make: Callable[[EngineConfig, int], Worker],
        places: Places,
        *,
        share: Callable[[], int],
        lost: Lost,
    ) -> None:
        self._make, self._places, self._share, self._lost = make, places, share, lost
        self._replicas: list[Replica] = []
        self._standby: Worker | None = None
        self._stopped = False
        self.most = 0

    @property
    def running(self) -> bool:
        """Whether an engine was started and not closed."""
        return bool(self._replicas)

    def start(self, config: EngineConfig, wanted: int, waiting: Callable[[], None] | None) -> None:
        """Start an engine without waiting for it, and more where many requests find GPUs free.

        Args:
            config: Of the engine, without its GPUs.
            wanted: How many requests are to be made, as far as is known.
            waiting: Is told before a place is waited for; None waits for none, and has the
                engine's process import ahead where it is to have a GPU.

        Raises:
            EngineError: The model takes more GPUs than there are, waiting was stopped, or there is
                no file or process to be had for it.
        """
        try:
            self._start(config, wanted, waiting)
        except OSError as error:
            raise EngineError(f"engine '{config.engine}' could not start: {error}") from error

    def _start(self, config: EngineConfig, wanted: int, waiting: Callable[[], None] | None) -> None:
        if config.device == "remote":
            for one in at_each_address(config):
                self._add(one, None)
            return
        gpus = self._gpus(config)
        lease = self._places.free(gpus)
        if lease is None and waiting is None:
            self._import_ahead(config)
            return
        if lease is None and waiting is not None:
            waiting()
            lease = self._places.wait(gpus, lambda: self._stopped)
        self._add(config, lease)
        more = min(self._share() // gpus, wanted // _REPLICA - 1) if gpus else 0
        for _ in range(more):
            if (further := self._places.free(gpus)) is None:
                break
            self._add(config, further)

    def _gpus(self, config: EngineConfig) -> int:
        """Return how many GPUs one engine takes; 0 for none."""
        if config.device != "cuda":
            return 0
        count = 1
        for name in _SPREAD:
            value = config.options.get(name, 1)
            count *= value if isinstance(value, int) else 1
        self._places.check(count)
        return count

    def _import_ahead(self, config: EngineConfig) -> None:
        if self._standby is None and config.device == "cuda":
            self._standby = self._make(config, 0)
            self._standby.import_ahead()

    def _add(self, config: EngineConfig, lease: Lease | None) -> None:
        config = replace(config, gpus=lease.gpus if lease else ())
        worker, self._standby = self._standby, None
        try:
            worker = worker or self._make(config, len(self._replicas))
        except BaseException:
            # Else this session would wait for itself at its next start.
            if lease is not None:
                lease.release()
            raise
        self._replicas.append(Replica(worker, lease))
        self.most = max(self.most, len(self._replicas))
        worker.start(config)

    def wait_ready(self) -> float:
        """Return the seconds that the first engine took to start, once it is ready.

        Raises:
            EngineError: None could start.
        """
        self._replicas = first_ready(self._replicas, self._lost)
        return self._replicas[0].worker.start_s

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request; see `share_out`.

        What one of several servers failed to answer is asked once more, as another may answer it.
        """
        if len(self._replicas) < 2 or self._replicas[0].lease:
            yield from share_out(self._replicas, requests, self._lost)
            return
        failed: set[str] = set()
        for output in share_out(self._replicas, requests, self._lost):
            if output.failure and output.failure.kind == "endpoint_failed":
                failed.add(output.key)
            else:
                yield output
        if failed:
            again = [request for request in requests if request.key in failed]
            yield from share_out(self._replicas, again, self._lost)

    def close(self) -> None:
        """End the engines' processes and free their places."""
        if self._standby is not None:
            self._standby.close()
            self._standby = None
        for replica in self._replicas:
            replica.close()
        self._replicas = []

    def stop(self) -> None:
        """Kill the processes from another thread than the one that waits for them."""
        self._stopped = True
        for worker in (self._standby, *(replica.worker for replica in self._replicas)):
            if worker is not None:
                worker.stop()


def at_each_address(config: EngineConfig) -> list[EngineConfig]:
    """Return the configurations of engines that ask one address each."""
    urls = config.options.get("base_url")
    if not isinstance(urls, list) or len(urls) < 2:
        return [config]
    return [
        replace(config, options={**config.options, "base_url": url}, relieved=True) for url in urls
    ]
