from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.records import Adapter, Output, Sampling
from harness.workers.store import _FITS, Store, content_key, fingerprint

ROOT = Path(__file__).parents[2]
FULL = Output(
    key="k1",
    text="positive ё \ud800 \x00",
    token_ids=(1, 2, 2**31 - 1),
    finish_reason="length",
    logprobs=(-0.1, -math.inf, -1e-300, -12345.678901234567),
    prompt_tokens=7,
    cached_tokens=3,
)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "deep/er/outputs.sqlite")
    yield opened
    opened.close()


def test_an_output_comes_back_as_it_was(store):
    plain = Output(key="k2")
    store.put([FULL, plain], "shared")
    assert store.get(["k1", "k2", "k3"]) == {"k1": FULL, "k2": plain}
    assert store.get([]) == {}


def test_what_took_time_is_kept_until_there_is_too_much(store, monkeypatch):
    monkeypatch.setattr("harness.workers.store._REMEMBERED", 25)
    for number in range(4):
        store.remember(f"k{number}", bytes([number]) * 10)
    assert [store.recall(f"k{number}") for number in range(4)] == [
        None,
        None,
        b"\2" * 10,
        b"\3" * 10,
    ]
    store.remember("k3", b"new")
    assert store.recall("k3") == b"new"
    store._db.execute("UPDATE memory SET body = 'a text'")
    assert store.recall("k3") is None
    store._db.execute("DROP TABLE memory")
    store.remember("k4", b"lost")
    assert store.recall("k4") is None


def test_nan_comes_back(store):
    store.put([replace(FULL, logprobs=(math.nan,))], "shared")
    (value,) = store.get(["k1"])["k1"].logprobs
    assert math.isnan(value)


def test_outputs_outlive_the_process(tmp_path):
    path = tmp_path / "outputs.sqlite"
    first = Store(path)
    first.put([FULL], "shared")
    first.close()
    second = Store(path)
    assert second.get(["k1"]) == {"k1": FULL}
    second.close()


def test_an_entry_is_whole_with_and_without_what_has_nothing_in_it(tmp_path):
    """As it is stored, and as earlier versions stored it."""
    store = Store(tmp_path / "outputs.sqlite")
    store.put([FULL], "shared")
    with sqlite3.connect(tmp_path / "outputs.sqlite") as other:
        (body,) = other.execute("SELECT body FROM outputs").fetchone()
        assert "completion_tokens" not in body
        older = body.replace("}", ', "completion_tokens": 0, "thought": ""}')
        assert store.get(["k1"]) == {"k1": FULL}
        other.execute("UPDATE outputs SET body = ?", (older,))
    other.close()
    assert store.get(["k1"]) == {"k1": FULL}
    store.close()


def test_failed_outputs_are_not_stored(store):
    store.put([Output("bad", finish_reason="error", error="too long"), FULL], "shared")
    assert store.get(["bad", "k1"]).keys() == {"k1"}
    store.put([Output("only", error="x")], "other")
    assert not store.knows("other")


def test_a_later_output_replaces_an_earlier_one(store):
    store.put([FULL], "shared")
    store.put([replace(FULL, text="new")], "shared")
    assert store.get(["k1"])["k1"].text == "new"


def test_knows_a_fingerprint(store):
    assert not store.knows("shared")
    store.put([FULL], "shared")
    assert store.knows("shared")
    assert not store.knows("other")


def test_more_keys_than_a_statement_takes(store):
    outputs = [Output(f"key{i}", text=str(i)) for i in range(2345)]
    store.put(outputs, "shared")
    found = store.get([f"key{i}" for i in range(5000)])
    assert len(found) == 2345
    assert all(found[f"key{i}"].text == str(i) for i in range(2345))


def test_what_is_stored_is_json(store, tmp_path):
    store.put([FULL], "shared")
    with sqlite3.connect(tmp_path / "deep/er/outputs.sqlite") as db:
        ((body,),) = db.execute("SELECT body FROM outputs")
    assert json.loads(body)["token_ids"] == [1, 2, 2**31 - 1]


_WRITER = """
import sys
from pathlib import Path
from harness.records import Output
from harness.workers.store import Store
name = sys.argv[2]
sys.stdin.readline()
store = Store(Path(sys.argv[1]))
for i in range(30):
    store.put([Output(f"{name}-{i}-{j}", text="x" * 200) for j in range(10)], name)
    assert len(store.get([f"{name}-{i}-{j}" for j in range(10)])) == 10
store.close()
"""


def test_several_processes_write_one_file(tmp_path):
    path = tmp_path / "outputs.sqlite"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for name in "abcd"
    ]
    # All open the file that none has made yet at the same time.
    for writer in writers:
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors.decode()
    store = Store(path)
    keys = [f"{name}-{i}-{j}" for name in "abcd" for i in range(30) for j in range(10)]
    assert len(store.get(keys)) == len(keys)
    store.close()


ELSEWHERE = "give another place by --eval-store (harness judge passport: --store)"
MOVE = "move it away, with the files -wal and -shm beside it, and its outputs are made again"


def one_line(raised, path: Path, what: str, fix: str = MOVE) -> None:
    text = str(raised.value)
    assert text.startswith(f"{path}: the store of outputs cannot be {what}: ")
    assert text.endswith(f"; {fix}, or {ELSEWHERE}" if fix != MOVE else f"; {fix}; or {ELSEWHERE}")
    assert "\n" not in text


def test_a_new_file_that_another_one_writes_to_is_waited_for(tmp_path):
    """SQLite does not wait by itself before it turns on the write-ahead log."""
    path = tmp_path / "o.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute(
        "CREATE TABLE outputs (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, "
        "body TEXT NOT NULL, created REAL NOT NULL) WITHOUT ROWID"
    )
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(lambda: Store(path).close())
        time.sleep(0.3)
        assert not opened.done()
        other.execute("COMMIT")
        opened.result(timeout=30)
    other.close()


def test_several_open_one_new_file_at_once(tmp_path):
    together = threading.Barrier(4)

    def opened(path: Path) -> None:
        together.wait()
        Store(path).close()

    with ThreadPoolExecutor(4) as pool:
        for number in range(100):
            list(pool.map(opened, [tmp_path / f"{number}.sqlite"] * 4))


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file/outputs.sqlite"
    with pytest.raises(StoreError) as raised:
        Store(path)
    one_line(raised, path, "opened", "see that its folder can be written")


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    path = tmp_path / "outputs.sqlite"
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreError) as raised:
        Store(path)
    one_line(raised, path, "opened")
    assert path.read_bytes().startswith(b"no database")


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    path = tmp_path / "outputs.sqlite"
    store = Store(path)
    store.put([FULL], "shared")
    # SQLite's own limit of pages stands for the disk's.
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError) as raised:
        store.put([Output(f"big{i}", text="x" * 10_000) for i in range(20)], "shared")
    one_line(raised, path, "written", "free disk space")
    assert store.get(["k1", "big0"]) == {"k1": FULL}
    store.close()


def test_a_file_that_became_read_only_is_one_line(tmp_path):
    path = tmp_path / "outputs.sqlite"
    store = Store(path)
    store._db.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError) as raised:
        store.put([FULL], "shared")
    one_line(raised, path, "written", "see that its folder can be written")
    store.close()


def test_a_damaged_table_is_one_line(tmp_path):
    path = tmp_path / "outputs.sqlite"
    store = Store(path)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE outputs")
    other.close()
    for call, what in (
        (lambda: store.get(["a"]), "read"),
        (lambda: store.knows("a"), "read"),
        (lambda: store.put([FULL], "a"), "written"),
    ):
        with pytest.raises(StoreError) as raised:
            call()
        one_line(raised, path, what)
    store.close()


def _overwritten(path: Path, start: int, end: int, byte: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(byte * (end - start))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: _overwritten(path, 4096, 40960, b"\xff"),
        lambda path: _overwritten(path, 0, 100, b"\0"),
        lambda path: os.truncate(path, 30000),
    ],
)
def test_a_damaged_file_says_to_move_it_away(tmp_path, damage):
    path = tmp_path / "outputs.sqlite"
    store = Store(path)
    keys = [f"k{i}" for i in range(400)]
    store.put([Output(key, text="x" * 200) for key in keys], "shared")
    store.close()
    damage(path)
    with pytest.raises(StoreError, match=MOVE):
        Store(path).get(keys)


OUTPUTS = (
    "CREATE TABLE outputs ( key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, body TEXT NOT NULL, "
    "created REAL NOT NULL ) WITHOUT ROWID"
)


def test_a_store_of_an_earlier_version_is_taken(tmp_path):
    path = tmp_path / "outputs.sqlite"
    other = sqlite3.connect(path)
    other.executescript(OUTPUTS.replace("( key", "(\n    key").replace(" )", "\n)"))
    other.close()
    store = Store(path)
    store.put([Output("k")], "shared")
    assert list(store.get(["k"])) == ["k"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("CREATE TABLE users (name TEXT)", "a database with other tables (users)"),
        ("CREATE TABLE outputs (key TEXT PRIMARY KEY, body TEXT)", "its table has other columns"),
        (OUTPUTS.replace("created REAL NOT NULL", "created REAL NOT NULL, UNIQUE(fingerprint)"),
         "its table has other columns or rules"),
        (OUTPUTS + "; CREATE TRIGGER t AFTER INSERT ON outputs BEGIN DELETE FROM outputs; END",
         "it has the trigger t, which"),
        (OUTPUTS + "; CREATE TRIGGER t BEFORE INSERT ON outputs BEGIN SELECT RAISE(IGNORE); END",
         "it has the trigger t, which"),
        (OUTPUTS + "; CREATE UNIQUE INDEX i ON outputs (fingerprint)", "it has the index i, which"),
        (OUTPUTS + "; CREATE VIEW memory AS SELECT 1 AS key", "its view memory has other"),
        (OUTPUTS + "; CREATE TABLE doubted (x TEXT)", "its table doubted has other columns"),
    ],
)  # fmt: skip
def test_a_database_of_another_kind_is_left_as_it_is(tmp_path, table, words):
    path = tmp_path / "outputs.sqlite"
    other = sqlite3.connect(path)
    other.executescript(table)
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError) as raised:
        Store(path)
    one_line(raised, path, "opened")
    assert words in str(raised.value)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["outputs.sqlite"]


_WHOLE = {"token_ids": [1], "logprobs": [-0.5], "text": "a"}


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", "7", "[" * 100_000, b"\xff\xfe", json.dumps({**_WHOLE, "new": 1})]
    + [
        json.dumps({**_WHOLE, name: value})
        for name, values in {
            "text": [None, 1, ["a"]],
            "finish_reason": [None, {}],
            "token_ids": [None, "12", ["a"], [1.5], [True], [-1], [[1]]],
            "logprobs": [None, "ab", ["a", "b"], [None], [[-1.0]], [False], [10**400]],
            "prompt_tokens": [None, "7", -1, 1.5, True, 10**30],
            "thought": [0],
            "served_by": [[]],
        }.items()
        for value in values
    ],
)
def test_an_entry_that_cannot_be_read_is_asked_again(tmp_path, body):
    store = Store(tmp_path / "outputs.sqlite")
    store.put([FULL, replace(FULL, key="k2")], "shared")
    with sqlite3.connect(tmp_path / "outputs.sqlite") as other:
        update = "UPDATE outputs SET body = CAST(? AS TEXT) WHERE key = 'k1'"
        other.execute(update, (body,))
    other.close()
    assert store.get(["k1", "k2"]).keys() == {"k2"}
    store.close()


def test_all_that_an_output_holds_is_checked():
    named = {field.name for field in fields(Output)} - {"key", "error"}
    assert set(_FITS) == named


SAMPLING = Sampling(max_tokens=4, score_ids=(1, 2))
ADAPTER = Adapter("/somewhere", "digest", 8)
KEY = content_key("shared", (1, 2, 3), SAMPLING, ADAPTER)


@pytest.mark.parametrize(
    ("shared", "ids", "sampling", "adapter"),
    [
        ("other", (1, 2, 3), SAMPLING, ADAPTER),
        ("shared", (1, 2, 4), SAMPLING, ADAPTER),
        ("shared", (1, 2), SAMPLING, ADAPTER),
        ("shared", (), SAMPLING, ADAPTER),
        ("shared", (1, 2, 3), SAMPLING, None),
        ("shared", (1, 2, 3), SAMPLING, replace(ADAPTER, digest="other")),
        ("shared", (1, 2, 3), replace(SAMPLING, max_tokens=5), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, temperature=0.5), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, top_p=0.5), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, seed=0), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, stop=("x",)), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, score_ids=(2, 1)), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, choices=("x",)), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, schema="{}"), ADAPTER),
        ("shared", (1, 2, 3), replace(SAMPLING, score_texts=("1",)), ADAPTER),
    ],
)
def test_content_makes_the_key(shared, ids, sampling, adapter):
    assert content_key(shared, ids, sampling, adapter) != KEY


def test_messages_make_the_key():
    def key(*messages):
        return content_key("shared", (), SAMPLING, None, messages=messages)

    turns = ("system", "a"), ("user", "b")
    keys = [key(), key(*turns), key(*reversed(turns)), key(("system", "a")), key(("user", "ab"))]
    assert len(set(keys)) == 5
    assert key(*turns) == content_key("shared", (), SAMPLING, None, messages=[*turns])


def test_a_key_stays_what_it_was():
    """Or all that was ever stored is lost."""
    sampling = Sampling(4, 0.5, 1.0, 7, ("\n",), (5, 6), ("a", "ё"))
    assert content_key("shared", (1, 2, 3), sampling, ADAPTER) == (
        "dd956a42f1fed61be223c244e2d95ddb7c85aca1e442fa9fc2c065ea5132b7e8"
    )
    assert content_key("shared", (1, 2, 3), Sampling(), None) == (
        "9c1b2b67bd9579b9d5bee544c53e25ee72f0b0820f09ce7f1e885d790c5bf886"
    )


def test_names_and_paths_do_not_make_the_key():
    moved = replace(ADAPTER, path="/elsewhere")
    assert content_key("shared", [1, 2, 3], SAMPLING, moved) == KEY


def test_fingerprints_depend_on_content_and_not_on_order():
    one = fingerprint({"weights": "a", "options": {"x": 1, "y": None}})
    assert one == fingerprint({"options": {"y": None, "x": 1}, "weights": "a"})
    assert one != fingerprint({"weights": "a", "options": {"x": 2, "y": None}})
    assert one != fingerprint({"weights": "b", "options": {"x": 1, "y": None}})
