from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.judge.gold import GoldPair, load_gold, read_gold

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
    path.write_text(json.dumps([LLMBAR, LLMBAR | {"label": 2}]), encoding="utf-8")
    assert read_gold(path) == [
        GoldPair("1", "Name a colour.", "Blue.", "Twelve.", "first"),
        GoldPair("2", "Name a colour.", "Blue.", "Twelve.", "second"),
    ]


def test_reads_comparisons_by_hand(tmp_path):
    plain = {k: v for k, v in BY_HAND.items() if k != "id"} | {"input": "", "result": "equal"}
    left = BY_HAND | {"id": "sum_2", "result": "left"}
    found = read_gold(write(tmp_path / "pairs.jsonl", BY_HAND, "", plain, left))
    assert [(pair.id, pair.instruction, pair.better) for pair in found] == [
        ("sum_1", "Сложи числа.\n\n2 и 3", "second"),
        ("2", "Сложи числа.", "tie"),
        ("sum_2", "Сложи числа.\n\n2 и 3", "first"),
    ]
    assert (found[0].first, found[0].second) == ("6", "5")


def test_reads_its_own_form(tmp_path):
    pointed = OWN | {"id": "b", "better": "tie", "points": ["names the sum"]}
    found = read_gold(write(tmp_path / "own.jsonl", OWN, pointed))
    assert found[0] == GoldPair("sum", "Сколько будет 2 + 2?", "4", "5", "first")
    assert (found[1].better, found[1].points) == ("tie", ("names the sum",))


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
        ([OWN, OWN], "own.jsonl:2: the id 'sum' stands here twice"),
        ([OWN, OWN | {"id": 7}], "own.jsonl:2: id: 7 is no text"),
        ([OWN | {"better": "left"}], 'own.jsonl:1: better: "left" is not one of first, second'),
        ([OWN | {"second": " "}], "own.jsonl:1: second: is empty"),
        ([{k: v for k, v in OWN.items() if k != "second"}], "own.jsonl:1: missing key 'second'"),
        ([OWN | {"points": "one"}], "own.jsonl:1: points: is no list of texts"),
        ([BY_HAND | {"result": "both"}], 'own.jsonl:1: result: "both" is not one of left, right'),
        ([{"question": "?"}], "own.jsonl:1: is no gold pair"),
        ([OWN, "[1]"], "own.jsonl:2: is no JSON object"),
        ([OWN, "{"], "own.jsonl:2: not valid JSON"),
        ([""], "own.jsonl: holds no pair"),
        (["[]"], "own.jsonl: holds no pair"),
        (["[3]"], "own.jsonl: pair 1: is no JSON object"),
        ([json.dumps([LLMBAR, LLMBAR | {"label": 0}])], "pair 2: label: 0 is not one of 1, 2"),
        ([json.dumps([LLMBAR | {"label": True}])], "pair 1: label: true is not one of 1, 2"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path, rows, problem):
    with pytest.raises(SpecError) as caught:
        read_gold(write(tmp_path / "own.jsonl", *rows))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(SpecError, match="cannot be read as UTF-8 text"):
        read_gold(tmp_path / "none.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="cannot be read as UTF-8 text"):
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
