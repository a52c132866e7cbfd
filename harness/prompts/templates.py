"""Jinja2 prompt files -> chat messages: sandboxed, strict, compiled once.

A prompt file defines four macros, in plain text:

    system(shots)        the system message; `shots` is "" unless the placement is `system`
    user(text, shots)    the user message; `shots` is "" unless the placement is `user`
    shot(text, answer)   one solved sample, for the placements `system` and `user`
    prefill()            the beginning of the answer that the model continues; may be empty

They see `words`, the mapping of each label to the word that the model is to answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    nodes,
)
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.characters import half_character
from harness.errors import SpecError
from harness.prompts.chance import random_draw
from harness.records import Message, Placement, Sample

PARTS = {
    "system": ("shots",),
    "user": ("text", "shots"),
    "shot": ("text", "answer"),
    "prefill": (),
}
Part = Callable[..., str]
_SENTINEL = "0155590155"
# A text of 66,000 characters, more than samples have: words by twelve in a line, lines by five
# in a paragraph. They are all different and of digits, which no filter for white space, mark-up or
# case touches, so that only what is cut or shown twice is missed or met again.
_LONG_WORD = re.compile(r"0155\d{5}")
_LONG_WORDS = [f"0155{number:05}" for number in range(6_000)]
LONG_TEXT = "".join(
    word + ("\n\n" if number % 60 == 0 else "\n" if number % 12 == 0 else ". ")
    for number, word in enumerate(_LONG_WORDS, 1)
).strip()
# What an expression in a template can raise besides Jinja2's own errors.
_RENDER_ERRORS = (ArithmeticError, LookupError, MemoryError, TypeError, ValueError)


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


@lru_cache(maxsize=64)
def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


@lru_cache(maxsize=256)
def _compiled(folder: Path, source: str) -> Template:
    """Compile a text once; an edited file is another text, so none is ever served stale."""
    return _environment(folder).from_string(source)


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


def load_parts(
    template: str,
    signatures: Mapping[str, tuple[str, ...]],
    *,
    root: Path,
    variables: Mapping[str, Mapping[str, str]],
) -> dict[str, Part]:
    """Compile a file of macros, and return each as a function that gives stripped text.

    Args:
        template: Path under `root/prompts`.
        signatures: Name and argument names of each macro that the file must define.
        root: The project.
        variables: What the macros see besides their arguments.

    Raises:
        SpecError: Syntax, a missing or misnamed macro, or an unknown variable; and from a
            returned function, where it cannot be rendered.
    """
    path = Path("prompts") / template
    environment = _environment(root / "prompts")
    known = " and ".join(["its arguments", *(f"'{name}'" for name in variables)])
    compiled: Template | None = None
    try:
        source = (root / path).read_text(encoding="utf-8")
        tree = environment.parse(source)
        _check_parts(tree, path, signatures, known=known, variables=variables)
        compiled = _compiled(root / "prompts", source)
        module = compiled.make_module(dict(variables))
    except TemplateSyntaxError as error:
        raise SpecError(f"{error.message}; fix the Jinja2 syntax", path=path,
                        line=error.lineno) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise SpecError(f"is not UTF-8 text: {error}; save it as UTF-8", path=path) from error
    except (*_RENDER_ERRORS, TemplateError) as error:
        raise SpecError(f"{error}; a prompt file holds the parts {', '.join(signatures)}, and "
                        "nothing beside them is rendered", path=path,
                        line=_line(error, compiled)) from error  # fmt: skip

    def part(name: str) -> Part:
        macro: Part = getattr(module, name)

        def render(*values: str | Sequence[str]) -> str:
            try:
                return str(macro(*values)).strip()
            except (*_RENDER_ERRORS, TemplateError) as error:
                raise SpecError(f"part '{name}' cannot be rendered: {error}; a part knows {known}",
                                path=path, line=_line(error, compiled)) from error  # fmt: skip

        return render

    return {name: part(name) for name in signatures}


def _line(error: Exception, template: Template | None) -> int | None:
    """Return the line of a template's text that a rendering error comes from."""
    frames = [frame for frame in extract_tb(error.__traceback__) if frame.filename == "<template>"]
    at = frames[-1].lineno if frames else None
    return template.get_corresponding_lineno(at) if template and at else None


def _check_parts(
    tree: nodes.Template,
    path: Path,
    signatures: Mapping[str, tuple[str, ...]],
    *,
    known: str,
    variables: Collection[str],
) -> None:
    macros = {macro.name: macro for macro in tree.find_all(nodes.Macro)}
    for name, arguments in signatures.items():
        signature = f"{name}({', '.join(arguments)})"
        if name not in macros:
            raise SpecError(f"no part '{name}'; add a macro {signature}", path=path)
        if tuple(argument.name for argument in macros[name].args) != arguments:
            raise SpecError(f"part '{name}' must be written {signature}", path=path,
                            line=macros[name].lineno)  # fmt: skip
    for text in tree.find_all(nodes.Const):
        if isinstance(text.value, str) and (half := half_character(text.value)):
            raise SpecError(f"holds {half}, half of a character; write the whole one, or take it "
                            "out", path=path, line=text.lineno)  # fmt: skip
    if found := random_draw(tree):
        raise SpecError(f"'{found[0]}' draws at random, so that prompts differ from run to run; "
                        "write what is wanted", path=path, line=found[1])  # fmt: skip
    unknown = find_undeclared_variables(tree) - set(variables)
    for variable in tree.find_all(nodes.Name):
        if variable.name in unknown:
            raise SpecError(f"unknown variable '{variable.name}'; a prompt knows {known}",
                            path=path, line=variable.lineno)  # fmt: skip


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


def shows_long(text: str, *, once: bool) -> bool:
    """Return whether a text holds all of `LONG_TEXT`, in whatever form, and perhaps once only."""
    # Mostly it stands there as it is, which is found much faster than its words.
    if once:
        return text.count(LONG_TEXT) == 1 or _LONG_WORD.findall(text) == _LONG_WORDS
    return LONG_TEXT in text or set(_LONG_WORD.findall(text)) == set(_LONG_WORDS)


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
