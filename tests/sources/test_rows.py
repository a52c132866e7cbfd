from __future__ import annotations

import gzip
import json

import pytest

from harness.errors import AssetError
from harness.sources.rows import as_texts, check_columns, format_of, read_rows

NEED = ["text", "label"]
ROWS = [{"text": 'one, "two"\nthree', "label": "a"}, {"text": "vier\u2028fünf", "label": "b"}]


def put(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("name", "format"), [
    ("a.csv", "csv"), ("a.CSV.gz", "csv"), ("x/a.b.tsv", "tsv"), ("a.json", "json"),
    ("a.jsonl.gz", "jsonl"), ("a.ndjson", "jsonl"), ("a.parquet", "parquet"), ("a.txt", None),
    ("csv", None), ("a.gz", None),
])  # fmt: skip
def test_format_by_name(name, format):
    assert format_of(name) == format


def as_csv():
    quoted = ROWS[0]["text"].replace('"', '""')
    return f'text,label\r\n"{quoted}",a\r\n{ROWS[1]["text"]},b\r\n'


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("name", "content"), [
    ("a.csv", as_csv()),
    ("a.json", json.dumps(ROWS)),
    ("a.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n\n"),
])  # fmt: skip
def test_text_formats(tmp_path, name, content, zipped):
    data = gzip.compress(content.encode()) if zipped else content.encode()
    assert read_rows(put(tmp_path, name + ".gz" * zipped, data), need=NEED) == ROWS


def test_parquet(tmp_path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"text": ["a", "b"], "label": [1, 0], "score": [0.5, None]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read_rows(tmp_path / "a.parquet", need=NEED) == [
        {"text": "a", "label": "1", "score": "0.5"}, {"text": "b", "label": "0", "score": ""},
    ]  # fmt: skip


def test_gzip_is_found_by_content_not_by_name(tmp_path):
    path = put(tmp_path, "a.csv", gzip.compress(as_csv().encode()))
    assert read_rows(path, need=NEED) == ROWS


def test_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = put(tmp_path, "a.csv", "\ufefftext,label\nx,a\n")
    assert read_rows(path, need=NEED) == [{"text": "x", "label": "a"}]


def test_tab_separated_without_header_keeps_quotes(tmp_path):
    path = put(tmp_path, "a.txt", "1\t2.5\tIt's \"fine\r\n2\t-1\t''Bad''\r\n")
    assert read_rows(path, need=NEED, format="tsv", columns=["id", "label", "text"]) == [
        {"id": "1", "label": "2.5", "text": "It's \"fine"},
        {"id": "2", "label": "-1", "text": "''Bad''"},
    ]


def test_header_wins_over_given_columns(tmp_path):
    path = put(tmp_path, "a.csv", "label,text\na,x\n")
    assert read_rows(path, need=NEED, columns=["text", "label"]) == [{"label": "a", "text": "x"}]


def test_values_become_text():
    rows = [{"a": 1, "b": 1.5, "c": True, "d": None, "e": ["ü"], "f": {"g": 1}, "h": "1.50"}]
    assert as_texts(rows) == [
        {"a": "1", "b": "1.5", "c": "true", "d": "", "e": '["ü"]', "f": '{"g": 1}', "h": "1.50"}
    ]


@pytest.mark.parametrize(("name", "content", "problem"), [
    ("a.txt", "x", r"a\.txt: its name tells no format; use \.csv"),
    ("a.csv", "", "has no rows; give a file that has some"),
    ("a.csv", "text,label\n", "has no rows; give a file that has some"),
    ("a.json", "", "has no rows; give a file that has some"),
    ("a.json", "[]", "has no rows; give a file that has some"),
    ("a.jsonl", "\n", "has no rows; give a file that has some"),
    ("a.csv", "text,target\nx,1\n", "no column 'label'; it has text, target; set data.text"),
    ("a.csv", "text;label\nx;1\n", "it has text;label; save it with commas between the fields"),
    ("a.csv", "text\tlabel\nx\t1\n", "save it with commas between the fields, or tabs as .tsv"),
    ("a.json", "[{}]", "no column 'text'; it has ; set data.text"),
    ("a.json", '[{"text": "a"}]', "no column 'label'; it has text"),
    ("a.json", '[{"text": "a", "label": "b"}, {"text": "a"}]', "row 2 has no 'label'"),
    ("a.csv", "text,label\nx,a\ny\n", r"row 2 \(line 3\) has 1 fields, not 2 \(text, label\)"),
    ("a.csv", "text,label\nx,a,b\n", r"row 1 \(line 2\) has 3 fields, not 2"),
    ("a.csv", 'text,label\n"x,a\n', r"row 1 \(line 2\) is no valid csv: .*unclosed quote"),
    ("a.csv", "text,text\nx,a\n", "two columns have one name: text, text; rename one"),
    ("a.csv", b"text,label\nok,a\n\xe9,b\n", r"line 3 is not UTF-8 \(byte 0xe9\); convert"),
    ("a.json", "[{]", "is no valid JSON: Expecting property name"),
    ("a.json", '{"data": []}', "is no list of objects"),
    ("a.json", "[1]", "row 1 is no object"),
    ("a.jsonl", '{"text": "a", "label": "b"}\n{"text"\n', "line 2 is no valid JSON"),
    ("a.jsonl", "[1]\n", "line 1 is no object"),
    ("a.parquet", "PAR1nothing", "is no valid parquet file"),
    ("a.csv.gz", gzip.compress(b"text,label\nx,a\n" * 99, mtime=0)[:-12], "cannot be read"),
    ("a.csv", b"\x1f\x8b\x00", "cannot be read"),
])  # fmt: skip
def test_broken_file_is_one_line_with_its_place(tmp_path, name, content, problem):
    with pytest.raises(AssetError, match=problem) as caught:
        read_rows(put(tmp_path, name, content), need=NEED)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_shown_name(tmp_path):
    with pytest.raises(AssetError, match=r"mine: cannot be read: .*No such file"):
        read_rows(tmp_path / "a.csv", need=NEED, shown="mine")


def test_columns_of_rows_that_came_from_elsewhere():
    rows = [{"text": "a", "label": "b"}]
    check_columns(rows, NEED, "x")
    with pytest.raises(AssetError, match="x: no column 'id'"):
        check_columns(rows, [*NEED, "id"], "x")
