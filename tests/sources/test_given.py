"""A file of another program's answers: what each line may hold, and the line for all else."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.sources.given import read_given
from harness.spec.evalset import EvalSet

PAGE = (Path(__file__).parents[2] / "docs/answers.md").read_text(encoding="utf-8")


def evalset(**keys):
    return EvalSet.model_validate(
        {"data": {"source": "file:x.csv"}, "labels": ["billing", "other"]} | keys
    )


@pytest.fixture
def read(tmp_path):
    def _read(*lines, name="answers.jsonl", **keys):
        path = tmp_path / name
        path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one)
                                  for one in lines), encoding="utf-8")  # fmt: skip
        return read_given(path, evalset(**keys), shown=name)

    return _read


def test_what_lines_hold(read):
    (found,) = read(
        {"id": 1, "output": "Billing."},
        "",
        {"id": "b", "label": "other", "trace": [1, 2]},
        {"id": "c", "error": "timeout"},
        {"id": "d", "output": None},
        name="agent v2.jsonl",
    )
    assert (found.model, found.path, found.rated) == ("agent-v2", "agent v2.jsonl", False)
    lines = {
        key: (one.line, one.output, one.label, one.error) for key, one in found.answers.items()
    }
    assert lines == {
        "1": (1, "Billing.", None, None),
        "b": (3, None, "other", None),
        "c": (4, None, None, "timeout"),
        "d": (5, None, None, None),
    }


def test_probabilities_in_the_order_of_the_labels(read):
    (found,) = read(
        {"id": "a", "probabilities": {"other": 0.25, "billing": 0.75}},
        {"id": "b", "logprobs": {"other": -1.5, "billing": -0.4}, "label": "other"},
        {"id": "c", "error": "timeout"},
    )
    assert found.rated
    assert found.answers["a"].logprobs == (math.log(0.75), math.log(0.25))
    assert found.answers["b"].logprobs == (-0.4, -1.5)


def test_labels_may_be_given_as_the_data_has_them(read):
    labels = {"good": 1, "bad": 0}
    (found,) = read({"id": "a", "label": 1}, {"id": "b", "label": "bad"}, labels=labels)
    assert [one.label for one in found.answers.values()] == ["good", "bad"]


def test_systems_are_told_apart(read):
    lines = [{"id": "a", "model": name, "label": "other"} for name in ("two", "one")]
    assert [one.model for one in read(*lines)] == ["two", "one"]
    # The digest is of the answers alone, in any order.
    assert len({one.digest for one in read(*lines)}) == 1


@pytest.mark.parametrize("name", ["gate.jsonl", "given.jsonl", "-.jsonl"])
def test_a_file_whose_name_cannot_name_a_system(read, name):
    (found,) = read({"id": "a", "label": "other"}, name=name)
    assert found.model == "answers"


OTHER = {"id": "t1", "label": "other"}
WRONG = [
    ([OTHER, OTHER], ":2: id: 't1' was answered in line 1 already; remove one of the two"),
    ([{"id": "t1", "label": "biling"}], ":1: label: 'biling' is not a label of the set; did you"),
    ([{"id": "t1", "label": ["x"]}], ":1: label: is a list; write a text"),
    ([{"id": "t1", "outputs": "x"}], ":1: has no 'output', 'label', 'probabilities', 'logprobs' or "
     "'error'; did you mean 'output'?"),
    ([{"id": "t1", "label": "other", "output": "x"}], ":1: label: stands beside 'output'; keep"),
    ([{"id": "t1", "output": 5}], ":1: output: is a number; write a text"),
    ([{"id": "t1", "error": "x", "logprobs": {}}], ":1: logprobs: stands beside 'error'"),
    ([{"label": "other"}], ":1: id: is missing; add the id of the sample"),
    ([{"id": 1.5, "label": "other"}], ":1: id: is a number with a fraction; write"),
    ([{"id": " ", "label": "other"}], ":1: id: is a text without characters that show; write"),
    ([{"id": True, "label": "other"}], ":1: id: is true; write"),
    ([{"id": None, "label": "other"}], ":1: id: is null; write"),
    ([{"id": "t1", "probabilities": [1]}], ":1: probabilities: is a list; write an object"),
    ([{"id": "t1", "probabilities": {"billing": 0.5}}], ":1: probabilities: has nothing for"),
    ([{"id": "t1", "probabilities": {"billng": 0.5}}], ":1: probabilities: 'billng' is not"),
    ([{"id": "t1", "probabilities": {"billing": 0, "other": 1}}],
     ":1: probabilities.billing: 0 has no place"),
    ([{"id": "t1", "probabilities": {"billing": "1", "other": 1}}],
     ":1: probabilities.billing: is a text; write a number"),
    ([{"id": "t1", "probabilities": {"billing": 0.9, "other": 0.9}}],
     ":1: probabilities: add up to 1.8; probabilities of labels"),
    ([{"id": "t1", "logprobs": {"billing": 2.5, "other": -1}}],
     ":1: logprobs.billing: 2.5 is not the logarithm of a probability"),
    ([{"id": "t1", "logprobs": {"billing": -1.7e308, "other": -1}}],
     ":1: logprobs.billing: -1.7e+308 is not the logarithm of a probability"),
    (['{"id": "t1", "logprobs": {"billing": NaN, "other": -1}}'], ":1: logprobs.billing: nan is"),
    ([{"id": "t1", "probabilities": {"billing": 0.5, "other": 0.5}}, {**OTHER, "id": "t2"}],
     ":2: probabilities: are missing, and line 1 has them"),
    ([{**OTHER, "model": "a"}, {**OTHER, "id": "t2"}], ":2: model: is missing, and line 1"),
    ([OTHER, {**OTHER, "id": "t2", "model": "a"}], ":1: model: is missing, and line 2 has"),
    ([{**OTHER, "model": "a b"}], ":1: model: 'a b' cannot name a system"),
    ([{**OTHER, "model": "zeroshot"}], ":1: model: 'zeroshot' cannot name a system"),
    ([OTHER, "x"], ": line 2 is not valid JSON"),
    (['{"id": "t1", "logprobs": {"billing": -1' + "0" * 400 + ', "other": -1}}'],
     ":1: logprobs.billing: -inf is not"),
    (['{"id": "t1", "output": 1' + "0" * 400 + "}"], ":1: output: is a number; write a text"),
    (["[1]"], ": line 1 is not an object"),
    (['{"id": "t1", "id": "t2", "label": "other"}'], ": line 1 has the key 'id' twice"),
    ([""], ": has no answers; write one object a line"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "said"), WRONG, ids=lambda one: str(one)[:40])
def test_a_mistake_is_one_line(read, lines, said):
    with pytest.raises(HarnessError) as raised:
        read(*lines)
    assert str(raised.value).startswith(f"answers.jsonl{said}")
    assert "\n" not in str(raised.value)


def test_the_page_shows_what_is_said(read):
    shown = re.findall(r"^answers\.jsonl(:.+)$", PAGE, re.MULTILINE)
    said = set()
    for lines, _ in WRONG:
        with pytest.raises(HarnessError) as raised:
            read(*lines)
        said.add(str(raised.value).removeprefix("answers.jsonl"))
    assert len(shown) == 10
    # That one needs the samples: tests/plugin/test_given.py.
    assert {one for one in shown if "is no sample" not in one} <= said
