"""What the documentation shows exists: linked files and anchors, commands and their options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from harness.cli import app
from harness.plugin import options

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "report.md"
)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"^\s*(?:\$ )?(?:\S*/)?(pytest|harness)(?=\s|$)(.*)$")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    found: list[str] = []
    for line in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", line).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(slug if slug not in found else f"{slug}-{found.count(slug)}")
    return set(found)


def links(path: Path) -> list[str]:
    text = _CODE.sub("", _FENCE.sub("", path.read_text(encoding="utf-8")))
    return [link for link in _LINK.findall(text) if "://" not in link]


def commands(path: Path) -> list[list[str]]:
    """Return the words of each `pytest` and `harness` command that a page shows."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = "\n".join(_FENCE.findall(text)).splitlines()
    blocks += [line for line in _FENCE.sub("", text).splitlines() if line.startswith("    ")]
    inline = _CODE.findall(_FENCE.sub("", text))
    found = []
    for line in [*blocks, *inline]:
        if match := _COMMAND.match(line):
            rest = re.sub(r"\s#\s.*$|\s{2,}.*$", "", match[2])
            found.append([match[1], *shlex.split(rest)])
    return found


def pytest_options() -> set[str]:
    """Return the options of pytest with the plugin and pytest-xdist."""
    parser = pytest.Parser(_ispytest=True)
    options.add_options(parser)
    ours = {name for group in parser._groups for one in group.options for name in one.names()}
    theirs = {"-k", "-m", "-n", "-x", "-q", "-rs", "-n2", "--lf", "--junitxml", "--collect-only",
              "--setup-only", "--setup-plan", "--dist", "--rootdir"}  # fmt: skip
    return ours | theirs


def unknown(words: list[str]) -> list[str]:
    """Return what a command shows and neither pytest nor the command line knows."""
    given = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    if words[0] == "pytest":
        return [one for one in given if one not in pytest_options()]
    command = typer.main.get_command(app)
    for word in words[1:]:
        if not isinstance(command, TyperGroup) or word.startswith("-"):
            break
        if word not in command.commands:
            return [word]
        command = command.commands[word]
    known = {name for one in command.params for name in one.opts} | {"--help"}
    return [one for one in given if one not in known]


def commands_of(command: typer.core.TyperCommand | TyperGroup, name: str) -> dict[str, set[str]]:
    """Return the long options of each command, by its name."""
    if isinstance(command, TyperGroup):
        return {
            below: options
            for word, one in command.commands.items()
            for below, options in commands_of(one, f"{name} {word}").items()
        }
    return {name: {opt for one in command.params for opt in one.opts if opt.startswith("--")}}


def test_every_option_stands_in_a_table():
    rows = [line for path in PAGES for line in path.read_text().splitlines() if line[:1] == "|"]
    shown = set(re.findall(r"--[a-z][a-z-]+", "\n".join(rows)))
    parser = pytest.Parser(_ispytest=True)
    options.add_options(parser)
    ours = {name for group in parser._groups for one in group.options for name in one.names()}
    assert ours <= shown
    for name, given in commands_of(typer.main.get_command(app), "harness").items():
        assert given <= shown, name


def test_there_are_pages():
    assert {"README.md", "CHANGELOG.md", "docs/evalsets.md"} < {name_of(path) for path in PAGES}
    assert sum(len(links(path)) for path in PAGES) > 60
    assert sum(len(commands(path)) for path in PAGES) > 40


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    for link in links(path):
        target, _, anchor = link.partition("#")
        other = (path.parent / target).resolve() if target else path
        assert other.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(other), f"{link}: no such heading"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_have_the_options_that_are_shown(path):
    for words in commands(path):
        assert unknown(words) == [], " ".join(words)


def test_the_tests_see_what_they_must(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` (c), d\n## Twice\n## Twice\n```\n# no heading\n$ pytest --limt 5 x.yaml\n```\n"
        "[a](#there) `[b](none)` and `harness reprot RUN`.\n\n"
        "    harness compare A B --langs ru # x\n"
    )
    assert anchors(page) == {"a-b-c-d", "twice", "twice-1"}
    assert links(page) == ["#there"]
    found = commands(page)
    assert [unknown(words) for words in found] == [["--limt"], ["--langs"], ["reprot"]]
    assert unknown(["pytest", "-k", "x", "--eval-limit", "5"]) == []
    assert unknown(["harness", "data", "analyze", "r.yaml", "--root", "x"]) == []
