"""All that a report says of its judge sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.findings import JudgedSet
from harness.analysis.judged_sets import judges_of
from harness.language import Words
from harness.markdown import escape
from harness.records import Gate, Judged
from harness.report.format import count
from harness.report.judged import points, tables
from harness.report.judged.answers import Probe, probes_of
from harness.report.judged.changes import baseline_parts, short_lines
from harness.report.judged.conclusions import Said, conclusions, method
from harness.report.judged.thinking import thought_table
from harness.report.judged.trust import head_word, trust_lines


@dataclass(frozen=True, slots=True)
class Section:
    """One judge set, everything inert markdown.

    Attributes:
        trust: Whether the judges are trusted, and why.
        short: The bare verdict on each model.
        models: Name of each model with its table of probes.
        models_note: How these tables are read.
        points: Name of each probe with its table of points x models.
        moves: Which points each model gained and lost.
        baselines: For each model with a baseline a line, and lines of what has changed.
        thoughts: The table of what models and judges thought, empty where none did.
    """

    title: str
    trust: tuple[str, ...]
    caption: str
    table: str
    short: tuple[str, ...]
    conclusions: tuple[str, ...]
    unscored: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    models_note: str
    canaries: str
    judges: str
    notes: tuple[str, ...]
    thoughts: str
    probes: tuple[Probe, ...]
    points: tuple[tuple[str, str], ...]
    moves: tuple[str, ...]
    baselines: tuple[dict[str, str | list[str]], ...]


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """What the report's head says of judge sets, and their sections.

    Attributes:
        word: What the title says of scores that prove nothing, else empty.
        counts: How much was judged, empty where nothing was.
        trust: The sentences on the judges of all sets.
    """

    word: str
    counts: str
    trust: tuple[str, ...]
    method: str
    sections: tuple[Section, ...]


def judged_part(
    judged: Judged, found: Sequence[JudgedSet], gates: Sequence[Gate], t: Words
) -> JudgedPart:
    """Return the judge's part of a report; without judge sets it is empty."""
    said = conclusions(found, t)
    sections = tuple(_section(judged, one, gates, said[one.evalset], t) for one in found)
    return JudgedPart(
        word=head_word(judged, t),
        counts=_counts(judged, t) if found else "",
        trust=tuple(dict.fromkeys(line for section in sections for line in section.trust)),
        method=method(found, t),
        sections=sections,
    )


def _section(
    judged: Judged, found: JudgedSet, gates: Sequence[Gate], said: Said, t: Words
) -> Section:
    evalset = found.evalset
    probes = [one for one in judged.probes if one.evalset == evalset]
    judges = judges_of(judged, evalset)
    models = tuple(
        (escape(model), tables.probe_table([one for one in probes if one.model == model], t))
        for model in dict.fromkeys(one.model for one in probes)
    )
    kinds = {name for one in judged.standings if one.evalset == evalset for name in one.figures}
    scored = "score" in kinds or "points" not in kinds
    caption = " ".join(
        [
            *([t["j_caption_scale"]] if scored else []),
            *([t["j_caption_points"]] if "points" in kinds else []),
            t["j_caption"],
        ]
    )
    texts = points.texts_of(judged, evalset)
    if any(one.evalset == evalset and "win_rate" in one.figures for one in judged.standings):
        caption += t.say("j_caption_pairs", against=escape(found.reference))
    return Section(
        title=escape(evalset),
        trust=tuple(trust_lines(judged, evalset, t)),
        caption=caption,
        table=tables.model_table(judged, evalset, gates, t),
        short=(*said.short, *short_lines(found, t)),
        conclusions=(*said.models, *said.further),
        unscored=tuple(tables.unscored_notes(judged, evalset, t)),
        models=models,
        models_note=" ".join([t["j_probes_note"], *([t["j_probes_reason"]] if scored else [])]),
        canaries=tables.canary_table([c for c in judged.canaries if c.evalset == evalset], t),
        judges=tables.judge_table(judges, t),
        notes=tuple(tables.judge_notes(judges, t)),
        thoughts=thought_table(found.thoughts, t),
        probes=tuple(probes_of(judged, evalset, t)),
        points=tuple(points.matrices(found, texts, t)),
        moves=tuple(points.move_lines(found, texts, t)),
        baselines=tuple(baseline_parts(judged.baselines, found, texts, t)),
    )


def _counts(judged: Judged, t: Words) -> str:
    probes = len({(one.evalset, one.probe) for one in judged.probes})
    total = sum({one.evalset: one.of_probes for one in judged.standings}.values())
    part = t.say("j_part", n=count(probes), total=count(total))
    return t.say(
        "j_counts",
        models=count(len({(one.evalset, one.model) for one in judged.standings})),
        probes=part if probes < total else count(probes),
        answers=count(sum(one.n + one.unscored for one in judged.standings)),
        unscored=count(sum(one.unscored for one in judged.standings)),
    )
