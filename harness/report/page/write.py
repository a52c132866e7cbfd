"""A run -> `report.html`: cells, samples, judged answers and plots, to look at in a browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from harness.analysis.findings import Findings
from harness.language import Lang, Words, words
from harness.markdown import table_cells, unmarked
from harness.reasons import Reason, say
from harness.records import CellPrompt, Json, Run
from harness.report.format import duration
from harness.report.gates import gate_lines
from harness.report.judged.tables import model_table
from harness.report.judged.trust import trust_lines
from harness.report.mistakes import Names
from harness.report.page.file import write_html
from harness.report.page.judged import judged_probes
from harness.report.page.samples import sample_sets
from harness.report.page.texts import Texts
from harness.report.plots.write_plots import PlotKind
from harness.report.tables import figure_table, further_table

PAGE_FILE = "report.html"
# Pieces of prompts that a page shows, 3 MB or so.
_TOKENS = 200_000
# Words of the report that the page's script says, too.
_SHARED = ("j_user", "j_assistant", "j_own", "j_earlier", "j_last")


def write_page(
    run_dir: Path,
    run: Run,
    findings: Findings,
    plots: Sequence[PlotKind],
    *,
    verdict: str,
    names: Names,
    lang: Lang = "en",
    texts: Literal["full", "none"] = "full",
) -> Path:
    """Write `report.html` into the run's folder, whole or not at all, and return its path.

    The page holds all that it shows, and its policy lets it ask for nothing. What is foreign stands
    in JSON and is put into the page as text.

    Args:
        run_dir: Where the plots lie.
        run: What to show; without texts where `texts` is `none`.
        findings: What is concluded from it.
        plots: Those that were drawn.
        verdict: What the report's title says of all gates.
        names: How a report calls each cell and judged model.
        lang: Language of everything that is not data.
        texts: Whether the texts were left out, which the page says.

    Raises:
        OSError: It cannot be written.
    """
    t, pool, kept = words(lang), Texts(), dict[Reason, str]()

    def said(reason: Reason) -> str:
        if reason not in kept:
            kept[reason] = say(reason, lang)
        return kept[reason]

    gates = gate_lines(run.rows, run.gates, names, lang=lang, standings=run.judged.standings)
    sets = sample_sets(run, pool, said)
    probes = judged_probes(run.judged, pool, said)
    info = run.info
    data: Json = {
        "words": {name: _word(name, t) for name in t if name.startswith(("page_", *_SHARED))},
        "verdict": verdict,
        "about": [info.id, info.started, duration(info.wall_s), info.command],
        "gates": [unmarked(line) for line in gates],
        "tables": _tables(run, findings, t),
        "sets": sets,
        "probes": probes,
        "prompts": _prompts(run.prompts),
        "plots": _plots(run_dir, plots),
        "texts": list(pool.shown),
        "cut": {str(place): count for place, count in pool.cut.items()},
        "left_out": pool.left_out,
        "no_texts": texts == "none",
    }
    path = run_dir / PAGE_FILE
    write_html(path, "page", data, t)
    return path


def _word(name: str, t: Words) -> str:
    """Return a sentence with a mark for each fact, which the page fills in."""
    return unmarked(t.say(name, **{fact: f"{{{fact}}}" for fact in t.facts(name)}))


def _prompts(prompts: Sequence[CellPrompt]) -> list[Json]:
    """Return as many of the cells' prompts as there is room for."""
    found: list[Json] = []
    room = _TOKENS
    for one in prompts:
        room -= len(one.pieces)
        shown: dict[str, Json] = {
            "set": one.evalset,
            "cell": one.cell,
            "sample": one.sample,
            "tokens": sum(map(len, one.ids)) + one.left_out,
        }
        if room >= 0:
            shown |= {
                "pieces": list(one.pieces),
                "ids": [" ".join(map(str, own)) for own in one.ids],
                "place": one.place,
                "left_out": one.left_out,
            }
        found.append(shown)
    return found


def _tables(run: Run, findings: Findings, t: Words) -> list[Json]:
    found: list[Json] = []
    for evalset in dict.fromkeys(row.evalset for row in run.rows):
        own = [row for row in run.rows if row.evalset == evalset]
        tables = [figure_table(own, run.gates, findings.draws, t), further_table(own, t)]
        found += [_table(evalset, one) for one in tables if one]
    for evalset in dict.fromkeys(one.evalset for one in run.judged.standings):
        lines = [unmarked(line) for line in trust_lines(run.judged, evalset, t)]
        found.append(_table(evalset, model_table(run.judged, evalset, run.gates, t), lines))
    return found


def _table(title: str, table: str, lines: Sequence[str] = ()) -> Json:
    head, *rows = (list[Json](row) for row in table_cells(table))
    return {"title": title, "lines": list(lines), "head": head, "rows": list(rows)}


def _plots(run_dir: Path, plots: Sequence[PlotKind]) -> list[Json]:
    return [
        {
            "note": unmarked(kind.note),
            "pictures": [
                {"alt": unmarked(one.alt), "source": _source(run_dir / one.path)}
                for one in kind.pictures
            ],
        }
        for kind in plots
    ]


def _source(path: Path) -> str:
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
