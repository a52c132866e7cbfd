"""The files of judged models' baselines: answers, rulings, and what they are bound to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from harness.gates.baseline_file import BaselineError, baseline_path
from harness.jsontext import json_text
from harness.reasons import Reason
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
    own = ",\n".join(f"  {_line(_PROBE.dump_python(_kept(one)))}" for one in probes)
    lines = [f" {json.dumps(key)}: {_line(value)}" for key, value in head.items()]
    text = "{\n" + ",\n".join([*lines, f' "probes": [\n{own}\n ]']) + "\n}\n"
    path = root / baseline_path(basis.evalset, basis.model)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    # Lone surrogates of a broken completion cannot be encoded as they are.
    part.write_bytes(text.encode("utf-8", errors="replace"))
    part.replace(path)
    return path


def load_judged_baseline(root: Path, evalset: str, model: str) -> JudgedBaseline | None:
    """Return a model's baseline, or None if it has none.

    Raises:
        BaselineError: The file is damaged or of another format.
    """
    shown = baseline_path(evalset, model)
    path = shown.as_posix()
    try:
        data = json.loads((root / shown).read_text(encoding="utf-8"))
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            facts = {"path": path, "found": str(found), "present": str(FORMAT)}
            raise BaselineError(reason=Reason("baseline_format", facts))
        baseline = _BASELINE.validate_python(data)
    except FileNotFoundError:
        return None
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, ValidationError) as error:
        facts = {"path": path, "detail": str(error).splitlines()[0]}
        raise BaselineError(reason=Reason("baseline_damaged", facts)) from error
    if [one.probe for one in baseline.probes] != list(baseline.basis.probes):
        facts = {"path": path, "detail": "its probes are not those that it says it has"}
        raise BaselineError(reason=Reason("baseline_damaged", facts))
    return baseline


def _line(value: object) -> str:
    return json_text(value, compact=True)


def _kept(probe: ProbeResult) -> ProbeResult:
    return replace(probe, answers=tuple(map(_answer, probe.answers)))


def _answer(answer: JudgedAnswer) -> JudgedAnswer:
    """Return an answer without thoughts, which may be many times as long."""
    rulings = {judge: replace(one, thought=None) for judge, one in answer.rulings.items()}
    points = {judge: tuple(replace(one, thought=None) for one in own)
              for judge, own in answer.points.items()}  # fmt: skip
    return replace(answer, thought=None, rulings=rulings, points=points)
