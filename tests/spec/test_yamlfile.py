from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.spec.yamlfile import YamlFile, read_yaml, spell

DEEP = "is nested too deep; look for an alias inside its own anchor"


def read(tmp_path: Path, text: str) -> YamlFile:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path, Path("a.yaml"))


def test_data_is_what_yaml_says(tmp_path):
    file = read(
        tmp_path,
        """\
text: a b
quoted: "NO"
folded: >-
  one
  two
number: 3
fraction: 0.25
small: 1.0e-3
flag: true
other: False
nothing:
zero: 0
minus: -5
list: [a, 1, {b: c}]
"012": quoted key
пример: кириллица
""",
    )
    assert file.data == {
        "text": "a b",
        "quoted": "NO",
        "folded": "one two",
        "number": 3,
        "fraction": 0.25,
        "small": 0.001,
        "flag": True,
        "other": False,
        "nothing": None,
        "zero": 0,
        "minus": -5,
        "list": ["a", 1, {"b": "c"}],
        "012": "quoted key",
        "пример": "кириллица",
    }


def test_lines_are_those_of_keys_and_entries(tmp_path):
    file = read(tmp_path, "# head\na: 1\nb:\n  - x\n  -\n    c: 2\n    d: {e: [f,\n      g]}\n")
    assert file.line(("a",)) == 2
    assert file.line(("b",)) == 3
    assert file.line(("b", 0)) == 4
    assert file.line(("b", 1, "c")) == 6
    assert file.line(("b", 1, "d", "e", 0)) == 7
    assert file.line(("b", 1, "d", "e", 1)) == 8


def test_line_of_an_unknown_path_is_that_of_its_nearest_ancestor(tmp_path):
    file = read(tmp_path, "a: 1\nb:\n  c: 2\n")
    assert file.line(("b", "nope", 7)) == 2
    assert file.line(("b", "c", 0)) == 3
    assert file.line(("nope",)) == 1
    assert file.line(()) == 1
    assert YamlFile(Path("a.yaml"), None, {}).line(("x",)) == 1


def test_error_names_file_line_and_key(tmp_path):
    error = read(tmp_path, "a: 1\nb:\n  - c: 2\n").error("is wrong", ("b", 0, "c"))
    assert str(error) == "a.yaml:3: b[0].c: is wrong"
    assert (error.path, error.line) == (Path("a.yaml"), 3)
    assert str(read(tmp_path, "a: 1\n").error("is wrong")) == "a.yaml:1: is wrong"


@pytest.mark.parametrize(
    ("where", "spelt"),
    [((), ""), (("a",), "a"), (("a", 0, "b", 1, 2), "a[0].b[1][2]"), ((0, "a"), "[0].a")],
)
def test_spell(where, spelt):
    assert spell(where) == spelt


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [c\n", "a.yaml:3: not valid YAML: expected ',' or ']', but got"),
        ("a: 1\n\tb: 2\n", "a.yaml:2: not valid YAML: "),
        ("a: 'x\n", "a.yaml:2: not valid YAML: found unexpected end of stream"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: not valid YAML: but found another document"),
        ("a: 1\nb: !!python/object:os.system {}\nc: !!python/name:os.system x\n",
         "a.yaml:3: not valid YAML: could not determine a constructor"),
        ("a: *nope\n", "a.yaml:1: not valid YAML: found undefined alias 'nope'; put what begins "
         "with * or & in quotes"),
        ("a: {b: 0,5}\n", "a.yaml:1: a.b: a comma ends the entry; write 0.5"),
        ("a: [{c: 1, b: 0,05}]\n", "a.yaml:1: a[0].b: a comma ends the entry; write 0.05"),
        ("a: {b: 0,5: c}\n", 'a.yaml:1: a.5: keys are text; write "5" in quotes'),
        ("a: {5}\n", 'a.yaml:1: a.5: keys are text; write "5" in quotes'),
        ("a: b\x00c\n", "a.yaml: not valid YAML: "),
        ("a: 1\nb: NO\n", 'a.yaml:2: b: YAML reads NO as false; write "NO" in quotes, '
                          "or true or false"),
        ("a: {b: [x, yes]}\n", 'a.yaml:1: a.b[1]: YAML reads yes as true; write "yes" in quotes'),
        ("a: On\n", 'a.yaml:1: a: YAML reads On as true; write "On" in quotes'),
        ("NO\n", 'a.yaml:1: YAML reads NO as false; write "NO"'),
        ("a: 1\nyes: 2\n", 'a.yaml:2: yes: YAML reads yes as true; write "yes" in quotes'),
        ("a:\n  1: x\n", 'a.yaml:2: a.1: keys are text; write "1" in quotes'),
        ("~: x\n", 'a.yaml:1: ~: keys are text; write "~" in quotes'),
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: a: duplicate key; remove or rename one"),
        ("a:\n  - {b: 1, b: 2}\n", "a.yaml:2: a[0].b: duplicate key"),
        ("? [a, b]\n: c\n", "a.yaml:1: a key must be a single word"),
        ("a: 2024-05-06\n", 'a.yaml:1: a: YAML reads 2024-05-06 as a date; write "2024-05-06"'),
        ("a: 2024-15-06\n", "a.yaml:1: a: YAML cannot read 2024-15-06: month must be in 1..12; "
                            'write "2024-15-06" in quotes'),
        ("a: !!binary aGk=\n", "a.yaml:1: a: YAML reads aGk= as a bytes"),
        ("a: 012\n", 'a.yaml:1: a: YAML reads 012 as 10; write "012" in quotes'),
        ("a: 0x1F\n", "a.yaml:1: a: YAML reads 0x1F as 31"),
        ("a: -010\n", "a.yaml:1: a: YAML reads -010 as -8"),
        ("a: 1:30\n", "a.yaml:1: a: YAML reads 1:30 as 90"),
        ("a: &a\n  b: *a\n", f"a.yaml:1: {DEEP}"),
        ("a: &a\n  - 1\n  - [*a, *a]\n", f"a.yaml:1: {DEEP}"),
        ("\n" + "".join(f"{' ' * n}k:\n" for n in range(60)), f"a.yaml:52: {DEEP}"),
        ("a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
         "c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n"
         "e: [*d, *d, *d, *d]\n",
         "a.yaml:5: its aliases repeat more than 10,000 entries; write what is meant without them"),
        pytest.param("[" * 1000, "a.yaml: is nested too deep", id="brackets"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path, text, line):
    with pytest.raises(SpecError) as raised:
        read(tmp_path, text)
    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


def test_missing_and_binary_files_are_one_line(tmp_path):
    with pytest.raises(SpecError, match=r"^a\.yaml: no such file; check the path$"):
        read_yaml(tmp_path / "nope.yaml", Path("a.yaml"))
    with pytest.raises(SpecError, match=r"^a\.yaml: cannot be read: Is a directory; give a file"):
        read_yaml(tmp_path, Path("a.yaml"))
    (tmp_path / "b.yaml").write_bytes(b"b: 1\r\na: \xff\xfe")
    with pytest.raises(SpecError, match=r"b\.yaml:2: is not UTF-8 \(byte 0xff\); save") as raised:
        read_yaml(tmp_path / "b.yaml")
    assert "\n" not in str(raised.value)


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(SpecError, match=rf"^{name}\.yaml: is a pipe, a socket or a dev"):
            read_yaml(tmp_path / f"{name}.yaml", Path(f"{name}.yaml"))


def test_an_empty_file_has_no_data(tmp_path):
    assert read(tmp_path, "# nothing\n").data is None


def test_merge_keys_are_overridden_by_own_keys(tmp_path):
    file = read(
        tmp_path,
        """\
base: &base {k: 5, seed: 0}
more: &more
  <<: *base
  k: 6
two: {<<: [{k: 7}, {k: 8, z: 9}], y: 1}
again: {<<: *more, seed: 1}
same: *more
""",
    )
    assert file.data == {
        "base": {"k": 5, "seed": 0},
        "more": {"k": 6, "seed": 0},
        "two": {"k": 7, "z": 9, "y": 1},
        "again": {"k": 6, "seed": 1},
        "same": {"k": 6, "seed": 0},
    }
    assert file.line(("more", "k")) == 4
    assert file.line(("more", "seed")) == 1


def test_a_repeated_key_beside_a_merge_is_still_found(tmp_path):
    with pytest.raises(SpecError, match=r"^a\.yaml:2: b\.k: duplicate key"):
        read(tmp_path, "a: &a {k: 1}\nb: {<<: *a, k: 2, k: 3}\n")


def test_the_halves_of_a_character_are_put_together(tmp_path):
    file = read(tmp_path, r'{"text": "\ud83d\ude00 fine", "\ud83d\ude00": ["\ud83d\ude00"]}')
    assert file.data == {"text": "\U0001f600 fine", "\U0001f600": ["\U0001f600"]}
    assert file.line(("\U0001f600", 0)) == 1


@pytest.mark.parametrize(("text", "place"), [
    (r'a:\n  - {text: "so \ud83d"}'.replace(r"\n", "\n"), "a.yaml:2: a[0].text: "),
    (r'"\udc00": 1', r"a.yaml:1: \udc00: "),
    (r'a: {"\ud83d": 1}', r"a.yaml:1: a.\ud83d: "),
])  # fmt: skip
def test_half_of_a_character_is_refused(tmp_path, text, place):
    with pytest.raises(SpecError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(place + "holds \\ud")
    assert str(caught.value).endswith("half of a character; write the whole one, or take it out")
