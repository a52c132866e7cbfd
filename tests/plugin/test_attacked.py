"""Hostile labels, ids, texts and answers through a whole session: files, JUnit and terminal."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from attacks import MARKUP, assert_inert, hidden, uncovered
from endpoints import Reply, serving

ROOT = Path(__file__).parents[2]
SET = {"data": {"id": "id", "samples": {"n": 6, "balanced": True}, "shots": [
    {"text": f"a {label} shot {i}", "label": label} for i in range(3)
    for label in ("positive", "negative")]}}  # fmt: skip
LABELS = ["good|\u202e<b>", "bad [x](http://evil.example) @someone"]
HOSTILE = [one for one in MARKUP if "\ud83d" not in one and "\x00" not in one and one.strip()]
# Of files that are not text for people: the store of outputs, what stands beside it, logs.
OTHERS = r"(.*/)?\.harness/(outputs\.sqlite.*|logs/.*|.*\.lock|float16\.json|near_copies\.json)"


@pytest.fixture
def hostile(evals):
    """An eval set whose ids, texts and labels attack; a judge of another set cannot be reached."""
    rows = [{"id": f"{one}{number}", "text": f"{one} {number}", "label": LABELS[number % 2]}
            for number, one in enumerate(HOSTILE[:40])]  # fmt: skip
    shots = [{"text": f"shot {one}", "label": LABELS[number % 2]}
             for number, one in enumerate(HOSTILE[40:52])]  # fmt: skip
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    evals.write("rows.jsonl", lines)
    data = {"source": "file:rows.jsonl", "id": "id", "samples": {"n": 30}, "shots": shots}
    gates = [{"figure": "accuracy", "at_least": 0.99}]
    evals.set(data=data, labels=LABELS, gates=gates, models=["m"])
    return evals


def written(root: Path) -> dict[Path, float]:
    """Return all files of a project with the time of their last change."""
    return {path.relative_to(root): path.stat().st_mtime_ns for path in root.rglob("*")
            if path.is_file() and not path.is_symlink()}  # fmt: skip


def test_a_session(hostile, monkeypatch):
    root = hostile.root
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(root / "summary.md"))
    before = written(root)
    result = hostile.run("-v", "-rA", "--junitxml=junit.xml", "--eval-report-plots=svg",
                         "--eval-write-baseline")  # fmt: skip
    out = "\n".join([*result.outlines, *result.errlines])
    assert result.ret in (0, 1), out
    assert not hidden(out)
    new = {path for path, at in written(root).items() if before.get(path) != at}
    assert {path.name for path in new} >= {"report.md", "run.json", "results.jsonl", "summary.md",
                                           "junit.xml"}  # fmt: skip
    ours = [path for path in new if "__pycache__" not in path.parts
            and ".pytest_cache" not in path.parts]  # fmt: skip
    assert uncovered(ours, but=OTHERS) == []
    check_files(root, new)


def check_files(root: Path, new: set[Path]) -> None:
    """Hold each file to what it must not hold; equal sets without attacks are in other tests."""
    for path in new:
        if path.suffix in (".md", ".html", ".xml", ".svg", ".json", ".jsonl"):
            text = (root / path).read_text(encoding="utf-8")
            bidi = {"\u202e", "\u2066", "\x1b", "\x9b", "\x07", "\x7f"}
            assert not bidi & set(text), path
            if path.suffix == ".md":
                assert_inert(text, like=text)
            if path.suffix in (".xml", ".svg"):
                ET.fromstring(text)
            if path.suffix == ".json":
                json.loads(text)


def refusing(body):
    said = "no\x1b[2J\u202e\x9b <b>@someone</b> http://evil.example | x " + "y" * 5000
    return Reply({"error": {"message": said}}, 400)


def test_an_endpoint_s_words(hostile):
    """A server that refuses all, in words that attack terminal, JUnit and report."""
    shutil.copytree(ROOT / "prompts/judge", hostile.root / "prompts/judge")
    (hostile.root / "evalsets/mini.yaml").unlink()
    probes = [{"id": f"p{number}", "kind": one, "question": f"{one}?", "points": [one]}
              for number, one in enumerate(HOSTILE[:6])]  # fmt: skip
    with serving(refusing) as running:
        options = {"base_url": running.url, "api_key_env": None, "deadline_s": 5.0}
        away = {"source": "openai:x", "options": options}
        fine = {"source": "file:model", "engine": "fake", "dtype": "float32",
                "max_model_len": 4096, "options": {"answer": HOSTILE[7]}}  # fmt: skip
        hostile.write("evalsets/models.yaml", {"models": {"away": away, "fine": fine}})
        judge = {"models": ["away"], "rubric": "judge/absolute.en.j2"}
        hostile.write("evalsets/probes.yaml", {
            "kind": "judge", "models": ["away", "fine"], "answers": {"n": 1, "max_tokens": 8},
            "probes": probes, "judge": judge})  # fmt: skip
        result = hostile.run("-v", "-rA", "--junitxml=junit.xml")
    out = "\n".join([*result.outlines, *result.errlines])
    # Every request was refused.
    assert result.ret == 11, out
    assert not hidden(out)
    assert "y" * 500 not in out
    assert "@&#8203;someone" in hostile.report
    check_files(hostile.root, {Path("junit.xml"), *(
        path.relative_to(hostile.root) for path in hostile.latest.rglob("*"))})  # fmt: skip


def test_names_of_columns_and_files_on_a_terminal(hostile):
    """An error of the data names what it found, and says in which characters."""
    hostile.write("a\u202eb.jsonl", json.dumps({"te\x1b[31mxt": "x", "label": "good"}) + "\n")
    hostile.set(data={"source": "file:a\u202eb.jsonl", "samples": {"n": 1}}, modes=["zeroshot"])
    result = hostile.run("-v", "-rA", "--junitxml=junit.xml")
    out = "\n".join([*result.outlines, *result.errlines])
    assert result.ret == 2
    assert r"a\u202eb.jsonl" in out
    assert r"te\x1b[31mxt" in out
    assert not hidden(out)
    check_files(hostile.root, {Path("junit.xml")})


@pytest.mark.parametrize(("data", "code"), [("data", 0), ("none", 2), ("odd", 2)])
def test_the_user_s_home_is_in_no_file(evals, monkeypatch, data, code):
    home = evals.root.parent
    monkeypatch.setenv("HOME", str(home))
    elsewhere = home / "secret"
    shutil.copytree(evals.root / "model", elsewhere / "model", symlinks=True)
    shutil.copy(evals.root / "data.csv", elsewhere / "data.csv")
    evals.models(m={"source": f"file:{elsewhere}/model"})
    (elsewhere / "odd.csv").write_text("a,b\n1,2\n")
    evals.set(data={**SET["data"], "source": f"file:{elsewhere}/{data}.csv"},
              gates=[{"figure": "accuracy", "at_least": 0.5}])  # fmt: skip
    result = evals.run(f"--rootdir={evals.root}", "--junitxml=junit.xml", "--eval-write-baseline",
                       f"--eval-store={home}/s.sqlite")  # fmt: skip
    assert result.ret == code
    found = [path for path in evals.latest.rglob("*") if path.is_file()]
    found += [evals.root / "junit.xml", *(evals.root / "baselines").rglob("*.json")]
    assert len(found) >= (4 if data != "none" else 1)
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert str(home) not in text, (path, text[text.find(str(home)) - 100 :][:300])
