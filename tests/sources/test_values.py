from __future__ import annotations

import datetime
import math
from decimal import Decimal
from uuid import UUID

import pytest

from harness.errors import AssetError
from harness.sources.values import NoText, as_rows, cell_of, shown_text, text_of

DAY = datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize(("value", "text"), [
    ("1.50", "1.50"), ("", ""), ("NaN", "NaN"), ("null", "null"),
    (None, ""), (math.nan, ""), (Decimal("NaN"), ""),
    (True, "true"), (False, "false"), (7, "7"), (1.0, "1.0"), (1.5, "1.5"),
    (Decimal("4.5"), "4.5"), (Decimal("4.50"), "4.50"), (Decimal("1E+3"), "1000"),
    ("gr\u00fc\u00dfe".encode(), "gr\u00fc\u00dfe"), (b"", ""),
    (datetime.date(2024, 5, 1), "2024-05-01"), (DAY, "2024-05-01T12:30:00+00:00"),
    (datetime.time(12, 30), "12:30:00"), (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
])  # fmt: skip
def test_values_that_are_text(value, text):
    assert cell_of(value) == text


def test_a_day_that_is_none():
    import pandas

    assert cell_of(pandas.NaT) == ""
    assert cell_of(pandas.Timestamp("2024-05-01")) == "2024-05-01T00:00:00"


@pytest.mark.parametrize(("value", "kind", "json"), [
    (["\u00fc", 1], "a list", '["\u00fc", 1]'),
    ((1, 2), "a list", "[1, 2]"),
    ({"a": None}, "a mapping", '{"a": null}'),
    ({"a": b"x", "b": [Decimal("1.5"), DAY.date()]}, "a mapping",
     '{"a": "x", "b": ["1.5", "2024-05-01"]}'),
    (b"\xff\xfe", "bytes that are not UTF-8", '"fffe"'),
    (datetime.timedelta(1), "a timedelta", '"1 day, 0:00:00"'),
])  # fmt: skip
def test_values_that_are_no_text(value, kind, json):
    assert cell_of(value) == NoText(kind, json)


def test_the_text_of_a_row():
    (row,) = as_rows([{"text": "a", "tags": ["x"], "raw": b"\xff", "half": "so \ud83d"}])
    assert text_of(row, "text", place="f: row 1") == "a"
    for column, problem in (
        ("tags", "f: row 1 has a list in column 'tags', where a text is wanted; name another"),
        ("raw", "f: row 1 has bytes that are not UTF-8 in column 'raw', where a text is wanted"),
        ("half", r"f: row 1 holds \ud83d in column 'half', half of a character; write the whole"),
    ):
        with pytest.raises(AssetError) as caught:
            text_of(row, column, place="f: row 1")
        assert str(caught.value).startswith(problem)
    assert shown_text(row["tags"]) == '["x"]'
    assert shown_text(row["half"]) == "so \ufffd"


def test_two_columns_of_one_name():
    with pytest.raises(
        AssetError, match=r"^f: row 2: two columns have one name: 'text ', 'text'; "
    ):
        as_rows([{"text": "a"}, {"text ": "a", "text": "b"}], "f")
