"""Foreign text in markdown and on a terminal: none of it is markup, link, command or colour.

All that is written of data, models, files and servers goes through here, whoever writes it.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape

from harness.characters import is_unseen

# Commands to a terminal: with ESC, or in the one character that stands for it and the next.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[@-Z\\-_]"
)
_MARKUP = re.compile(r"[\\`*|~$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])")
_BLOCK = re.compile(r"^(?:[-+=#](?=\s|$|[-+=#])|\[(?=[ xX]\])|\d{1,9}(?=[.)](?:\s|$)))")
# A zero-width space keeps these from becoming a mention, a reference, a link, a command or, as the
# first line of a quote, the heading of an alert.
_LIVE = re.compile(
    r"(?<=@)(?=\S)|(?<=#)(?=\d)|(?<=\b[gG][hH])(?=-\d)|(?<=:)(?=//)|(?<=[wW]{3})(?=\.)"
    r"|(?<=:)(?=:)|(?<=##)(?=\[)|(?<=\[)(?=![A-Za-z])"
)
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# What `escape` and `code` write, and emphasis.
_MARKS = re.compile(r"`([^`]+)`|\\([!-/:-@\[-`{-~])|(&#?\w+;)|\*+")
_DEEPEST = 40
_GAP = "&#8203;"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str) -> str:
    """Return the text on one line, without terminal colours and characters that nobody sees."""
    return " ".join(_seen(text).split())


def _seen(text: str) -> str:
    """Return the text with a space for each control character and without what nobody sees."""
    text = _ANSI.sub("", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Cc", "Zl", "Zp"):
        return " "
    return "" if kind in ("Cs", "Co") or is_unseen(char) else char


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters, a cut shown by an ellipsis in the last of them."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escape(text: str, *, limit: int = 200) -> str:
    """Return foreign text as inert inline markdown that fits a table cell.

    Args:
        text: Anything: data, completions, names, error messages.
        limit: Length in characters before escaping at which the text is cut.
    """
    shown = cut(plain(text), limit)
    shown = "".join(_ENTITIES.get(c, c) for c in shown)
    shown = _MARKUP.sub(lambda found: "\\" + found.group(), shown)
    shown = _BLOCK.sub(_inert, shown)
    return _LIVE.sub(_GAP, shown)


def _inert(found: re.Match[str]) -> str:
    marker = found.group()
    return marker + "\\" if marker.isdigit() else "\\" + marker


def html(text: str, *, limit: int = 200) -> str:
    """Return foreign text as inert HTML, for inside of a tag, where no markdown is read."""
    shown = "".join(_ENTITIES.get(c, c) for c in cut(plain(text), limit))
    return _LIVE.sub(_GAP, shown)


def quoted(text: str, *, limit: int, lines: int = 200) -> tuple[str, int]:
    r"""Return foreign text of many lines as an inert block quote, and how much was left out.

    Every line begins with `>` and is escaped by itself, so that none of them can begin or end
    anything; indents are kept, and several empty lines become one.

    Args:
        text: Anything.
        limit: Characters of the text that are kept at most.
        lines: Lines that are kept at most.

    Returns:
        The quote without a final line end, and the number of characters left out.
    """
    text = _LINE_ENDS.sub("\n", text).strip("\n")
    kept = "\n".join(text[:limit].split("\n")[:lines])
    shown = [_quoted_line(line) for line in kept.split("\n")]
    quote: list[str] = []
    for line, following in zip(shown, [*shown[1:], ""], strict=True):
        if line or (quote and quote[-1] != ">"):
            quote.append(f"> {line}" + ("\\" if following else "") if line else ">")
    return "\n".join(quote) or ">", len(text) - len(kept)


def _quoted_line(line: str) -> str:
    shown = escape(line, limit=len(line) + 1)
    expanded = line.expandtabs(4)
    indent = len(expanded) - len(expanded.lstrip(" "))
    return "&nbsp;" * min(indent, _DEEPEST) + shown if shown else ""


def fenced(text: str, *, limit: int | None = None, kind: str = "text") -> str:
    """Return foreign text of many lines in a fence that it cannot close, spaces as they are.

    Args:
        text: Anything; what nobody sees is left out of it.
        limit: Characters that are kept at most, None for all.
        kind: Language that the fence names.
    """
    whole = _LINE_ENDS.sub("\n", text)
    shown = whole if limit is None else cut(whole, limit)
    lines = [_seen(line.expandtabs(4)).rstrip() for line in shown.split("\n")]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    marks = "`" * max(3, longest + 1)
    return "\n".join([f"{marks}{kind}", *lines, marks])


def code(text: str, *, limit: int = 200, cell: bool = False) -> str:
    """Return foreign text as a code span; with `cell`, as what fits a table's cell.

    A pipe ends a cell even inside of code, and a backslash before it cannot be told from an escape:
    a text with pipes is escaped there.
    """
    if cell and "|" in text:
        return escape(text, limit=limit)
    shown = cut(plain(text), limit).replace("`", "'").strip()
    return f"`{shown}`" if shown else "` `"


def unmarked(markdown: str) -> str:
    """Return one line of our own inert markdown as the text that it shows."""
    return _MARKS.sub(_read, markdown)


def table_cells(table: str) -> list[list[str]]:
    """Return what a table of `harness.report` shows: its header, then its rows."""
    head, _, *rows = table.split("\n")
    return [
        [unmarked(cell.strip()) for cell in re.findall(r"((?:\\.|[^\\|])*)\|", row[1:])]
        for row in (head, *rows)
    ]


def _read(found: re.Match[str]) -> str:
    code_span, escaped, entity = found.groups()
    if entity:
        return "" if entity == _GAP else unescape(entity)
    return code_span or escaped or ""
