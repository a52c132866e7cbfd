"""Which groups of cells run when: one after the other, or side by side where there are GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context


class Groups:
    """Runs each group once, those that follow ahead of being asked for.

    Args:
        run: Runs a group to its end.
        names: All groups, in their order.
        at_once: How many may be under way; with 1, each runs in its caller's thread when it is
            asked for, and none ahead.
        stop: Ends what is under way early, from another thread.
    """

    def __init__(
        self,
        run: Callable[[str], None],
        names: Sequence[str],
        *,
        at_once: int,
        stop: Callable[[], None],
    ) -> None:
        self._run, self._names, self._stop = run, list(names), stop
        self._at_once = at_once
        self._begun: dict[str, Future[None]] = {}
        self._pool: ThreadPoolExecutor | None = None

    @property
    def unfinished(self) -> int:
        """How many groups are not done, those under way included."""
        return len(self._names) - sum(one.done() for one in self._begun.values())

    def wait(self, name: str) -> None:
        """Return when a group has run.

        Raises:
            BaseException: What went wrong in it, or an interrupt, which alone ends all groups.
        """
        if self._at_once < 2:
            self._run(name)
            return
        try:
            self._begin(name)
            self._begun[name].result()
        except Exception:
            # A defect in one group is no reason to end the others.
            raise
        except BaseException:
            self.close()
            raise

    def _begin(self, first: str) -> None:
        """Begin a group, and all others behind it, as far as there is room."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="group")
        for name in dict.fromkeys([first, *self._names]):
            if name not in self._begun:
                # What is registered in this session is known by its context.
                context = copy_context()
                self._begun[name] = self._pool.submit(context.run, self._run, name)

    def close(self) -> None:
        """End what is under way; a second call does nothing."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        self._stop()
        for one in self._begun.values():
            # Of a group that was ended early nothing is wanted, not even why it failed.
            if not one.cancelled():
                one.exception()
        self._begun = {name: one for name, one in self._begun.items() if not one.cancelled()}
