"""The tables of a report, in GitHub's markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.findings import Best, Draws
from harness.figures import INTERVALS, figure_kind
from harness.language import Words
from harness.markdown import escape
from harness.records import DataInfo, EngineInfo, Figure, Gate, Row
from harness.report.format import NOTHING, count, percent, seconds, with_interval
from harness.report.modes import mode_place, thinking_word
from harness.report.names import figure_name, selector_name
from harness.report.seeds import draw_line
from harness.report.sentences import detail

# A digest of this length tells any two apart; the whole of it is in run.json.
DIGEST = 19
_MANY_LABELS = 3
_BEST_VERDICTS = {0: "c_same", 1: "v_shown", -1: "v_bare"}
_WORST_FIRST = ("fail", "inconclusive", "pass")


def figure_table(
    rows: Sequence[Row], gates: Sequence[Gate], draws: Sequence[Draws], t: Words
) -> str:
    """Return the table of one eval set, without columns that none of its cells fills."""
    labels = list(rows[0].targets) or list(rows[0].shares)
    few = 0 < len(labels) <= _MANY_LABELS
    shots = [row for row in rows if row.k > 0]
    # What is the same in all rows, and usual, tells nothing.
    shown = {
        "selector": {row.selector for row in shots} - {"balanced"},
        "order": {row.order or "shuffled" for row in shots} - {"shuffled"},
        "seed": len({row.seed for row in shots}) > 1,
    }
    lines: list[dict[str, str]] = []
    last = {(one.rows[-1].evalset, one.rows[-1].cell): one for one in draws}
    for row in rows:
        cells = {
            t["h_model"]: escape(row.model),
            t["h_prompt"]: escape(row.prompt),
            t["h_mode"]: _mode(row, t),
            t["h_placement"]: row.placement or "",
            t["h_selector"]: selector_name(row.selector, t) if row.k and shown["selector"] else "",
            t["h_order"]: t[f"o_{row.order or 'shuffled'}"] if row.k and shown["order"] else "",
            t["h_seed"]: "" if row.seed is None or not shown["seed"] else str(row.seed),
            t["h_thinking"]: thinking_word(row.thinking, t) if row.thinking else "",
            t["h_n"]: count(row.n),
        }
        for name in INTERVALS:
            figure = row.figures.get(name)
            cells[t[f"h_{name}"]] = with_interval(figure) + _own_n(figure, row) if figure else ""
        mass = row.figures.get("label_mass")
        cells[t["h_label_mass"]] = f"{mass.value:.2f}{_own_n(mass, row)}" if mass else ""
        flips = row.figures.get("label_flips")
        cells[t["h_label_flips"]] = with_interval(flips) if flips else ""
        names = " / ".join(escape(label, limit=16) for label in labels)
        header = f"{names}, %" if few else t["h_shares"]
        cells[header] = _shares(row, labels if few else [])
        cells[t["h_unscored"]] = count(row.unscored)
        cells[t["h_gate"]] = worst_gate(row.evalset, row.cell, gates, t)
        lines.append(cells)
        if found := last.get((row.evalset, row.cell)):
            lines.append(draw_line(found, cells, t))
    return table(lines, keep={t["h_accuracy"]})


def further_table(rows: Sequence[Row], t: Words) -> str:
    """Return the figures that a set asks for beside the usual ones, empty where it has none."""
    names = dict.fromkeys(
        name for row in rows for name in row.figures if figure_kind(name)[0].column == "further"
    )
    lines = []
    for row in rows:
        cells = {t["h_cell"]: escape(row.cell)}
        for name in names:
            figure = row.figures.get(name)
            shown = with_interval(figure) + _own_n(figure, row) if figure else NOTHING
            cells[figure_name(name, t)] = shown
        lines.append(cells)
    return table(lines, keep=set()) if names else ""


def _own_n(figure: Figure, row: Row) -> str:
    """Return the figure's sample count where it is not the row's: `, n=300`."""
    return f", n={count(figure.n)}" if figure.n != row.n else ""


def best_table(bests: Sequence[Best], t: Words) -> str:
    """Return the best zero-shot and few-shot cell of each model, and whether they differ."""
    several = len({one.evalset for one in bests}) > 1
    lines: list[dict[str, str]] = []
    for one in bests:
        compared = one.comparison
        sign = compared.sign if compared else 0
        lines.append(
            {
                t["h_evalset"]: escape(one.evalset) if several else "",
                t["h_model"]: escape(one.model),
                t["h_by"]: t[f"f_{one.figure}"],
                t["h_best_bare"]: _best(one.bare, one.figure, t),
                t["h_best_shown"]: _best(one.shown, one.figure, t),
                t["h_difference"]: detail(compared, t) if compared else "",
                t["h_verdict"]: t.say(
                    "q_drawn", answer=t[_BEST_VERDICTS[sign]], draws=max(compared.draws)
                )
                if compared
                else "",
            }
        )
    return table(lines, keep=set())


def _best(row: Row | None, figure: str, t: Words) -> str:
    if row is None:
        return ""
    place = f", {mode_place(row, t)}" if row.k or row.thinking else ""
    own = row.figures[figure]
    said = f"{escape(row.prompt)}{place}: {with_interval(own)}, n={count(own.n)}"
    # The best by another figure may give hardly a right answer as it comes.
    raw = row.figures.get("accuracy") if figure != "accuracy" else None
    return f"{said}; {t['f_accuracy']} {with_interval(raw)}" if raw else said


def _times(count: int) -> str:
    return f" x{count}" if count > 1 else ""


def _numbers(engine: EngineInfo) -> str:
    """Return in what precision an engine computed, and where; "" of answers that were given."""
    told = ", ".join(filter(None, (engine.dtype, engine.device)))
    return f"{told}{_times(engine.replicas)}"


def engine_table(engines: Sequence[EngineInfo], t: Words) -> str:
    """Return what each engine was and did."""
    lines: list[dict[str, str]] = []
    for one in engines:
        tokens = one.prompt_tokens - one.cached_tokens + one.completion_tokens
        rate = tokens / one.generate_s if one.computed and one.generate_s > 0 else None
        lines.append(
            {
                t["h_model"]: escape(one.model),
                t["h_source"]: escape(one.source, limit=80),
                t["h_digest"]: escape(one.digest, limit=DIGEST),
                t["h_engine"]: escape(one.version),
                t["h_dtype"]: escape(_numbers(one)),
                t["h_start"]: seconds(one.start_s) if one.computed else "",
                t["h_generate"]: seconds(one.generate_s) if one.computed else "",
                t["h_outputs"]: f"{count(one.computed)} / {count(one.stored)}",
                t["h_tokens"]: f"{count(one.prompt_tokens)} ({count(one.cached_tokens)})",
                t["h_rate"]: count(round(rate)) if rate is not None else "",
            }
        )
    return table(lines, keep=set())


def data_table(data: Sequence[DataInfo], t: Words) -> str:
    """Return where the samples came from."""
    lines = [
        {
            t["h_evalset"]: escape(one.evalset),
            t["h_source"]: escape(one.source, limit=80),
            t["h_revision"]: escape(one.revision, limit=DIGEST),
            t["h_rows"]: f"{count(one.rows)} ({count(one.dropped)})",
            t["h_samples"]: count(one.samples),
            t["h_pool"]: f"{count(one.pool)} ({count(one.pool_removed)})",
            t["h_pool_special"]: count(one.pool_special) if one.pool_special else "",
        }
        for one in data
    ]
    return table(lines, keep=set())


def _mode(row: Row, t: Words) -> str:
    if row.given:
        return t["given"]
    if row.encoder:
        return t["encoder_zero" if row.encoder == "zero-shot" else "encoder_own"]
    if row.train_rows:
        return t.say("trained", rows=count(row.train_rows), seed=row.seed)
    return t["zeroshot"] if row.k == 0 else t.say("fewshot", k=row.k)


def _shares(row: Row, labels: Sequence[str]) -> str:
    """Return the share of each label, or of the most frequent where there are many."""
    if not row.shares:
        return ""
    if labels:
        return " / ".join(f"{100 * row.shares.get(label, 0.0):.0f}" for label in labels)
    top = max(row.shares, key=lambda label: row.shares[label])
    return f"{escape(top, limit=24)} {percent(row.shares[top])}"


def worst_gate(evalset: str, cell: str, gates: Sequence[Gate], t: Words) -> str:
    """Return the worst verdict among a cell's gates, or a judged model's."""
    own = [gate for gate in gates if (gate.evalset, gate.cell) == (evalset, cell)]
    if any(gate.failed for gate in own):
        return t["fail"]
    found = {gate.verdict for gate in own if gate.tier == "critical"}
    if "inconclusive" not in found and any(gate.verdict == "fail" for gate in own):
        return t["fail_advisory"]
    found = found or {gate.verdict for gate in own}
    return next((t[verdict] for verdict in _WORST_FIRST if verdict in found), "")


def table(lines: Sequence[Mapping[str, str]], *, keep: set[str]) -> str:
    """Return a table in GitHub's markdown.

    Args:
        lines: Header -> cell as inert markdown, all with the same headers.
        keep: Columns that stay where no line fills them.
    """
    from tabulate import tabulate

    if not lines:
        return ""
    headers = [name for name in lines[0] if name in keep or any(line[name] for line in lines)]
    cells = [[line[name] or NOTHING for name in headers] for line in lines]
    return tabulate(cells, headers=headers, tablefmt="github", disable_numparse=True)
