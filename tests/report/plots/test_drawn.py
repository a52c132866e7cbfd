"""Plots of the same numbers are not drawn again."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from reports import draw_plots

from harness.report.plots import canvas


class Memory(dict):
    """Keeps bytes by key."""

    def recall(self, key):
        return self.get(key)

    def remember(self, key, body):
        self[key] = body


def files(folder):
    return {path.name: path.read_bytes() for path in (folder / "plots").iterdir()}


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of the plots that are drawn."""
    seen = []
    save = canvas.save
    monkeypatch.setattr(
        canvas, "save", lambda plot, *to: (seen.append(plot.name), save(plot, *to))[1]
    )
    return seen


@pytest.mark.parametrize("plots", ["svg", "png"])
def test_the_same_numbers_are_drawn_once(run_sized, tmp_path, drawn, plots):
    run, memory = run_sized(4), Memory()
    first = draw_plots(tmp_path / "a", run, plots=plots, memory=memory)
    assert len(drawn) == 4
    assert draw_plots(tmp_path / "b", run, plots=plots, memory=memory) == first
    assert len(drawn) == 4
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_another_number_language_or_format_is_drawn(run_sized, tmp_path, drawn):
    run, memory = run_sized(4), Memory()
    draw_plots(tmp_path, run, memory=memory)
    for number, changed in enumerate([{"lang": "ru"}, {"plots": "png"}], start=2):
        draw_plots(tmp_path, run, memory=memory, **changed)
        assert len(drawn) == 4 * number
    row = run.rows[0]
    figures = {name: replace(one, low=one.low - 1e-9) for name, one in row.figures.items()}
    moved = replace(run, rows=(replace(row, figures=figures), *run.rows[1:]))
    draw_plots(tmp_path, moved, memory=memory)
    assert len(drawn) == 16


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-5],
        lambda body: zlib.compress(b'[["a.svg", "", "", "!"]]'),
        lambda body: zlib.compress(b'[["../a.svg", "", "", ""]]'),
        lambda body: zlib.compress(b'{"a": 1}'),
        lambda body: zlib.compress(b"[1]"),
    ],
)
def test_a_damaged_memory_is_none(run_sized, tmp_path, drawn, damage):
    run, memory = run_sized(2), Memory()
    draw_plots(tmp_path / "a", run, memory=memory)
    for key, body in memory.items():
        memory[key] = damage(body)
    draw_plots(tmp_path / "b", run, memory=memory)
    assert len(drawn) == 8
    assert files(tmp_path / "a") == files(tmp_path / "b")
