"""YAML files -> checked models; every mistake is one line with file, line, key and fix.

Nothing here fetches, imports a heavy library or loads a model: a file is checked in milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from harness.characters import one_form
from harness.errors import INIT, SpecError
from harness.records import Message
from harness.registry import current
from harness.spec.base import Strict
from harness.spec.enginespec import EngineOptions, by_engine, engine_names, known_options
from harness.spec.evalset import EvalSet, PromptSpec
from harness.spec.judgeset import JudgeSet
from harness.spec.modelspec import ModelsFile, ModelSpec
from harness.spec.probespec import ProbeSpec
from harness.spec.problems import problem_lines
from harness.spec.recipe import Recipe
from harness.spec.slicecheck import check_slices
from harness.spec.yamlfile import Key, YamlFile, read_yaml, shown_path
from harness.suggest import did_you_mean

_Model = TypeVar("_Model", bound=Strict)
_TEMPLATES = ("own", "llama-3", "plain")


def load_evalset(path: Path, *, root: Path) -> tuple[EvalSet, dict[str, ModelSpec]]:
    """Read an eval set and the models that it names, all references checked.

    Args:
        path: The eval set; `models.yaml` lies beside it or in a folder above, up to `root`.
        root: The project: templates lie under `root/prompts`, errors name files relative to it.

    Raises:
        SpecError: One line per mistake, with file, line, key and fix.
    """
    shown = shown_path(path, root)
    file = read_yaml(path, shown)
    evalset = _validate(EvalSet, file)
    models_file = load_models(path, root=root) if evalset.models else {}
    for index, name in enumerate(evalset.models):
        if name not in models_file:
            raise file.error(
                f"unknown model '{name}'; {_fix(name, models_file)}", ("models", index)
            )
        if models_file[name].remote:
            raise file.error(f"'{name}' is asked at an endpoint, which answers no set with labels; "
                             "it may answer or judge a judge set", ("models", index))  # fmt: skip
        if (problem := _unnamed_label(models_file[name], evalset.labels)) is not None:
            raise entry_error(path, problem, ("models", name, "labels"), root=root)
    _check_unique(file, "models", evalset.models)
    _check_unique(file, "prompts", [prompt.id for prompt in evalset.prompts])
    for index, prompt in enumerate(evalset.prompts):
        _check_targets(file, evalset, prompt, ("prompts", index))
        _check_template(file, prompt.template, root, ("prompts", index))
    check_slices(evalset, file)
    return evalset, {name: models_file[name] for name in evalset.models}


def load_judgeset(path: Path, *, root: Path) -> tuple[JudgeSet, dict[str, ModelSpec]]:
    """Read a judge set and the models that it names, judges included; see `load_evalset`.

    Raises:
        SpecError: One line per mistake, with file, line, key and fix.
    """
    file = read_yaml(path, shown_path(path, root))
    judgeset = _validate(JudgeSet, file, docs="docs/judge.md")
    models = load_models(path, root=root)
    judge = judgeset.judge
    for where, names in ((("models",), judgeset.models), (("judge", "models"), judge.models)):
        for index, name in enumerate(names):
            if name not in models:
                raise file.error(f"unknown model '{name}'; {_fix(name, models)}", (*where, index))
            if not models[name].writes:
                raise file.error(f"model '{name}' is a classifier, which writes no text; name "
                                 "another", (*where, index))  # fmt: skip
    _check_jury(file, judge.models, models)
    _check_unique(file, "models", judgeset.models)
    _check_unique(file, "probes", [probe.id for probe in judgeset.probes])
    _check_questions(file, judgeset.probes)
    if judge.against is not None and judge.against not in judgeset.models:
        raise file.error(f"'{judge.against}' is not among the set's models; "
                         + _fix(judge.against, judgeset.models), ("judge", "against"))  # fmt: skip
    for key, template in judge.rubrics.items():
        _check_template(file, template, root, ("judge", key))
    if judge.pairwise is not None and len(judgeset.models) < 2:
        raise file.error("compares models, and there is one; add another, or remove it",
                         ("judge", "pairwise"))  # fmt: skip
    _check_figures(file, judgeset)
    return judgeset, {name: models[name] for name in (*judgeset.models, *judge.models)}


_RUBRIC_OF: Mapping[str, tuple[str, str]] = {
    "score": ("rubric", "nothing is scored from 1 to 10, so there is no score"),
    "pass_rate": ("rubric", "nothing is scored from 1 to 10, so there is no pass_rate"),
    "points": ("points", "nothing decides on points one by one, so there is no such figure"),
    "win_rate": ("pairwise", "no pairs are compared, so there is no win_rate"),
}
"""The rubric that a figure needs, and what is missing without it."""


def _check_figures(file: YamlFile, judgeset: JudgeSet) -> None:
    """Refuse gates on figures that the set has not, and weights that nothing goes by."""
    rubrics = judgeset.judge.rubrics
    for index, gate in enumerate(judgeset.gates):
        key, missing = _RUBRIC_OF.get(gate.figure, ("", ""))
        if key and key not in rubrics:
            raise file.error(f"{missing}; add judge.{key}", ("gates", index, "figure"))
    if "points" in rubrics:
        return
    for index, probe in enumerate(judgeset.probes):
        for place, one in enumerate(probe.points):
            if "weight" in one.model_fields_set:
                raise file.error("weights count in verdicts on points alone; add judge.points, or "
                                 "leave the weight out",
                                 ("probes", index, "points", place, "weight"))  # fmt: skip


def _check_jury(file: YamlFile, judges: Sequence[str], models: Mapping[str, ModelSpec]) -> None:
    """Refuse a judge that sits twice under two names, and would agree with itself."""
    known: dict[str, str] = {}
    for index, name in enumerate(judges):
        spec = models[name]
        names = () if spec.remote else engine_names()
        options = {engine: spec.options_for(engine) for engine in names}
        key = json.dumps([spec.weights, spec.adapter, options], sort_keys=True)
        twin = known.setdefault(key, name)
        if twin != name:
            raise file.error(f"'{name}' is the same model as '{twin}', and one judge twice is not "
                             "a jury; remove one", ("judge", "models", index))  # fmt: skip


def _check_template(file: YamlFile, template: str, root: Path, where: tuple[Key, ...]) -> None:
    folder = (root / "prompts").resolve()
    wanted = (folder / template).resolve()
    if not (wanted.is_file() and wanted.is_relative_to(folder)):
        if not folder.is_dir():
            raise file.error(f"no template prompts/{template}, nor a folder {folder}; run in the "
                             f"project's folder, or create it, as in what this writes: {INIT}",
                             where)  # fmt: skip
        known = sorted(found.relative_to(folder).as_posix() for found in folder.rglob("*.j2"))
        raise file.error(f"no template prompts/{template}; {_fix(template, known)}", where)


def _fix(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, known, "known: " + (", ".join(known) or "none"))


def _check_unique(file: YamlFile, key: str, ids: Sequence[str]) -> None:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise file.error(f"duplicate id '{name}'; rename one", (key, index))


def _check_questions(file: YamlFile, probes: Sequence[ProbeSpec]) -> None:
    """Refuse a question that is asked twice: it gets the same answers, and would count as two."""
    known: dict[tuple[tuple[str, str], ...], str] = {}
    for index, probe in enumerate(probes):
        asked = (*probe.before, Message(role="user", content=probe.asked))
        said = tuple((one["role"], one_form(one["content"].strip())) for one in asked)
        first = known.setdefault(said, probe.id)
        if first != probe.id:
            key = "turns" if probe.turns else "question"
            raise file.error(f"asks what '{first}' asks, and gets the same answers; leave one out, "
                             "or put their points together", ("probes", index, key)
                             )  # fmt: skip


def _check_targets(
    file: YamlFile, evalset: EvalSet, prompt: PromptSpec, where: tuple[Key, ...]
) -> None:
    labels, targets = evalset.labels, prompt.targets
    for label in targets:
        if label not in labels:
            raise file.error(f"'{label}' is not a label; labels are {', '.join(labels)}",
                             (*where, "targets", label))  # fmt: skip
    for label in labels:
        if targets and label not in targets:
            raise file.error(f"label '{label}' has no target; write the word that the model is to "
                             "answer", (*where, "targets"))  # fmt: skip
    words = list(evalset.targets(prompt).values())
    if len({word.strip() for word in words}) < len(words):
        but = "" if len(set(words)) < len(words) else " but for white space"
        raise file.error(f"two labels have the same target{but}; each needs a word of its own",
                         (*where, "targets"))  # fmt: skip


def load_models(path: Path, *, root: Path) -> dict[str, ModelSpec]:
    """Read the nearest `models.yaml` at or above an eval set, not above `root`.

    Raises:
        SpecError: There is none, or it is wrong.
    """
    file = _models_file(path, root)
    models = dict(_validate(ModelsFile, file).models)
    _check_options(models, file)
    _check_chat_templates(models, file, root)
    return models


def entry_error(path: Path, problem: str, where: Sequence[Key], *, root: Path) -> SpecError:
    """Return an error at a place of the `models.yaml` of an eval set.

    Args:
        path: The eval set.
        problem: What is wrong with the entry, be it found when its model is at hand.
        where: Keys, from `models` on.
        root: The project.
    """
    return _models_file(path, root).error(problem, where)


def _unnamed_label(spec: ModelSpec, labels: Collection[str]) -> str | None:
    """Return which label of a set the `labels` of an encoder lack, in words."""
    missing = [label for label in labels if label not in (spec.labels or labels)]
    return f"have nothing for '{missing[0]}', a label of the set; add it" if missing else None


def _models_file(path: Path, root: Path) -> YamlFile:
    for folder in path.parents:
        if (found := folder / "models.yaml").is_file():
            return read_yaml(found, shown_path(found, root))
        if folder == root:
            break
    raise SpecError(f"no models.yaml beside it; create one that names the models, as in "
                    f"what this writes: {INIT}",
                    path=shown_path(path, root))  # fmt: skip


def _check_options(models: Mapping[str, ModelSpec], file: YamlFile) -> None:
    """Check what is known of options here; vLLM checks its own names when it is opened."""
    for name, spec in models.items():
        where = ("models", name, "options")
        if not spec.options:
            continue
        named = by_engine(spec.options)
        for engine, own in spec.options.items() if named else ():
            if engine in current().engines and not isinstance(own, dict):
                raise file.error("a mapping is wanted, such as {key: value}", (*where, engine))
        given = spec.options if named else {spec.engine: spec.options}
        try:
            EngineOptions.model_validate(known_options(given))
        except ValidationError as error:
            errors = error.errors()
            if not named:
                # Their places in the file have no engine's name.
                errors = [{**one, "loc": one["loc"][1:]} for one in errors]
            raise SpecError(*problem_lines(errors, file, where)) from error


def _check_chat_templates(models: Mapping[str, ModelSpec], file: YamlFile, root: Path) -> None:
    for name, spec in models.items():
        wanted = spec.chat_template
        if wanted not in (None, *_TEMPLATES) and not (root / "prompts" / str(wanted)).is_file():
            fix = did_you_mean(str(wanted), _TEMPLATES,
                               f"write {', '.join(_TEMPLATES)}, or a file under prompts/"
                               )  # fmt: skip
            raise file.error(f"no chat template prompts/{wanted}; {fix}",
                             ("models", name, "chat_template"))  # fmt: skip


def load_recipe(path: Path, *, root: Path) -> tuple[Recipe, YamlFile]:
    """Read a recipe, and its file, by which later mistakes are given their line.

    Raises:
        SpecError: One line per mistake, with file, line, key and fix.
    """
    file = read_yaml(path, shown_path(path, root))
    recipe = _validate(Recipe, file, docs="docs/recipes.md")
    template = recipe.base.chat_template
    if template not in {"llama-3", "own"} and not (root / "prompts" / template).is_file():
        raise file.error(f"no chat template prompts/{template}; write llama-3, own, or a file "
                         "under prompts/", ("base", "chat_template"))  # fmt: skip
    return recipe, file


def _validate(model: type[_Model], file: YamlFile, *, docs: str = "docs/evalsets.md") -> _Model:
    if not isinstance(file.data, dict):
        raise file.error(f"is empty or no mapping; see {docs} for the keys")
    try:
        return model.model_validate(file.data)
    except ValidationError as error:
        raise SpecError(*problem_lines(error.errors(), file)) from error
