from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
from decimal import Decimal

import pytest

from harness.errors import AssetError
from harness.sources.rows import check_columns, format_of, read_table
from harness.sources.values import NoText

NEED = ["text", "label"]
ROWS = [{"text": 'one, "two"\nthree', "label": "a"}, {"text": "vier\u2028fünf", "label": "b"}]


def read(path, **how):
    return read_table(path, **how).rows


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
    assert read(put(tmp_path, name + ".gz" * zipped, data), need=NEED) == ROWS


def test_parquet(tmp_path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"text": ["a", "b"], "label": [1, 0], "score": [0.5, None]})
    parquet.write_table(table, tmp_path / "a.parquet")
    rows = [
        {"text": "a", "label": "1", "score": "0.5"}, {"text": "b", "label": "0", "score": ""},
    ]  # fmt: skip
    assert read(tmp_path / "a.parquet", need=[]) == rows
    assert read(tmp_path / "a.parquet", need=["label"]) == [{"label": "1"}, {"label": "0"}]


def test_gzip_is_found_by_content_not_by_name(tmp_path):
    path = put(tmp_path, "a.csv", gzip.compress(as_csv().encode()))
    assert read(path, need=NEED) == ROWS


def test_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = put(tmp_path, "a.csv", "\ufefftext,label\nx,a\n")
    assert read(path, need=NEED) == [{"text": "x", "label": "a"}]


def test_tab_separated_without_header_keeps_quotes(tmp_path):
    path = put(tmp_path, "a.txt", "1\t2.5\tIt's \"fine\r\n2\t-1\t''Bad''\r\n")
    assert read(path, need=NEED, format="tsv", columns=["id", "label", "text"]) == [
        {"id": "1", "label": "2.5", "text": "It's \"fine"},
        {"id": "2", "label": "-1", "text": "''Bad''"},
    ]


def test_header_wins_over_given_columns(tmp_path):
    path = put(tmp_path, "a.csv", "label,text\na,x\n")
    assert read(path, need=NEED, columns=["text", "label"]) == [{"label": "a", "text": "x"}]


@pytest.mark.parametrize(("name", "content", "problem"), [
    ("a.txt", "x", r"a\.txt: its name tells no format; use \.csv"),
    ("a.csv", "", "has no rows; give a file that has some"),
    ("a.csv", "text,label\n", "has no rows; give a file that has some"),
    ("a.json", "", "has no rows; give a file that has some"),
    ("a.json", "[]", "has no rows; give a file that has some"),
    ("a.jsonl", "\n", "has no rows; give a file that has some"),
    ("a.csv", "text,target\nx,1\n", "no column 'label'; it has text, target; set data.text"),
    ("a.csv", "text;label\nx;1\n", "has semicolons between its fields; save it with commas, or wi"),
    ("a.csv", "text;label\nx, y;1\n", "has semicolons between its fields; save it with commas"),
    ("a.csv", 'label;"text"\n1;"x, y"\n', "has semicolons between its fields"),
    ("a.csv", "sep=;\ntext;label\nx;1\n", "has semicolons between its fields"),
    ("a.csv", "name;note, or so;text;label\nx;1;2;3\n", "has semicolons between its fields"),
    ("a.csv", "text\tlabel\nx, y\t1\n", "has tabs between its fields; save .* with tabs as .tsv"),
    ("a.csv", "text|label\nx|1\n", "has bars between its fields"),
    ("a.csv", "# 2024\ntext,label\nx,1\n", "no column 'text'; it has # 2024; set data.text"),
    ("a.tsv", 'text\tlabel\nx\ta\n"so ""y"" it is"\tb\n', r"row 2 \(line 3\) has a field in"),
    ("a.tsv", '"text"\t"label"\n"x"\t"a"\n', "has quotes around its fields, which are ordinary"),
    ("a.tsv", 'text\tlabel\n"x"\t1\n"y"\t0\n', "has quotes around its fields, which are ordinary"),
    ("a.tsv", "text,label\nx,1\n", "has commas between its fields; save it as .csv, or write form"),
    ("a.json", "[{}]", "no column 'text'; it has ; set data.text"),
    ("a.json", '[{"text": "a"}]', "no column 'label'; it has text"),
    ("a.json", '[{"text": "a", "label": "b"}, {"text": "a"}]', "row 2 has no 'label'"),
    ("a.csv", "text,label\nx,a\ny\n", r"row 2 \(line 3\) has 1 fields, not 2 \(text, label\); put"),
    ("a.tsv", 'text\tlabel\n"x\ny"\ta\n', "row 1 .*; quotes are ordinary characters here: a field"),
    ("a.csv", "text,label\nx,a,b\n", r"row 1 \(line 2\) has 3 fields, not 2"),
    ("a.csv", 'text,label\n"x,a\n', r"row 1 \(line 2\) is not a valid csv: .*unclosed quote"),
    ("a.csv", "text,text,label\nx,y,a\n", "two columns have one name: text, text, label; rename"),
    ("a.csv", b"text,label\nok,a\n\xe9,b\n", r"line 3 is not UTF-8 \(byte 0xe9\); convert"),
    ("a.json", "[{]", "is not valid JSON: Expecting property name"),
    ("a.json", '{"data": []}', "is not a list of objects, but one object of data; write a list"),
    ("a.json", "3", "is not a list of objects"),
    ("a.json", '[{"text": "a", "label": "b", "text": "c"}]', "row 1 has the key 'text' twice"),
    ("a.jsonl", '{"text": "a", "label": "b", "label": "c"}', "line 1 has the key 'label' twice"),
    ("a.json", '[{"text": "a", "more": [{"x": 1, "x": 2}]}]', "row 1 has the key 'x' twice"),
    ("a.json", '{"text": "a", "label": "b"}\n{"text"\n', "line 2 is not valid JSON"),
    ("a.json", '[{"text": ' + "[" * 100_000, "is nested too deep"),
    ("a.csv", b"PK\x03\x04\x14\x00", "is a zip archive, as .xlsx is one too; unpack it"),
    ("a.csv", bz2.compress(b"text,label\nx,a\n"), "is packed by bzip2; unpack it, or pack"),
    ("a.csv", lzma.compress(b"text,label\nx,a\n"), "is packed by xz; unpack it"),
    ("a.json", b"PAR1rest", "is a parquet file; write format: parquet"),
    ("a.csv", "text,label\nx,a\n".encode("utf-16-le"), "line 1 holds a NUL character, as UTF"),
    ("a.csv", b"\xff\xfet", "begins as UTF-16, and is not; convert the file to UTF-8"),
    ("a.json", "[1]", "row 1 is not an object"),
    ("a.jsonl", '{"text": "a", "label": "b"}\n{"text"\n', "line 2 is not valid JSON"),
    ("a.jsonl", "[1]\n", "row 1 is not an object"),
    ("a.jsonl", "1\n", "line 1 is not an object"),
    ("a.parquet", "PAR1nothing", "is not a valid parquet file"),
    ("a.csv.gz", gzip.compress(b"text,label\nx,a\n" * 99, mtime=0)[:-12], "cannot be read"),
    ("a.csv", b"\x1f\x8b\x00", "cannot be read"),
])  # fmt: skip
def test_broken_file_is_one_line_with_its_place(tmp_path, name, content, problem):
    with pytest.raises(AssetError, match=problem) as caught:
        read(put(tmp_path, name, content), need=NEED)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_shown_name(tmp_path):
    with pytest.raises(AssetError, match=r"mine: cannot be read: .*No such file"):
        read(tmp_path / "a.csv", need=NEED, shown="mine")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize(("name", "content"), [
    ("a.csv", as_csv()),
    ("a.json", json.dumps(ROWS, ensure_ascii=False)),
])  # fmt: skip
def test_encodings_with_a_mark(tmp_path, encoding, name, content):
    assert read(put(tmp_path, name, content.encode(encoding)), need=NEED) == ROWS


@pytest.mark.parametrize(("name", "content"), [
    ("a.json", "\n".join(map(json.dumps, ROWS))),
    ("a.json", "\n" + "\n\n".join(map(json.dumps, ROWS)) + "\n"),
    ("a.jsonl", json.dumps(ROWS, indent=1)),
])  # fmt: skip
def test_json_and_json_lines_are_told_apart_by_what_they_hold(tmp_path, name, content):
    assert read(put(tmp_path, name, content), need=NEED) == ROWS


def test_a_space_behind_a_comma_is_none_of_the_text(tmp_path):
    path = put(tmp_path, "a.csv", 'label, text\na, "one, two"\nb, it is "so"\nc," three"\n')
    assert [row["text"] for row in read(path, need=NEED)] == ["one, two", 'it is "so"', " three"]


@pytest.mark.parametrize(("name", "content"), [
    ("a.csv", " text ,label,,\nx,a,,\n"),
    ("a.jsonl", '{" text": "x", "label": "a"}'),
])  # fmt: skip
def test_columns_that_are_not_needed_may_be_anything(tmp_path, name, content):
    (row,) = read(put(tmp_path, name, content), need=NEED)
    assert (row["text"], row["label"]) == ("x", "a")


def test_a_number_of_thousands_of_digits_is_read_as_text(tmp_path):
    path = put(tmp_path, "a.jsonl", '{"text": %s, "label": "a"}' % ("9" * 5000))
    assert read(path, need=NEED)[0]["text"] == "9" * 5000


def test_long_fields_are_read_and_the_limit_of_the_process_stays(tmp_path):
    before = csv.field_size_limit()
    long = "so, it goes. " * 20_000
    path = put(tmp_path, "a.csv", f'text,label\n"{long}",a\nshort,b\n')
    assert [row["text"] for row in read(path, need=NEED)] == [long, "short"]
    assert csv.field_size_limit() == before


def test_a_column_is_found_in_any_unicode_form(tmp_path):
    name = "re\u0301ponse"
    for path in (put(tmp_path, "a.csv", f"{name},label\nx,a\n"),
                 put(tmp_path, "a.jsonl", json.dumps({name: "x", "label": "a"}))):  # fmt: skip
        for wanted in (name, "r\u00e9ponse"):
            assert read(path, need=[wanted, "label"]) == [{"r\u00e9ponse": "x", "label": "a"}]


def test_parquet_reads_what_is_needed_as_it_was_written(tmp_path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({
        "text": pyarrow.array([b"a", "\u00e9".encode(), None], pyarrow.binary()),
        "label": pyarrow.array([0.7, 1.5, None], pyarrow.float32()),
        "price": pyarrow.array([Decimal("4.50"), Decimal("1"), None]),
        "far": pyarrow.array([10**18, 1, None], pyarrow.timestamp("us")),
        "a.b": pyarrow.array(["x", "y", None]),
        "a": pyarrow.array([{"b": 1}, {"b": 2}, None]),
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "a.parquet")
    need = ["text", "label", "price", "a.b"]
    assert read(tmp_path / "a.parquet", need=need) == [
        {"text": "a", "label": "0.7", "price": "4.50", "a.b": "x"},
        {"text": "\u00e9", "label": "1.5", "price": "1.00", "a.b": "y"},
        {"text": "", "label": "", "price": "", "a.b": ""},
    ]
    assert read(tmp_path / "a.parquet", need=["a"])[0] == {"a": NoText("a mapping", '{"b": 1}')}
    with pytest.raises(AssetError, match=r"column 'far' \(timestamp\[us\]\) cannot be read: date"):
        read(tmp_path / "a.parquet", need=["far"])
    with pytest.raises(AssetError, match="no column 'id'; it has text, label, price, far, a"):
        read(tmp_path / "a.parquet", need=["text", "id"])


def test_two_columns_of_a_parquet_file_have_one_name(tmp_path):
    import pyarrow
    from pyarrow import parquet

    one, two = pyarrow.array(["a"]), pyarrow.array(["b"])
    table = pyarrow.Table.from_arrays([one, two, one], ["text", "text", "label"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(AssetError, match="two columns have one name: text, text; rename one"):
        read(tmp_path / "a.parquet", need=["text"])
    assert read(tmp_path / "a.parquet", need=["label"]) == [{"label": "a"}]


def test_classes_of_a_parquet_file(tmp_path):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    data = datasets.Dataset.from_dict({"text": ["a"], "label": [1]}, features=features)
    data.to_parquet(str(tmp_path / "a.parquet"))
    table = read_table(tmp_path / "a.parquet", need=NEED)
    assert (table.rows, table.classes) == (
        [{"text": "a", "label": "1"}],
        {"label": ["bad", "good"]},
    )


def test_columns_of_rows_that_came_from_elsewhere():
    rows = [{"text": "a", "label": "b"}]
    check_columns(rows, NEED, "x", always=NEED)
    with pytest.raises(AssetError, match="x: no column 'id'"):
        check_columns(rows, [*NEED, "id"], "x", always=NEED)
