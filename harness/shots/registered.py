"""A registered selector: what it returns is checked before it is shown to a model."""

from __future__ import annotations

from harness.contracts import Draw
from harness.errors import HarnessError, RegistryError
from harness.records import Sample
from harness.registry import RegisteredSelector


def chosen(name: str, entry: RegisteredSelector, draw: Draw) -> list[list[Sample]]:
    """Return the shots that it chooses.

    Raises:
        RegistryError: It failed, or chose something else than k different samples of the pool, for
            all samples or for each.
    """
    try:
        found = entry.choose(draw)
    except HarnessError as error:
        raise RegistryError(f"selector '{name}': {error}") from error
    except Exception as error:
        raise _wrong(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(found, list) or not all(isinstance(one, list) for one in found):
        raise _wrong(name, f"returned {type(found).__name__} {found!r:.60}, not a list of lists")
    wanted = len(draw.samples) if entry.per_sample else 1
    if len(found) != wanted:
        raise _wrong(name, f"returned {len(found)} lists of shots, {wanted} are wanted: one "
                     f"{'each sample' if entry.per_sample else 'for all samples'}")  # fmt: skip
    pool = {sample.id: sample for sample in draw.pool}
    for shots in found:
        for shot in shots:
            if not isinstance(shot, Sample) or pool.get(shot.id) != shot:
                raise _wrong(name, f"chose {shot!r:.60}, which is not in the pool")
        if len({shot.id for shot in shots}) != draw.k or len(shots) != draw.k:
            raise _wrong(name, f"chose {len(shots)} shots, {len({s.id for s in shots})} of them "
                         f"different; {draw.k} are wanted")  # fmt: skip
    return found


def _wrong(name: str, problem: str) -> RegistryError:
    return RegistryError(f"selector '{name}': {problem}")
