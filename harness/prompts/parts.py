"""A file of Jinja2 macros -> functions: sandboxed, strict, bounded, compiled once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.characters import half_character
from harness.errors import INIT, SpecError
from harness.prompts.chance import random_draw
from harness.prompts.limited import UnboundedTemplate, try_parts
from harness.prompts.limited_child import names_read, prompt_environment
from harness.prompts.long_text import LONG_TEXT

Part = Callable[..., str]
# What an expression in a template can raise besides Jinja2's own errors.
_RENDER_ERRORS = (
    ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError,
)  # fmt: skip


@lru_cache(maxsize=64)
def _environment(folder: Path) -> ImmutableSandboxedEnvironment:
    return prompt_environment(str(folder))


@lru_cache(maxsize=256)
def _compiled(folder: Path, source: str) -> Template:
    """Compile a text once; an edited file is another text, so none is ever served stale."""
    return _environment(folder).from_string(source)


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
    arguments = dict.fromkeys(name for names in signatures.values() for name in names)
    own = f"its arguments (of {', '.join(arguments)})"
    known = " and ".join([own, *(f"'{name}'" for name in variables)])
    compiled: Template | None = None
    try:
        source = (root / path).read_text(encoding="utf-8")
        tree = environment.parse(source)
        _check_bounded(source, tree, path, signatures, root=root, variables=variables)
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


def _check_bounded(
    source: str,
    tree: nodes.Template,
    path: Path,
    signatures: Mapping[str, tuple[str, ...]],
    *,
    root: Path,
    variables: Mapping[str, Mapping[str, str]],
) -> None:
    """Raise SpecError for a file that takes too much time or memory, or writes too long a text."""
    own = {macro.name: len(macro.args) for macro in tree.find_all(nodes.Macro)}
    named = [name for name in signatures if name in own]
    calls = [(name, [text] * own[name]) for name in named for text in ("x", LONG_TEXT)]
    try:
        try_parts(source, calls, folder=root / "prompts", variables=variables)
    except UnboundedTemplate as error:
        raise SpecError(f"{error}; a prompt file writes a few lines around what it is given",
                        path=path) from error  # fmt: skip


def _check_parts(
    tree: nodes.Template,
    path: Path,
    signatures: Mapping[str, tuple[str, ...]],
    *,
    known: str,
    variables: Collection[str],
) -> None:
    macros = {macro.name: macro for macro in tree.find_all(nodes.Macro)}
    written = {name: f"{name}({', '.join(arguments)})" for name, arguments in signatures.items()}
    if missing := [name for name in signatures if name not in macros]:
        parts = ", ".join(f"'{name}'" for name in missing)
        fix = f"add a macro {', '.join(written[name] for name in missing)}"
        copy = f"; files to copy are written by: {INIT}" if len(missing) == len(signatures) else ""
        raise SpecError(f"no part {parts}; {fix}{copy}", path=path)
    for name, arguments in signatures.items():
        signature = written[name]
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
    unknown = names_read(tree) - set(variables)
    for variable in tree.find_all(nodes.Name):
        if variable.name in unknown:
            raise SpecError(f"unknown variable '{variable.name}'; a prompt knows {known}",
                            path=path, line=variable.lineno)  # fmt: skip
