"""What no text of data, models, files and servers may do to a file or a terminal, and a look at it.

The attacks are put in place of every text of a record that is not one of a fixed choice, so that a
field that is new tomorrow is attacked as well.
"""

from __future__ import annotations

import html
import re
import typing
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.characters import is_unseen
from harness.reasons import Reason

_AT_JUDGES = yaml.safe_load(
    (Path(__file__).parent / "judge/attacks.yaml").read_text(encoding="utf-8")
)
MARKUP = (
    "[here](http://evil.example)", "![i](http://evil.example/i.png)", "http://evil.example/a",
    "<http://evil.example>", "HTTPS://evil.example", "ftp://evil.example", "www.evil.example",
    "someone@evil.example", "mailto:someone@evil.example", "xmpp:someone@evil.example/x",
    "a@-b.example", "@someone", "@org/team", "#12", "owner/name#12", "GH-12", "[a]: http://evil.example",
    "[a][b]", "[^1] [^1]: note", "<b>bold</b>", "<script>alert(1)</script>", "</details></summary>",
    "<!-- plots -->", "<img src=x onerror=alert(1)>", "&lt;b&gt; &#60;b&#62; &commat;someone",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x07x\x1b]8;;\x07",
    "\x9b31mred", "\x9d0;title\x9c", "\x07\x08\x7f\x00", "\u202etxet\u202c", "\u2066x\u2069",
    "a\u200bb\u2060c\ufeffd", "a\u00adb\U000e0041\U000e0101", "\u3164\u2800", "\ufffe\U0001ffff",
    "[!CAUTION] x", "[!NOTE]\nx", "> [!WARNING]\n> x", "::error::x", "##[error]x",
    "::set-output name=x::1", "a | b", "| a | b |\n|---|---|\n| 1 | 2 |", "\\|", "a\n\n# Head",
    "# Head", "Head\n===", "---", "- item", "+ item", "* item", "1. item", "12) item", "- [x] done",
    "```\ncode\n```", "~~~", "`code", "``", "**bold** _it_ ~~no~~", "$x$ $$y$$", "\tcode",
    "    code", "a\u2028b\u2029c\x85d\x0be\x0cf", "a\r\nb\rc", "tail\\", "x" * 5000, "word " * 1000,
    "|" * 300, "[red]x[/red]", "{{ 7 * 7 }} {% raw %}", "%s {0} {x}", "half \ud83d",
)  # fmt: skip
ATTACKS: tuple[str, ...] = (
    *MARKUP,
    *(text if isinstance(text, str) else text[0] * text[1] for text in _AT_JUDGES.values()),
)
# Fields of fixed names whose type says only that they are texts.
_FIXED = frozenset({"figure", "figures", "prompt_key", "selector", "wants"})
_LIVE = re.compile(
    r"[a-z]{2,9}://\S|www\.\w|@[^\s\u200b]|#\d|\bGH-\d|::|##\[|\[![a-z]", re.IGNORECASE
)
_OWN_TAGS = re.compile(r"</?details>|</?summary>|</?b>|<!-- (?:end of )?plots -->")


def attacking(shift: int) -> Callable[[str], str]:
    """Return what puts an attack in place of a text: another for each text, others by `shift`."""

    def attacked(text: str) -> str:
        number = zlib.crc32(text.encode("utf-8", "replace"))
        attack = ATTACKS[(number + shift) % len(ATTACKS)]
        return f"{text}{attack}" if (number + shift) % 5 == 0 else f"{attack}{text}"

    return attacked


def attack(value: typing.Any, attacked: Callable[[str], str]) -> typing.Any:
    """Return a record with an attack in every text, equal ones in place of equal texts."""
    if isinstance(value, str):
        return attacked(value) if value else value
    if isinstance(value, tuple | list):
        return type(value)(attack(one, attacked) for one in value)
    if isinstance(value, Mapping):
        return {attack(k, attacked): attack(v, attacked) for k, v in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value, attacked)
    return value


def _record(value: typing.Any, attacked: Callable[[str], str]) -> typing.Any:
    changed: dict[str, object] = {}
    for one in fields(value):
        told = getattr(value, one.name)
        kind = _hints(type(value))[one.name]
        if one.name in _FIXED and isinstance(told, Mapping):
            changed[one.name] = {k: attack(v, attacked) for k, v in told.items()}
        elif one.name == "facts":
            changed[one.name] = {k: attack(v, attacked) for k, v in told.items()}
        elif one.name not in _FIXED and not _chosen(kind) and not _kind_of_reason(value, one.name):
            changed[one.name] = attack(told, attacked)
    return replace(value, **changed)


def _kind_of_reason(value: object, name: str) -> bool:
    return isinstance(value, Reason) and name == "kind"


@cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


def _chosen(kind: object) -> bool:
    """Return whether a type is a fixed choice, None aside."""
    if typing.get_origin(kind) is typing.Literal:
        return True
    return any(typing.get_origin(one) is typing.Literal for one in typing.get_args(kind))


def hidden(text: str, *, breaks: str = "\n") -> set[str]:
    """Return the characters of a file that command a terminal or that nobody sees."""
    return {c for c in set(text) - set(breaks)
            if is_unseen(c) or unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp")
            or 0xFDD0 <= ord(c) <= 0xFDEF or ord(c) & 0xFFFE == 0xFFFE}  # fmt: skip


def assert_inert(markdown: str, *, like: str, pictures: str = r"[\w./-]+\.(?:svg|png)") -> None:
    """Assert that attacks do nothing in a file of markdown.

    Args:
        markdown: The file with attacks in it.
        like: The same file without.
        pictures: What the paths of its own pictures look like.
    """
    assert not hidden(markdown)
    markdown.encode()
    # A quote and a fence may be as long as an answer.
    lines = markdown.split("\n")
    for token in _tokens(markdown):
        if token.type in ("fence", "blockquote_open") and token.map:
            first, end = token.map
            lines[first:end] = [""] * (end - first)
    assert not any("x" * 1000 in line for line in lines)
    assert _skeleton(markdown) == _skeleton(like)
    for line in markdown.splitlines():
        if line.startswith("|"):
            for part in re.split(r"(?<!\\)(?:\\\\)*\|", line):
                assert len(part) < 2500, part[:300]
    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table[:2000]
    links = _targets(like)
    for token in _all_tokens(markdown):
        _assert_inert_token(token, pictures, links)


def _assert_inert_token(token: Token, pictures: str, links: set[object]) -> None:
    assert token.type != "html_inline", token
    if token.type == "link_open":
        assert token.attrs["href"] in links, token
    elif token.type == "image":
        assert re.fullmatch(pictures, str(token.attrs["src"])), token
        alt = "".join(one.content for one in token.children or ())
        assert not _LIVE.search(alt), alt
    elif token.type == "html_block":
        rest = _OWN_TAGS.sub("", token.content)
        assert "<" not in rest, rest
        assert not _LIVE.search(html.unescape(rest)), rest
    elif token.type == "text":
        assert not _LIVE.search(token.content), token.content


def _targets(markdown: str) -> set[object]:
    return {one.attrs["href"] for one in _all_tokens(markdown) if one.type == "link_open"}


def _all_tokens(markdown: str) -> Iterator[Token]:
    for token in _tokens(markdown):
        yield token
        yield from token.children or ()


def _tokens(markdown: str) -> list[Token]:
    # Without its front matter, whose lines stay for the places of what follows.
    head = re.match(r"---\n.*?\n---\n", markdown, flags=re.DOTALL)
    body = "\n" * head.group().count("\n") + markdown[head.end() :] if head else markdown
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(body)


def _skeleton(markdown: str) -> Counter[str]:
    """Return how many blocks of each kind stand outside of quotes, which may be long or short."""
    kinds: Counter[str] = Counter()
    quotes = 0
    for token in _tokens(markdown):
        quotes += token.nesting if token.type.startswith("blockquote") else 0
        if quotes == 0 and token.nesting >= 0 and token.type in (
            "heading_open", "hr", "table_open", "fence", "code_block", "ordered_list_open"
        ):  # fmt: skip
            kinds[f"{token.type} {token.tag}"] += 1
    return kinds


# What a session, a measured judge and a training write that people read, by the end of its path,
# and the test that attacks it. A new kind of file is to be added here with a test of its own.
COVERED: Mapping[str, str] = {
    r"report\.md": "report/test_attacked.py, plugin/test_attacked.py, train/test_attacked.py",
    r"report\.html": "report/test_page.py, browser/test_report.py",
    r"run\.json|(results|probes|prompts)\.jsonl": "report/test_attacked.py",
    r"findings\.json": "plugin/test_attacked.py",
    r"plots/[a-z0-9-]+\.(svg|png)": "report/test_attacked.py",
    r"summary\.md": "plugin/test_attacked.py",
    r"junit\.xml": "plugin/test_attacked.py",
    r"baselines/.+\.json": "plugin/test_attacked.py",
    r"passports/[\w-]+\.json": "report/test_attacked.py",
    r"(funnel|distributions|lengths|loss)\.png": "train/test_attacked.py",
    r"README\.md|training\.json": "train/test_attacked.py",
}


def uncovered(paths: Iterable[Path], *, but: str = r"(?!)") -> list[str]:
    """Return the files that no test attacks.

    Args:
        paths: What was written.
        but: Those that hold no text for people, such as weights.
    """
    known = re.compile(f"(.*/)?({'|'.join(COVERED)})|{but}")
    return [str(path) for path in paths if not known.fullmatch(path.as_posix())]
