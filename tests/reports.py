"""Reports and plots of made-up runs, with the findings that the runs support."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.analysis.analyze import analyze
from harness.analysis.compare_cells import compare as compare_tests
from harness.analysis.findings import Comparison, Findings, JudgedSet
from harness.analysis.judged_sets import all_judged
from harness.analysis.tested import Cells, all_tests
from harness.language import words
from harness.records import Gate, Judged, Result, Row, Run, RunInfo
from harness.report import conclusions, write
from harness.report.conclusions import Conclusions
from harness.report.plots import write_plots
from harness.report.plots.write_plots import PlotKind
from harness.report.questions import question_tables


def findings_of(rows: Sequence[Row], results: Sequence[Result]) -> Findings:
    """Return what rows and their results support."""
    info = RunInfo("r", "now", 1.0, "pytest", {}, {})
    return analyze(Run(info, tuple(rows), (), tuple(results)))


def compare(
    rows: Sequence[Row], results: Sequence[Result], gates: Sequence[Gate] = ()
) -> list[Comparison]:
    """Return the comparisons of rows and their results."""
    cells = Cells(results)
    return compare_tests(all_tests(rows, cells), cells, gates)


def conclude(rows: Sequence[Row], results: Sequence[Result], *, lang="en") -> Conclusions:
    """Return the sentences on what rows and their results support."""
    return conclusions.conclude(findings_of(rows, results), lang=lang)


def questions(rows: Sequence[Row], results: Sequence[Result], *, lang="en") -> list[list[str]]:
    """Return the lines of the table of questions, cell by cell, without its header."""
    tables = question_tables(findings_of(rows, results), words(lang))
    lines = [*tables.shown.splitlines()[2:], *tables.folded.splitlines()[2:]]
    return [[part.strip() for part in line.split("|")[1:-1]] for line in lines]


def set_of(judged: Judged, evalset: str) -> JudgedSet:
    """Return the findings on one judge set."""
    return next(one for one in all_judged(judged) if one.evalset == evalset)


def report_markdown(run: Run, **options) -> str:
    """Return a run's report without plots."""
    return write.report_markdown(run, analyze(run), **options)


def write_report(folder: Path, run: Run, **options) -> Path:
    """Write a run's report and its plots."""
    return write.write_report(folder, run, analyze(run), **options)


def draw_plots(folder: Path, run: Run, **options) -> tuple[PlotKind, ...]:
    """Draw a run's plots."""
    return write_plots.draw_plots(folder, run, analyze(run), **options)
