"""The files of judged models' baselines: answers, rulings, and what they are bound to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from harness.gates.baseline_fields import (
    baseline_path,
    damaged,
    head_lines,
    read_fields,
    write_lines,
)
from harness.jsontext import json_text
from harness.records import JudgedAnswer, JudgedBasis, ProbeResult

FORMAT = 1


@dataclass(frozen=True, slots=True)
class JudgedBaseline:
    """One model's accepted answers and their rulings.

    Attributes:
        written: The day, such as `2026-11-29`.
        versions: Of the libraries that took part, for the reader.
        probes: In the order of the set, without thoughts; of a session without texts, without the
            words of models and judges too.
    """

    format: int
    kind: Literal["judge"]
    written: str
    basis: JudgedBasis
    versions: dict[str, str]
    probes: tuple[ProbeResult, ...]


_BASELINE = TypeAdapter(JudgedBaseline)
_BASIS = TypeAdapter(JudgedBasis)
_PROBE = TypeAdapter(ProbeResult)


def write_judged_baseline(
    root: Path,
    basis: JudgedBasis,
    probes: Sequence[ProbeResult],
    versions: Mapping[str, str],
    *,
    written: str,
) -> Path:
    """Write a model's answers and rulings as its baseline, in place of an earlier one.

    Args:
        root: The project.
        basis: What the figures rest on.
        probes: Of the model, all that its set has.
        versions: Of the libraries that took part.
        written: The day.

    Returns:
        The file.

    Raises:
        OSError: It cannot be written.
    """
    head = {"format": FORMAT, "kind": "judge", "written": written,
            "basis": _BASIS.dump_python(basis), "versions": dict(versions)}  # fmt: skip
    # A probe a line: a difference to the last version says which have changed.
    own = ",\n".join(
        f"  {json_text(_PROBE.dump_python(_kept(one)), compact=True)}" for one in probes
    )
    lines = [*head_lines(head), f' "probes": [\n{own}\n ]']
    return write_lines(root / baseline_path(basis.evalset, basis.model), lines)


def load_judged_baseline(root: Path, evalset: str, model: str) -> JudgedBaseline | None:
    """Return a model's baseline, or None if it has none.

    Raises:
        BaselineError: The file is damaged or of another format.
    """
    shown = baseline_path(evalset, model)
    path = shown.as_posix()
    try:
        baseline = _BASELINE.validate_python(read_fields(root / shown, path, (FORMAT,)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if [one.probe for one in baseline.probes] != list(baseline.basis.probes):
        raise damaged(path, ValueError("its probes are not those that it says it has"))
    return baseline


def _kept(probe: ProbeResult) -> ProbeResult:
    return replace(probe, answers=tuple(map(_answer, probe.answers)))


def _answer(answer: JudgedAnswer) -> JudgedAnswer:
    """Return an answer without thoughts, which may be many times as long."""
    rulings = {judge: replace(one, thought=None) for judge, one in answer.rulings.items()}
    points = {judge: tuple(replace(one, thought=None) for one in own)
              for judge, own in answer.points.items()}  # fmt: skip
    return replace(answer, thought=None, rulings=rulings, points=points)
