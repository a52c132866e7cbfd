"""What the plot of a judge set shows, read back from matplotlib's objects."""

from __future__ import annotations

from dataclasses import replace

import pytest
from drawn import told
from judged_builders import EVALSET, FAILED, make_judged, make_judged_run
from reports import draw_plots, set_of

from harness.analysis.compare_models import probe_points, probe_scores
from harness.language import words
from harness.records import Figure
from harness.report.judged.numbers import mean_spread
from harness.report.plots import canvas
from harness.report.plots.judged import judged_forest


def plots_of(judged, lang="en"):
    with canvas.drawing():
        return list(judged_forest("x", set_of(judged, EVALSET), judged, words(lang)))


def test_figures_stand_where_they_are():
    judged = make_judged()
    (plot,) = plots_of(judged)
    scores, rates, below = plot.figure.axes
    for axes, name, dots in ((scores, "score", probe_scores), (rates, "win_rate", probe_points)):
        having = [one for one in judged.standings if name in one.figures]
        assert len(axes.containers) == len(having)
        for one, (line, _, (bars,)) in zip(having, axes.containers, strict=True):
            ((x, lane),) = line.get_xydata()
            assert (x, lane) == (one.figures[name].value, judged.standings.index(one))
            ((low, _), (high, _)) = sorted(bars.get_segments()[0].tolist())
            assert (low, high) == pytest.approx((one.figures[name].low, one.figures[name].high))
        shown = [line for line in axes.lines if line.get_gid() == "probe"]
        for one, line in zip(judged.standings, shown, strict=True):
            found = sorted(line.get_xdata())
            assert found == sorted(dots(judged, EVALSET, one.model).values())
    assert [text.get_text() for text in below.get_yticklabels()] == [
        f"p{n:02}" for n in range(1, 11)
    ]


def test_every_probe_has_a_mean_and_a_span_of_each_model():
    judged = make_judged()
    (plot,) = plots_of(judged)
    below = plot.figure.axes[2]
    means = [line.get_xydata()[0] for line in below.lines if line.get_gid() == "mean"]
    spans = [line.get_xydata() for line in below.lines if line.get_gid() == "answers"]
    assert len(means) == len(spans) == 30
    for one, (x, lane), span in zip(judged.probes, means, spans, strict=True):
        assert x == pytest.approx(sum(one.scores) / len(one.scores))
        assert [span[0][0], span[1][0]] == [min(one.scores), max(one.scores)]
        # In its own lane, those of the three models one below the other.
        assert round(lane) == int(one.probe[1:]) - 1
    assert len({(round(x, 6), round(lane, 6)) for x, lane in means}) == 30


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize(
    ("judged", "phrase"),
    [
        (make_judged(), "p_judged"),
        (make_judged(check=FAILED), "p_judged_untrusted"),
        (make_judged(void="a canary"), "p_judged_void"),
    ],
)
def test_title_and_alt_say_what_it_is_worth(judged, phrase, lang):
    (plot,) = plots_of(judged, lang)
    title = words(lang).say(phrase, evalset=EVALSET)
    assert plot.figure.texts[0].get_text() == title
    assert told(plot).startswith(f"{title}.")
    score = judged.standings[1].figures["score"]
    assert f"| {score.value:.2f} [{score.low:.2f}, {score.high:.2f}] |" in told(plot)
    # Below stands a line for each probe, with a column for each model.
    probe = judged.probes[0]
    assert f"| {probe.probe} | {mean_spread(probe.scores)} |" in told(plot)


def test_without_pairs_there_is_no_panel_of_win_rates():
    judged = make_judged()
    bare = tuple(replace(one, figures={"score": one.figures["score"]}) for one in judged.standings)
    (plot,) = plots_of(replace(judged, pairs=(), standings=bare))
    assert len(plot.figure.axes) == 2
    assert "win rate" not in told(plot)


def test_without_scores_there_is_no_plot(tmp_path):
    judged = make_judged()
    bare = replace(judged, standings=tuple(replace(one, figures={}) for one in judged.standings))
    assert plots_of(bare) == []
    assert draw_plots(tmp_path, make_judged_run(bare)) == ()


def test_nothing_hangs_over_the_page_or_another_panel():
    judged = make_judged({"a" * 80: 4.0, "short": 6.0, "a-third-model": 5.0})
    (plot,) = plots_of(judged)
    with canvas.drawing():
        plot.figure.canvas.draw()
        page = plot.figure.bbox
        boxes = []
        for axes in plot.figure.axes:
            boxes += [text.get_window_extent() for text in axes.texts]
            boxes += [label.get_window_extent() for label in axes.get_yticklabels()]
        assert all(box.x0 >= page.x0 and box.x1 <= page.x1 for box in boxes)
        left, right = plot.figure.axes[:2]
        ends = max(text.get_window_extent().x1 for text in left.texts)
        assert ends < right.get_window_extent().x0


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_titles_of_three_panels_are_whole_and_apart(lang):
    judged = make_judged({"a-base-of-a-long-name-7b-instruct": 4.0, "b": 6.0, "c": 5.0})
    standings = tuple(
        replace(one, figures=one.figures | {"points": Figure(0.5, 0.4, 0.6, 10)})
        for one in judged.standings
    )
    (plot,) = plots_of(replace(judged, standings=standings), lang)
    panels = plot.figure.axes[:3]
    (_, _, rate) = titles = [axes.title.get_text() for axes in panels]
    said = words(lang).say("p_judged_rate", against="a-base-of-a-long-name-7b-instruct")
    assert rate.replace("\n", "").replace(" ", "") == said.replace(" ", "")
    assert "\n" in rate
    with canvas.drawing():
        plot.figure.canvas.draw()
        page = [axes.title.get_window_extent() for axes in panels]
        top = plot.figure.texts[0].get_window_extent()
    assert len(titles) == 3
    assert all(box.y1 <= top.y0 for box in page)
    assert page[0].x1 <= page[1].x0
    assert page[1].x1 <= page[2].x0
    assert page[2].x1 <= plot.figure.bbox.x1
