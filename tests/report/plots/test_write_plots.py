"""What is drawn, read back from matplotlib's objects and from the files."""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from drawn import told
from reports import draw_plots

from harness.analysis.analyze import analyze
from harness.analysis.bins import by_cell, length_spans, over_length, reliability
from harness.language import words
from harness.records import Run
from harness.report.format import with_interval
from harness.report.plots import canvas
from harness.report.plots.confusion import confusions
from harness.report.plots.forest import PAGE_CELLS, forest
from harness.report.plots.lengths import over_lengths
from harness.report.plots.reliability import reliabilities
from harness.report.plots.shotcounts import over_shots

LABELS = ("positive", "negative")
KINDS = ("forest", "shots", "reliability", "confusion", "length")


def plots_of(kind, run, lang="en"):
    t = words(lang)
    bins = {(one.row.evalset, one.row.cell): one for one in analyze(run).bins}
    make = {
        "forest": lambda: forest("x", run.rows, run.gates, t),
        "shots": lambda: over_shots("x", run.rows, t),
        "reliability": lambda: reliabilities("x", run.rows, bins, t),
        "confusion": lambda: confusions("x", run.rows, bins, t),
        "length": lambda: over_lengths("x", run.rows, bins, t),
    }[kind]
    with canvas.drawing():
        return list(make())


def containers(axes):
    """Return of each errorbar its points and the ends of its intervals, by index."""
    found = []
    for one in axes.containers:
        line, _, (bars,) = one
        found.append((line.get_xydata(), [path for path in bars.get_segments()]))
    return found


def study(cell, run_of, counts=(0, 1, 3, 5, 9)):
    cells = [
        cell(placement=None if k == 0 else place, k=k, seed=seed)
        for k in counts
        for place in ("system", "chat")
        for seed in (0, 1)
        if k or (place, seed) == ("system", 0)
    ]
    return run_of(*cells)


def test_forest_has_every_cell_at_its_figures(run_sized):
    run = run_sized(8)
    (plot,) = plots_of("forest", run)
    names = ("accuracy", "calibrated_accuracy", "auc")
    assert len(plot.figure.axes) == len(names)
    for axes, name in zip(plot.figure.axes, names, strict=True):
        points = [
            (float(x), float(y), *sorted(segment[:, 0].tolist()))
            for data, segments in containers(axes)
            for (x, y), segment in zip(data, segments, strict=True)
        ]
        shown = [row.figures[name] for row in run.rows]
        # Two groups of four, each below a line with its name.
        lanes = [1, 2, 3, 4, 6, 7, 8, 9]
        expected = [
            (one.value, lane, one.low, one.high) for one, lane in zip(shown, lanes, strict=True)
        ]
        np.testing.assert_allclose(sorted(points, key=lambda p: p[1]), expected, atol=1e-9)
    labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert labels == [
        "smollm2-135m · prefill", "zero-shot", "5-shot system", "5-shot user", "5-shot chat",
        "smollm2-135m · plain", "zero-shot", "5-shot system", "5-shot user", "5-shot chat",
    ]  # fmt: skip


def test_forest_marks_every_gate_at_its_threshold(run_sized):
    run = run_sized(8)
    (plot,) = plots_of("forest", run)
    marks = Counter(
        (name, round(float(line.get_xdata()[0]), 6))
        for name, axes in zip(("accuracy", "calibrated_accuracy", "auc"), plot.figure.axes,
                              strict=True)
        for line in axes.lines
        if line.get_gid() == "gate"
    )  # fmt: skip
    assert marks == Counter((gate.figure, gate.threshold) for gate in run.gates)
    verdicts = {gate.verdict for gate in run.gates}
    (legend,) = plot.figure.legends
    assert len(legend.get_texts()) == len(verdicts) == 3


def test_gates_of_another_set_are_not_drawn(run_sized):
    run = run_sized(4)
    gates = [replace(gate, evalset="evalsets/other.yaml") for gate in run.gates]
    (plot,) = plots_of("forest", replace(run, gates=tuple(gates)))
    assert not [line for axes in plot.figure.axes for line in axes.lines
                if line.get_gid() == "gate"]  # fmt: skip


@pytest.mark.parametrize(("count", "pages"), [(8, 1), (24, 1), (60, 3)])
def test_forest_shows_each_cell_on_one_page(run_sized, count, pages):
    run = run_sized(count, n=12)
    plots = plots_of("forest", run)
    assert len(plots) == pages
    shown = [sum(len(data) for data, _ in containers(plot.figure.axes[0])) for plot in plots]
    assert sum(shown) == count
    assert max(shown) <= PAGE_CELLS
    spans = {plot.figure.axes[0].get_xlim() for plot in plots}
    assert len(spans) == 1


def test_reliability_points_are_the_bins(run_sized):
    run = run_sized(4)
    (plot,) = plots_of("reliability", run)
    assert len(plot.figure.axes) == 4
    for axes, row in zip(plot.figure.axes, run.rows, strict=True):
        own = [one for one in run.results if one.cell == row.cell]
        expected = reliability(own, LABELS)
        sides = (expected.raw, expected.calibrated)
        for (data, segments), bins in zip(containers(axes), sides, strict=True):
            np.testing.assert_allclose(data, [(b.middle, b.share.value) for b in bins])
            ends = [sorted(segment[:, 1].tolist()) for segment in segments]
            np.testing.assert_allclose(ends, [(b.share.low, b.share.high) for b in bins], atol=1e-9)
        counts = axes.texts[-1].get_text()
        assert int(counts) == max(b.share.n for bins in sides for b in bins)


def test_reliability_counts_the_samples_that_its_bins_hold(cell, run_of):
    """Equally probable labels are not an answer, so the row's own n lacks them; the bins do not."""
    row, results = cell(n=60)
    tied = [replace(one, correct=None, answer=None) if i < 7 else one
            for i, one in enumerate(results)]  # fmt: skip
    (plot,) = plots_of("reliability", run_of((replace(row, n=53, unscored=7), tied)))
    (axes,) = plot.figure.axes
    assert "n = 60" in axes.texts[0].get_text()


@pytest.mark.parametrize(("lang", "said"), [("en", "trained classifier"),
                                            ("ru", "обученный классификатор")])  # fmt: skip
def test_trained_classifiers_have_a_mark_of_their_own(cell, run_of, lang, said):
    bare, (row, results) = cell(), cell(model="tfidf")
    learned = replace(row, prompt="", mode="trained-s0", cell="tfidf-trained-s0", train_rows=900)
    run = run_of(bare, (learned, [replace(one, cell=learned.cell) for one in results]))
    (plot,) = plots_of("length", run, lang)
    (legend,) = plot.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["zero-shot", said]
    marks = [axes.containers[0][0].get_marker() for axes in plot.figure.axes]
    assert marks == [canvas.style_of(None)[1], canvas.style_of("trained")[1]]
    (plot,) = plots_of("forest", run, lang)
    assert {one[0].get_marker() for one in plot.figure.axes[0].containers} == set(marks)


def test_confusion_texts_are_the_counts(cell, run_of):
    row, results = cell(n=100, unscored=4)
    (plot,) = plots_of("confusion", run_of((row, results)))
    (axes,) = plot.figure.axes
    found = {tuple(text.get_position()): text.get_text() for text in axes.texts
             if not hasattr(text, "arrow_patch")}  # fmt: skip
    for i, target in enumerate(LABELS):
        scored = [one for one in results if one.target == target and one.correct is not None]
        for j, answer in enumerate(LABELS):
            count = sum(one.answer == answer for one in scored)
            assert found[j + 0.5, i + 0.5] == f"{count / len(scored):.0%}\n{count}"
    assert len(found) == 4


def test_length_points_are_the_bins(run_sized):
    run = run_sized(8)
    (plot,) = plots_of("length", run)
    by, spans = by_cell(run.results), length_spans(run.results)
    assert len(plot.figure.axes) == 2
    for axes, rows in zip(plot.figure.axes, (run.rows[:4], run.rows[4:]), strict=True):
        drawn = containers(axes)
        assert len(drawn) == 4
        for (data, segments), row in zip(drawn, rows, strict=True):
            bins = over_length(by[row.evalset, row.cell], spans, "calibrated_accuracy")
            np.testing.assert_allclose(data[:, 1], [b.share.value for b in bins])
            assert np.round(data[:, 0]).tolist() == list(range(len(spans)))
            ends = [sorted(segment[:, 1].tolist()) for segment in segments]
            np.testing.assert_allclose(ends, [(b.share.low, b.share.high) for b in bins], atol=1e-9)


def test_shots_have_a_point_per_cell_and_lines_through_means(cell, run_of):
    run = study(cell, run_of)
    (plot,) = plots_of("shots", run)
    assert len(plot.figure.axes) == 3
    axes = plot.figure.axes[0]
    for (data, _), placement in zip(containers(axes), ("system", "chat"), strict=True):
        rows = [row for row in run.rows if row.placement in (None, placement)]
        expected = sorted((row.k, row.figures["accuracy"].value) for row in rows)
        ks = [(0, 1, 3, 5, 9)[place] for place in np.round(data[:, 0]).astype(int)]
        assert sorted(zip(ks, data[:, 1].tolist(), strict=True)) == expected
    means = [line for line in axes.lines if line.get_gid() == "means"]
    chat = means[1].get_ydata().tolist()
    pair = [
        row.figures["accuracy"].value for row in run.rows if (row.k, row.placement) == (9, "chat")
    ]
    assert chat[-1] == pytest.approx(sum(pair) / 2)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "3", "5", "9"]


def test_no_plot_over_shots_without_two_counts(run_sized, cell, run_of):
    assert plots_of("shots", run_sized(8)) == []
    assert plots_of("shots", study(cell, run_of, counts=(0, 5))) == []
    assert len(plots_of("shots", study(cell, run_of, counts=(1, 5)))) == 1


def boxes(figure):
    """Return the texts that are seen in a figure with their boxes in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    renderer = drawn.get_renderer()
    texts = [one for one in figure.findobj(Text) if one.get_text().strip() and one.get_visible()]
    # Ticks outside of the axes' range are made but not drawn.
    hidden = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not (axis.get_view_interval().min() - 1e-9 <= tick.get_loc()
                <= axis.get_view_interval().max() + 1e-9)
    }  # fmt: skip
    return [(one.get_text(), one.get_window_extent(renderer)) for one in texts
            if id(one) not in hidden]  # fmt: skip


def titles(figure):
    """Return the titles of the page and of its panels, those of small panels annotations."""
    own = [text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title)]
    return [figure.texts[0].get_text(), *own]


@pytest.mark.parametrize(
    ("count", "lang"),
    [(1, "ru"), (8, "ru"), (20, "en"), pytest.param(60, "ru", marks=pytest.mark.slow)],
)
def test_no_text_is_cut_or_covers_another(run_sized, count, lang):
    run = run_sized(count, n=60)
    long = "an-organisation-with-a-name/a-model-with-a-very-long-name-7b-instruct-v0.3"
    rows = [
        replace(row, model=long if row.model == "qwen2.5-3b" else row.model,
                evalset=f"evalsets/{'a-long-folder/' * 8}set.yaml") for row in run.rows
    ]  # fmt: skip
    run = replace(run, rows=tuple(rows))
    for kind in KINDS:
        for plot in plots_of(kind, run, lang):
            with canvas.drawing():
                found = boxes(plot.figure)
            assert len(found) > 5
            page = plot.figure.bbox
            assert "…" not in "".join(titles(plot.figure)), plot.name
            for text, box in found:
                inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1
                assert inside, (plot.name, text)
            for (a, first), (b, second) in combinations(found, 2):
                apart = (
                    first.x1 <= second.x0 + 1 or second.x1 <= first.x0 + 1
                    or first.y1 <= second.y0 + 1 or second.y1 <= first.y0 + 1
                )  # fmt: skip
                assert apart, (plot.name, a, b)


def test_texts_of_shots_and_many_labels_do_not_cover_each_other(cell, run_of):
    labels = tuple(f"a rather long label {i}" for i in range(8))
    many = run_of(*[cell(labels=labels, n=240, prompt=f"p{i}") for i in range(5)])
    for plot in (*plots_of("shots", study(cell, run_of)), *plots_of("confusion", many)):
        with canvas.drawing():
            found = boxes(plot.figure)
        for (a, first), (b, second) in combinations(found, 2):
            assert not first.shrunk(0.9, 0.9).overlaps(second.shrunk(0.9, 0.9)), (plot.name, a, b)


def test_more_labels_than_can_be_read_are_left_out(cell, run_of):
    labels = tuple(f"label{i}" for i in range(9))
    assert plots_of("confusion", run_of(cell(labels=labels))) == []


def test_files_are_svg_and_png_with_ink_on_light_and_dark(run_sized, tmp_path):
    from PIL import Image

    run = run_sized(4)
    for kind in draw_plots(tmp_path / "svg", run):
        for picture in kind.pictures:
            root = ElementTree.parse(tmp_path / "svg" / picture.path).getroot()
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 50
            assert not list(root.iter("{http://www.w3.org/2000/svg}image"))
    pictures = [p for kind in draw_plots(tmp_path / "png", run, plots="png") for p in kind.pictures]
    assert len(pictures) == 4
    for picture in pictures:
        image = Image.open(tmp_path / "png" / picture.path).convert("RGBA")
        for ground in ("#ffffff", "#0d1117"):
            page = Image.new("RGBA", image.size, ground)
            page.alpha_composite(image)
            grey = np.asarray(page.convert("L"), dtype=float)
            # Dark letters on a light panel, whichever page is behind it.
            assert np.median(grey) == 255
            assert 0.01 < (grey < 110).mean() < 0.5


@pytest.mark.parametrize("plots", ["svg", "png"])
def test_same_run_gives_the_same_bytes(run_sized, tmp_path, plots):
    run = run_sized(4)
    for folder in ("a", "b"):
        draw_plots(tmp_path / folder, run, plots=plots)
    files = sorted((tmp_path / "a/plots").iterdir())
    assert len(files) == 4
    for file in files:
        assert file.read_bytes() == (tmp_path / "b/plots" / file.name).read_bytes()


def test_settings_of_the_user_do_not_count_and_stay(run_sized, tmp_path):
    import matplotlib

    run = run_sized(4)
    draw_plots(tmp_path / "a", run)
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 20}):
        draw_plots(tmp_path / "b", run)
        assert matplotlib.rcParams["axes.facecolor"] == "black"
    for file in (tmp_path / "a/plots").iterdir():
        assert file.read_bytes() == (tmp_path / "b/plots" / file.name).read_bytes()


def test_russian_letters_are_all_in_the_font(run_sized):
    for kind in KINDS:
        for plot in plots_of(kind, run_sized(4), "ru"):
            with canvas.drawing(), warnings.catch_warnings():
                warnings.simplefilter("error")
                plot.figure.savefig(io.BytesIO(), format="png")
            seen = " ".join(text for text, _ in boxes(plot.figure))
            assert re.search(r"[\u0430-\u044f]", seen)


def test_letters_that_the_font_lacks_and_formulas_are_drawn(cell, run_of, tmp_path):
    odd = run_of(*[cell(model="模型-$x_1^", prompt="🙂", labels=("好", "坏 $")) for _ in range(1)])
    kinds = draw_plots(tmp_path, odd)
    assert len(kinds) == 4
    assert not any(kind.problem for kind in kinds)
    assert "模型" in told(kinds[0].pictures[0])


def test_alt_of_the_forest_has_the_figures_of_the_rows(run_sized):
    run = run_sized(8)
    (plot,) = plots_of("forest", run)
    assert "Forest plot of 8 cells of evalsets/mini.yaml" in told(plot)
    gates = {gate.cell: [] for gate in run.gates}
    for gate in run.gates:
        title = {"accuracy": "accuracy", "calibrated_accuracy": "calibrated", "auc": "AUC"}
        mark = f"{title[gate.figure]} ≥ {gate.threshold:g}: {words('en')[gate.verdict]}"
        gates[gate.cell].append(mark)
    for row in run.rows:
        shown = [with_interval(row.figures[name])
                 for name in ("accuracy", "calibrated_accuracy", "auc")]  # fmt: skip
        line = " | ".join([row.cell, *shown, "; ".join(gates[row.cell])])
        assert f"| {line} |" in told(plot)


def test_alt_of_the_others_has_their_numbers(cell, run_of):
    run = study(cell, run_of)
    row = run.rows[0]
    own = [one for one in run.results if one.cell == row.cell]
    plot = plots_of("confusion", run)[0]
    for label in LABELS:
        counts = [sum((r.target, r.answer) == (label, other) for r in own) for other in LABELS]
        assert f"| {row.cell} | {label} | {counts[0]} | {counts[1]} |" in told(plot)
    plot = plots_of("reliability", run)[0]
    bins = reliability(own, LABELS)
    off = [f"{sum(b.off for b in side)} of {len(side)}" for side in (bins.raw, bins.calibrated)]
    assert f"| {row.cell} | {off[0]} | {off[1]} |" in told(plot)
    (plot,) = plots_of("shots", run)
    one = next(r for r in run.rows if (r.k, r.placement, r.seed) == (9, "chat", 1))
    assert f"| {one.cell} | 9 | {with_interval(one.figures['accuracy'])} |" in told(plot)
    assert told(plot).count(f"| {one.cell} |") == 1
    (plot,) = plots_of("length", run)
    spans = length_spans(run.results)
    found = over_length(own, spans, "calibrated_accuracy")
    assert f" {spans[-1][0]}\N{EN DASH}{spans[-1][1]} characters |" in told(plot)
    shares = [f"{with_interval(b.share)}, n={b.share.n}" for b in found]
    assert f"| {' | '.join([row.cell, *shares])} |" in told(plot)


def bare(line: str) -> str:
    """Return a line without marks that are escaped."""
    return re.sub(r"\\.", "", line)


def test_alt_is_inert(cell, run_of, tmp_path):
    run = run_of(cell(model="m](http://evil) <b>", prompt="*p*", evalset="evalsets/a|`b`.yaml"))
    for kind in draw_plots(tmp_path, run):
        for picture in kind.pictures:
            assert "](http" not in told(picture).replace("\\]", "")
            assert "<b>" not in told(picture)
            assert "\n" not in picture.alt
            # Nothing breaks out of its cell of the table.
            blocks = picture.numbers.split("\n\n")
            assert all(len({line.count("|") for line in map(bare, block.splitlines())}) == 1
                       for block in blocks)  # fmt: skip
            assert re.fullmatch(r"plots/[a-z0-9-]+\.svg", picture.path)


def test_no_text_of_a_sample_is_written(cell, run_of, tmp_path):
    row, results = cell()
    plain = run_of((row, [replace(one, text="", completion="") for one in results]))
    draw_plots(tmp_path / "a", run_of((row, results)))
    draw_plots(tmp_path / "b", plain)
    for file in (tmp_path / "a/plots").iterdir():
        assert file.read_bytes() == (tmp_path / "b/plots" / file.name).read_bytes()


def test_lengths_that_are_unknown_leave_one_plot_out(cell, run_of, tmp_path):
    kinds = draw_plots(tmp_path, run_of(cell(lengths=False)))
    names = [picture.path for kind in kinds for picture in kind.pictures]
    assert names == [f"plots/{kind}-mini-1.svg" for kind in ("forest", "reliability", "confusion")]


@pytest.mark.parametrize(
    ("change", "drawn"),
    [
        ({}, 4),
        ({"unscored": 120}, 0),
        ({"generated": True}, 3),
        ({"n": 2}, 3),
        ({"n": 1}, 2),
        ({"skill": 9.0, "shift": 40.0}, 4),
    ],
)
def test_odd_cells(cell, run_of, tmp_path, change, drawn):
    kinds = draw_plots(tmp_path, run_of(cell(**change)))
    assert [kind.problem for kind in kinds] == [""] * drawn
    assert sum(len(kind.pictures) for kind in kinds) == drawn


def test_unscored_cell_beside_a_scored_one_keeps_its_line(cell, run_of):
    run = run_of(cell(), cell(placement="chat", unscored=120))
    (plot,) = plots_of("forest", run)
    axes = plot.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()][1:] == [
        "zero-shot",
        "5-shot chat",
    ]
    assert sum(len(data) for data, _ in containers(axes)) == 1
    (plot,) = plots_of("confusion", run)
    assert len(plot.figure.axes) == 1


def test_sets_of_one_name_have_files_of_their_own(cell, run_of, tmp_path):
    run = run_of(
        cell(), cell(evalset="evalsets/deep/mini.yaml"), cell(evalset="evalsets/набор.yaml")
    )
    forests = [picture.path for picture in draw_plots(tmp_path, run)[0].pictures]
    assert forests == [f"plots/forest-{name}-1.svg" for name in ("mini", "mini-2", "set")]


def test_drawing_again_leaves_no_files_of_before(cell, run_of, tmp_path):
    draw_plots(tmp_path, run_of(cell(n=40), cell(n=40, evalset="evalsets/gone.yaml")))
    kept = tmp_path / "plots/notes.txt"
    kept.write_text("mine")
    kinds = draw_plots(tmp_path, run_of(cell(n=40)), plots="png")
    names = {picture.path.removeprefix("plots/") for kind in kinds for picture in kind.pictures}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == names | {"notes.txt"}


def test_no_plots_no_folder(run_sized, tmp_path):
    assert draw_plots(tmp_path, run_sized(4), plots="none") == ()
    assert draw_plots(tmp_path, Run(run_sized(1).info)) == ()
    assert not (tmp_path / "plots").exists()


@pytest.mark.parametrize(("count", "said"), [(24, 0), (25, 2)])
def test_rule_is_said_where_cells_are_left_out(run_sized, tmp_path, monkeypatch, count, said):
    monkeypatch.setattr(canvas, "save", lambda plot, folder, ending: folder / plot.name)
    kinds = draw_plots(tmp_path, run_sized(count, n=12))
    assert [kind.problem for kind in kinds] == [""] * len(kinds)
    assert sum("At most 24" in kind.note for kind in kinds) == said


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_an_alt_text_is_short_and_the_numbers_stand_beneath(run_sized, tmp_path, lang):
    kinds = draw_plots(tmp_path, run_sized(20), lang=lang)
    pictures = [picture for kind in kinds for picture in kind.pictures]
    assert len(pictures) >= 4
    for picture in pictures:
        assert len(picture.alt) <= 300
        head, rule, *lines = picture.numbers.splitlines()
        assert re.fullmatch(r"\| [^|]+(\| [^|]+)+\|", head)
        assert set(rule) == set("|-")
        assert lines
