"""Rows -> samples: every cell that is not text, or no label, with its row in one line."""

from __future__ import annotations

import json
import math

import pytest

from harness.errors import AssetError, HarnessError, SpecError
from harness.sources.data import load_data
from harness.sources.labelling import Place, label_rows
from harness.sources.rows import Table
from harness.sources.values import as_rows
from harness.spec.evalset import EvalSet

GOOD = {"text": "so good", "label": "good"}
NFD, NFC = "ne\u0301gatif", "n\u00e9gatif"


def evalset(*, labels=("good", "bad"), **data) -> EvalSet:
    return EvalSet.model_validate({
        "data": {"source": "file:x.csv", **data},
        "labels": labels if isinstance(labels, dict) else list(labels),
        "models": ["m"], "prompts": ["p.j2"], "modes": ["zeroshot"],
    })  # fmt: skip


def labelled(*rows, classes=None, place=None, **spec):
    table = Table(as_rows(rows), classes or {})
    return label_rows(evalset(**spec), table, place or Place("set", "f"))


@pytest.mark.parametrize(("row", "problem"), [
    ({"text": None}, "f: row 2 has no text in column 'text'; remove the row"),
    ({"text": math.nan}, "f: row 2 has no text in column 'text'; remove the row"),
    ({"text": " \u200b\n\ufeff"}, "f: row 2 has no text in column 'text'; remove the row"),
    ({"text": ["so", "bad"]}, "f: row 2 has a list in column 'text', where a text is wanted; name"),
    ({"text": {"en": "bad"}}, "f: row 2 has a mapping in column 'text'"),
    ({"text": b"\xff\x00"}, "f: row 2 has bytes that are not UTF-8 in column 'text'"),
    ({"text": "so \ude00"}, r"f: row 2 holds \ude00 in column 'text', half of a character; write"),
    ({"label": ["bad"]}, "f: row 2 has a list in column 'label', where a text is wanted"),
    ({"label": "ba\ud83d"}, r"f: row 2 holds \ud83d in column 'label', half of a character"),
    ({"label": None}, "set: f: row 2: no label has '' in column 'label'; add it under 'labels'"),
    ({"label": "bad\u200b"}, r"set: f: row 2: no label has 'bad\u200b' in column 'label'"),
    ({"label": "b\u00a0ad"}, r"set: f: row 2: no label has 'b\xa0ad' in column 'label'"),
])  # fmt: skip
def test_a_cell_that_will_not_do(row, problem):
    with pytest.raises(HarnessError) as caught:
        labelled(GOOD, {"text": "so bad", "label": "bad", **row})
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize("key", ["id", "cluster"])
@pytest.mark.parametrize("value", [None, math.nan, " ", "\u200b"])
def test_an_id_or_a_cluster_that_is_nothing(key, value):
    place = Place("set", "f", **{key: "key"})
    with pytest.raises(AssetError, match=rf"row 2 has nothing in column 'key' \(data\.{key}\)"):
        labelled({**GOOD, "key": "a"}, {**GOOD, "key": value}, place=place)
    with pytest.raises(AssetError, match="row 2 has a list in column 'key'"):
        labelled({**GOOD, "key": "a"}, {**GOOD, "key": ["b"]}, place=place)


def test_bytes_and_numbers_are_read_as_what_they_are():
    rows = ({"text": "gr\u00fc\u00dfe".encode(), "label": 1}, {"text": 7, "label": 0.0})
    first, second = labelled(*rows, labels={"good": 1, "bad": 0})
    assert (first.text, first.label) == ("gr\u00fc\u00dfe", "good")
    assert (second.text, second.label) == ("7", "bad")


@pytest.mark.parametrize(("written", "held"), [(NFC, NFD), (NFD, NFC), (NFC, f" {NFD} ")])
def test_a_label_is_found_in_any_unicode_form(written, held):
    (sample,) = labelled({"text": "a", "label": held}, labels=["positif", written])
    assert sample.label == written
    labels = {"bad": [written, "x"], "good": "y"}
    (sample,) = labelled({"text": "a", "label": held}, labels=labels, others="drop")
    assert sample.label == "bad"


def test_inline_rows_too(tmp_path):
    spec = evalset(labels={"positif": 1, NFC: 0}, source=None,
                   rows=[{"text": "a", "label": NFD}])  # fmt: skip
    assert load_data("set", spec, base=tmp_path).samples[0].label == NFC


def test_names_of_classes():
    classes = {"label": ["bad", "good"]}
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]
    assert [one.label for one in labelled(*rows, classes=classes)] == ["good", "bad"]
    # What the set says of the numbers goes before their names.
    own = labelled(*rows, classes=classes, labels={"good": 0, "bad": 1})
    assert [one.label for one in own] == ["bad", "good"]
    problem = r"row 1: no label has '1' \(classes: 0 bad, 1 good\) in column 'label'"
    with pytest.raises(SpecError, match=problem):
        labelled(*rows, classes=classes, labels=["positive", "negative"])
    with pytest.raises(
        SpecError, match=r"column 'label' holds '1', '0' \(classes: 0 bad, 1 good\)"
    ):
        labelled(*rows, classes=classes, labels=["positive", "negative"], others="drop")
    with pytest.raises(SpecError, match="no label has '-1'"):
        labelled({"text": "a", "label": -1}, classes=classes)


STARS = ["1", "2", "3", "4", "5"]
FIVE = [{"text": star, "label": number} for number, star in enumerate(STARS)]


@pytest.mark.parametrize(("labels", "found"), [
    ({"bad": ["1", "2"], "good": ["4", "5"]}, ["bad", "bad", "good", "good"]),
    ({"bad": [1, 2, 3], "good": [4, 5]}, ["bad", "bad", "bad", "good", "good"]),
    ({"bad": [0, 1, 2], "good": [3, 4]}, ["bad", "bad", "bad", "good", "good"]),
    (["5", "4", "3", "2", "1"], STARS),
])  # fmt: skip
def test_classes_that_are_named_by_other_numbers(labels, found):
    samples = labelled(*FIVE, classes={"label": STARS}, labels=labels, others="drop")
    assert [one.label for one in samples if one] == found


@pytest.mark.parametrize("labels", [
    {"bad": [1, 2], "good": [4, 5]}, {"bad": [0, 1], "good": [3, 4]},
    {"bad": {"at_most": 2}, "good": {"at_least": 3}},
])  # fmt: skip
def test_a_number_that_may_be_a_class_or_its_name(labels):
    problem = (
        r"^set: f: column 'label': its classes have numbers as names, and others than their own "
        r"\(classes: 0 1, 1 2, 2 3, 3 4, 4 5\), so that .* may mean either; write the names, in "
    )
    with pytest.raises(SpecError, match=problem):
        labelled(*FIVE, classes={"label": STARS}, labels=labels, others="drop")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json"])
@pytest.mark.parametrize("use", ["source", "dataset", "shots"])
def test_every_file_that_a_set_reads(tmp_path, name, use):
    """Samples, `--eval-dataset` and shot pools go one way."""
    rows = [GOOD, {"text": "\u200b", "label": "bad"}]
    text = {
        "x.csv": "text,label\nso good,good\n\u200b,bad\n",
        "x.jsonl": "\n".join(map(json.dumps, rows)),
        "x.json": json.dumps(rows),
    }[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    own = {"source": None, "rows": [{"text": "fine", "label": "good"}]}
    spec = evalset(**{"source": {"source": f"file:{name}"}, "dataset": own,
                      "shots": {**own, "shots": f"file:{name}"}}[use])  # fmt: skip
    given = str(tmp_path / name) if use == "dataset" else None
    with pytest.raises(AssetError, match="row 2 has no text in column 'text'"):
        load_data("set", spec, base=tmp_path, dataset=given)
