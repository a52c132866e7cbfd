"""A finished run: what ran, on what, and all that it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.reasons import Reason
from harness.records.extensions import Extension
from harness.records.gates import BaselineCheck, Gate
from harness.records.judged import Judged
from harness.records.notes import Note
from harness.records.prompts import CellPrompt
from harness.records.provenance import CellProvenance
from harness.records.results import Result, Row

SHOTS = ", shots "
"""Between source or revision of a set's samples and that of its shots, where there are two."""
Work = Literal["", "cells", "answers", "verdicts"]
"""What an engine is asked for: cells of labelled sets, answers to probes, or verdicts on them."""


@dataclass(frozen=True, slots=True)
class DataInfo:
    """Where an eval set's samples came from.

    Attributes:
        revision: Commit, version or digest that pins the content.
        rows: Rows read; `dropped` of them matched no label.
        pool: Size of the shot pool; `pool_removed` entries equal to a sample were taken out.
        pool_special: Entries of the pool that are not shown to a model, as they spell one of its
            special tokens; of several models the most.
    """

    evalset: str
    source: str
    revision: str
    rows: int
    dropped: int
    samples: int
    pool: int
    pool_removed: int
    pool_special: int = 0


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What one engine did in a run; seconds are wall time.

    Attributes:
        model: Names of the models that it served, joined by commas.
        source: Where the weights are, "" for a classifier, whose `digest` is that of its training
            rows.
        start_s: From spawning the child to the first request; a classifier is trained in it.
        generate_s: From the first request to the last output.
        computed: Outputs made now; `stored` were found in the store.
        prompt_tokens: Tokens of the computed requests' prompts, `cached_tokens` of them reused.
        replicas: Equal engines among which the requests were shared out, each on GPUs of its own.
        work: What it was asked for; "" in runs of before this was kept.
    """

    model: str
    source: str
    digest: str
    engine: str
    version: str
    dtype: str
    device: str
    start_s: float
    generate_s: float
    computed: int
    stored: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    replicas: int = 1
    work: Work = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The head of a report: what ran, on what, how long, and what is to be known of it.

    Attributes:
        lost: What could not be computed.
        stopped: What was not asked, as the session was stopped.
        notes: Cautions, each once.
        extensions: What was registered and took part.
    """

    id: str
    started: str
    wall_s: float
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    data: tuple[DataInfo, ...] = ()
    engines: tuple[EngineInfo, ...] = ()
    lost: tuple[Reason, ...] = ()
    notes: tuple[Note, ...] = ()
    extensions: tuple[Extension, ...] = ()
    stopped: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as its report shows it.

    Attributes:
        rows: One per cell, in the order of the tables.
        gates: All judged gates.
        results: One per sample of each cell.
        skipped: Cell id and reason of each cell that did not run.
        unjudged: Gate id and reason of each gate that was not judged.
        baselines: The cells that have a committed baseline, against it.
        judged: What the judge sets came to.
        provenances: What the cells' results rest on; of runs that an earlier version saved, none.
        prompts: The first prompt of each cell; of such runs, and without texts, none.
    """

    info: RunInfo
    rows: tuple[Row, ...] = ()
    gates: tuple[Gate, ...] = ()
    results: tuple[Result, ...] = ()
    skipped: tuple[tuple[str, Reason], ...] = ()
    unjudged: tuple[tuple[str, Reason], ...] = ()
    baselines: tuple[BaselineCheck, ...] = ()
    judged: Judged = field(default_factory=Judged)
    provenances: tuple[CellProvenance, ...] = ()
    prompts: tuple[CellPrompt, ...] = ()
