"""Every block of the documentation is run, read by what reads such files, or says why not."""

from __future__ import annotations

import re
import shlex
import shutil
from itertools import pairwise

import pytest
import typer
import xdist.plugin
from _pytest.config import get_config
from shown import COMMANDS, EVERY, ROOT, Block, blocks
from typer.core import TyperGroup

from harness.cli import app
from harness.plugin import options
from harness.spec.evalset import EvalSet
from harness.spec.judgeset import JudgeSet
from harness.spec.load import load_evalset, load_judgeset, load_models
from harness.spec.modelspec import ModelSpec
from harness.spec.yamlfile import read_yaml

YAML = [block for block in EVERY if block.lang == "yaml" and block.kind is None]
SHELL = [block for block in EVERY if block.lang in COMMANDS]
PROGRAMS = ("harness", "pytest", "make", "pip", "python", "python3", "cd", "git", "touch",
            "export", "vllm", "docker", "for")  # fmt: skip
# What a part of a file stands in.
LABELLED = {
    "data": {"source": "file:data/reviews.csv"},
    "labels": ["positive", "negative"],
    "models": ["smollm2-135m"],
    "prompts": ["sentiment/prefill.j2"],
    "modes": ["zeroshot"],
}
JUDGED = {"kind": "judge", "models": ["smollm2-135m"],
          "probes": [{"id": "a", "kind": "fact", "question": "Why?", "points": ["So."]}],
          "judge": {"models": ["smollm2-135m"], "rubric": "judge/absolute.en.j2",
                    "pairwise": "judge/pairwise.en.j2",
                    "points": "judge/points.en.j2"}}  # fmt: skip


def problem(block: Block) -> str:
    """Return what is wrong with a block's marker, "" for nothing."""
    if block.kind is None:
        return "" if block.lang not in (*COMMANDS, "python") else "has no marker"
    for path in re.findall(r"tests/[\w/]+\.py", block.said):
        if not (ROOT / path).is_file():
            return f"no file {path}"
    if block.kind == "not run":
        return "" if len(block.said.split()) > 2 else "says no reason"
    path, _, test = block.said.partition("::")
    code = (ROOT / path).read_text(encoding="utf-8")
    if f"def {test}(" not in code and test:
        return f"{path} has no {test}"
    named = (block.page, block.page.rpartition("/")[0] or block.page)
    return "" if any(name in code for name in named) else f"{path} does not name {block.page}"


def test_there_are_blocks():
    assert len(SHELL) > 50
    assert len(YAML) > 35
    assert sum(block.kind == "run" for block in EVERY) > 20


def test_every_block_is_run_or_says_why_not():
    assert {str(block): problem(block) for block in EVERY if problem(block)} == {}


def test_commands_stand_in_blocks_of_commands():
    told = re.compile(rf"(\$ )?(\S*/)?({'|'.join(PROGRAMS)})( |$)")
    assert [str(one) for one in EVERY if one.lang == "" and told.match(one.text)] == []


@pytest.mark.parametrize(("text", "said"), [
    ("```sh\npytest\n```\n", "has no marker"),
    ("<!-- not run: later -->\n```sh\npytest\n```\n", "says no reason"),
    ("<!-- run: tests/no_such.py -->\n```sh\npytest\n```\n", "no file tests/no_such.py"),
    ("<!-- run: tests/shown.py::gone -->\n```python\nx\n```\n", "tests/shown.py has no gone"),
    ("<!-- run: tests/shown.py::blocks -->\n```sh\nx\n```\n", "tests/shown.py does not name a.md"),
    ("```yaml\na: 1\n```\n", ""),
    ("<!-- not run: starts a server, see tests/shown.py -->\n```sh\nvllm serve\n```\n", ""),
])  # fmt: skip
def test_the_tests_see_what_they_must(text, said):
    (block,) = blocks("a.md", f"# A\n\n{text}")
    assert problem(block) == said


def test_blocks_have_commands_and_files():
    found = blocks("a.md", "`b/c.yaml`, a set:\n\n```yaml\nd: 1\n```\n\n    pytest\n\n"
                   "```console\n$ a \\\n  b\nc\n$ d\n```\n")  # fmt: skip
    assert [(one.line, one.lang, one.file) for one in found] == [
        (3, "yaml", "b/c.yaml"), (7, "", ""), (9, "console", "")
    ]  # fmt: skip
    assert found[2].commands == [("a    b", ["c"]), ("d", [])]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """For each page a project of the files that it shows, beside those that ship."""
    made = {}

    def project(page):
        if page not in made:
            root = made[page] = tmp_path_factory.mktemp("page")
            for name in ("prompts", "evalsets"):
                shutil.copytree(ROOT / name, root / name)
            for block in blocks(page):
                if block.file:
                    path = root / block.file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(block.text, encoding="utf-8")
        return made[page]

    return project


def of_judges(keys):
    gates = keys.get("gates", [])
    return bool({"kind", "probes", "judge"} & set(keys)) or any("models" in gate for gate in gates)


@pytest.mark.parametrize("block", YAML, ids=str)
def test_yaml_is_read_by_the_models_of_its_keys(block, pages):
    root = pages(block.page)
    path = root / (block.file or "evalsets/shown.yaml")
    if not block.file:
        path.write_text(block.text, encoding="utf-8")
    keys = read_yaml(path, path.name).data
    if isinstance(keys.get("models"), dict):
        alone = root / "alone"
        alone.mkdir(exist_ok=True)
        (alone / "models.yaml").write_text(block.text, encoding="utf-8")
        assert load_models(alone / "x.yaml", root=root)
    elif set(keys) == {"options"}:
        ModelSpec.model_validate({"source": "file:models/a", **keys})
    elif block.file:
        load = load_judgeset if of_judges(keys) else load_evalset
        assert load(path, root=root)
    elif of_judges(keys):
        JudgeSet.model_validate(JUDGED | keys)
    else:
        EvalSet.model_validate(LABELLED | keys)


def simple_commands(line):
    """Return the words of each command of a line of shell."""
    lexer = shlex.shlex(re.sub(r"\[(--.+?)\]", r"\1", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found = [[]]
    for word in lexer:
        if set(word) <= set(";|&"):
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words]


def parse_harness(words):
    """Parse a command by its own parser, without running it."""
    command = typer.main.get_command(app)
    name = ["harness"]
    while isinstance(command, TyperGroup):
        word, *words = words
        assert word in command.commands, word
        command = command.commands[word]
        name.append(word)
    command.make_context(" ".join(name), list(words))


@pytest.fixture(scope="module")
def pytest_parser():
    parser = get_config()._parser
    options.add_options(parser)
    xdist.plugin.pytest_addoption(parser)
    return parser


def parse_pytest(words, parser):
    for word in words:
        name, _, path = word.partition("=")
        if path and not name.startswith("-"):
            # The parser wants files that are there.
            path = ROOT.__class__(path.lstrip("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    parser.parse([re.sub("=/", "=", word) for word in words])


def parse_other(program, words):
    if program == "make":
        rules = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(words) <= set(rules)
    if program.startswith("python") and words[0].endswith(".py"):
        code = (ROOT / words[0]).read_text(encoding="utf-8")
        code += "".join(path.read_text() for path in sorted((ROOT / "benchmarks").glob("*.py")))
        given = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
        assert given <= {f"--{name}" for name in re.findall(r'"(?:--)?([a-z-]+)"', code)}
    if program == "pip":
        pins = dict(re.findall(r"^([\w-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.M))
        named = [word.partition("==") for word in words if "==" in word]
        assert [one for one in named if pins.get(one[0], one[2]) != one[2]] == []
        for option, path in pairwise(words):
            assert option not in ("-c", "-r") or (ROOT / path).is_file(), path


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_command_lines_are_parsed_by_what_they_call(block, pytest_parser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line, _ in block.commands:
        for words in simple_commands(line):
            program, *rest = words
            program = program.rpartition("/")[2]
            if program == "harness":
                parse_harness(rest)
            elif program == "pytest":
                parse_pytest(rest, pytest_parser)
            else:
                parse_other(program, rest)
