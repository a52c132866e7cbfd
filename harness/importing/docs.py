"""The rows of a task's data, and what its templates make of each."""

from __future__ import annotations

import ast
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import AssetError
from harness.importing.task import Task
from harness.prompts.limited import RefusedByTemplate, UnboundedTemplate, render_docs
from harness.records import Json

Doc = dict[str, Json]
MOST_ANSWERS = 50
"""As many different right answers of rows may become the labels of an eval set."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One row as the task asks it.

    Attributes:
        text: The question, without what parts it from the answer.
        target: Place of the right one among the choices.
    """

    text: str
    target: int


def read_docs(task: Task, split: str, *, root: Path) -> list[Doc]:
    """Return the rows of a split as lm-evaluation-harness reads them.

    Args:
        task: The task.
        split: Its name.
        root: Folder that the paths of files count from.

    Raises:
        SpecError: A file or the split is missing, with the key.
        AssetError: The data cannot be read.
    """
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    key = "dataset_kwargs" if task.data_files else "dataset_path"
    if task.data_files and split not in task.data_files:
        raise task.file.error(f"has no files of the split '{split}'; there are "
                              f"{', '.join(task.data_files)}", key, "data_files")  # fmt: skip
    # All splits, as a column has one type in all of them: that of the first.
    paths = {name: _paths(task, name, root) for name in task.data_files}
    shown = ", ".join(sum(task.data_files.values(), ())) or task.dataset
    try:
        with tempfile.TemporaryDirectory() as cache, warnings.catch_warnings():
            # It leaves a csv file open until that is collected.
            warnings.simplefilter("ignore", ResourceWarning)
            told = {"data_files": paths, "cache_dir": cache} if paths else {}
            found = datasets.load_dataset(task.dataset, task.config, split=split, **told)
            rows: list[Doc] = found.to_list()
    except Exception as error:  # the library raises of all kinds
        # What it says of files of several types is in the cause.
        cause = error.__cause__ or error
        said = " ".join(str(cause).split()) or type(cause).__name__
        raise AssetError(f"{task.file.path}: {key}: {shown} cannot be read: {said}; check the "
                         "data") from error  # fmt: skip
    if not rows:
        raise AssetError(f"{task.file.path}: {key}: {shown} has no rows; give some")
    return rows


def _paths(task: Task, split: str, root: Path) -> list[str]:
    paths = [root / Path(name).expanduser() for name in task.data_files[split]]
    for path in paths:
        if not path.is_file():
            raise task.file.error(f"no file {path}; fix the path, which counts from {root}",
                                  "dataset_kwargs", "data_files", split)  # fmt: skip
    return [str(path) for path in paths]


def choices_of(task: Task, docs: Sequence[Doc]) -> tuple[str, ...]:
    """Return the choices, which must be the same for all rows; without any, the right answers.

    Raises:
        SpecError: They differ, are no list of texts, or are too many answers for labels.
    """
    if task.choice is None:
        answers = tuple(dict.fromkeys(str(one) for one in _targets(task, docs)))
        if len(answers) > MOST_ANSWERS:
            raise task.file.error(f"has {len(answers)} different answers in {len(docs)} rows, and "
                                  f"those of an eval set are its labels, {MOST_ANSWERS} at most; "
                                  "a free text for each row is not scored here",
                                  "doc_to_target")  # fmt: skip
        return answers
    if isinstance(task.choice, tuple):
        return task.choice
    if task.choice in docs[0]:
        listed: list[object] = [doc[task.choice] for doc in docs]
    else:
        listed = [_literal(one) for one in _rendered(task, "doc_to_choice", task.choice, docs)]
    first = listed[0]
    if not isinstance(first, list) or not all(isinstance(one, str) for one in first):
        raise task.file.error("makes no list of texts of the first row", "doc_to_choice")
    for number, one in enumerate(listed):
        if one != first:
            raise task.file.error(f"row {number} has other choices than row 0, and the labels of "
                                  "an eval set are those of all samples; name the choices in "
                                  "doc_to_text, and their letters here", "doc_to_choice"
                                  )  # fmt: skip
    return tuple(str(one) for one in first)


def asked_docs(task: Task, docs: Sequence[Doc], choices: Sequence[str]) -> list[Asked]:
    """Return what is asked of each row and which choice is right.

    Raises:
        SpecError: A template fails, or a row has no one right choice, with the row, from 0.
    """
    if task.text in docs[0]:
        values: list[object] = [doc[task.text] for doc in docs]
    else:
        values = list(_rendered(task, "doc_to_text", task.text, docs))
    targets = _targets(task, docs)
    found: list[Asked] = []
    for number, (text, target) in enumerate(zip(values, targets, strict=True)):
        if not isinstance(text, str) or text.isdigit():
            raise task.file.error(f"row {number} makes no text; a number there means that the "
                                  "questions differ and not the answers, which is not kept",
                                  "doc_to_text")  # fmt: skip
        found.append(Asked(text, _place(task, number, target, choices)))
    return found


def _targets(task: Task, docs: Sequence[Doc]) -> list[object]:
    if isinstance(task.target, int):
        return [task.target] * len(docs)
    if task.target in docs[0]:
        values: list[object] = [doc[task.target] for doc in docs]
        return values if task.choice is not None else [
            one if isinstance(one, list) else str(one) for one in values]  # fmt: skip
    digits = task.choice is not None
    return [_literal(one) if (digits and one.isdigit()) or one[:1] + one[-1:] == "[]" else one
            for one in _rendered(task, "doc_to_target", task.target, docs)]  # fmt: skip


def _place(task: Task, number: int, target: object, choices: Sequence[str]) -> int:
    if isinstance(target, int) and 0 <= target < len(choices):
        return int(target)
    if isinstance(target, str) and target in choices:
        return list(choices).index(target)
    what = "several right answers" if isinstance(target, list) else f"the answer {target!r:.40}"
    raise task.file.error(f"row {number} has {what}, and the choices are {', '.join(choices)}; "
                          "each row needs one of them", "doc_to_target")  # fmt: skip


def _rendered(task: Task, key: str, template: str, docs: Sequence[Doc]) -> list[str]:
    try:
        return render_docs(template, docs)
    except (RefusedByTemplate, UnboundedTemplate) as error:
        columns = ", ".join(docs[0])
        raise task.file.error(f"the template fails: {error}; the columns are {columns}",
                              key) from error  # fmt: skip


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
