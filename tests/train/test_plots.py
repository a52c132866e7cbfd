"""Plots: what stands on them, read back from the figure."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest
from matplotlib.colors import to_rgba

from harness import plotstyle
from harness.train import plots
from harness.train.filters import Step


@pytest.fixture
def figures(monkeypatch):
    """Collect the figures that are saved."""
    saved = []
    real = plots._save

    def save(figure, path):
        real(figure, path)
        saved.append(figure)

    monkeypatch.setattr(plots, "_save", save)
    return saved


def test_the_funnel_names_every_step(figures, tmp_path):
    read = SimpleNamespace(dialogues=range(10))
    steps = [Step("темы кино", 10, 8), Step("a $very$ long name " * 5, 8, 8)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a glyph that the font lacks is a warning
        plots.plot_funnel(SimpleNamespace(read=read, steps=steps), tmp_path / "f.png")
    (axes,) = figures[0].axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[:2] == ["read", "1. темы кино"]
    assert names[2].endswith("…")
    assert [bar.get_width() for bar in axes.patches] == [10, 8, 8]
    assert [text.get_text().strip() for text in axes.texts] == ["10", "8  (-2)", "8"]
    assert axes.get_xlabel() == "dialogues left"
    assert not axes.get_yticklabels()[2].get_parse_math()


def test_the_loss_has_its_mean_and_range(figures, tmp_path):
    plots.plot_loss([1, 2, 3], [3.0, 2.0, 1.0], tmp_path / "l.png", expected=(0.5, 1.5))
    (axes,) = figures[0].axes
    assert list(axes.lines[0].get_ydata()) == [3.0, 2.0, 1.0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["loss of a step", "mean of 1 steps", "expected at the end"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "optimizer step",
        "loss, nats a trained token",
    )


def test_without_a_range_there_is_no_band(figures, tmp_path):
    plots.plot_loss([1, 2], [1.0, 1.0], tmp_path / "l.png")
    assert len(figures[0].axes[0].get_legend().get_texts()) == 2


def test_plots_have_the_style_of_reports_and_no_legend_on_a_bar(figures, tmp_path):
    rows = {"all": range(4), "Russian": range(3), "kept": range(2)}
    counts = {"a": [4, 3, 2], "b": [0, 0, 0]}
    analysis = SimpleNamespace(values={"source": [], "score": []}, groups=rows,
                               counts=lambda name: counts)  # fmt: skip
    plots.plot_distributions(analysis, tmp_path / "d.png")
    (figure,) = figures
    assert [axes.get_legend() for axes in figure.axes] == [None, None]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["all (4)", "Russian (3)",
                                                                "kept (2)"]  # fmt: skip
    drawn = legend.get_window_extent()
    assert all(drawn.y1 <= axes.get_window_extent().y0 for axes in figure.axes)
    for axes in figure.axes:
        assert not axes.spines["top"].get_visible()
        assert axes.get_title(loc="left") in analysis.values
    assert {bar.get_facecolor() for bar in figure.axes[0].patches} == {
        to_rgba(colour) for colour in (plotstyle.FAINT, plotstyle.BLUE, plotstyle.ORANGE)
    }
