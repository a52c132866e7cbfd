# ruff: noqa: RUF001
"""The page on which people mark answers, driven by the keyboard."""

from __future__ import annotations

import json
import random
import re

import pytest
from judged_builders import HOSTILE, make_judged, make_judged_run, told_apart
from typer.testing import CliRunner

from harness.cli import app
from harness.judge.gold import load_gold
from harness.judge.gold_points import load_point_gold
from harness.report.runfiles import save_run
from harness.stats.intervals import clopper_pearson_interval

KEYS = {"first": "1", "second": "2", "tie": "3"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_run(folder, make_judged_run(told_apart(make_judged(probes=12))))
    return folder


def written(run, *options):
    result = CliRunner().invoke(app, ["judge", "mark", str(run), "--root", str(run), *options])
    assert result.exit_code == 0, result.output
    (name,) = re.findall(r"^.*\.html$", result.output, re.MULTILINE)
    return run / name.rpartition("/")[2]


def opinion(left, right):
    """What the person of this test thinks of two answers."""
    return "tie" if len(left) == len(right) else "first" if len(left) < len(right) else "second"


def shown(page):
    return page.locator("#answers .text").all_text_contents()


def saved(page, tmp_path, act):
    with page.expect_download() as caught:
        act()
    path = tmp_path / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def test_sixty_pairs_are_marked_by_keyboard_and_make_gold(open_page, run, tmp_path):
    source = written(run)
    page, marked = open_page(source), {}

    def press(count):
        for _ in range(count):
            left, right = shown(page)
            marked[left, right] = opinion(left, right)
            page.keyboard.press(KEYS[marked[left, right]])

    press(30)
    page.reload()
    assert page.locator("#count").text_content() == "30 of 60 marked, this is number 31"
    press(1)
    # The last mark again, otherwise.
    page.keyboard.press("ArrowLeft")
    left, right = shown(page)
    page.keyboard.press("3")
    marked[left, right] = "tie"
    press(28)
    path = saved(page, tmp_path, lambda: press(1))
    assert path.name == "marks-pairs-r.jsonl"
    gold = load_gold(path).pairs
    assert {(one.first, one.second): one.better for one in gold} == marked
    assert len(gold) == 60
    assert not re.search(r"\b(ru-[ab]|judge-7b)\b", source.read_text("utf-8"))
    assert any(text in one for one in (left for left, _ in marked) for text in HOSTILE)
    # In another browser, from the file.
    other = open_page(source)
    assert other.locator("#count").text_content().startswith("0 of 60")
    other.locator("#load").set_input_files(path)
    other.get_by_text("Read: 60; of another page: 0.").wait_for()
    assert load_gold(saved(other, tmp_path, lambda: other.keyboard.press("s"))).pairs == gold


def test_the_page_counts_the_pairs_that_decide_as_the_passport_does(open_page, run):
    page, draw = open_page(written(run)), random.Random(0)
    cases = [(n, lost, draw.randint(n - lost - 12, n - lost), draw.randint(n - lost - 8, n - lost))
             for n, lost in ((30, 0), (40, 1), (60, 0), (60, 1), (100, 2), (200, 0))
             for _ in range(3)]  # fmt: skip
    assert page.evaluate("cases => cases.map(one => further(...one))", cases) == [
        decision(*case) for case in cases
    ]


def decision(n, lost, right, agree):
    for more in range(401 - n):
        of = n - lost + more
        grown = [int(count * of / (n - lost) + 0.5) for count in (right, agree)]
        ends = [clopper_pearson_interval(count, of) for count in grown]
        if any(high < 0.7 for _, high in ends):
            return [False, more]
        if all(low >= 0.7 for low, _ in ends) and lost <= 0.02 * (n + more):
            return [True, more]
    return None


def test_points_are_marked_in_russian(open_page, run, tmp_path):
    page = open_page(written(run, "--of", "points", "--limit", "3", "--lang", "ru"))
    assert page.locator("h1").text_content() == "Разметка"
    for key in "1231":
        page.keyboard.press(key)
    path = saved(page, tmp_path, lambda: page.keyboard.press("s"))
    marks = [[mark for _, mark in one.marks] for one in load_point_gold(path).answers]
    assert marks == [["met", "not met"], ["partly", "met"]]
    # A file of something else changes nothing.
    path.write_text(json.dumps({"id": "x"}) + "\nnonsense")
    page.locator("#load").set_input_files(path)
    page.get_by_text("В этом файле нет разметки для этой страницы.").wait_for()
    assert page.locator("#count").text_content() == "Размечено 2 из 3, сейчас номер 3"
