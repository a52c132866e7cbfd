"""An eval set file -> its cells and gates, checked as far as goes without data and models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError, LeakError, SpecError
from harness.gates.plan import GATE_PREFIX, PlannedGate, plan_gates
from harness.gates.plan_judged import PlannedJudgedGate, plan_judged_gates
from harness.gates.renamed import check_renamed
from harness.judge.gold import HUB, load_gold
from harness.judge.gold_points import load_point_gold
from harness.judge.points import check_per
from harness.prompts.answers import normal_answer
from harness.prompts.rubric import RUBRIC_KEYS, load_rubric
from harness.prompts.templates import load_prompt
from harness.run.cells import Cell, awaited_cell, cells, given_cells
from harness.run.probe_cells import ProbeCell, probe_cells
from harness.sources.adapters import changes_base
from harness.sources.inline import SHOTS_PREFIX, inline_problems
from harness.sources.pools import refuses
from harness.sources.rows import format_of
from harness.spec import EvalSet, load_evalset
from harness.spec.gatespec import BASELINE
from harness.spec.judgeset import PassportSpec, Per
from harness.spec.load import load_judgeset
from harness.spec.modelspec import ModelSpec
from harness.spec.readspec import ReadSpec
from harness.spec.yamlfile import YamlFile, read_yaml, shown_path

# Files up to this size are read at collection, which must stay quick.
_SMALL_BYTES = 1_000_000
_KINDS = ("classify", "judge")


AnyCell = Cell | ProbeCell
AnyGate = PlannedGate | PlannedJudgedGate


@dataclass(frozen=True, slots=True)
class Collected:
    """What pytest collects from an eval set, or from a judge set."""

    cells: tuple[AnyCell, ...]
    gates: tuple[AnyGate, ...]


def collect_evalset(
    path: Path,
    root: Path,
    datasets: Mapping[str, str] | None = None,
    shots: Mapping[str, str] | None = None,
    answers: Mapping[str, str] | None = None,
) -> Collected:
    """Return a set's cells and gates, everything about it checked that needs no data and no model.

    Args:
        path: The eval set.
        root: The project.
        datasets: Files that replace the sources of sets, which then need not exist, by name.
        shots: Files that replace their shot pools.
        answers: Files of answers that other programs gave, by name of the set; each system in
            them is a cell beside those of the set's models.

    Raises:
        SpecError: One line per mistake.
        AssetError: A file of answers cannot be read.
    """
    shown = shown_path(path, root)
    file = read_yaml(path, shown)
    data = file.data if isinstance(file.data, dict) else {}
    if "kind" not in data and (judged := [key for key in ("probes", "judge") if key in data]):
        raise file.error("belongs to a judge set; write kind: judge at the top", judged[:1])
    kind = data.get("kind", _KINDS[0])
    if kind not in _KINDS:
        raise file.error(f"{kind!r} is not one of {', '.join(_KINDS)}", ("kind",))
    given = (answers or {}).get(path.stem)
    if kind == "judge" and given is not None:
        raise file.error("the answers of other programs are scored in a set with labels; name "
                         "another set", ("kind",))  # fmt: skip
    if kind == "judge":
        return _collect_judgeset(path, root, file)
    evalset, models = load_evalset(path, root=root)
    _check_rows(evalset, file)
    for index, prompt in enumerate(evalset.prompts):
        _check_words(evalset, file, index)
        load_prompt(prompt.template, evalset.targets(prompt), root=root)
    found = cells(shown.as_posix(), path.stem, evalset, models, alone=_alone(models, root))
    dataset, pool = (datasets or {}).get(path.stem), (shots or {}).get(path.stem)
    if given is not None and dataset is not None and evalset.data.id is not None:
        raise file.error("the rows of --eval-dataset go by their numbers, and answers by this "
                         "column; name that file as data.source, or leave data.id out",
                         ("data", "id"))  # fmt: skip
    found += _given(shown.as_posix(), path.stem, evalset, given, root)
    _check_cells([cell.id for cell in found], file, place="modes",
                 fix="rename a prompt or remove the duplicate mode")  # fmt: skip
    if not found:
        found = [awaited_cell(shown.as_posix(), path.stem, evalset)]
        specs = [spec.model_copy(update={"cells": "*"}) for spec in evalset.gates
                 if spec.other in (None, BASELINE)]  # fmt: skip
        gates = plan_gates(specs, found, file)
    else:
        gates = plan_gates(evalset.gates, found, file)
        check_renamed(found, file, root)
    if dataset is None:
        _check_files(evalset, file, root)
    if _is_quick(evalset, root, dataset, pool):
        _check_data(evalset, file, path, root, (dataset, pool))
    return Collected(tuple(found), tuple(gates))


def _given(shown: str, name: str, evalset: EvalSet, answers: str | None, root: Path) -> list[Cell]:
    """Return a cell for each system in a file of answers."""
    if answers is None:
        return []
    # Where there are none, their reader is not imported.
    from harness.sources.given import read_given

    path = Path(answers)
    place = shown_path(path, root)
    found = read_given(path, evalset, shown=str(place))
    for one in found:
        if one.model in evalset.models:
            raise SpecError(f"model: '{one.model}' is the name of one of the set's own models, "
                            "which are asked here; give the system another", path=place,
                            line=next(iter(one.answers.values())).line)  # fmt: skip
        texts = [answer.line for answer in one.answers.values() if answer.output is not None]
        if texts and (pair := _one_word(evalset.labels, evalset.scoring.read)):
            raise SpecError(f"output: the labels '{pair[0]}' and '{pair[1]}' are one in a text, "
                            f"{_why_one(evalset.scoring.read)}; give 'label' instead",
                            path=place, line=texts[0])  # fmt: skip
    return given_cells(shown, name, evalset, found)


def _collect_judgeset(path: Path, root: Path, file: YamlFile) -> Collected:
    judgeset, models = load_judgeset(path, root=root)
    for key, template in judgeset.judge.rubrics.items():
        _check_rubric(file, key, template, root, judgeset.judge.per)
    _check_gold(file, judgeset.judge.passport, root)
    found = probe_cells(
        file.path.as_posix(), path.stem, judgeset, models, alone=_alone(models, root)
    )
    _check_cells([cell.id for cell in found], file, fix="rename a probe", place="probes")
    return Collected(tuple(found), tuple(plan_judged_gates(judgeset, found, file)))


def _alone(models: Mapping[str, ModelSpec], root: Path) -> set[str]:
    """Return the models whose adapters need an engine of their own."""
    return {name for name, spec in models.items()
            if spec.adapter is not None and changes_base(root / spec.adapter)}  # fmt: skip


def _check_rubric(file: YamlFile, key: str, template: str, root: Path, per: Per) -> None:
    try:
        rubric = load_rubric(template, root=root, kind=RUBRIC_KEYS[key])
        if rubric.kind == "points":
            check_per(rubric, per)
    except SpecError as error:
        raise file.error(str(error), ("judge", key)) from error


def _check_gold(file: YamlFile, spec: PassportSpec, root: Path) -> None:
    for key, sources in {"gold": spec.gold, "point_gold": spec.point_gold}.items():
        for index, source in enumerate(sources):
            if source.startswith(HUB):
                continue
            try:
                load_gold(root / source) if key == "gold" else load_point_gold(root / source)
            except SpecError as error:
                raise file.error(str(error), ("judge", "passport", key, index)) from error


def load_cells(
    path: Path,
    root: Path,
    datasets: Mapping[str, str] | None = None,
    shots: Mapping[str, str] | None = None,
) -> list[Cell]:
    """Return the cells of a labelled set; see `collect_evalset`."""
    found = collect_evalset(path, root, datasets, shots).cells
    return [cell for cell in found if isinstance(cell, Cell)]


def _check_cells(ids: Sequence[str], file: YamlFile, *, fix: str, place: str) -> None:
    """Raise SpecError if two cells have one id, or one has a gate's."""
    for index, cell_id in enumerate(ids):
        if cell_id in ids[:index]:
            raise file.error(f"two cells have the id '{cell_id}'; {fix}", (place,))
        if cell_id.startswith(GATE_PREFIX):
            raise file.error(f"the cell '{cell_id}' would be taken for a gate; rename its model",
                             ("models",))  # fmt: skip


def _check_rows(evalset: EvalSet, file: YamlFile) -> None:
    """Raise SpecError for a row in the file whose label or id is wrong."""
    for key, rows, prefix in (("rows", evalset.data.rows, ""),
                              ("shots", evalset.data.shots, SHOTS_PREFIX)):  # fmt: skip
        if isinstance(rows, list):
            for index, part, problem in inline_problems(rows, evalset.labels, prefix=prefix):
                raise file.error(problem, ("data", key, index, part))


def _check_words(evalset: EvalSet, file: YamlFile, index: int) -> None:
    """Raise SpecError for two label words that are one when a free answer is read."""
    if evalset.scoring.method != "generate":
        return
    words, read = evalset.targets(evalset.prompts[index]).values(), evalset.scoring.read
    if read and (gone := [word for word in words if not read.compared(word)]):
        raise file.error(f"scoring.read leaves nothing of the word '{gone[0]}'; let it ignore or "
                         "drop less, or take another word", ("prompts", index, "targets")
                         )  # fmt: skip
    if pair := _one_word(words, read):
        raise file.error(f"the words '{pair[0]}' and '{pair[1]}' are one in a free answer, "
                         f"{_why_one(read)}; each label needs a word of its own",
                         ("prompts", index, "targets"))  # fmt: skip


def _one_word(words: Iterable[str], read: ReadSpec | None) -> tuple[str, str] | None:
    """Return two words that are one when a free answer is read, None where all differ."""
    seen: dict[str, str] = {}
    for word in words:
        other = seen.setdefault(read.compared(word) if read else normal_answer(word), word)
        if other != word:
            return other, word
    return None


def _why_one(read: ReadSpec | None) -> str:
    return "as scoring.read has it" if read else "in which case and white space do not count"


def _check_files(evalset: EvalSet, file: YamlFile, root: Path) -> None:
    for key, source in (("source", evalset.data.source), ("shots", evalset.data.shots)):
        if isinstance(source, str) and source.startswith("file:"):
            wanted = root / Path(source.removeprefix("file:")).expanduser()
            if not wanted.is_file():
                raise file.error(f"no file {wanted}; fix the path, which counts from {root}",
                                 ("data", key))  # fmt: skip


def _is_quick(evalset: EvalSet, root: Path, dataset: str | None, shots: str | None) -> bool:
    """Return whether data can be refused at all, and it and the pool are read in no time."""
    data = evalset.data
    split = data.split is not None and not (dataset and shots)
    pool = not split and (shots or data.shots) is not None and refuses(evalset, own_source=True)
    if not pool and not evalset.slices:
        return False
    if dataset is None and data.source is not None and not data.source.startswith("file:"):
        return False
    for source in (dataset or data.source, shots or data.shots):
        if not isinstance(source, str):
            continue
        path = root / Path(source.removeprefix("file:")).expanduser()
        if not path.is_file() or path.stat().st_size > _SMALL_BYTES:
            return False
        if "parquet" in (format_of(path), data.format):
            return False
    return True


def _check_data(
    evalset: EvalSet, file: YamlFile, path: Path, root: Path, given: tuple[str | None, str | None]
) -> None:
    """Raise LeakError or SlicesError; what else is wrong is said when data is read for a run."""
    # Most sets need no look at their data, and its readers take a while to import.
    from harness.sources.data import check_data
    from harness.sources.slicing import SlicesError

    dataset, shots = given
    try:
        check_data(path.stem, evalset, base=root, dataset=dataset, shots=shots)
    except LeakError as error:
        if error.path is None:
            raise
        line = file.line(("data", "shots"))
        raise LeakError(error.problem, path=file.path, line=line) from None
    except SlicesError as error:
        line = file.line(error.where)
        raise SlicesError(error.said, where=error.where, path=file.path, line=line) from None
    except HarnessError:
        return
