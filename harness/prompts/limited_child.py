"""The process in which foreign templates and patterns are tried: a script of its own, with limits.

It reads requests and writes replies, a line of JSON each. A request that takes too much processor
time ends the process by a signal, wherever it hangs; the next one gets a new process.
"""

from __future__ import annotations

import copy
import json
import re
import resource
import signal
import sys
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension, loopcontrols
from jinja2.meta import TrackingCodeGenerator
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

_MARK = "CONTINUED_BEHIND_THIS "


class _Unfolded(CodeGenerator):
    """Leaves constants to who renders them, as `'x' * 3000000000` is one, too."""

    def _output_child_to_const(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class _Names(_Unfolded, TrackingCodeGenerator):
    """Finds names, computing nothing."""


def names_read(tree: nodes.Template) -> set[str]:
    """Return the names that a template looks up and does not set before."""
    assert tree.environment is not None
    names = _Names(tree.environment)
    names.optimizer = None
    names.visit(tree)
    return names.undeclared_identifiers


class Generation(Extension):
    """Takes `{% generation %}`, by which templates mark what is trained, for what it holds."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the statements between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def chat_environment() -> ImmutableSandboxedEnvironment:
    """Return the environment of chat templates, which is that of transformers."""
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[loopcontrols, Generation],
        optimized=False,
    )
    env.filters["tojson"] = _tojson
    env.code_generator_class = _Unfolded
    return env


def prompt_environment(folder: str) -> ImmutableSandboxedEnvironment:
    """Return the environment of prompt files, which may draw on others in their folder."""
    env = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        optimized=False,
    )
    env.code_generator_class = _Unfolded
    return env


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)  # fmt: skip


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


@lru_cache(maxsize=16)
def _chat_template(source: str) -> jinja2.Template:
    env = chat_environment()
    env.globals["raise_exception"] = _refuse
    env.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return env.from_string(source)


def render_chat(asked: dict[str, Any]) -> list[str]:
    """Return conversations as a chat template writes them."""
    template = _chat_template(asked["template"])
    given = dict(asked["variables"])
    if asked["day"]:
        given.setdefault("strftime_now", date.fromisoformat(asked["day"]).strftime)
    if asked["go_on"] and "content" not in asked["template"]:
        raise ValueError("it does not show the content of a turn that is to go on")
    given = {"tools": None, "documents": None, **given, "add_generation_prompt": asked["ask"]}
    texts = []
    for turns in asked["conversations"]:
        write = _continued if asked["go_on"] else _written
        text = write(template, turns, given, parts=asked["parts"])
        texts.append(_bounded(text, asked["room"] + 10 * sum(len(t["content"]) for t in turns)))
    return texts


def _written(
    template: jinja2.Template, turns: list[dict[str, str]], given: dict[str, Any], *, parts: bool
) -> str:
    """Return a whole conversation, its texts as lists of one part where they are to be parts."""
    told: list[dict[str, Any]] = [*turns]
    if parts:
        told = [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in turns]
    return template.render(messages=told, **given)


def _continued(
    template: jinja2.Template, turns: list[dict[str, str]], given: dict[str, Any], *, parts: bool
) -> str:
    """Return a conversation up to the end of its last text, as transformers finds that."""
    marked = copy.deepcopy(turns)
    last = turns[-1]["content"]
    marked[-1]["content"] += _MARK
    text = _written(template, marked, given, parts=parts)
    if last.strip() not in text or _MARK.strip() not in text:
        raise ValueError("the text to go on with does not appear in what the template writes")
    at = text.rindex(_MARK.strip())
    # Where the template takes spaces away behind a text, it would take those of the text, too.
    return text[:at] if text[at : at + len(_MARK)] == _MARK else text[:at].rstrip()


def try_parts(asked: dict[str, Any]) -> list[str]:
    """Render each macro of a prompt file, and return nothing."""
    env = prompt_environment(asked["folder"])
    module = env.from_string(asked["source"]).make_module(asked["variables"])
    for name, arguments in asked["calls"]:
        given = sum(len(str(one)) for one in arguments)
        _bounded(str(getattr(module, name)(*arguments)), asked["room"] + 10 * given)
    return []


def render_docs(asked: dict[str, Any]) -> list[str]:
    """Return what a template makes of each row of a data set."""
    env = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, optimized=False
    )
    env.code_generator_class = _Unfolded
    env.filters["regex_replace"] = _regex_replace
    template = env.from_string(asked["template"])
    texts = []
    for row in asked["docs"]:
        given = sum(len(str(one)) for one in row.values())
        texts.append(_bounded(template.render(**row), asked["room"] + 10 * given))
    return texts


def match_pattern(asked: dict[str, Any]) -> list[str]:
    """Match a regular expression with the beginnings of texts, and return nothing."""
    pattern = re.compile(asked["template"])
    for text in asked["texts"]:
        pattern.match(text)
        # Where it must end there, it may have to be tried in other ways.
        pattern.fullmatch(text)
    return []


def _regex_replace(text: str, pattern: str, repl: str, count: int = 0) -> str:
    return re.sub(pattern, repl, text, count=count)


def _bounded(text: str, most: int) -> str:
    if len(text) > most:
        raise OverflowError(f"writes {len(text):,} characters, more than {most:,}")
    return text


def main() -> None:
    """Answer requests until there are no more."""
    for line in sys.stdin:
        asked = json.loads(line)
        limit = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = asked["memory"] if limit == resource.RLIM_INFINITY else min(asked["memory"], limit)
        resource.setrlimit(resource.RLIMIT_AS, (most, limit))
        signal.setitimer(signal.ITIMER_PROF, asked["seconds"])
        reply: dict[str, Any]
        try:
            render = (render_chat if "conversations" in asked else
                      render_docs if "docs" in asked else
                      match_pattern if "texts" in asked else try_parts)  # fmt: skip
            reply = {"texts": render(asked)}
        except (MemoryError, OverflowError, RecursionError) as error:
            reply = {"unbounded": type(error).__name__, "said": str(error)}
        # Whatever an expression in a template can raise.
        except Exception as error:
            reply = {"refused": str(error) or type(error).__name__}
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
