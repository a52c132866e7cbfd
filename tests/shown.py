"""The blocks of the documentation's pages: their kind, their file, their marker, their commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
PATTERNS = ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/**/*.md", "findings/*.md")
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for pattern in PATTERNS
    for path in sorted(ROOT.glob(pattern))
    if path.name != "report.md"
)
COMMANDS = ("sh", "console")
_FENCE = re.compile(
    r"(?:^`(?P<file>[\w./-]+)`[^`\n]*:\n\n)?"
    r"(?:^<!-- (?P<kind>run|not run): (?P<said>[^\n]+) -->\n)?"
    r"^```(?P<lang>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(r"(?<=\n\n)(?P<text>(?: {4}.*\n)+)")


@dataclass(frozen=True)
class Block:
    """A block of a page.

    Attributes:
        lang: What it is written in; "" where the fence does not say, or there is none.
        file: The path that the page gives it.
        kind: What its marker says, None where it has none.
        said: By which test, or why not.
    """

    page: str
    line: int
    lang: str
    text: str
    file: str
    kind: Literal["run", "not run"] | None
    said: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """Each command with the lines that are shown as its output."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ")
            if self.lang == "sh" or command != line:
                if command.strip():
                    found.append((command, []))
            else:
                found[-1][1].append(line)
        return found


def blocks(page: str, text: str | None = None) -> list[Block]:
    """Return the blocks of a page in their order.

    Args:
        page: Its path from the root.
        text: What it holds, if not that file.
    """
    text = (ROOT / page).read_text(encoding="utf-8") if text is None else text
    found = []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("text"))
        found.append(Block(page, line, match["lang"], match["text"], match["file"] or "",
                           match["kind"], match["said"] or ""))  # fmt: skip
    # Fences leave their line breaks behind, so that lines keep their numbers.
    bare = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in _INDENTED.finditer(bare):
        line = bare.count("\n", 0, match.start("text")) + 1
        found.append(Block(page, line, "", re.sub("(?m)^ {4}", "", match["text"]), "", None, ""))
    return sorted(found, key=lambda block: block.line)


EVERY = tuple(block for page in PAGES for block in blocks(page))
