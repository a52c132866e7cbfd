"""The keys of a task of lm-evaluation-harness, checked: what of them an eval set can keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from harness.importing.generation import Generation, checked_generation
from harness.importing.taskfile import TaskFile
from harness.records import Json
from harness.suggest import did_you_mean

Sampler = Literal["first_n", "default"]
"""The first shots of their split in its order, or drawn at random."""

_NEEDED = ("dataset_path", "doc_to_text", "doc_to_target")
_OF_CHOICES = ("output_type", "doc_to_choice")
_OF_ANSWERS = ("filter_list", "generation_kwargs")
# Say nothing of what is asked and how it is scored.
_ASIDE = ("task_alias", "tag", "group", "metadata", "should_decontaminate",
          "doc_to_decontamination_query")  # fmt: skip
_READ = ("task", "dataset_name", "dataset_kwargs", "training_split", "validation_split",
         "test_split", "fewshot_split", "description", "target_delimiter", "fewshot_delimiter",
         "fewshot_config", "num_fewshot", "metric_list", "repeats")  # fmt: skip
_REFUSED: Mapping[str, str] = MappingProxyType({
    "custom_dataset": "is code, which is not run; save its rows as a file",
    "process_docs": "is code, which is not run; save the rows that it makes as a file",
    "process_results": "is code, which is not run; remove it",
    "unsafe_code": "runs what a model wrote; remove it",
    "use_prompt": "is a prompt of promptsource; write it out as doc_to_text",
    "doc_to_image": "is not read: there are no pictures here",
    "doc_to_audio": "is not read: there is no sound here",
    "gen_prefix": "is not kept; write it at the end of doc_to_text",
})  # fmt: skip
_FILES = ("json", "csv", "parquet")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Task:
    """What is kept of a task.

    Attributes:
        file: Where it was read, for errors.
        name: Of the task.
        data_files: By split, paths relative to the working folder; empty for a data set of the hub.
        split: Under test; `fewshot_split` is where shots are from, "" for nowhere.
        shots: How many solved samples a prompt shows.
        figures: Of our own that its metrics ask for, beside accuracy.
        length_normed: Whether accuracy by the log-likelihood a character is asked for, too.
        left_out: Its metrics that have no figure here.
        free: How answers are made and read that a model writes, None for choices.
    """

    file: TaskFile
    name: str
    dataset: str
    config: str | None
    data_files: Mapping[str, tuple[str, ...]]
    split: str
    fewshot_split: str
    shots: int
    sampler: Sampler
    text: str
    target: str | int
    choice: str | tuple[str, ...] | None
    description: str
    delimiter: str
    figures: tuple[str, ...] = ()
    length_normed: bool = False
    left_out: tuple[str, ...] = ()
    free: Generation | None = None


def checked_task(file: TaskFile, *, shots: int | None = None, chosen: str | None = None) -> Task:
    """Return what an eval set can keep of a task.

    Args:
        file: Its keys.
        shots: In place of its `num_fewshot`.
        chosen: Name of one of its filters.

    Raises:
        SpecError: A key is missing, unknown, of another type, or means what cannot be kept.
    """
    free = _kind_of_answers(file) == "generate_until"
    _check_keys(file, free=free)
    if chosen is not None and not free:
        raise file.error(f"--filter {chosen}: choices have no filters; leave it out", "output_type")
    count = _shots(file) if shots is None else shots
    split = _text(file, "test_split") or _text(file, "validation_split")
    if not split:
        raise file.error("missing key 'test_split' or 'validation_split'; add one")
    sampler, fewshot_split = _fewshot(file, split, count)
    figures, normed, left_out = _metrics(file, free=free)
    return Task(
        file=file,
        name=_name(file),
        dataset=_text(file, "dataset_path"),
        config=_text(file, "dataset_name") or None,
        data_files=_data_files(file),
        split=split,
        fewshot_split=fewshot_split,
        shots=count,
        sampler=sampler,
        text=_text(file, "doc_to_text"),
        target=_target(file),
        choice=_choice(file),
        description=_description(file),
        delimiter=_text(file, "target_delimiter", " "),
        figures=figures,
        length_normed=normed,
        left_out=left_out,
        free=checked_generation(file, chosen) if free else None,
    )


def _kind_of_answers(file: TaskFile) -> str:
    if isinstance(file.data.get("task"), list) or "aggregate_metric_list" in file.data:
        raise file.error("is a group of tasks; import each of them by its own file", "task")
    kind = file.data.get("output_type", "generate_until")
    if kind not in ("multiple_choice", "generate_until"):
        raise file.error(f"'{kind}' is not imported, only multiple_choice and generate_until, "
                         "whose choices or answers become labels", "output_type")  # fmt: skip
    return str(kind)


def _check_keys(file: TaskFile, *, free: bool) -> None:
    known = [*_NEEDED, *_OF_CHOICES, *_OF_ANSWERS, *_READ, *_ASIDE, "include"]
    for key in _OF_ANSWERS if not free else ():
        if file.data.get(key):
            raise file.error("belongs to generated answers; remove it", key)
    for key in file.data:
        if key in _REFUSED and file.data[key] not in (None, False, [], ""):
            raise file.error(_REFUSED[key], key)
        if key not in known and key not in _REFUSED:
            near = did_you_mean(key, known, "its meaning is not known here; remove it")
            raise file.error(f"unknown key; {near}", key)
    for key in (*_NEEDED, *(() if free else _OF_CHOICES)):
        if file.data.get(key) is None:
            raise file.error(f"missing key '{key}'; add it")
    if file.data.get("repeats") not in (None, 1):
        raise file.error("the most probable answer is the same each time; write 1", "repeats")
    if _text(file, "fewshot_delimiter", "\n\n") != "\n\n":
        raise file.error("shots stand in paragraphs of their own here; write \"\\n\\n\"",
                         "fewshot_delimiter")  # fmt: skip


def _text(file: TaskFile, key: str, default: str = "") -> str:
    value = file.data.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise file.error(f"is {_kind(value)}, where a text is wanted; write one", key)
    return value


def _name(file: TaskFile) -> str:
    name = _text(file, "task") or file.path.stem
    if not _NAME.fullmatch(name):
        raise file.error(f"'{name}' cannot name an eval set; write letters, digits, '.', '_' and "
                         "'-'", "task")  # fmt: skip
    return name


def _shots(file: TaskFile) -> int:
    value = file.data.get("num_fewshot") or 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise file.error(f"is {_kind(value)}; write a whole number", "num_fewshot")
    return value


def _fewshot(file: TaskFile, split: str, shots: int) -> tuple[Sampler, str]:
    """Return how shots are drawn, and from which split; "" where there are none."""
    given = file.data.get("fewshot_config") or {}
    if not isinstance(given, dict):
        raise file.error(f"is {_kind(given)}, where a mapping is wanted", "fewshot_config")
    for key in given:
        if key not in ("sampler", "split"):
            raise file.error("is not kept; shots are written as the samples are, and drawn by "
                             "sampler: first_n or default", "fewshot_config", key)  # fmt: skip
    sampler = given.get("sampler", "default")
    if sampler not in ("first_n", "default"):
        raise file.error(f"'{sampler}' is not one of first_n, default", "fewshot_config", "sampler")
    if not shots:
        return "default", ""
    named = given.get("split")
    source = (named if isinstance(named, str) else _text(file, "fewshot_split")
              or _text(file, "training_split") or _text(file, "validation_split"))  # fmt: skip
    key = "fewshot_split" if "fewshot_split" in file.data else "num_fewshot"
    if not source or source == split:
        raise file.error(f"shots would be samples of the split '{split}' that is under test, which "
                         "are never shown; name another fewshot_split", key)  # fmt: skip
    return "first_n" if sampler == "first_n" else "default", source


def _target(file: TaskFile) -> str | int:
    value = file.data["doc_to_target"]
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise file.error(f"is {_kind(value)}; write a template, the name of a column or the number "
                         "of a choice", "doc_to_target")  # fmt: skip
    return value


def _choice(file: TaskFile) -> str | tuple[str, ...] | None:
    value = file.data.get("doc_to_choice")
    if value is None or isinstance(value, str):
        return value
    listed = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise file.error(f"is {_kind(value)}; write a list of texts, a template or the name of a "
                         "column", "doc_to_choice")  # fmt: skip
    for place, one in enumerate(listed):
        if not isinstance(one, str):
            key = list(value)[place] if isinstance(value, dict) else place
            raise file.error(f"is {_kind(one)}, where a text is wanted; put it in quotes",
                             "doc_to_choice", key)  # fmt: skip
    return tuple(str(one) for one in listed)


def _description(file: TaskFile) -> str:
    text = _text(file, "description")
    if "{{" in text or "{%" in text:
        raise file.error("a template that differs from sample to sample is not kept; write it as "
                         "a part of doc_to_text", "description")  # fmt: skip
    if text.strip() and (not text.endswith("\n\n") or text[:-2] != text.strip()):
        raise file.error("stands in a paragraph of its own here; begin it with a character and "
                         "end it with one empty line", "description")  # fmt: skip
    return text.strip()


def _data_files(file: TaskFile) -> dict[str, tuple[str, ...]]:
    given = file.data.get("dataset_kwargs") or {}
    if not isinstance(given, dict):
        raise file.error(f"is {_kind(given)}, where a mapping is wanted", "dataset_kwargs")
    for key, value in given.items():
        if key != "data_files" and not (key == "trust_remote_code" and value is False):
            raise file.error("is not kept; name local files by data_files", "dataset_kwargs", key)
    files = given.get("data_files")
    if _text(file, "dataset_path") not in _FILES:
        if files is not None:
            raise file.error(f"belongs to dataset_path {', '.join(_FILES)}; remove it",
                             "dataset_kwargs", "data_files")  # fmt: skip
        return {}
    if files is None:
        raise file.error(f"'{file.data['dataset_path']}' needs files; write dataset_kwargs: "
                         "{data_files: {test: PATH}}", "dataset_path")  # fmt: skip
    # Without splits, all is `train`, as the library that reads it has it.
    by_split = files if isinstance(files, dict) else {"train": files}
    found: dict[str, tuple[str, ...]] = {}
    for split, paths in by_split.items():
        listed = paths if isinstance(paths, list) else [paths]
        if not listed or not all(isinstance(one, str) for one in listed):
            raise file.error("write a path or a list of paths for each split", "dataset_kwargs",
                             "data_files", split)  # fmt: skip
        found[split] = tuple(str(one) for one in listed)
    return found


def _metrics(file: TaskFile, *, free: bool) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """Return our figures, whether acc_norm is asked for, and the names of all other metrics."""
    given = file.data.get("metric_list")
    listed = given if isinstance(given, list) else [] if given is None else [given]
    names: list[str] = []
    for place, one in enumerate(listed):
        name = one.get("metric") if isinstance(one, dict) else None
        if not isinstance(name, str):
            raise file.error("has no metric; write {metric: acc}", "metric_list", place)
        names.append(name)
    kept = ("exact_match",) if free else ("acc", "acc_norm", "mcc")
    figures = tuple(name for name in names if name == "mcc" and not free)
    return figures, "acc_norm" in names and not free, tuple(
        name for name in names if name not in kept)  # fmt: skip


def _kind(value: Json) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text",
             list: "a list", dict: "a mapping"}  # fmt: skip
    return names.get(type(value), "nothing")
