"""A file of answers that another program gave -> the answers of each system in it."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.characters import is_blank, one_form
from harness.errors import SpecError
from harness.records import GivenAnswer, GivenAnswers, Json
from harness.records.results import FARTHEST
from harness.sources.encoded import read_encoded
from harness.sources.labels import LabelMap
from harness.sources.objects import numbered_objects
from harness.sources.values import NoText, cell_of, text_of
from harness.spec.base import Name
from harness.spec.evalset import EvalSet
from harness.suggest import did_you_mean

KEYS = ("id", "output", "label", "error", "probabilities", "logprobs", "model")
"""What a line may hold; all else is passed over."""
ANSWERS = "answers"
"""Name of a system that has none."""
_ANSWERS, _RATINGS = ("output", "label", "error"), ("probabilities", "logprobs")
_NAME: TypeAdapter[str] = TypeAdapter(Name)
# Probabilities that were rounded add up to a little more than 1.
_ROUNDING = 0.01


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file; its methods raise SpecError with file, line and key."""

    shown: str
    number: int
    row: Mapping[str, Json]

    def error(self, key: str, problem: str) -> SpecError:
        return SpecError(f"{key}: {problem}" if key else problem, path=self.shown,
                         line=self.number)  # fmt: skip

    def text(self, key: str) -> str:
        """Return a text or a number as text."""
        value = self.row[key]
        if isinstance(cell_of(value), NoText):
            raise self.error(key, f"is {_kind(value)}; write a text")
        return text_of({key: cell_of(value)}, key, place=f"{self.shown}:{self.number}:").strip()


def read_given(path: Path, evalset: EvalSet, *, shown: str) -> list[GivenAnswers]:
    """Return the answers of each system in a file of JSON Lines, in the order of the file.

    Args:
        path: The file.
        evalset: The set whose samples are answered.
        shown: How messages name the file.

    Raises:
        AssetError: It cannot be read, or a line of it is no JSON object.
        SpecError: A line does not hold what it must, with file, line, key and fix.
    """
    rows = numbered_objects(read_encoded(path, shown), shown)
    lines = [_Line(shown, number, row) for number, row in rows]
    if not lines:
        raise SpecError("has no answers; write one object a line, such as "
                        '{"id": "1", "output": "..."}', path=shown)  # fmt: skip
    labels = LabelMap(evalset.labels)
    found: dict[str, dict[str, GivenAnswer]] = {}
    for line in lines:
        answers = found.setdefault(_model(line, lines[0], path), {})
        sample = _id(line)
        if (before := answers.get(sample)) is not None:
            raise line.error("id", f"'{sample}' was answered in line {before.line} already; remove "
                             "one of the two")  # fmt: skip
        answers[sample] = _answer(line, list(evalset.labels), labels)
    for answers in found.values():
        _check_rated(answers, shown)
    return [GivenAnswers(model, shown, own, _digest(own)) for model, own in found.items()]


def _model(line: _Line, first: _Line, path: Path) -> str:
    """Return the system's name: of the line, or of the file where no line has one."""
    if ("model" in line.row) is not ("model" in first.row):
        having, lacking = (line, first) if "model" in line.row else (first, line)
        raise lacking.error("model", f"is missing, and line {having.number} has it; name the "
                            "system in all lines or in none")  # fmt: skip
    if "model" not in line.row:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.name.partition(".")[0]).strip("-._")
        return name if _is_name(name) else ANSWERS
    if not _is_name(name := line.text("model")):
        raise line.error("model", f"'{name}' cannot name a system; write another name, of letters, "
                         "digits, '.', '_' and '-'")  # fmt: skip
    return name


def _is_name(name: str) -> bool:
    try:
        _NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _id(line: _Line) -> str:
    if "id" not in line.row:
        near = did_you_mean("id", line.row, "add the id of the sample")
        raise line.error("id", f"is missing; {near}")
    value = line.row["id"]
    if isinstance(value, bool | float) or is_blank(sample := one_form(line.text("id"))):
        raise line.error("id", f"is {_kind(value)}; write the sample's id, a text or a whole "
                         "number")  # fmt: skip
    return sample


def _answer(line: _Line, names: Sequence[str], labels: LabelMap) -> GivenAnswer:
    given = [key for key in _ANSWERS if line.row.get(key) is not None]
    rated = [key for key in _RATINGS if line.row.get(key) is not None]
    if not any(key in line.row for key in (*_ANSWERS, *_RATINGS)):
        known = [key for key in KEYS if key not in line.row]
        near = next(filter(None, (did_you_mean(key, known) for key in line.row
                                  if key not in KEYS)), "")  # fmt: skip
        raise line.error("", "has no 'output', 'label', 'probabilities', 'logprobs' or 'error'; "
                         + (near or "add one of them"))  # fmt: skip
    for keys in (given, rated):
        if len(keys) > 1:
            raise line.error(keys[1], f"stands beside '{keys[0]}'; keep one of the two")
    if "error" in given and rated:
        raise line.error(rated[0], "stands beside 'error'; keep one of the two")
    logprobs = _logprobs(line, rated[0], names) if rated else ()
    if not given:
        return GivenAnswer(line.number, logprobs=logprobs)
    key, text = given[0], line.text(given[0])
    if key == "label":
        return GivenAnswer(line.number, label=_label(line, text, names, labels), logprobs=logprobs)
    if not isinstance(line.row[key], str):
        raise line.error(key, f"is {_kind(line.row[key])}; write a text")
    if key == "error":
        return GivenAnswer(line.number, error=text or "no reason given")
    return GivenAnswer(line.number, output=text, logprobs=logprobs)


def _label(line: _Line, text: str, names: Sequence[str], labels: LabelMap) -> str:
    found = text if text in names else labels.find(text)
    if found is None:
        near = did_you_mean(text, names, f"write one of {', '.join(names)}, or null for no answer")
        raise line.error("label", f"'{text}' is not a label of the set; {near}")
    return found


def _logprobs(line: _Line, key: str, names: Sequence[str]) -> tuple[float, ...]:
    """Return the logarithms of the labels' probabilities, in the order of the labels."""
    given = line.row[key]
    if not isinstance(given, dict):
        raise line.error(key, f"is {_kind(given)}; write an object with a number for each label")
    if strange := next((name for name in given if name not in names), None):
        near = did_you_mean(strange, names, f"the labels are {', '.join(names)}")
        raise line.error(key, f"'{strange}' is not a label of the set; {near}")
    if missing := next((name for name in names if name not in given), None):
        raise line.error(key, f"has nothing for '{missing}'; give a number for each label")
    found: list[float] = []
    for name in names:
        value = given[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise line.error(f"{key}.{name}", f"is {_kind(value)}; write a number")
        # JSON has whole numbers that are too large for a float.
        far = -math.inf if value < 0 else math.inf
        number = far if abs(value) > sys.float_info.max else float(value)
        found.append(_logarithm(line, key, name, number))
    if (total := math.fsum(map(math.exp, found))) > 1 + _ROUNDING:
        raise line.error(key, f"add up to {total:.3g}; probabilities of labels that exclude each "
                         "other are at most 1 together")  # fmt: skip
    return tuple(found)


def _logarithm(line: _Line, key: str, name: str, value: float) -> float:
    if key == "logprobs":
        if not math.isfinite(value) or value > _ROUNDING or value < -FARTHEST:
            raise line.error(f"{key}.{name}", f"{value:g} is not the logarithm of a probability; "
                             "write a finite number of at most 0, such as -1000")  # fmt: skip
        return min(value, 0.0)
    if not 0 < value <= 1 + _ROUNDING:
        raise line.error(f"{key}.{name}", f"{value:g} has no place among probabilities that are "
                         "compared by logarithms; write a number above 0, such as 1e-6, and at "
                         "most 1")  # fmt: skip
    return math.log(min(value, 1.0))


def _check_rated(answers: Mapping[str, GivenAnswer], shown: str) -> None:
    """Refuse probabilities in a part of the answers: figures of them would be of that part."""
    answered = [one for one in answers.values()
                if one.logprobs or one.output is not None or one.label is not None]  # fmt: skip
    having = next((one for one in answered if one.logprobs), None)
    lacking = next((one for one in answered if not one.logprobs), None)
    if having is not None and lacking is not None:
        raise SpecError(f"probabilities: are missing, and line {having.line} has them; give them "
                        "in all lines of a system or in none", path=shown,
                        line=lacking.line)  # fmt: skip


def _digest(answers: Mapping[str, GivenAnswer]) -> str:
    content = sorted((key, one.output, one.label, one.error, one.logprobs)
                     for key, one in answers.items())  # fmt: skip
    text = json.dumps(content, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "a text without characters that show" if is_blank(value) else "a text"
    if isinstance(value, int | float):
        return "a number with a fraction" if isinstance(value, float) else "a number"
    return "a list" if isinstance(value, list) else "an object"
