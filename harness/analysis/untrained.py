"""Figures without the samples and probes that adapters were trained on, beside those with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.analysis.bins import by_cell
from harness.analysis.compare_models import reference_of
from harness.analysis.findings import JUDGED_FIGURES, Untrained
from harness.analysis.ranking import primaries
from harness.figures import COMPARED
from harness.figures.slices import narrowed
from harness.judge.standings import figures_of
from harness.records import Judged, Note, Run, Standing


@dataclass(slots=True)
class _Found:
    """What the models of a set were trained on: ids of samples or probes, names of models."""

    ids: dict[str, None] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)


def without_trained(run: Run) -> Iterator[Untrained]:
    """Yield each cell and judged model of the sets of which an adapter was trained on a part.

    All of a set leave out the same samples, so that their figures can be compared.
    """
    left = _trained_on(run.info.notes)
    if not left:
        return
    results, figures = by_cell(run.results), primaries(run.rows)
    for row in run.rows:
        if (found := left.get(row.evalset)) is None:
            continue
        own = results.get((row.evalset, row.cell), [])
        rest = [one for one in own if one.sample not in found.ids]
        names = [name for name in COMPARED if name in row.figures and row.figures[name].finite]
        after = narrowed(row, rest, names).figures
        yield Untrained(
            row.evalset,
            row.cell,
            trained=row.model in found.models,
            left_out=len(own) - len(rest),
            total=len(own),
            figure=figures[row.evalset],
            before={name: row.figures[name] for name in names},
            after={name: one for name, one in after.items() if one.finite},
        )
    for standing in run.judged.standings:
        if (found := left.get(standing.evalset)) is not None:
            yield _judged(run.judged, standing, found)


def _judged(judged: Judged, standing: Standing, found: _Found) -> Untrained:
    evalset, model = standing.evalset, standing.model
    own = [one for one in judged.probes if (one.evalset, one.model) == (evalset, model)]
    rest = [one for one in own if one.probe not in found.ids]
    sides = (evalset, model, reference_of(judged, evalset))
    kept = {one.probe for one in rest}
    pairs = [p for p in judged.pairs
             if (p.evalset, p.model, p.against) == sides and p.probe in kept]  # fmt: skip
    bases = [one for one in judged.bases if (one.evalset, one.model) == (evalset, model)]
    passing = next((one.passing for one in bases), None)
    after = figures_of(rest, pairs, passing=passing or 0.0)
    names = [name for name in JUDGED_FIGURES if name in standing.figures
             and (name != "pass_rate" or passing is not None)]  # fmt: skip
    return Untrained(
        evalset,
        model,
        trained=model in found.models,
        left_out=len(own) - len(rest),
        total=len(own),
        figure=next(iter(names), ""),
        before={name: standing.figures[name] for name in names},
        after={name: after[name] for name in names if name in after},
    )


def _trained_on(notes: tuple[Note, ...]) -> dict[str, _Found]:
    left: dict[str, _Found] = {}
    for note in notes:
        if note.kind in ("trained_samples", "trained_probes"):
            found, ids = left.setdefault(note.about, _Found()), note.facts["ids"]
            found.models.add(str(note.facts["model"]))
            found.ids |= dict.fromkeys(ids if isinstance(ids, tuple) else ())
    return left
