"""A judge is asked about gold pairs of its passport again: known if the same, void if another."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from judges import INFO, make_pairs, mistaken, oracle
from scipy.stats import fisher_exact

from harness.judge.bench import Bench
from harness.judge.gold import load_gold
from harness.judge.passport import BoundRubric, Manner, Passport, load_passport, save_passport
from harness.judge.passport_figures import measure
from harness.judge.retest import (
    ask_again,
    chance,
    doubting,
    order_cases,
    pairs_to_ask_twice,
    retest,
)
from harness.judge.ruled_pair import RuledPair
from harness.prompts.rubric import load_rubric
from harness.records import Note, Output, Ruling
from harness.run.ask import opened
from harness.spec.judgeset import PassportSpec

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"<answer-([0-9a-f]{16})>\n(.*?)\n</answer-\1>", re.DOTALL)
PATH = "prompts/judge/pairwise.en.j2"


class Session:
    """Answers anew by a function."""

    controls = None

    shared = "of the judge"

    def __init__(self, choose, folder):
        self.choose, self.asked = choose, 0
        self.stores = (folder / "outputs.sqlite", folder / "outputs-again.sqlite")

    def rule(self, made):
        """Store `made` outputs, and die of one that is negative."""
        with opened(self.stores[0]) as store:
            store.put([Output(f"key {i}", "A") for i in range(abs(made))], self.shared)
        if made < 0:
            raise KeyboardInterrupt
        return Bench({}, replace(INFO, computed=made), 0, 0)

    def rule_anew(self, cases):
        self.asked += len(cases)
        shown = {one.id: [text for _, text in FENCED.findall(one.messages[-1]["content"])]
                 for one in cases}  # fmt: skip
        rulings = {name: Ruling(choice=self.choose(*answers)) for name, answers in shown.items()}
        return Bench(rulings, INFO, 0, 0)


@pytest.fixture
def project(tmp_path):
    """A project with a rubric, and a passport of `oracle` on ninety pairs in `gold/own.jsonl`."""
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_text((ROOT / PATH).read_text())
    (tmp_path / "gold").mkdir()
    lines = [json.dumps({"id": one.id, "instruction": one.instruction, "first": one.first,
                         "second": one.second, "better": one.better})
             for one in make_pairs(90)]  # fmt: skip
    (tmp_path / "gold/own.jsonl").write_text("\n".join(lines) + "\n")
    gold = load_gold(tmp_path / "gold/own.jsonl")
    pairwise = load_rubric("judge/pairwise.en.j2", root=tmp_path, kind="pairwise")
    drawn = pairs_to_ask_twice([gold], None)
    cases = [case for name, pair in drawn for case in order_cases(name, pair, pairwise, None, 8000)]
    said = Session(oracle, tmp_path).rule_anew(cases).rulings
    none = Ruling(value=5.0)
    ruled = [RuledPair(one, Ruling(choice="A"), Ruling(choice="B"), none, none)
             for one in gold.pairs]  # fmt: skip
    rubric = BoundRubric(PATH, pairwise.digest)
    return tmp_path, Passport(
        "wise", "d" * 64, "openai", "", Manner(), "", rubric, rubric, "2026-01-31", 7.0,
        (measure(gold, ruled, passing=7.0),),
        retest=retest([gold], drawn, said, said, tmp_path),
    )  # fmt: skip


def again(project, choose, *, requests=100, passport=None, **demands):
    root, made = project
    notes: list[Note] = []
    session = Session(choose, root)
    found = ask_again(session, passport or made, PassportSpec(**demands), requests=requests,
                      max_chars=8000, root=root, tell=notes.append)  # fmt: skip
    reason, bench = found
    assert (bench is None) == (session.asked == 0)
    return reason, session.asked, notes


def test_the_same_judge_is_known_again(project):
    assert again(project, oracle) == (None, 40, [])
    # At most 3% of the run's requests, but no fewer than twenty pairs and no more than there are.
    assert again(project, oracle, requests=2000) == (None, 60, [])
    assert again(project, oracle, requests=9000) == (None, 160, [])


def test_another_judge_voids_the_run(project):
    found, _, notes = again(project, mistaken)
    assert notes == []
    assert found.text == (
        "wise was asked about 20 gold pairs of its passport once more, and 20 of them have another "
        "verdict, where it was 0 of 80 for the passport: what answers is not what was certified; "
        "make its passport anew, and judge again"
    )
    # A request that fails is no other verdict.
    failing = iter([True] * 20 + [False] * 20)
    found, asked, notes = again(project, lambda *shown: None if next(failing) else mistaken(*shown))
    assert (found.facts["n"], found.facts["moved"], asked, notes) == (10, 10, 40, [])


def test_what_another_judge_said_is_not_used_again(project):
    root, _ = project
    session = Session(oracle, root)
    for path in session.stores:
        with opened(path) as store:
            store.put([Output("mine", "A")], session.shared)
            store.put([Output("other", "B")], "another model")
    # Nothing was made, and nothing before is in doubt.
    assert not doubting(session, 0)[1]
    # From the first verdict on, whatever becomes of the run, until the judge is known again.
    assert doubting(session, 1)[1]
    again(project, lambda *shown: None)
    assert doubting(session, 0)[1]
    again(project, oracle)
    assert not doubting(session, 0)[1]
    doubting(session, 1)
    again(project, mistaken)
    for path in session.stores:
        with opened(path) as store:
            assert list(store.get(["mine", "other"])) == ["other"]


def test_verdicts_of_a_run_that_was_killed_are_doubted(project):
    root, _ = project
    session = Session(oracle, root)
    with pytest.raises(KeyboardInterrupt):
        doubting(session, -1)
    assert doubting(session, 0)[1]


def test_a_look_at_what_is_stored_leaves_no_doubt(project):
    root, _ = project
    session = Session(oracle, root)
    with pytest.raises(KeyboardInterrupt):
        doubting(session, -1, stored_only=True)
    assert not doubting(session, 0)[1]


def test_requests_that_fail_void_nothing(project):
    found, asked, notes = again(project, lambda *shown: None)
    assert (found, asked) == (None, 40)
    assert notes == [Note("not_asked_again", "wise", {"why": "lost", "gold": ()})]


def test_what_cannot_be_asked_again_is_told(project):
    root, passport = project
    assert again(project, mistaken, passport=replace(passport, retest=None)) == (
        None, 0, [Note("not_asked_again", "wise", {"why": "old", "gold": ()})]
    )  # fmt: skip
    (root / "gold/own.jsonl").rename(root / "moved.jsonl")
    missing = Note("not_asked_again", "wise", {"why": "gold", "gold": ("gold/own",)})
    assert again(project, mistaken) == (None, 0, [missing])
    # The set may say where it is now.
    assert again(project, mistaken, gold=["moved.jsonl"])[0] is not None
    (root / PATH).write_text((root / PATH).read_text() + "{# other #}\n")
    (note,) = again(project, mistaken, gold=["moved.jsonl"])[2]
    assert note.facts["why"] == "rubric"


def test_few_changes_are_what_the_passport_saw(project):
    _, passport = project
    known = passport.retest
    assert [chance(moved, 20, known) >= 0.01 for moved in range(4)] == [True] * 3 + [False]
    table = [[3, 17], [0, 80]]
    assert chance(3, 20, known) == pytest.approx(fisher_exact(table, "greater").pvalue)
    wavering = replace(known, moved=8)
    assert chance(5, 20, wavering) >= 0.01 > chance(8, 20, wavering)
    assert chance(20, 20, replace(known, moved=80)) == 1


def test_a_passport_keeps_what_was_asked_twice(project):
    root, passport = project
    save_passport(root / "passports/wise.json", passport)
    assert load_passport(root / "passports/wise.json") == passport
    assert passport.retest.files == {"gold/own": "gold/own.jsonl"}
