"""The command `harness judge mark`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.failing import failing
from harness.commands.languages import Lang
from harness.commands.project import Project
from harness.commands.saying import say
from harness.errors import HarnessError
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from harness.records import Judged
    from harness.spec.judgeset import JudgeSpec


class Of(StrEnum):
    """What is marked."""

    pairs = "pairs"
    points = "points"


def mark(
    run: Annotated[Path, typer.Argument(help="Folder of a judged run, such as reports/latest.")],
    of: Annotated[
        Of, typer.Option(help="Mark the better of two answers, or points of one answer.")
    ] = Of.pairs,
    evalset: Annotated[
        str | None, typer.Option("--set", help="Of several judge sets of the run: which.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="Whose verdicts are balanced; default the first judge.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Pairs or answers on the page, at most.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the draw and of the sides.")] = 0,
    lang: Annotated[Lang, typer.Option(help="Language of the page.")] = Lang.en,
    out: Annotated[
        Path | None, typer.Option(help="The page; default mark-pairs.html in the run's folder.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Write a page on which people mark a run's answers by keyboard: gold for a passport."""
    from harness.judge.marking import AnswerToMark, PairToMark, answers_to_mark, pairs_to_mark
    from harness.report.marking import write_marking_page
    from harness.report.runfiles import load_run
    from harness.spec.judgeset import PassportSpec

    with failing():
        loaded = load_run(run)
        judged = loaded.judged
        name = _one(run, evalset, [one.evalset for one in judged.probes], "--set", "judge set")
        if not any(one.text for probe in judged.probes for one in probe.answers):
            raise HarnessError(f"{run}: has no texts; give a run with --eval-report-texts full")
        whose = _judge(run, judged, name, judge, of)
        spec = _spec(root.resolve(), name)
        demands = spec.passport if spec else PassportSpec()
        items: list[PairToMark] | list[AnswerToMark]
        if of is Of.pairs:
            items = pairs_to_mark(judged, evalset=name, judge=whose, n=limit, seed=seed)
        else:
            items = answers_to_mark(judged, evalset=name, n=limit, seed=seed)
        if not items:
            raise HarnessError(f"{run}: {name} has nothing to mark: no two answers that read "
                               "otherwise, or dialogues alone")  # fmt: skip
        path = out or run / f"mark-{of.value}.html"
        file = f"marks-{of.value}-{loaded.info.id}.jsonl"
        write_marking_page(path, items, file=file, demands=demands, lang=lang.value)
    typer.echo(path)
    option = "--gold" if of is Of.pairs else "--point-gold"
    rubrics = "".join(f" --{key} {path}" for key, path in (spec.rubrics if spec else {}).items())
    say(f"{len(items)} to mark; then harness judge passport {whose}{rubrics} {option} {file}",
        err=True)  # fmt: skip


def _one(run: Path, wanted: str | None, known: list[str], option: str, what: str) -> str:
    """Return the one that is wanted, or the only one."""
    names = list(dict.fromkeys(known))
    if not names:
        raise HarnessError(f"{run}: has no {what}; give the folder of a judged run")
    if wanted is None and len(names) > 1:
        raise HarnessError(f"{run}: has several; name one by {option}: {', '.join(names)}")
    if wanted is not None and wanted not in names:
        fix = did_you_mean(wanted, names, f"known: {', '.join(names)}")
        raise HarnessError(f"{option}: no {what} '{wanted}' in {run}; {fix}")
    return wanted or names[0]


def _judge(run: Path, judged: Judged, evalset: str, wanted: str | None, of: Of) -> str:
    if of is Of.pairs and not any(pair.evalset == evalset for pair in judged.pairs):
        raise HarnessError(f"{run}: {evalset} compared no pairs; add judge.pairwise, or mark "
                           "--of points")  # fmt: skip
    names = [one.judge for one in judged.judges if one.evalset == evalset]
    return _one(run, wanted or next(iter(names), None), names, "--judge", "judge")


def _spec(root: Path, evalset: str) -> JudgeSpec | None:
    """Return how the set is judged, None where it is not here."""
    from harness.spec.load import load_judgeset

    path = root / evalset
    if not path.is_file():
        return None
    with Project(root, [path]).registered():
        return load_judgeset(path, root=root)[0].judge
