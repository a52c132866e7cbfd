"""The command `harness judge passport`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.failing import failing, interruptible
from harness.commands.languages import Lang
from harness.commands.project import Project
from harness.commands.saying import warn
from harness.errors import EXIT_NOTHING_JUDGED, SpecError
from harness.prompts.rubric import DEFAULT_RUBRICS
from harness.records import Note
from harness.spec.judgeset import MAX_ANSWER_CHARS
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from harness.judge.certify import PointsToMeasure
    from harness.judge.passport import Passport
    from harness.spec.modelspec import ModelSpec

GOLD = Path("evalsets/gold/ru_pairs.jsonl")
"""The gold pairs that ship, relative to the project."""
POINT_GOLD = Path("evalsets/gold/ru_points.jsonl")
"""The marked answers that ship."""

_INTERRUPTED = "the verdicts so far are stored, and the same command goes on from them"

judge_app = typer.Typer(no_args_is_help=True, help="Judge models.")


class Engine(StrEnum):
    """What runs the judge."""

    transformers = "transformers"
    vllm = "vllm"
    fake = "fake"


class PerRequest(StrEnum):
    """What a request about points asks about."""

    point = "point"
    answer = "answer"


class Dtype(StrEnum):
    """Precision of the judge's weights."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


@judge_app.callback()
def _judge() -> None:
    """Judge models."""


@judge_app.command()
def passport(
    model: Annotated[str, typer.Argument(help="A model of evalsets/models.yaml.")],
    gold: Annotated[
        list[str] | None,
        typer.Option(
            help=f"A file of gold pairs, or hub:OWNER/NAME/FILE; may be repeated. Default: {GOLD}."
        ),
    ] = None,
    rubric: Annotated[str, typer.Option(help="Absolute rubric under prompts/.")] = DEFAULT_RUBRICS[
        "absolute"
    ],
    pairwise: Annotated[
        str | None,
        typer.Option(help="Pairwise rubric under prompts/; default the one beside --rubric."),
    ] = None,
    points: Annotated[
        str | None,
        typer.Option(help="Rubric for points under prompts/; measures verdicts on points, too."),
    ] = None,
    point_gold: Annotated[
        list[Path] | None,
        typer.Option(help=f"A file of marked answers; may be repeated. Default: {POINT_GOLD}."),
    ] = None,
    wordings: Annotated[
        bool,
        typer.Option(help="Ask by the other wordings beside the pairwise rubric, too."),
    ] = True,
    per: Annotated[
        PerRequest, typer.Option(help="One request about each point, or about each answer.")
    ] = PerRequest.point,
    passing: Annotated[
        float, typer.Option(min=1, max=10, help="Score from which an answer counts as good.")
    ] = 7.0,
    max_answer_chars: Annotated[
        int,
        typer.Option(min=100, help="Longer answers are cut, as in the judge set."),
    ] = MAX_ANSWER_CHARS,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Take the first pairs of each file only.")
    ] = None,
    engine: Annotated[Engine | None, typer.Option(help="Instead of the model's own.")] = None,
    dtype: Annotated[Dtype | None, typer.Option(help="Instead of the model's own.")] = None,
    store: Annotated[
        Path | None, typer.Option(help="Store of outputs; default .harness/outputs.sqlite.")
    ] = None,
    lang: Annotated[Lang, typer.Option(help="Language of the page.")] = Lang.en,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Measure a judge on gold pairs: writes passports/MODEL.json and a page on what it is worth."""
    from harness.judge.bench import Judge
    from harness.judge.certify import certify
    from harness.judge.gold import open_gold
    from harness.judge.gold_copies import note_near_copies, without_near_copies
    from harness.judge.passport import FOLDER, save_passport
    from harness.judge.tried import with_earlier
    from harness.judge.wordings import wordings_of
    from harness.paths import public
    from harness.plugin.ticker import progress
    from harness.prompts.rubric import load_rubric
    from harness.report.passport import passport_verdict, write_passport_page
    from harness.run.settings import Settings

    root, stamp = root.resolve(), time.strftime("%Y%m%d-%H%M%S")
    notes: list[Note] = []
    with failing(), Project(root, []).registered():
        # All that can be wrong in a file is found before a model loads.
        judge = Judge(model, _spec(model, root))
        with _naming("--rubric"):
            absolute = load_rubric(rubric, root=root, kind="absolute")
        with _naming("--pairwise"):
            compared = load_rubric(pairwise or _beside(rubric), root=root, kind="pairwise")
            reworded = wordings_of(compared, root) if wordings else []
        sets = [open_gold(source) for source in gold or [str(root / GOLD)]]
        _check_names([one.name for one in sets])
        distinct = [without_near_copies(one) for one in sets]
        notes += [note_near_copies(one, left_out) for one, left_out in distinct if left_out]
        sets = [one for one, _ in distinct]
        marked = _marked(points, point_gold or [], per, root)
        settings = Settings(
            root=root,
            store=store.resolve() if store else root / ".harness/outputs.sqlite",
            logs=root / ".harness/logs" / f"passport-{stamp}",
            engine=engine.value if engine else None,
            dtype=dtype.value if dtype else None,
            limit=limit,
        )
        with interruptible(_INTERRUPTED), progress() as terminal:
            certified = certify(
                judge,
                sets,
                rubric=absolute,
                pairwise=compared,
                passing=passing,
                points=marked,
                wordings=reworded,
                max_answer_chars=max_answer_chars,
                made=time.strftime("%Y-%m-%d"),
                settings=settings,
                progress=terminal.update,
                tell=notes.append,
            )
        notes = [public(note, root) for note in notes]
        for note in notes:
            warn(note)
        found = with_earlier(root / FOLDER / f"{model}.json", certified.passport)
        folder = root / "reports" / f"passport-{model}-{stamp}"
        silence = _silence(found)
        mute = silence is not None and silence.lost == silence.asked
        # Verdicts that were made up, or never came, replace no passport that was earned.
        path = (folder if mute or engine is Engine.fake else root / FOLDER) / f"{model}.json"
        save_passport(path, found)
        page = write_passport_page(folder, public(found, root), notes=notes, lang=lang.value)
    if engine is Engine.fake:
        typer.echo("warning: the engine fake made up the verdicts; nothing here is true of a judge",
                   err=True)  # fmt: skip
    typer.echo(f"{model}: {passport_verdict(found, lang=lang.value)}")
    typer.echo(path)
    typer.echo(page)
    if judge.spec.remote:
        dollars = "" if certified.cost is None else f", ${certified.cost:.4f}"
        counted = f"{certified.prompt_tokens} prompt and {certified.completion_tokens} completion"
        typer.echo(f"{model}: {counted} tokens{dollars}, stored outputs included", err=True)
        if stored := certified.engine.stored:
            typer.echo(f"warning: {model}: {stored} verdicts are of the store and were not asked "
                       "now; to measure what answers there now, give another place by --store",
                       err=True)  # fmt: skip
    if silence is not None:
        typer.echo(f"{model}: {silence.lost} of {silence.asked} questions have no verdict, most "
                   f"often: {silence.why}", err=True)  # fmt: skip
    if mute:
        raise typer.Exit(EXIT_NOTHING_JUDGED)


@dataclass(frozen=True, slots=True)
class _Silence:
    """How many of a judge's questions have no verdict, and why most of them."""

    lost: int
    asked: int
    why: str


def _silence(passport: Passport) -> _Silence | None:
    """Return what the judge did not answer, None where it answered all."""
    lost: Counter[str] = Counter()
    asked = missing = 0
    for one in passport.sets:
        lost.update(one.unscored)
        lost.update(one.score_unscored)
        for name in ("parse_rate", "score_parse_rate"):
            if (rate := one.figures.get(name)) is not None:
                asked += rate.n
                missing += rate.n - round(rate.value * rate.n)
    for own in passport.points.sets if passport.points else ():
        lost.update(own.unscored)
        asked, missing = asked + own.points, missing + own.points - own.scored
    return _Silence(missing, asked, lost.most_common(1)[0][0]) if missing else None


@contextmanager
def _naming(option: str) -> Iterator[None]:
    """Say of which option a mistake is."""
    try:
        yield
    except SpecError as error:
        raise SpecError(f"{option}: {error}") from error


def _spec(name: str, root: Path) -> ModelSpec:
    from harness.spec.load import load_models

    models = load_models(root / "evalsets/judge.yaml", root=root)
    if name not in models:
        fix = did_you_mean(name, models, f"known: {', '.join(models)}")
        raise SpecError(f"unknown model '{name}'; {fix}", path="evalsets/models.yaml")
    if not models[name].writes:
        raise SpecError(f"model '{name}' is a classifier, which writes no text; name another",
                        path="evalsets/models.yaml")  # fmt: skip
    return models[name]


def _beside(rubric: str) -> str:
    """Return the pairwise rubric of an absolute one's language, by its name."""
    path = Path(rubric)
    if "absolute" not in path.name:
        return DEFAULT_RUBRICS["pairwise"]
    return path.with_name(path.name.replace("absolute", "pairwise")).as_posix()


def _marked(
    points: str | None, files: Sequence[Path], per: PerRequest, root: Path
) -> PointsToMeasure | None:
    """Return what is to be asked about points, None where nothing is."""
    from harness.judge.certify import PointsToMeasure
    from harness.judge.gold_points import load_point_gold
    from harness.judge.points import check_per
    from harness.prompts.rubric import load_rubric

    if points is None:
        if files:
            raise SpecError("--point-gold: needs the rubric that points are judged by; add "
                            f"--points {DEFAULT_RUBRICS['points']}")  # fmt: skip
        return None
    with _naming("--points"):
        rubric = load_rubric(points, root=root, kind="points")
        check_per(rubric, per.value)
    sets = [load_point_gold(path) for path in files or [root / POINT_GOLD]]
    _check_names([one.name for one in sets], option="--point-gold")
    return PointsToMeasure(sets, rubric, per.value)


def _check_names(names: Sequence[str], *, option: str = "--gold") -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise SpecError(f"{option}: two files are called {name}; rename one, or its folder")
