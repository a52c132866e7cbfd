"""How each model was asked, in a line: by which chat template, or an encoder by which classes."""

from __future__ import annotations

from collections.abc import Sequence

from harness.language import Words
from harness.markdown import code, escape
from harness.records import Row, Run, TemplateUse
from harness.report.names import some

Asked = tuple[str, TemplateUse]
"""A way of asking in words, and what the template made of it."""

_OWN = 200
_VARIABLES = 120


def template_lines(run: Run, t: Words) -> list[str]:
    """Return a line for each model that has a chat template, then for each encoder."""
    models: dict[str, list[Asked]] = {}
    for model in dict.fromkeys(row.model for row in run.rows):
        models[model] = _cells([row for row in run.rows if row.model == model], t)
    judged = run.judged
    others = [(one.model, t["tpl_probes"], one.template) for one in judged.standings]
    others += [(one.judge, t["tpl_verdicts"], one.template) for one in judged.judges]
    for model, way, use in others:
        models.setdefault(model, []).extend([(way, use)] if use else [])
    return [
        t.say("tpl_line", model=code(model), parts="; ".join(_parts(asked, t)))
        for model, asked in models.items()
        if asked
    ] + list(dict.fromkeys(_classes(row, t) for row in run.rows if row.encoder))


def _classes(row: Row, t: Words) -> str:
    """Return what stands for each label to an encoder."""
    pairs = [
        f"{escape(label)} {t.say('quote', text=escape(one, limit=_OWN))}"
        for label, one in row.classes.items()
    ]
    return t.say("tpl_encoder", model=code(row.model), task=row.encoder, pairs=some(pairs, t))


def _cells(rows: Sequence[Row], t: Words) -> list[Asked]:
    """Return how cells were asked: zero-shot and each placement, or cell by cell if they differ."""
    ways: dict[str, list[tuple[str, TemplateUse]]] = {}
    for row in rows:
        way = t["zeroshot"] if row.k == 0 else t.say("tpl_placement", place=row.placement)
        if row.template is not None:
            ways.setdefault(way, []).append((code(row.cell), row.template))
    found: list[Asked] = []
    for way, cells in ways.items():
        alike = all(use == cells[0][1] for _, use in cells)
        found += [(way, cells[0][1])] if alike else cells
    return found


def _parts(asked: Sequence[Asked], t: Words) -> list[str]:
    parts = list(dict.fromkeys(_given(use, t) for _, use in asked))
    if folded := [way for way, use in asked if use.system == "folded"]:
        parts.append(t.say("tpl_folded", ways=_ways(folded, t)))
    if empty := [way for way, use in asked if use.system == "empty"]:
        parts.append(t.say("tpl_empty", ways=_ways(empty, t)))
    for own in dict.fromkeys(use.own_system for _, use in asked if use.own_system):
        under = [way for way, use in asked if use.own_system == own]
        without = [way for way, use in asked if use.own_system != own]
        text = escape(own, limit=_OWN)
        parts.append(t.say("tpl_own", text=text, ways=_ways(under, t), others=_ways(without, t)))
    return parts


def _given(use: TemplateUse, t: Words) -> str:
    """Return a template's digest, and what it was given."""
    return t.say(
        "tpl_template",
        digest=use.digest,
        variables=code(use.variables, limit=_VARIABLES) if use.variables else "",
        day=use.day,
        chosen=use.day_chosen,
    )


def _ways(ways: Sequence[str], t: Words) -> str:
    return some(list(dict.fromkeys(ways)), t)
