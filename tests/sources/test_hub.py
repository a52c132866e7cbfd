from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from base64 import b64encode
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from harness.errors import AssetUnreachable
from harness.sources import hub
from harness.sources.hub import hub_reachable, hub_snapshot, hub_table
from harness.sources.network import answers
from harness.spec.base import HubName

COMMIT = "c" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub of one model and one data set, both `owner/toy`, with one commit."""

    files: dict[str, dict[str, bytes]] = {}  # noqa: RUF012
    asked: list[str] = []  # noqa: RUF012

    def do_HEAD(self):
        self.respond()

    def do_GET(self):
        self.respond()

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.respond()

    def respond(self):
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        self.asked.append("/".join(parts))
        if "locked" in parts:
            self.refuse()
            return
        if "broken" in parts:
            self.send_response(200)
            self.send_header("Content-Length", "115")
            self.end_headers()
            return
        if parts[0] == "api" and parts[2:4] == ["owner", "toy"] and parts[1] in self.files:
            self.api(self.files[parts[1]], parts[4:])
            return
        kind = "datasets" if parts[0] == "datasets" else "models"
        parts = parts[1:] if kind == "datasets" else parts
        if parts[:3] == ["owner", "toy", "resolve"] and parts[3] in {COMMIT, "main"}:
            self.file(self.files[kind].get("/".join(parts[4:])))
            return
        self.missing("RepoNotFound")

    def api(self, files, rest):
        entries = [{"type": "file", "path": name, "size": len(content),
                    "oid": hashlib.sha1(content).hexdigest()}
                   for name, content in files.items()]  # fmt: skip
        revision = rest[1] if len(rest) > 1 else "main"
        if revision not in {COMMIT, "main"}:
            self.missing("RevisionNotFound")
        elif rest[:1] == ["paths-info"]:
            body = self.body.decode()
            wanted = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body)["paths"]
            self.json([entry for entry in entries if entry["path"] in wanted])
        elif rest[:1] == ["tree"]:
            self.json(entries if len(rest) == 2 else [])
        else:
            siblings = [{"rfilename": name} for name in files]
            self.json({"id": "owner/toy", "sha": COMMIT, "private": False, "downloads": 0,
                       "tags": [], "siblings": siblings})  # fmt: skip

    def file(self, content):
        if content is None:
            self.missing("EntryNotFound")
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def json(self, data):
        self.file(json.dumps(data).encode())

    def missing(self, code):
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self):
        said = f"you sent {self.headers['Authorization']}"
        body = json.dumps({"error": said}).encode()
        self.send_response(401)
        self.send_header("X-Error-Message", said)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server():
    files = {
        "models": {"config.json": b"{}", "model.safetensors": b"weights", "README.md": b"#",
                   "pytorch_model.bin": b"pickle", "chat_template.jinja": b"x",
                   "adapter_config.json": b"{}"},
        "datasets": {"data.csv": b"review,sentiment,stars\nfine,positive,5\nbad,negative,1\n",
                     "README.md": b"# toy\n", "gold/pairs.jsonl": b'{"id": "a"}'},
    }  # fmt: skip
    handler = type("Handler", (Hub,), {"files": files, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def call(server, tmp_path):
    """Calls functions of the hub module in a process of its own, which reads the environment.

    Returns what they return or raise, a string for a single one.
    """

    def call(*expressions: str, **environ: str) -> str | list[str]:
        code = "from harness.sources.hub import *\n" + "".join(
            f"try: print({expression}, end='\\0')\n"
            f"except Exception as error: print(type(error).__name__, error, end='\\0')\n"
            for expression in expressions
        )
        environ = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                   "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1", **environ}  # fmt: skip
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True,
                              text=True, timeout=120, check=True)  # fmt: skip
        said = [one.strip() for one in done.stdout.split("\0")[:-1]]
        assert len(said) == len(expressions)
        return said[0] if len(said) == 1 else said

    return call


@pytest.fixture(autouse=True)
def online(monkeypatch):
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN",
                 "HF_DATASETS_CACHE", "HF_HUB_CACHE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    answers.cache_clear()
    yield
    answers.cache_clear()


def test_reachable_follows_the_endpoint(server, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    assert hub_reachable()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert not hub_reachable()


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_mode_asks_nobody(monkeypatch, name):
    monkeypatch.setattr(hub, "answers", lambda *args: pytest.fail("asked"))
    monkeypatch.setenv(name, "1")
    assert not hub_reachable()


def test_data_set_is_skipped_within_a_second(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "answers", lambda *args: False)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(AssetUnreachable) as caught:
        hub_table(
            HubName("scikit-learn/imdb", None, None), "train", option="--eval-dataset imdb=PATH"
        )
    assert time.monotonic() - start < 1
    assert str(caught.value) == (
        "hub data set scikit-learn/imdb is out of reach; run with --eval-dataset imdb=PATH to a "
        "local copy, or set HF_ENDPOINT"
    )


def test_a_recipe_without_the_hub_is_told_of_its_own_option(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "answers", lambda *args: False)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    with pytest.raises(AssetUnreachable, match="run with --data FILE to a local copy, or set HF"):
        hub_table(HubName("owner/dialogues", None, None), "train", option="--data FILE")


def test_model_out_of_reach_says_how_to_run(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "answers", lambda *args: False)
    problem = r"hub model no-such-owner/no-such@v1 is out of reach; download it on .* file:FOLDER"
    with pytest.raises(AssetUnreachable, match=problem):
        hub_snapshot("no-such-owner/no-such", "v1")


def test_an_answer_that_breaks_off_is_a_hub_out_of_reach(call):
    found = call("hub_table(HubName('broken/toy', None, None), 'train')",
                 "hub_snapshot('broken/toy', None)")  # fmt: skip
    assert [one.partition(" hub ")[0] for one in found] == ["AssetUnreachable"] * 2
    assert all("broken/toy is out of reach; " in one for one in found)


def test_model_is_fetched_once_without_pickles_and_adapters(server, call):
    expression = "[(path, commit, sorted(file.name for file in path.iterdir())) " \
                 "for path, commit in [hub_snapshot('owner/toy', None)]]"  # fmt: skip
    first = call(expression)
    assert "['chat_template.jinja', 'config.json', 'model.safetensors']" in first
    assert COMMIT in first
    asked = len(server.RequestHandlerClass.asked)
    assert asked
    assert call(expression) == first
    assert call(expression, HF_HUB_OFFLINE="1") == first
    assert len(server.RequestHandlerClass.asked) == asked


def test_model_that_the_hub_does_not_have(call):
    for answer in call("hub_snapshot('owner/none', None)", "hub_snapshot('owner/toy', 'v9')"):
        assert answer.startswith("AssetError hub model owner/")
        assert "check the name" in answer
        assert "\n" not in answer


@pytest.mark.parametrize("login", ["", "somebody:Pass-w0rd-0123@"])
def test_a_key_that_the_hub_repeats_is_not_told(server, call, login):
    token = "hf_AbCdEfGhIjKlMnOp"
    endpoint = f"http://{login}127.0.0.1:{server.server_port}"
    for answer in call("hub_snapshot('owner/locked', None)",
                       "hub_file('owner/locked', 'a.csv', None, option='--gold FILE')",
                       "hub_table(HubName('owner/locked', None, None), 'train')",
                       HF_TOKEN=token, HF_ENDPOINT=endpoint):  # fmt: skip
        assert "cannot be had" in answer
        assert "<key>" in answer
        coded = b64encode(b"somebody:Pass-w0rd-0123").decode()
        assert not any(part in answer for part in (token, "somebody:", "w0rd-0123", coded[12:-4]))


def test_a_file_is_fetched_once_and_kept_for_later(server, call):
    read = "hub_file('owner/toy', 'gold/pairs.jsonl', None, option='--gold FILE').read_text()"
    assert call(read) == '{"id": "a"}'
    asked = len(server.RequestHandlerClass.asked)
    assert asked
    assert call(read, HF_ENDPOINT="http://127.0.0.1:9") == '{"id": "a"}'
    assert len(server.RequestHandlerClass.asked) == asked


@pytest.mark.parametrize(("path", "environ", "problem"), [
    ("none.jsonl", {}, "AssetError hub file owner/toy/none.jsonl cannot be had"),
    ("gold/pairs.jsonl", {"HF_HUB_OFFLINE": "1"},
     "AssetUnreachable hub file owner/toy/gold/pairs.jsonl is out of reach; give a local copy by "
     "--gold FILE, or set HF_ENDPOINT"),
])  # fmt: skip
def test_a_file_that_cannot_be_had(call, path, environ, problem):
    answer = call(f"hub_file('owner/toy', {path!r}, None, option='--gold FILE')", **environ)
    assert answer.startswith(problem)
    assert "\n" not in answer


ROWS = [{"review": "fine", "sentiment": "positive", "stars": "5"},
        {"review": "bad", "sentiment": "negative", "stars": "1"}]  # fmt: skip


def rows_of(name, config=None, revision=None, split="train", need=()):
    hub = f"HubName({name!r}, {config!r}, {revision!r})"
    return f"[(t.rows, c) for t, c in [hub_table({hub}, {split!r}, need={list(need)})]][0]"


def test_data_set_is_pinned_and_kept_for_later(call):
    expected = str((ROWS, COMMIT))
    rows = rows_of("owner/toy", None, "{}")
    assert call(rows.format(COMMIT)) == expected
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    known, other = call(rows.format(COMMIT), rows.format("d" * 40), **offline)
    assert known == expected
    assert call(rows_of("owner/toy"), HF_HUB_OFFLINE="1") == expected
    assert other.startswith(f"AssetUnreachable hub data set owner/toy@{'d' * 40} is out of reach")


MISSING = {
    ("owner/none",): "hub data set owner/none cannot be had",
    ("owner/toy", None, "v9"): "hub data set owner/toy@v9 cannot be had",
    ("owner/toy", None, COMMIT, "dev"): "Should be one of ['train']; fix data.hub_split",
    ("owner/toy", "large"):
        "hub data set owner/toy has no configuration 'large'; it has default",
}  # fmt: skip


def test_data_set_that_the_hub_does_not_have(call):
    answers = call(*(rows_of(*arguments) for arguments in MISSING))
    for answer, problem in zip(answers, MISSING.values(), strict=True):
        assert answer.startswith("AssetError")
        assert problem in answer
        assert "\n" not in answer


def test_only_the_columns_that_are_needed_are_read(call):
    found, answer = call(rows_of("owner/toy", need=["stars"]),
                         rows_of("owner/toy", need=["text", "stars"]))  # fmt: skip
    assert found == str(([{"stars": "5"}, {"stars": "1"}], COMMIT))
    assert answer == ("AssetError hub:owner/toy (train): no column 'text'; it has review, "
                      "sentiment, stars; set data.text, data.label, slices or "
                      "data.columns")  # fmt: skip


CARD = b"""---
configs:
- config_name: films
  data_files: films.csv
- config_name: books
  data_files: books.csv
dataset_info:
- config_name: books
  features:
  - {name: review, dtype: string}
  - name: verdict
    dtype: {class_label: {names: {'0': bad, '1': good}}}
---
"""


@pytest.fixture
def several(server):
    """The data set has two configurations, one of them with named classes."""
    server.RequestHandlerClass.files["datasets"] = {
        "README.md": CARD,
        "films.csv": b"review,verdict\nlong,1\n",
        "books.csv": b"review,verdict\nthick,1\nthin,0\n",
    }


def test_a_configuration_is_pinned_and_kept_for_later(several, call):
    films, books = rows_of("owner/toy", "films", COMMIT), rows_of("owner/toy", "books", COMMIT)
    read = call(films)
    assert read == str(([{"review": "long", "verdict": "1"}], COMMIT))
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    # Another configuration of a data set that is in the cache is not.
    again, answer = call(films, books, **offline)
    assert again == read
    assert answer.startswith(f"AssetUnreachable hub data set owner/toy/books@{COMMIT} is out of")
    books = books.replace("(t.rows, c)", "(t.rows, t.classes)")
    rows = [{"review": "thick", "verdict": "1"}, {"review": "thin", "verdict": "0"}]
    assert call(books) == str((rows, {"verdict": ["bad", "good"]}))


UNCLEAR = [
    (None, None, "has several configurations; write one behind its name, as in "
                 "hub:owner/toy/films: films, books"),
    ("book", COMMIT, "has no configuration 'book'; did you mean 'books'? It has films, books"),
]  # fmt: skip


def test_a_configuration_that_is_missing_or_unknown(several, call):
    answers = call(*(rows_of("owner/toy", config, revision) for config, revision, _ in UNCLEAR))
    assert answers == [f"AssetError hub data set owner/toy {problem}" for _, _, problem in UNCLEAR]


def test_without_the_hub_the_cache_knows_which_configurations_there_are(several, call):
    call(*(rows_of("owner/toy", config) for config in ("films", "books")))
    answer = call(rows_of("owner/toy"), HF_HUB_OFFLINE="1")
    assert re.match(r"AssetError hub data set owner/toy has several configurations; write one .*: "
                    r"(films, books|books, films)$", answer)  # fmt: skip
