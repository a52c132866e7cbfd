"""The words of one language: Jinja macros for sentences, and fixed words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jinja2.runtime import Macro

Lang = Literal["en", "ru"]

# Which numbers take the noun's first form.
_SINGULAR: Mapping[str, Callable[[int], bool]] = {
    "en": lambda number: number == 1,
    "ru": lambda number: number % 10 == 1 and number % 100 != 11,
}


class Words:
    """What one language calls things (`words["title"]`) and how it says them (`words.say`)."""

    def __init__(self, fixed: Mapping[str, str], sentences: Mapping[str, Macro]) -> None:
        """Take the words without facts and the macros, by name."""
        self._fixed, self._sentences = fixed, sentences

    def __getitem__(self, name: str) -> str:
        """Return a word or sentence that takes no fact.

        Raises:
            KeyError: The language has no such word, or it takes facts.
        """
        return self._fixed[name]

    def __contains__(self, name: object) -> bool:
        """Say whether there is such a word or sentence."""
        return name in self._fixed or name in self._sentences

    def __iter__(self) -> Iterator[str]:
        """Return the names of all words and sentences."""
        return iter((*self._fixed, *self._sentences))

    def facts(self, name: str) -> Sequence[str]:
        """Return the names of the facts that a sentence takes, in no fixed order."""
        return () if name in self._fixed else self._sentences[name].arguments

    def say(self, name: str, /, **facts: object) -> str:
        """Return a sentence with its facts; one that it does not take is left aside.

        Raises:
            KeyError: The language has no such sentence.
            jinja2.UndefinedError: It needs a fact that is not given.
        """
        if name in self._fixed:
            return self._fixed[name]
        macro = self._sentences[name]
        return macro(**{fact: facts[fact] for fact in macro.arguments if fact in facts})


@cache
def words(lang: str) -> Words:
    """Return the words of a language.

    Args:
        lang: `en` or `ru`; the file `LANG.j2` of this folder.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from jinja2.runtime import Macro

    from harness.language.compiled import compiled_beside

    environment = Environment(
        loader=PackageLoader("harness.language", "."),
        bytecode_cache=compiled_beside(Path(__file__)),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
    )
    environment.filters |= {"fmt": format, "repr": repr}
    environment.tests["singular"] = _SINGULAR[lang]
    held = vars(environment.get_template(f"{lang}.j2").module)
    fixed = {name: text for name, text in held.items() if isinstance(text, str) and name[0] != "_"}
    sentences = {name: said for name, said in held.items() if isinstance(said, Macro)}
    return Words(fixed, sentences)
