"""Further passes over a group's requests, for baselines of several runs and for flips."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from harness.reasons import Reason
from harness.run.ask_again import ask_again
from harness.run.prepared import Prepared
from harness.run.session import EngineSession
from harness.run.settings import Settings
from harness.run.thinking import Rounds, in_rounds


def repeat(
    session: EngineSession, prepared: Sequence[Prepared], settings: Settings, lost: list[Reason]
) -> list[Rounds]:
    """Return what further passes bring, past the store; fewer if the engine fails under one.

    Args:
        session: Its engine is started if it is not.
        prepared: The cells.
        settings: They say how many passes there are.
        lost: Is told of a pass that is missing.

    Raises:
        EngineError: It failed, and a baseline would be made of fewer runs than were asked for.
    """
    found: list[Rounds] = []
    wanted = settings.runs
    for turn in range(2, max(wanted, 1 + settings.repeat_engine) + 1):
        session.start(prepared[0].window)
        one = in_rounds(prepared, partial(ask_again, turn, session))
        if (failure := one.asked.failure) is None:
            found.append(one)
            continue
        if turn <= wanted:
            raise failure
        cause = Reason("other", {"said": str(failure)})
        lost.append(Reason("second_pass_missing", {"model": prepared[0].cell.model}, (cause,)))
    return found
