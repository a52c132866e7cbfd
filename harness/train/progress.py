"""A line now and then about a run: step, loss, tokens a second, time to go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.errors import TrainError

if TYPE_CHECKING:
    from transformers import TrainerCallback

_EVERY_S = 10.0


@dataclass(slots=True)
class Pace:
    """How fast the steps of a run go; `tokens` are those of each step, padding left out.

    Attributes:
        wait: Returns once the device has done all that it was told to.
        seconds: Wall time of each step done in this process.
    """

    tokens: Sequence[int]
    say: Callable[[str], None]
    wait: Callable[[], None] = lambda: None
    seconds: list[float] = field(default_factory=list)
    _begun: float = 0.0
    _said: float = 0.0
    _first: int = 0

    def begin(self, step: int) -> None:
        """Note that a step begins; steps count from 0."""
        if not self.seconds:
            self._first = step
        self._begun = time.perf_counter()

    def end(self) -> None:
        """Wait until the step has ended, and note it."""
        self.wait()
        self.seconds.append(time.perf_counter() - self._begun)

    @property
    def tokens_per_s(self) -> float:
        """Tokens a second over the steps so far, the first left out as it warms up."""
        skip = 1 if len(self.seconds) > 1 else 0
        done = self.tokens[self._first + skip : self._first + len(self.seconds)]
        return sum(done) / max(sum(self.seconds[skip:]), 1e-9)

    def report(self, step: int, loss: float) -> None:
        """Say a line if the last is some seconds old or the run is at its end."""
        now, total = time.perf_counter(), len(self.tokens)
        if now - self._said < _EVERY_S and step not in {1, total}:
            return
        self._said = now
        left = (total - step) * sum(self.seconds) / max(len(self.seconds), 1)
        self.say(f"step {step}/{total}  loss {loss:.3f}  {self.tokens_per_s:,.0f} tokens/s  "
                 f"{int(left) // 60}:{int(left) % 60:02d} to go")  # fmt: skip


def _check_loss(step: int, loss: float) -> None:
    if not 0 <= loss < float("inf"):
        raise TrainError(f"the loss of step {step} is {loss}; lower training.learning_rate, or "
                         "write base.dtype: float32")  # fmt: skip


def pace_callback(pace: Pace) -> TrainerCallback:
    """Return a callback that keeps a pace up to date."""
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

    class Keeper(TrainerCallback):  # type: ignore[misc]  # the library has no types here
        def on_step_begin(
            self,
            args: TrainingArguments,
            state: TrainerState,
            control: TrainerControl,
            **_: object,
        ) -> None:
            pace.begin(state.global_step)

        def on_step_end(
            self,
            args: TrainingArguments,
            state: TrainerState,
            control: TrainerControl,
            **_: object,
        ) -> None:
            pace.end()

        def on_log(
            self,
            args: TrainingArguments,
            state: TrainerState,
            control: TrainerControl,
            logs: dict[str, float] | None = None,
            **_: object,
        ) -> None:
            # It is logged each step, before a checkpoint is written.
            if logs and "loss" in logs:
                _check_loss(state.global_step, float(logs["loss"]))
                pace.report(state.global_step, float(logs["loss"]))

    return Keeper()
