from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.judge import gold
from harness.judge.gold import GoldPair, load_gold, open_gold, read_gold

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"

LLMBAR = {"input": "Name a colour.", "output_1": "Blue.", "output_2": "Twelve.", "label": 1}
BY_HAND = {
    "result": "right",
    "instruction": "Сложи числа.",
    "input": "2 и 3",
    "left_answer": "6",
    "right_answer": "5",
    "left_model": "a",
    "id": "sum_1",
}
OWN = {
    "id": "sum",
    "instruction": "Сколько будет 2 + 2?",
    "first": "4",
    "second": "5",
    "better": "first",
    "kind": "arithmetic",
    "why": "2 + 2 = 4",
}


def write(path: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_reads_a_list_in_the_form_of_llmbar(tmp_path):
    path = tmp_path / "natural.json"
    path.write_text(
        json.dumps([LLMBAR, LLMBAR | {"input": "A number.", "label": 2}]), encoding="utf-8"
    )
    assert read_gold(path) == [
        GoldPair("1", "Name a colour.", "Blue.", "Twelve.", "first"),
        GoldPair("2", "A number.", "Blue.", "Twelve.", "second"),
    ]


def test_reads_comparisons_by_hand(tmp_path):
    plain = {k: v for k, v in BY_HAND.items() if k != "id"} | {"input": "", "result": "equal"}
    left = BY_HAND | {"id": "sum_2", "left_answer": "5.", "result": "left"}
    found = read_gold(write(tmp_path / "pairs.jsonl", BY_HAND, "", plain, left))
    assert [(pair.id, pair.instruction, pair.better) for pair in found] == [
        ("sum_1", "Сложи числа.\n\n2 и 3", "second"),
        ("2", "Сложи числа.", "tie"),
        ("sum_2", "Сложи числа.\n\n2 и 3", "first"),
    ]
    assert (found[0].first, found[0].second) == ("6", "5")


def test_reads_its_own_form(tmp_path):
    pointed = OWN | {"id": "b", "first": "6", "better": "tie", "points": ["names the sum"]}
    found = read_gold(write(tmp_path / "own.jsonl", OWN, pointed))
    assert found[0] == GoldPair("sum", "Сколько будет 2 + 2?", "4", "5", "first")
    assert (found[1].better, found[1].points) == ("tie", ("names the sum",))


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Это ёж.", unicodedata.normalize("NFD", "Это ёж.")),
        ("A hedgehog.", "\ufeffA hedge\u00adhog.\u200b"),
        ("One.\nTwo.", "One.\r\nTwo.\r\n"),
    ],
)
@pytest.mark.parametrize("key", ["instruction", "first", "second"])
def test_a_pair_spelled_otherwise_is_the_same_pair(tmp_path, key, text, spelled):
    rows = OWN | {key: text}, OWN | {key: spelled, "id": "b"}
    with pytest.raises(SpecError, match=r"own.jsonl:2: the pair 'b' has the instruction and the"):
        read_gold(write(tmp_path / "own.jsonl", *rows))


@pytest.mark.parametrize("other", ["Это Ёж.", "Это  ёж.", "Это еж."])
def test_another_text_is_another_pair(tmp_path, other):
    rows = OWN | {"first": "Это ёж."}, OWN | {"first": other, "id": "b"}
    assert len(read_gold(write(tmp_path / "own.jsonl", *rows))) == 2


@pytest.mark.parametrize("other", [unicodedata.normalize("NFD", "ёж"), "ёж\u200b"])
def test_of_two_forms_of_one_answer_none_is_better(tmp_path, other):
    row = OWN | {"first": "ёж", "second": other}
    with pytest.raises(SpecError, match="first and second are the same text"):
        read_gold(write(tmp_path / "own.jsonl", row))


def test_a_set_has_the_name_and_digest_of_its_file(tmp_path):
    folder = tmp_path / "gold"
    folder.mkdir()
    path = write(folder / "own.jsonl", OWN)
    found = load_gold(path)
    assert (found.name, len(found.pairs)) == ("gold/own", 1)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_line_separator_inside_an_answer_ends_no_line(tmp_path):
    path = write(tmp_path / "own.jsonl", "\ufeff" + json.dumps(OWN | {"first": "4\u2028"},
                                                              ensure_ascii=False))  # fmt: skip
    assert read_gold(path)[0].first == "4\u2028"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([OWN, OWN], "own.jsonl:2: duplicate id 'sum'"),
        # Each pair is one piece of evidence, by whatever name and in whatever order.
        (
            [OWN, OWN | {"id": "b"}],
            "own.jsonl:2: the pair 'b' has the instruction and the answers of 'sum'; leave one",
        ),
        (
            [OWN, OWN | {"id": "b", "first": OWN["second"], "second": f" {OWN['first']}"}],
            "own.jsonl:2: the pair 'b' has the instruction and the answers of 'sum'; leave one",
        ),
        (
            ["[" + json.dumps(LLMBAR) + "," + json.dumps(LLMBAR) + "]"],
            "own.jsonl: pair 2: the pair '2' has the instruction and the answers of '1'",
        ),
        ([OWN, OWN | {"id": 7}], "own.jsonl:2: id: 7 is not text"),
        ([OWN | {"better": "left"}], 'own.jsonl:1: better: "left" is not one of first, second'),
        ([OWN | {"second": " "}], "own.jsonl:1: second: is empty"),
        ([{k: v for k, v in OWN.items() if k != "second"}], "own.jsonl:1: missing key 'second'"),
        ([OWN | {"points": "one"}], "own.jsonl:1: points: is not a list of texts"),
        ([BY_HAND | {"result": "both"}], 'own.jsonl:1: result: "both" is not one of left, right'),
        ([{"question": "?"}], "own.jsonl:1: is not a gold pair"),
        ([OWN, "[1]"], "own.jsonl:2: is not a JSON object"),
        ([OWN, "{"], "own.jsonl:2: not valid JSON"),
        ([""], "own.jsonl: holds no pair"),
        (["[]"], "own.jsonl: holds no pair"),
        (["[3]"], "own.jsonl: pair 1: is not a JSON object"),
        ([json.dumps([LLMBAR, LLMBAR | {"label": 0}])], "pair 2: label: 0 is not one of 1, 2"),
        ([json.dumps([LLMBAR | {"label": True}])], "pair 1: label: true is not one of 1, 2"),
        ([OWN | {"points": ["a", " "]}], "own.jsonl:1: points: is not a list of texts"),
        # Keys that say something else than is meant.
        (
            [OWN, OWN | {"id": "b", "pionts": ["a"]}],
            "own.jsonl:2: pionts: unknown key; did you mean 'points'?",
        ),
        (
            [OWN | {"source": "a book"}],
            "own.jsonl:1: source: unknown key; remove it, or use one of id, instruction, first, "
            "second, better, points, kind, why",
        ),
        (
            [OWN, json.dumps(OWN)[:-1] + ', "better": "second"}'],
            "own.jsonl:2: better: duplicate key; remove or rename one",
        ),
        (
            ["[" + json.dumps(LLMBAR) + "," + json.dumps(LLMBAR)[:-1] + ', "label": 2}]'],
            "own.jsonl: pair 2: label: duplicate key; remove or rename one",
        ),
        ([OWN | {"a\nb": 1}], r"own.jsonl:1: a\nb: unknown key"),
        ([json.dumps(OWN | {"\ud800": 1})], r"own.jsonl:1: \ud800: unknown key"),
        # Of two equal answers none is better.
        (
            [OWN | {"second": " 4\n"}],
            'own.jsonl:1: better: "first", and first and second are the same text; fix one, or '
            "write tie",
        ),
        (
            [BY_HAND | {"left_answer": "5"}],
            'own.jsonl:1: result: "right", and left_answer and right_answer are the same text; '
            "fix one, or write equal",
        ),
        (
            [json.dumps([LLMBAR, LLMBAR | {"output_1": "Twelve."}])],
            "own.jsonl: pair 2: label: 1, and output_1 and output_2 are the same text; fix one, "
            "or leave the pair out",
        ),
        # What JSON can hold and no text or number can.
        (
            [OWN, json.dumps(OWN)[:-1] + ', "points": ' + "1" * 5000 + "}"],
            "own.jsonl:2: the number 111111111111... has 5000 digits; put it in quotes, or leave "
            "it out",
        ),
        (
            ["[", json.dumps(LLMBAR) + ",", '{"label": -' + "1" * 5000 + "}]"],
            "own.jsonl:3: the number -11111111111... has 5000 digits",
        ),
        (
            [json.dumps(OWN | {"instruction": "i \ud83d"})],
            r"own.jsonl:1: instruction: holds \ud83d, half of a character; write the whole one, "
            "or take it out",
        ),
        ([json.dumps([LLMBAR | {"output_2": "\udc00"}])], r"pair 1: output_2: holds \udc00, half"),
        ([json.dumps(OWN | {"points": ["a", "\udc00"]})], r"own.jsonl:1: points: holds \udc00"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path, rows, problem):
    with pytest.raises(SpecError) as caught:
        read_gold(write(tmp_path / "own.jsonl", *rows))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_public_forms_may_have_further_keys(tmp_path):
    rows = [LLMBAR | {"labl": 2, "source": "a book"}]
    path = tmp_path / "natural.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert read_gold(path)[0].better == "first"
    assert read_gold(write(tmp_path / "pairs.jsonl", BY_HAND | {"points": 3}))[0].points == ()


@pytest.mark.parametrize(
    "row",
    [OWN | {"better": "tie", "second": "4 "}, BY_HAND | {"result": "equal", "left_answer": "5"}],
)
def test_equal_answers_may_be_labelled_equal(tmp_path, row):
    assert read_gold(write(tmp_path / "pairs.jsonl", row))[0].better == "tie"


def test_a_pair_of_surrogates_is_one_character(tmp_path):
    row = json.dumps(OWN | {"first": "\U0001f600"})
    assert "\\ud83d" in row
    assert read_gold(write(tmp_path / "own.jsonl", row))[0].first == "\U0001f600"


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(SpecError, match=r"none\.jsonl: no such file; check the path$"):
        read_gold(tmp_path / "none.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match=r"bytes\.jsonl:1: is not UTF-8 \(byte 0xff\); save it as"):
        read_gold(tmp_path / "bytes.jsonl")


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="no local copy of the public gold pairs")
def test_reads_the_public_sets():
    sizes = {
        name: len(load_gold(DATA / name).pairs)
        for name in (
            "llmbar/natural.json",
            "llmbar/adversarial_neighbor.json",
            "ru_pairs_human.jsonl",
        )
    }
    assert list(sizes.values()) == [100, 134, 14]


@pytest.mark.parametrize(
    ("source", "asked", "name"),
    [
        ("hub:org/bench/natural/set.json", ("org/bench", "natural/set.json", None), "natural/set"),
        ("hub:org/bench/set.json@v2", ("org/bench", "set.json", "v2"), "bench/set"),
    ],
)
def test_gold_pairs_of_the_hub_are_called_by_their_place_there(
    tmp_path, monkeypatch, source, asked, name
):
    (tmp_path / "c0ffee").mkdir()
    path = write(tmp_path / "c0ffee/set.json", BY_HAND)
    monkeypatch.setattr(gold, "hub_file", lambda *a, option: path if a == asked else None)
    found = open_gold(source)
    assert (found.name, found.digest) == (name, load_gold(path).digest)
    assert found.pairs == load_gold(path).pairs


@pytest.mark.parametrize("source", ["hub:", "hub:org/bench", "hub:org/bench/@v1"])
def test_a_hub_source_without_a_file_is_refused(source):
    with pytest.raises(SpecError, match="names no file of a data set; write hub:OWNER/NAME/FILE"):
        open_gold(source)


@pytest.mark.parametrize("key", ["instruction", "first"])
@pytest.mark.parametrize("text", ["\u200b", " \ufeff\n", "\u3164"])
def test_a_text_that_nobody_sees_is_none(tmp_path, key, text):
    with pytest.raises(SpecError, match=f"{key}: is empty; write it, or leave the pair out"):
        read_gold(write(tmp_path / "pairs.jsonl", OWN | {key: text}))
