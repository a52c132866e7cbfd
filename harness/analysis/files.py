"""What is found, as JSON: `findings.json` beside a `run.json`, and a comparison of two runs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from pydantic import TypeAdapter

from harness.analysis.findings import Findings, cell_name
from harness.analysis.run_findings import RunComparison
from harness.errors import HarnessError
from harness.jsontext import json_text, json_value
from harness.records import Json, Row
from harness.writing import write_whole

FINDINGS_FILE = "findings.json"
SCHEMA = 2
_FINDINGS = TypeAdapter(Findings)
_ROWS = TypeAdapter(tuple[Row, ...])
COMPARISON_SCHEMA = 1
_COMPARISON = TypeAdapter(RunComparison)


def findings_schema() -> dict[str, Json]:
    """Return the JSON Schema of `findings.json`."""
    return _numbered(_FINDINGS.json_schema(mode="serialization"), SCHEMA)


def comparison_schema() -> dict[str, Json]:
    """Return the JSON Schema of what `harness compare --json` prints."""
    return _numbered(_COMPARISON.json_schema(mode="serialization"), COMPARISON_SCHEMA)


def _numbered(found: object, number: int) -> dict[str, Json]:
    schema = cast(dict[str, Json], found)
    properties = cast(dict[str, Json], schema["properties"])
    schema["properties"] = {"schema": {"const": number}, **properties}
    schema["required"] = ["schema", *properties]
    return schema


def comparison_json(found: RunComparison) -> str:
    """Return a comparison of two runs as JSON."""
    return json_text({"schema": COMPARISON_SCHEMA, **_COMPARISON.dump_python(found)}, indent=1)


def save_findings(run_dir: Path, findings: Findings) -> Path:
    """Write `findings.json`, whole or not at all, and return its path.

    Raises:
        HarnessError: A finding is infinite or not a number.
        OSError: It cannot be written.
    """
    path = run_dir / FINDINGS_FILE
    try:
        text = json_text({"schema": SCHEMA, **_FINDINGS.dump_python(findings)}, indent=1)
    except ValueError as error:
        raise HarnessError(f"{path}: a finding is not a finite number ({error})") from error
    write_whole(path, text + "\n")
    return path


def load_findings(path: Path) -> Findings:
    """Return the findings that `save_findings` wrote.

    Args:
        path: The file, or the folder of its run.

    Raises:
        HarnessError: The file is missing, damaged or of another schema.
    """
    path = path / FINDINGS_FILE if path.is_dir() else path
    try:
        data = json_value(path.read_text(encoding="utf-8"))
        found = data.get("schema") if isinstance(data, dict) else None
        if found != SCHEMA:
            raise HarnessError(f"{path}: schema {found} is not {SCHEMA}: write the report again")
        rows = _ROWS.validate_python(data.get("rows", ()))
        names = {cell_name(row): row for row in rows}
        return _FINDINGS.validate_python(data, context=names)
    except FileNotFoundError:
        raise HarnessError(f"{path}: no such file; give the folder of a finished run") from None
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise HarnessError(f"{path}: damaged ({first}): write the report again") from error
