"""A cell is rendered once: what it asks is remembered by all that it was made of."""

from __future__ import annotations

import shutil
import sqlite3
import zlib

import pytest
from studies import SAMPLES, Study, failed, run

from harness.run import preparing
from harness.run.remembered import cell_key, files_digest
from harness.sources import cache


@pytest.fixture
def study(model_project) -> Study:
    return Study(model_project)


@pytest.fixture
def rendered(monkeypatch):
    """Return the list of cells that are rendered from here on, by id."""
    seen = []
    real = preparing.prepare

    def count(cell, *args, **options):
        seen.append(cell.id)
        return real(cell, *args, **options)

    monkeypatch.setattr(preparing, "prepare", count)
    return seen


def again(study, rendered):
    """Run all cells once more, and return which of them were rendered, and what they came to."""
    rendered.clear()
    runner = study.runner()
    found = run(runner)
    assert failed(found) == set()
    return list(rendered), found, runner


def test_the_same_cells_are_not_rendered_again(study, rendered, monkeypatch):
    first, before, _ = again(study, rendered)
    assert len(first) == 8
    monkeypatch.setattr(preparing, "open_format", None)  # no tokenizer is opened
    second, after, runner = again(study, rendered)
    assert second == []
    assert after == before
    assert all(one.prompt is not None for one in after.values())
    (info,) = runner.engines
    assert (info.computed, info.stored) == (0, 8 * SAMPLES)


def test_what_changes_a_prompt_has_it_rendered_again(study, rendered, monkeypatch):
    root = study.project.root
    shared = (root / "model").resolve()
    (root / "model").unlink()
    shutil.copytree(shared, root / "model")
    again(study, rendered)
    prompt = next(iter(sorted((root / "prompts").rglob("*.j2"))))
    with prompt.open("a", encoding="utf-8") as file:
        file.write("{# another text #}\n")
    assert len(again(study, rendered)[0]) == 8
    assert again(study, rendered)[0] == []
    (root / "model/chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", encoding="utf-8"
    )
    assert len(again(study, rendered)[0]) == 8
    assert again(study, rendered)[0] == []
    monkeypatch.setattr("harness.run.remembered.code_digest", lambda *names: "another version")
    assert len(again(study, rendered)[0]) == 8


def test_what_is_missing_in_the_store_is_rendered_and_asked(study, rendered):
    _, before, _ = again(study, rendered)
    gone = before["tiny-plain-zeroshot"].results[0].prompt_key
    with sqlite3.connect(study.settings.store) as db:
        db.execute("DELETE FROM outputs WHERE key = ?", (gone,))
    ids, after, runner = again(study, rendered)
    assert ids == ["tiny-plain-zeroshot"]
    assert after == before
    (info,) = runner.engines
    assert (info.computed, info.stored) == (1, 8 * SAMPLES - 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-9],
        lambda body: b"",
        lambda body: zlib.compress(b"[]"),
        lambda body: zlib.compress(zlib.decompress(body).replace(b'"keys": [[', b'"keys": [[], [')),
        lambda body: zlib.compress(zlib.decompress(body).replace(b'"window"', b'"widow"')),
    ],
)
def test_a_damaged_memory_is_none(study, rendered, damage):
    _, before, _ = again(study, rendered)
    with sqlite3.connect(study.settings.store) as db:
        for key, body in db.execute("SELECT key, body FROM memory").fetchall():
            db.execute("UPDATE memory SET body = ? WHERE key = ?", (damage(body), key))
    ids, after, _ = again(study, rendered)
    assert len(ids) == 8
    assert after == before


def test_files_behind_a_link_are_of_the_digest(tmp_path):
    shared, prompts = tmp_path / "shared", tmp_path / "prompts"
    shared.mkdir()
    prompts.mkdir()
    (shared / "a.j2").write_text("one")
    (shared / "back").symlink_to(prompts)
    (prompts / "common").symlink_to(shared)
    first = files_digest(prompts)
    (shared / "a.j2").write_text("two")
    assert files_digest(prompts) != first


def test_it_rests_on_all_that_is_given(study):
    (cell, *_), root = study.cells(), study.project.root
    given = {"shared": "s", "spoken": (cell.spec, root / "model"), "trained": None,
             "adapter": None, "data": "d", "prompts": "p"}  # fmt: skip
    spec = cell.spec.model_copy(update={"max_model_len": 77})
    changed = [
        {"shared": "t"}, {"spoken": (spec, root / "model")}, {"spoken": (cell.spec, root)},
        {"trained": "x"}, {"data": "e"}, {"prompts": "q"},
    ]  # fmt: skip
    keys = [cell_key(cell, **given | change) for change in ({}, *changed)]
    keys += [cell_key(one, **given) for one in study.cells()[1:]]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    code = cell.spec.model_copy(update={"trust_remote_code": True})
    assert cell_key(cell, **given | {"spoken": (code, root / "model")}) is None


def test_the_digest_of_the_code_is_of_every_module_and_library(monkeypatch):
    cache.code_digest.cache_clear()
    first = cache.code_digest("numpy")
    assert cache.code_digest("numpy", "jinja2") != first
    monkeypatch.setattr(cache, "_PACKAGE", cache._PACKAGE / "sources")
    cache.code_digest.cache_clear()
    assert cache.code_digest("numpy") != first
    cache.code_digest.cache_clear()


def test_the_digest_of_the_code_is_of_the_words_too(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "_PACKAGE", tmp_path)
    seen = set()
    for text in ("title", "another title"):
        (tmp_path / "en.j2").write_text(text)
        cache.code_digest.cache_clear()
        seen.add(cache.code_digest("numpy"))
    cache.code_digest.cache_clear()
    assert len(seen) == 2
