"""Jinja2 prompt files -> chat messages.

A prompt file defines four macros, in plain text:

    system(shots)        the system message; `shots` is "" unless the placement is `system`
    user(text, shots)    the user message; `shots` is "" unless the placement is `user`
    shot(text, answer)   one solved sample, for the placements `system` and `user`
    prefill()            the beginning of the answer that the model continues; may be empty

They see `words`, the mapping of each label to the word that the model is to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.errors import SpecError
from harness.prompts.long_text import LONG_TEXT, shows_long
from harness.prompts.parts import load_parts
from harness.records import Message, Placement, Sample

PARTS = {
    "system": ("shots",),
    "user": ("text", "shots"),
    "shot": ("text", "answer"),
    "prefill": (),
}
_SENTINEL = "0155590155"
_FROM_OTHERS = ("import", "include", "extends")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A compiled prompt file bound to its label words."""

    words: Mapping[str, str]
    prefill: str
    system: Callable[[str], str]
    user: Callable[[str, str], str]
    shot: Callable[[str, str], str]

    def answer(self, label: str) -> str:
        """Return the assistant's full turn for a label, prefill included."""
        return self.prefill + self.separator + self.words[label]

    @property
    def separator(self) -> str:
        """What stands between the prefill and the label word."""
        return " " if self.prefill and not self.prefill[-1].isspace() else ""

    def conversations(
        self,
        samples: Sequence[Sample],
        shots: Sequence[Sequence[Sample]],
        placement: Placement | None,
    ) -> list[list[Message]]:
        """Return one conversation a sample; the last turn is the prefill if there is one.

        Args:
            samples: The samples under test.
            shots: The solved samples that each sample is shown, in order; empty for zero-shot.
            placement: Where the shots stand.
        """
        tail: list[Message] = (
            [{"role": "assistant", "content": self.prefill}] if self.prefill else []
        )
        # Samples mostly share their shots, which are rendered once.
        heads: dict[tuple[tuple[str, str], ...], tuple[list[Message], str]] = {}
        found: list[list[Message]] = []
        for sample, own in zip(samples, shots or [()] * len(samples), strict=True):
            key = tuple((shot.text, shot.label) for shot in own)
            if key not in heads:
                heads[key] = self._head(own, placement)
            head, block = heads[key]
            found.append([*head, {"role": "user", "content": self.user(sample.text, block)}, *tail])
        return found

    def _head(
        self, shots: Sequence[Sample], placement: Placement | None
    ) -> tuple[list[Message], str]:
        """Return the turns before the sample's own, and the block of shots inside that one."""
        block = ""
        if placement in ("system", "user"):
            block = "\n\n".join(self.shot(s.text, self.words[s.label]) for s in shots)
        system = self.system(block if placement == "system" else "")
        head: list[Message] = [{"role": "system", "content": system}] if system else []
        if placement == "chat":
            for s in shots:
                head.append({"role": "user", "content": self.user(s.text, "")})
                head.append({"role": "assistant", "content": self.answer(s.label)})
        return head, block if placement == "user" else ""


def load_prompt(template: str, words: Mapping[str, str], *, root: Path) -> Prompt:
    """Compile a prompt file and try it once, so that a mistake shows before any model loads.

    Args:
        template: Path under `root/prompts`.
        words: Word of each label.
        root: The project.

    Raises:
        SpecError: Syntax, a missing or misnamed part, an unknown variable, or a part that does
            not show what it is given.
    """
    try:
        text = (root / "prompts" / template).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = None
    # Many sets name one file; one that takes from others is compiled for each.
    if text is None or any(word in text for word in _FROM_OTHERS):
        return _load(template, words, root)
    return _loaded(template, tuple(words.items()), root, text)


@lru_cache(maxsize=64)
def _loaded(template: str, words: tuple[tuple[str, str], ...], root: Path, text: str) -> Prompt:
    """Compile a file that holds this text, once."""
    return _load(template, dict(words), root)


def _load(template: str, words: Mapping[str, str], root: Path) -> Prompt:
    path = Path("prompts") / template
    part = load_parts(template, PARTS, root=root, variables={"words": dict(words)})
    prompt = Prompt(
        words=dict(words),
        prefill=part["prefill"](),
        system=part["system"],
        user=part["user"],
        shot=part["shot"],
    )
    _try(prompt, path)
    return prompt


def _try(prompt: Prompt, path: Path) -> None:
    word = next(iter(prompt.words.values()))
    seen = {
        "system": prompt.system(_SENTINEL),
        "user": prompt.user("x", _SENTINEL),
        "shot": prompt.shot(_SENTINEL, word),
    }
    for name, text in seen.items():
        if _SENTINEL not in text:
            given = PARTS[name][-1] if name != "shot" else "text"
            raise SpecError(f"part '{name}' does not show {given}; write {{{{ {given} }}}} in it",
                            path=path)  # fmt: skip
    if prompt.user(_SENTINEL, "").count(_SENTINEL) != 1:
        raise SpecError("part 'user' must show text exactly once; write {{ text }}", path=path)
    if word not in prompt.shot("x", word):
        raise SpecError("part 'shot' does not show answer; write {{ answer }} in it", path=path)
    _try_long(prompt, path)


def _try_long(prompt: Prompt, path: Path) -> None:
    """Raise SpecError for a part that cuts what it is given, which a short text does not show."""
    for shots in ("", "x"):
        if not shows_long(prompt.user(LONG_TEXT, shots), once=True):
            raise SpecError("part 'user' cuts a long text, or shows it otherwise than a short one; "
                            "write {{ text }} without truncate, slices or conditions",
                            path=path)  # fmt: skip
    shown = {"system": prompt.system(LONG_TEXT), "user": prompt.user("x", LONG_TEXT)}
    for name, text in shown.items():
        if not shows_long(text, once=False):
            raise SpecError(f"part '{name}' cuts long shots; write {{{{ shots }}}} without "
                            "truncate, slices or conditions", path=path)  # fmt: skip
