"""The command `harness import lm-eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.failing import failing
from harness.commands.project import Project
from harness.commands.saying import say
from harness.errors import HarnessError, SpecError

if TYPE_CHECKING:
    from harness.importing.write import Imported
    from harness.spec.modelspec import ModelSpec

import_app = typer.Typer(no_args_is_help=True, help="Take eval sets from other harnesses.")


@import_app.callback()
def _group() -> None:
    """Keep `lm-eval` a command of its own."""


@import_app.command("lm-eval")
def lm_eval(
    file: Annotated[Path, typer.Argument(help="YAML file of a task of lm-evaluation-harness.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Name in models.yaml; may be repeated.")
    ] = None,
    num_fewshot: Annotated[
        int | None, typer.Option(min=0, help="Shots, in place of the task's own number.")
    ] = None,
    chosen: Annotated[
        str | None, typer.Option("--filter", help="Which of the task's filters reads an answer.")
    ] = None,
    root: Annotated[Path, typer.Option(help="The project folder.")] = Path(),
) -> None:
    """Write an eval set that asks and scores what a task does.

    What cannot keep its meaning is refused in one line. Overwrites nothing, runs no code.
    """
    from harness.importing.task import checked_task
    from harness.importing.taskfile import read_task
    from harness.importing.write import check_free, imported
    from harness.writing import write_whole

    root = root.resolve()
    with failing():
        models = _models(root, model or [])
        task = checked_task(read_task(file, root=root), shots=num_fewshot, chosen=chosen)
        found = imported(task, list(models), root=root)
        check_free(found, root)
        for path, text in found.files.items():
            write_whole(root / path, text)
        try:
            _check(root, next(iter(found.files)))
        except HarnessError:
            for path in found.files:
                (root / path).unlink()
            raise
    for path in found.files:
        typer.echo(root / path if root != Path.cwd() else path)
    for line in (*found.notes, *_of_models(found, models, root)):
        say(f"warning: {line}", err=True)


def _models(root: Path, names: list[str]) -> dict[str, ModelSpec]:
    """Return the models that are to answer: those that are named, or the only one there is."""
    from harness.spec.load import load_models
    from harness.suggest import did_you_mean

    known = load_models(root / "evalsets/x.yaml", root=root)
    usable = {name: spec for name, spec in known.items() if spec.writes and not spec.remote}
    chosen = names or list(usable)
    if not names and len(usable) != 1:
        raise SpecError(f"name a model by --model: {', '.join(usable) or 'there is none'}",
                        path="evalsets/models.yaml")  # fmt: skip
    for name in chosen:
        if name not in usable:
            near = did_you_mean(name, usable, f"there are {', '.join(usable)}")
            raise SpecError(f"--model {name}: is no model whose log-probabilities can be had; "
                            f"{near}", path="evalsets/models.yaml")  # fmt: skip
    return {name: usable[name] for name in chosen}


def _check(root: Path, path: str) -> None:
    """Load what was written as pytest would."""
    from harness.collect import collect_evalset

    with Project(root, [root / path]).registered((root / path).parent):
        collect_evalset(root / path, root)


def _of_models(found: Imported, models: dict[str, ModelSpec], root: Path) -> list[str]:
    """Return what differs for each model from what lm-evaluation-harness does by default."""
    from harness.planning.asking import Asker

    lines: list[str] = []
    for name, spec in models.items():
        plain = spec.chat_template == "plain" or (spec.base and spec.chat_template is None)
        if not plain:
            lines.append(f"{name} is asked in its chat template; lm-evaluation-harness asks in "
                         "plain text unless --apply_chat_template is given, as an entry of "
                         "models.yaml with chat_template: plain does")  # fmt: skip
        if not found.words:
            continue
        try:
            chat = Asker(root).chat(name, spec, None)
            if isinstance(chat, str):
                continue
            tails = chat.continuations(found.first, [f" {word}" for word in found.words])
        except (HarnessError, OSError):
            continue
        if long := [word for word, rest in zip(found.words, _rests(tails), strict=True) if rest]:
            lines.append(f"{name} has several tokens for {', '.join(long)}: the probability is "
                         "that of the tokens that tell a choice from the others, where "
                         "lm-evaluation-harness takes all of them")  # fmt: skip
    return lines


def _rests(tails: list[tuple[int, ...]]) -> list[int]:
    """Return how many tokens of each row stand behind the one that tells it from all others."""
    found = []
    for row in tails:
        others = [other for other in tails if other is not row]
        shared = max(sum(all(a == b for a, b in zip(row[:n], other[:n], strict=False))
                         and len(other) >= n for n in range(1, len(row) + 1))
                     for other in others)  # fmt: skip
        found.append(max(0, len(row) - shared - 1))
    return found
