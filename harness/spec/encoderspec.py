"""What an entry of `models.yaml` says of an encoder: its task, and how labels are its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from harness.spec.base import Strict, Word, complain

Task = Literal["text-classification", "zero-shot"]
HYPOTHESIS = "This example is {}."
"""What is held against a text where nothing else is written: the usual form."""
BLANK = "{}"
Labels = dict[Word, Word | list[Word]]

_Count = Annotated[int, Field(ge=1)]


class EncoderSpec(Strict):
    """Options of engine `encoder`; what is None has a default for its device.

    Attributes:
        batch_tokens: Tokens of a forward pass, padding included.
        pass_cost: What a forward pass costs by itself, in tokens: padding is held below it.
        threads: CPU threads; None is torch's choice.
    """

    batch_tokens: _Count | None = None
    pass_cost: _Count | None = None
    threads: _Count | None = None


def check_encoder(
    *,
    source: str | None,
    task: Task | None,
    hypothesis: str | None,
    labels: Mapping[str, str | Sequence[str]] | None,
) -> None:
    """Check what an entry says, as far as it can be without the model.

    Raises:
        PydanticCustomError: A mistake, in words.
    """
    if source is None:
        return  # complained of by itself
    if source.startswith("pypi:") or source.endswith(".gguf"):
        raise complain("an encoder is a folder with safetensors, or a model of the hub; write "
                       "source: file:FOLDER or hub:owner/name")  # fmt: skip
    if hypothesis is not None and task != "zero-shot":
        raise complain("'hypothesis' belongs to the task zero-shot; write task: zero-shot, or "
                       "remove it")  # fmt: skip
    if hypothesis is not None and hypothesis.count(BLANK) != 1:
        raise complain(f"'hypothesis' has {hypothesis.count(BLANK)} places for a label; write "
                       f"{BLANK} where it stands, once, as in \"{HYPOTHESIS}\"")  # fmt: skip
    if labels is not None:
        _check_labels(labels, phrases=task == "zero-shot")


def _check_labels(labels: Mapping[str, str | Sequence[str]], *, phrases: bool) -> None:
    owner: dict[str, str] = {}
    for label, given in labels.items():
        if phrases and not isinstance(given, str):
            raise complain(f"'labels' gives '{label}' several phrases, and a hypothesis has room "
                           "for one; write one")  # fmt: skip
        for one in [given] if isinstance(given, str) else given:
            first = owner.setdefault(one.strip().casefold(), label)
            if first != label:
                raise complain(f"'labels' gives '{first}' and '{label}' the same, '{one}'; each "
                               "needs its own")  # fmt: skip
        if not given:
            raise complain(f"'labels' gives '{label}' nothing; name a class, or leave it out")
