"""How a free answer is read exactly, in place of leniently, as users write it."""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, Self

import regex
from pydantic import Field, field_validator, model_validator

from harness.errors import HarnessError
from harness.records import Json
from harness.spec.base import Strict, complain

# Seconds that one pattern may take on one answer; a pattern of repeats of repeats takes years.
_SECONDS = 2.0
_PUNCTUATION = str.maketrans("", "", string.punctuation)
Pattern = Annotated[str, Field(min_length=1)]
"""A regular expression, as Python has them."""


class FindSpec(Strict):
    """What of an answer is read on.

    Attributes:
        regex: Of what it matches, the first group that is not empty, else all.
        match: Which of its matches, from 0; -1 is the last one.
    """

    regex: Pattern
    match: int = 0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return {"regex": data} if isinstance(data, str) else data

    @field_validator("regex")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        return _compiled(pattern)

    def found(self, text: str) -> str | None:
        """Return what of a text is read on, without white space around it.

        Raises:
            HarnessError: The pattern takes too long.
        """
        with _limited(self.regex):
            found = regex.findall(self.regex, text, timeout=_SECONDS)
        if not -len(found) <= self.match < len(found):
            return None
        chosen = found[self.match]
        if isinstance(chosen, tuple):
            chosen = next((part for part in chosen if part), None)
        return None if chosen is None else str(chosen).strip()


class ReadSpec(Strict):
    """How a free answer must equal a label's word.

    Attributes:
        find: What of the answer is read, one after another; all of it where there is none.
        drop: Patterns whose matches are taken out of answer and word.
        ignore: What does not count: capital letters, the punctuation of ASCII.
        lead: White space that must stand before the word.
    """

    find: list[FindSpec] = Field(default=[])
    drop: list[Pattern] = Field(default=[])
    ignore: list[Literal["case", "punctuation"]] = Field(default=[])
    lead: Annotated[str, Field(pattern=r"^\s*$")] = ""

    @field_validator("drop")
    @classmethod
    def _compile(cls, patterns: list[str]) -> list[str]:
        return [_compiled(pattern) for pattern in patterns]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.find and self.lead:
            raise complain("what 'find' finds has no white space around it; remove 'lead'")
        return self

    def found(self, text: str) -> str | None:
        """Return the part of an answer that is read, None where there is none.

        Raises:
            HarnessError: A pattern takes too long.
        """
        for one in self.find:
            part = one.found(text)
            if part is None:
                return None
            text = part
        return text

    def compared(self, text: str) -> str:
        """Return the form in which an answer and a word with its lead are compared.

        Raises:
            HarnessError: A pattern takes too long.
        """
        for pattern in self.drop:
            with _limited(pattern):
                text = str(regex.sub(pattern, "", text, timeout=_SECONDS))
        if "case" in self.ignore:
            text = text.lower()
        return text.translate(_PUNCTUATION) if "punctuation" in self.ignore else text


def _compiled(pattern: str) -> str:
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise complain(f"'{pattern}' is no regular expression: {error}") from error
    return pattern


@contextmanager
def _limited(pattern: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise HarnessError(f"scoring.read: '{pattern}' takes seconds on one text; write it without "
                           "repeats of repeats") from error  # fmt: skip
