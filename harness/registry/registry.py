"""The registry: what a hook `pytest_harness_register` adds to, and what is looked up in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from harness.contracts import Asks, Scorer, ShotSelector
from harness.errors import RegistryError
from harness.records import Extension, ExtensionKind
from harness.registry.entries import (
    Compare,
    Measure,
    Name,
    RegisteredEngine,
    RegisteredFigure,
    RegisteredScorer,
    RegisteredSelector,
    Values,
)
from harness.registry.sources import Source, caller, shown, source_of, source_of_module

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NONE = Source("", ())


@dataclass(slots=True)
class Registry:
    """Extensions by name.

    Attributes:
        root: The project, for the names of files.
        taken: Names that are built in, by kind.
        known: All that is registered, with its source.
    """

    root: Path | None = None
    taken: Mapping[ExtensionKind, Collection[str]] = field(default_factory=dict)
    known: dict[Name, Extension] = field(default_factory=dict)
    scorers: dict[str, RegisteredScorer] = field(default_factory=dict)
    selectors: dict[str, RegisteredSelector] = field(default_factory=dict)
    figures: dict[str, RegisteredFigure] = field(default_factory=dict)
    engines: dict[str, RegisteredEngine] = field(default_factory=dict)
    _places: dict[Name, str] = field(default_factory=dict)

    def scorer(self, name: str, scorer: Scorer, *, asks: Asks = "generate") -> None:
        """Register a scorer, as which `scoring.method` may name it.

        Args:
            name: Lower case, digits and underscores.
            scorer: Reads one answer; see `harness.contracts.Scorer`.
            asks: What the model is asked for it.

        Raises:
            RegistryError: The name is taken or no name.
        """
        self._add("scorer", name, scorer)
        if asks not in ("logprobs", "generate", "choice"):
            raise self._wrong("scorer", name, f"asks {asks!r} is not one of logprobs, generate, "
                              "choice")  # fmt: skip
        self.scorers[name] = RegisteredScorer(scorer, asks)

    def selector(self, name: str, choose: ShotSelector, *, per_sample: bool = False) -> None:
        """Register a selector of shots, as which `selector` of a mode may name it.

        It says which shots are shown. Their order is that of the mode, `shuffled` by its seed
        unless the mode gives another.

        Args:
            name: Lower case, digits and underscores.
            choose: See `harness.contracts.ShotSelector`.
            per_sample: Whether it returns a list for each sample, not one for all.

        Raises:
            RegistryError: The name is taken or no name.
        """
        self._add("selector", name, choose)
        self.selectors[name] = RegisteredSelector(choose, per_sample)

    def figure(
        self,
        name: str,
        measure: Measure,
        *,
        compare: Compare | None = None,
        need: Literal["answers", "logprobs"] = "answers",
        title: str = "",
        smaller: bool = False,
        lowest: float = 0.0,
        highest: float = 1.0,
    ) -> None:
        """Register a figure with an interval of its own, which `figures` and gates may name.

        Args:
            name: Lower case, digits and underscores.
            measure: Of the samples that have an answer, or log-probabilities where `need` says so.
            compare: Of two cells on the samples that both have; without it, gates against cells
                and baselines are refused.
            need: What a sample must have to count.
            title: Its name in words, by default the name itself.
            smaller: Whether less of it is better.
            lowest: Least value that it can have.
            highest: The greatest.

        Raises:
            RegistryError: The name is taken or no name.
        """
        self._add("figure", name, measure)
        entry = RegisteredFigure(
            need, title or name, smaller, lowest, highest, measure=measure, compare=compare
        )
        self._add_figure(name, entry)

    def mean_figure(
        self,
        name: str,
        values: Values,
        *,
        need: Literal["answers", "logprobs"] = "answers",
        title: str = "",
        smaller: bool = False,
        lowest: float = 0.0,
        highest: float = 1.0,
    ) -> None:
        """Register a figure that is the mean of a number a sample.

        Its interval and its paired differences are those of the built-in means, robust where
        samples share clusters.

        Args:
            name: Lower case, digits and underscores.
            values: A number from `lowest` to `highest` for each sample of a sheet, [n].
            need: What a sample must have to count.
            title: Its name in words, by default the name itself.
            smaller: Whether less of it is better.
            lowest: Least value that there can be, finite.
            highest: The greatest, finite.

        Raises:
            RegistryError: The name is taken or no name, or the range is empty.
        """
        self._add("figure", name, values)
        if not float("-inf") < lowest < highest < float("inf"):
            raise self._wrong("figure", name, f"values go from {lowest:g} to {highest:g}; give a "
                              "finite range")  # fmt: skip
        entry = RegisteredFigure(need, title or name, smaller, lowest, highest, values=values)
        self._add_figure(name, entry)

    def engine(self, name: str, module: str) -> None:
        """Register an engine, as which `engine` in `models.yaml` may name it.

        Args:
            name: Lower case, digits and underscores.
            module: Full name of the module, such as `package.module`, with a function
                `open_engine(config: EngineConfig) -> Engine`. It is imported in a process of its
                own, which sees no conftest.py.

        Raises:
            RegistryError: The name is taken or no name, or there is no such module.
        """
        place = self._claim("engine", name)
        try:
            source, folder = source_of_module(module, self.root)
        except RegistryError as error:
            raise self._wrong("engine", name, str(error)) from error
        own = Extension("engine", name, module, source.version, source.digest())
        self.known["engine", name], self._places["engine", name] = own, place
        self.engines[name] = RegisteredEngine(module, str(folder), own.shown)

    def place(self, kind: ExtensionKind, name: str) -> str:
        """Return the file and line where something was registered."""
        return self._places.get((kind, name), "")

    def add(self, other: Registry) -> None:
        """Add all of another registry; what both have from the same place is one.

        Raises:
            RegistryError: Two places register one name.
        """
        for (kind, name), extension in other.known.items():
            own, place = self._places.get((kind, name)), other.place(kind, name)
            if own is not None and own != place:
                raise _twice(kind, name, own, place)
            self.known[kind, name], self._places[kind, name] = extension, place
        self.scorers.update(other.scorers)
        self.selectors.update(other.selectors)
        self.figures.update(other.figures)
        self.engines.update(other.engines)

    def extensions(self, names: Iterable[Name]) -> tuple[Extension, ...]:
        """Return those of some names that are registered, each once."""
        return tuple(self.known[name] for name in dict.fromkeys(names) if name in self.known)

    def _add_figure(self, name: str, entry: RegisteredFigure) -> None:
        if entry.need not in ("answers", "logprobs"):
            raise self._wrong("figure", name, f"need {entry.need!r} is not one of answers, "
                              "logprobs")  # fmt: skip
        if not entry.lowest < entry.highest:
            raise self._wrong("figure", name, f"it goes from {entry.lowest:g} to "
                              f"{entry.highest:g}; give lowest below highest")  # fmt: skip
        self.figures[name] = entry
        self.known["figure", name] = replace(
            self.known["figure", name],
            title=entry.title,
            smaller=entry.smaller,
            lowest=entry.lowest,
            highest=entry.highest,
            need=entry.need,
        )

    def _add(self, kind: ExtensionKind, name: str, value: object) -> None:
        place = self._claim(kind, name)
        if not callable(value) and kind != "scorer":
            raise self._wrong(kind, name, f"{value!r} is not a function")
        if kind == "scorer" and (
            isinstance(value, type) or not callable(getattr(value, "score", None))
        ):
            raise self._wrong(kind, name, f"{value!r} is not an object with a method 'score'")
        file, _ = caller()
        registering = (file,) if file.is_file() else ()
        source = source_of(value, self.root) or Source(shown(file, self.root), registering)
        digest = source.digest(*registering)
        extension = Extension(kind, name, source.name, source.version, digest)
        self.known[kind, name], self._places[kind, name] = extension, place

    def _claim(self, kind: ExtensionKind, name: str) -> str:
        """Return the caller's place, if the name is free for it."""
        file, line = caller()
        place = f"{shown(file, self.root)}:{line}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RegistryError(f"{place}: {kind} {name!r}: a name has lower-case letters, digits "
                                "and underscores, as in my_name")  # fmt: skip
        if name in self.taken.get(kind, ()):
            raise RegistryError(f"{place}: {kind} '{name}' is built in; choose another name")
        if (known := self._places.get((kind, name))) is not None:
            raise _twice(kind, name, known, place)
        return place

    def _wrong(self, kind: ExtensionKind, name: str, problem: str) -> RegistryError:
        file, line = caller()
        return RegistryError(f"{shown(file, self.root)}:{line}: {kind} '{name}': {problem}")


def _twice(kind: ExtensionKind, name: str, first: str, second: str) -> RegistryError:
    return RegistryError(
        f"{kind} '{name}' is registered twice, in {first} and in {second}; rename one"
    )
