"""A task as it is asked -> the files of an eval set: YAML, prompt and data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.errors import SpecError
from harness.importing.docs import Asked, Doc, asked_docs, choices_of, read_docs
from harness.importing.task import Task
from harness.jsontext import json_text
from harness.records import Json

FOLDER = "lm-eval"
_PROMPT = """\
{{# Task {name} of lm-evaluation-harness. The last line of its question, the same in all samples,
   begins the answer; the word follows it behind a space. #}}
{{% macro system(shots) %}}
{description}{{{{ shots }}}}
{{% endmacro %}}

{{% macro user(text, shots) %}}
{{{{ shots }}}}

{{{{ text }}}}
{{% endmacro %}}

{{% macro shot(text, answer) %}}
{{{{ text }}}}
{lead} {{{{ answer }}}}
{{% endmacro %}}

{{% macro prefill() %}}{lead}{{% endmacro %}}
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a task.

    Attributes:
        files: Texts by path in the project, the eval set first.
        notes: What is otherwise than in lm-evaluation-harness, each in a line.
        words: The choices, none for answers that a model writes.
        first: The first prompt as plain text.
    """

    files: Mapping[str, str]
    notes: tuple[str, ...]
    words: tuple[str, ...]
    first: str


@dataclass(frozen=True, slots=True)
class _Cut:
    """Questions as an eval set has them: what comes before the last line, and that line."""

    heads: tuple[str, ...]
    lead: str
    words: tuple[str, ...]


def imported(task: Task, models: Sequence[str], *, root: Path) -> Imported:
    """Return the files of the eval set that asks and scores what a task does.

    Args:
        task: The task.
        models: Names in models.yaml.
        root: The project, from which the paths of data count.

    Raises:
        SpecError: Something cannot be kept, in one line with file, line and key.
        AssetError: The data cannot be read.
    """
    docs = read_docs(task, task.split, root=root)
    pool: list[Doc] = []
    if task.shots:
        pool = read_docs(task, task.fewshot_split, root=root)
        if len(pool) < task.shots:
            raise task.file.error(f"wants {task.shots} shots, and the split '{task.fewshot_split}' "
                                  f"has {len(pool)} rows", "num_fewshot")  # fmt: skip
        pool = pool[: task.shots] if task.sampler == "first_n" else pool
    choices = choices_of(task, docs if task.choice is not None else [*docs, *pool])
    if pool and task.choice is not None and choices_of(task, pool) != choices:
        raise task.file.error("the shots have other choices than the samples", "doc_to_choice")
    asked, shown = asked_docs(task, docs, choices), asked_docs(task, pool, choices) if pool else []
    cut = _cut(task, [*asked, *shown], choices)
    heads, shots = cut.heads[: len(asked)], cut.heads[len(asked) :]
    data = [{"id": str(number), "text": head, "label": cut.words[one.target]}
            for number, (head, one) in enumerate(zip(heads, asked, strict=True))]  # fmt: skip
    pool_rows = [{"text": head, "label": cut.words[one.target]}
                 for head, one in zip(shots, shown, strict=True)]  # fmt: skip
    name = task.name
    files = {
        f"evalsets/{name}.yaml": _evalset(task, cut.words, models, lead_of(choices)),
        f"prompts/{FOLDER}/{name}.j2": _PROMPT.format(
            name=name, lead=_literal(cut.lead),
            description=f"{_literal(task.description)}\n\n" if task.description else ""),
        f"data/{FOLDER}/{name}.jsonl": _lines(data),
    }  # fmt: skip
    if pool_rows:
        files[f"data/{FOLDER}/{name}-shots.jsonl"] = _lines(pool_rows)
    return Imported(
        files,
        tuple(_notes(task, cut.words)),
        () if task.free else cut.words,
        f"{heads[0]}\n{cut.lead}",
    )


def _cut(task: Task, asked: Sequence[Asked], choices: Sequence[str]) -> _Cut:
    """Return questions without their last line, which must be one line that all share."""
    error = task.file.error
    bases, words = (_of_choices if task.free is None else _of_answers)(task, asked, choices)
    parts = [base.rpartition("\n") for base in bases]
    leads = {last for _, _, last in parts}
    lead = next(iter(leads))
    if len(leads) > 1 or lead != lead.strip() or not lead:
        raise error("must end in a line that is the same in all samples, such as 'Answer:', which "
                    "begins the answer; write one", "doc_to_text")  # fmt: skip
    for number, (head, _, _) in enumerate(parts):
        if head != head.strip() or not head:
            raise error(f"before its last line, row {number} is empty, or begins or ends with "
                        "white space, which a prompt does not keep; take it out of the template "
                        "or the data, as by | trim", "doc_to_text")  # fmt: skip
    if len(set(words)) < len(words) or len(words) < 2:
        raise error("needs two choices or more that differ",
                    "doc_to_target" if task.choice is None else "doc_to_choice")  # fmt: skip
    return _Cut(tuple(head for head, _, _ in parts), lead, words)


def _of_choices(
    task: Task, asked: Sequence[Asked], choices: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the questions and the words that follow them behind one space."""
    texts = [one.text + task.delimiter for one in asked]
    bases = [text.rstrip(" ") for text in texts]
    gaps = {text[len(base) :] for text, base in zip(texts, bases, strict=True)}
    words = {gap + choice for gap in gaps for choice in choices}
    if len(gaps) > 1 or any(word[:1] != " " or word[1:] != word.strip() or not word.strip()
                            for word in words):  # fmt: skip
        raise _no_space(task)
    return bases, tuple(choice.strip() for choice in choices)


def _of_answers(
    task: Task, asked: Sequence[Asked], choices: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return the questions and the words of answers that a model writes behind them."""
    texts = [one.text for one in asked]
    if any(text != text.rstrip() for text in texts):
        raise task.file.error("ends with white space, which a prompt does not keep; take it out",
                              "doc_to_text")  # fmt: skip
    lead, words = lead_of(choices), tuple(choice.strip() for choice in choices)
    if "" in words or any(lead + word != one for word, one in zip(words, choices, strict=True)):
        raise task.file.error("the answers differ in the white space around them, or are nothing "
                              "else; take it out", "doc_to_target")  # fmt: skip
    if task.shots and task.delimiter + lead != " ":
        raise _no_space(task)
    if lead and task.free is not None and task.free.find:
        raise task.file.error("the answers begin with white space, which the filter takes away, so "
                              "that none would be right; take it out", "doc_to_target")  # fmt: skip
    return texts, words


def lead_of(choices: Sequence[str]) -> str:
    """Return the white space that the first of some answers begins with."""
    return choices[0][: len(choices[0]) - len(choices[0].lstrip())]


def _no_space(task: Task) -> SpecError:
    key = "target_delimiter" if "target_delimiter" in task.file.data else "doc_to_text"
    return task.file.error("between question and choice must stand one space in all samples; write "
                           '" ", and no white space around texts and choices', key)  # fmt: skip


def _notes(task: Task, words: Sequence[str]) -> list[str]:
    notes = []
    if task.free is not None:
        notes.append("an answer that is none of the labels counts as unscored, where exact_match "
                     "counts it as wrong")  # fmt: skip
    if task.length_normed and len({len(word) for word in words}) > 1:
        notes.append("acc_norm is left out: it divides the log-probability of a choice by its "
                     "length, and the choices differ in length; accuracy is acc")  # fmt: skip
    if task.left_out:
        notes.append(f"left out, as they have no figure here: {', '.join(task.left_out)}")
    if task.shots and task.sampler == "default":
        notes.append(f"{task.shots} shots are drawn at random for all samples alike, and so are "
                     "others than lm-evaluation-harness draws for each")  # fmt: skip
    return notes


def _evalset(task: Task, words: Sequence[str], models: Sequence[str], lead: str) -> str:
    data: dict[str, Json] = {"source": f"file:data/{FOLDER}/{task.name}.jsonl", "id": "id"}
    mode: Json = "zeroshot"
    if task.shots:
        data["shots"] = f"file:data/{FOLDER}/{task.name}-shots.jsonl"
        first = task.sampler == "first_n"
        if not first:
            data["leaks"] = "drop"
        mode = {"mode": "fewshot", "k": task.shots, "placement": "chat",
                "selector": "first" if first else "random"}  # fmt: skip
    keys: dict[str, Json] = {
        "description": f"Task {task.name} of lm-evaluation-harness, split {task.split}",
        "data": data,
        "labels": list(words),
        "models": list(models),
        "prompts": [f"{FOLDER}/{task.name}.j2"],
        "modes": [mode],
        "scoring": "logprobs" if task.free is None else task.free.scoring(lead),
    }
    if task.figures:
        keys["figures"] = list(task.figures)
    head = "# yaml-language-server: $schema=../docs/schema/evalset.json\n"
    return head + yaml.safe_dump(keys, allow_unicode=True, sort_keys=False, width=100)


def _lines(rows: Sequence[Mapping[str, Json]]) -> str:
    return "".join(f"{json_text(row, compact=True)}\n" for row in rows)


def _literal(text: str) -> str:
    """Return a text as a template that writes it, itself where nothing in it is Jinja2's."""
    if any(mark in text for mark in ("{{", "{%", "{#")):
        return "{{ " + json.dumps(text, ensure_ascii=False) + " }}"
    return text


def check_free(found: Imported, root: Path) -> None:
    """Raise SpecError for a file that is there already."""
    for path in found.files:
        if (root / path).exists():
            raise SpecError("is there already; remove it, or give the task another name",
                            path=path)  # fmt: skip
