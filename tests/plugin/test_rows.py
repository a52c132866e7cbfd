"""Rows of a set through pytest: what will not do, and what is there twice."""

from __future__ import annotations

import json

import pytest

TEXTS = ("A bright and funny evening", "Two hours of mud", "The score carries it",
         "Nobody laughed", "I would go again", "It never ends")  # fmt: skip
ROWS = [{"text": text, "label": ("positive", "negative")[n % 2]} for n, text in enumerate(TEXTS)]
GATE = {"figure": "accuracy", "at_least": 0.5}


def lines(rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(("text", "problem"), [
    ("Mud \ud83d", r"row 7 holds \ud83d in column 'text', half of a character"),
    (["Mud"], "row 7 has a list in column 'text', where a text is wanted"),
    ("\u200b", "row 7 has no text in column 'text'"),
])  # fmt: skip
def test_a_set_that_will_not_do_takes_no_other_with_it(evals, text, problem):
    evals.write("bad.jsonl", lines([*ROWS, {"text": text, "label": "negative"}]))
    evals.write("good.jsonl", lines(ROWS))
    for name in ("bad", "good"):
        evals.set(name, data={"source": f"file:{name}.jsonl"}, modes=["zeroshot"])
    (evals.root / "evalsets/mini.yaml").unlink()
    result = evals.run()
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == 2
    (line,) = [line for line in result.outlines if line.startswith("lost: ")]
    assert line.startswith(f"lost: file:bad.jsonl: {problem}")
    assert line.endswith(": evalsets/bad.yaml::m-prefill-zeroshot")
    result.stdout.no_fnmatch_line("*Traceback*")
    assert [row.evalset for row in evals.saved.rows] == ["evalsets/good.yaml"]


def test_repeats_are_no_evidence(evals):
    """Ten copies of six texts have the figures of the six, and a text of two labels none."""
    odd = [{"text": "It is what it is", "label": label} for label in ("positive", "negative")]
    evals.write("once.jsonl", lines(ROWS))
    evals.write("often.jsonl", lines([*ROWS * 10, *odd]))
    for name in ("once", "often"):
        evals.set(name, data={"source": f"file:{name}.jsonl"}, modes=["zeroshot"], gates=[GATE])
    (evals.root / "evalsets/mini.yaml").unlink()
    result = evals.run("-q")
    assert result.ret == 0
    often, once = sorted(evals.saved.rows, key=lambda row: row.evalset != "evalsets/often.yaml")
    assert (often.n, often.figures, often.targets) == (once.n, once.figures, once.targets)
    assert once.n == len(TEXTS)
    assert len({(gate.verdict, gate.line) for gate in evals.saved.gates}) == 1
    notes = {note.kind: note for note in evals.saved.info.notes}
    assert notes["repeated"].facts["count"] == 54
    assert notes["repeated"].facts["texts"] == 6
    assert notes["repeated"].facts["pairs"][:2] == ("7 = 1", "8 = 2")
    assert notes["conflicting"].facts["pairs"] == ("61 positive = 62 negative",)
    result.stdout.fnmatch_lines(["warning: evalsets/often.yaml: *61 positive = 62 negative"])
    assert "`61 positive = 62 negative`" in evals.report
