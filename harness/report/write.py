"""The markdown report of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.analysis.findings import Findings
from harness.language import Lang, Words, words
from harness.markdown import code, escape
from harness.reasons import Reason
from harness.records import Extension, Gate, Row, Run, RunInfo
from harness.registry import remembered, using
from harness.report import headline
from harness.report.baseline import baseline_changes, baseline_lines
from harness.report.cautions import beware
from harness.report.chattemplates import template_lines
from harness.report.conclusions import conclude
from harness.report.format import NOTHING, count, duration, percent
from harness.report.gates import gate_lines, unjudged_lines
from harness.report.glossary import glossary
from harness.report.guessing import guessing_lines
from harness.report.judged.sections import judged_part
from harness.report.mistakes import Names, wrong_answers
from harness.report.names import some
from harness.report.notes import note_lines
from harness.report.page.write import write_page
from harness.report.plots.drawn import Memory
from harness.report.plots.write_plots import PlotKind, Plots, draw_plots
from harness.report.questions import question_tables
from harness.report.reasons import why
from harness.report.runfiles import Texts, redact_run
from harness.report.slices import sliced_part
from harness.report.tables import (
    best_table,
    data_table,
    engine_table,
    figure_table,
    further_table,
    table,
)
from harness.report.thoughts import place_lines, thought_line
from harness.report.unscored import unscored_lines
from harness.report.untrained import untrained_lines, untrained_table
from harness.writing import write_whole

if TYPE_CHECKING:
    from jinja2 import Template

Skipped = Sequence[tuple[str, Reason]]

REPORT_FILE = "report.md"

# As many cautions and open gates as a first look takes in; the others stand below.
_CAUTIONS = _OPEN = 3


@dataclass(frozen=True, slots=True)
class _Section:
    """One eval set: its path, what the table's caption says, the table, and what was thought."""

    title: str
    caption: str
    table: str
    further: str
    thoughts: str
    places: tuple[str, ...]


def write_report(
    run_dir: Path,
    run: Run,
    findings: Findings,
    *,
    lang: Lang = "en",
    texts: Texts = "full",
    plots: Plots = "svg",
    hasty: bool = False,
    memory: Memory | None = None,
) -> Path:
    """Write `report.md`, its plots and `report.html` into the run's folder.

    Args:
        run_dir: Created where it is missing.
        run: What to write up.
        findings: What is concluded from this run.
        lang: Language of everything that is not data.
        texts: With `none`, no sample's text and no completion appears.
        plots: Format of the plots; with `none`, the report has none.
        hasty: Whether to say that comparisons and plots are left out.
        memory: Holds plots that were drawn of the same numbers.

    Returns:
        The path of `report.md`.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / REPORT_FILE
    shown = redact_run(run) if texts == "none" else run
    with using(remembered(run.info.extensions)):
        content = {**_content(shown, findings, lang=lang), "hasty": hasty}
        # First without plots: whatever drawing them may do, the figures are on disk.
        write_whole(path, _render(content, ()))
        drawn = draw_plots(run_dir, run, findings, lang=lang, plots=plots, memory=memory)
        if drawn:
            write_whole(path, _render(content, drawn))
        write_page(
            run_dir, shown, findings, drawn,
            verdict=str(content["verdict"]), names=_all_names(run), lang=lang, texts=texts,
        )  # fmt: skip
    return path


def report_markdown(
    run: Run, findings: Findings, *, lang: Lang = "en", texts: Texts = "full"
) -> str:
    """Return the report without plots; the same for the same arguments.

    Args:
        run: What to write up.
        findings: What is concluded from this run.
        lang: Language of everything that is not data.
        texts: With `none`, no sample's text and no completion appears.
    """
    with using(remembered(run.info.extensions)):
        shown = redact_run(run) if texts == "none" else run
        return _render(_content(shown, findings, lang=lang), ())


def _content(run: Run, findings: Findings, *, lang: Lang) -> Mapping[str, object]:
    """Return all that the template shows but the plots."""
    info, rows, gates = run.info, run.rows, run.gates
    t = words(lang)
    names = _all_names(run)
    judged = judged_part(run.judged, findings.judged, gates, t)
    lines = partial(_gate_lines, run, names=names, lang=lang)
    conclusions = conclude(findings, lang=lang)
    labelled = bool(rows or not judged.sections)
    cautions = beware(findings.cautions, t)
    left = headline.left_open(gates)
    return dict(
        t=t,
        ran=bool(rows),
        judged=judged,
        made_up=", ".join(code(name) for name in findings.made_up),
        verdict=headline.verdict(run, findings, judged, t),
        counts=headline.counts(run, t, labelled=labelled),
        skipped=_skipped(run.skipped, t),
        info=_head(info, t),
        engines=engine_table(info.engines, t),
        data=data_table(info.data, t),
        templates=template_lines(run, t),
        extensions=[_extension(one, t) for one in info.extensions],
        notes=note_lines(info.notes, t),
        trained=untrained_lines(findings.untrained, t),
        untrained=untrained_table(findings.untrained, t),
        sections=_sections(run, findings, t),
        failed=lines([gate for gate in gates if gate.failed]),
        open=lines(left[:_OPEN]),
        open_line=headline.open_line(run, len(left) - _OPEN, t),
        alarm_line=headline.alarm_line(run, t),
        gates=[*lines(gates), *unjudged_lines(run.unjudged, t)],
        moved=baseline_changes(findings.baselines, names, t),
        guessing=guessing_lines(findings.guessing, t),
        cautions=cautions[:_CAUTIONS],
        more_cautions=cautions[_CAUTIONS:],
        glossary=glossary(run, findings, t),
        baselines=baseline_lines(run.baselines, findings.baselines, names, t),
        conclusions=conclusions,
        questions=question_tables(findings, t),
        bests=best_table(conclusions.bests, t),
        sliced=sliced_part(findings.slices, run.baselines, names, t),
        wrong=wrong_answers(findings.mistakes, run.results, names, t),
        wrong_left_out=some([names[row.evalset, row.cell] for row in findings.untelling], t),
        unscored=unscored_lines(rows, run.results, names, t),
        lost=[why(one, t, limit=400) for one in info.lost],
        hasty=False,
        stopped=[why(one, t, limit=400) for one in info.stopped],
    )


def _render(content: Mapping[str, object], plots: Sequence[PlotKind]) -> str:
    lead, note, others = headline.lead_plot(plots)
    markdown = _template().render(content, lead=lead, lead_note=note, plots=others)
    lines = [line.rstrip() for line in markdown.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


@cache
def _template() -> Template:
    from jinja2 import PackageLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("harness.report", "templates"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.md.j2")


def _extension(one: Extension, t: Words) -> str:
    return t.say(f"x_{one.kind}", name=code(one.name), source=code(one.shown, limit=120))


def _all_names(run: Run) -> Names:
    return {**_names(run.rows), **_judged_names(run)}


def _names(rows: Sequence[Row]) -> Names:
    """Return how each cell is called: by its id, before it the eval set where there are several."""
    several = len({row.evalset for row in rows}) > 1
    return {
        (row.evalset, row.cell): code(f"{row.evalset}::{row.cell}" if several else row.cell)
        for row in rows
    }


def _gate_lines(run: Run, gates: Sequence[Gate], *, names: Names, lang: Lang) -> list[str]:
    return gate_lines(run.rows, gates, names, lang=lang, standings=run.judged.standings)


def _judged_names(run: Run) -> Names:
    """Return how each judged model is called, by the same rule."""
    standings = run.judged.standings
    several = len({one.evalset for one in standings} | {row.evalset for row in run.rows}) > 1
    return {
        (one.evalset, one.model): code(f"{one.evalset}::{one.model}" if several else one.model)
        for one in standings
    }


def _skipped(skipped: Skipped, t: Words) -> list[str]:
    groups: dict[Reason, list[str]] = {}
    for cell, reason in skipped:
        groups.setdefault(reason, []).append(cell)
    return [
        t.say(
            "skipped_line",
            count=len(cells),
            reason=why(reason, t),
            cells=", ".join(code(cell) for cell in cells),
        )
        for reason, cells in groups.items()
    ]


def _head(info: RunInfo, t: Words) -> dict[str, str]:
    machine = ", ".join(f"{escape(k)} {escape(v)}" for k, v in info.machine.items())
    line = t.say(
        "run_line",
        id=escape(info.id),
        started=escape(info.started),
        wall=duration(info.wall_s),
        machine=machine or NOTHING,
    )
    versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in info.versions.items())
    return {"run": line, "command": code(info.command, limit=400), "versions": versions}


def _sections(run: Run, findings: Findings, t: Words) -> list[_Section]:
    sections: list[_Section] = []
    rows = run.rows
    for evalset in dict.fromkeys(row.evalset for row in rows):
        own = [row for row in rows if row.evalset == evalset]
        first = own[0]
        caption = t.say(
            "caption",
            scoring=", ".join(dict.fromkeys(escape(row.scoring) for row in own)),
            targets=", ".join(f"{escape(k)} {percent(v)}" for k, v in first.targets.items()),
            auc=t.say("caption_auc", label=escape(next(iter(first.targets))))
            if any("auc" in row.figures for row in own)
            else "",
        )
        if any("contextual_accuracy" in row.figures for row in own):
            caption += t["caption_contextual"]
        if clusters := max((row.clusters or 0 for row in own), default=0):
            caption += t.say("caption_clusters", clusters=count(clusters))
        thoughts = [
            {t["h_cell"]: escape(row.cell), **thought_line(row.thoughts, t)}
            for row in own
            if row.thoughts
        ]
        sections.append(
            _Section(
                title=escape(evalset),
                caption=caption,
                table=figure_table(own, run.gates, findings.draws, t),
                further=further_table(own, t),
                thoughts=table(thoughts, keep=set()),
                places=tuple(place_lines(own, t)),
            )
        )
    return sections
