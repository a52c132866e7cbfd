"""`report.html` in a browser: what it shows, by mouse and keyboard, and how fast."""

from __future__ import annotations

from dataclasses import replace

import pytest
from attacks import MARKUP
from builders import LABELS, make_cell
from judged_builders import make_judged_run
from reasoned import because
from reports import write_report

from harness.analysis.findings import Findings
from harness.records import BaselineCheck, CellPrompt, Flip, Run, RunInfo, Score
from harness.report.page.write import PAGE_FILE, write_page

SET = "evalsets/a.yaml"
# Milliseconds of the first search, the next, and each outcome, layout included.
FILTERING = """[["search", "number 17"], ["search", "word 1999."], ["search", ""],
  ["outcome", "most"], ["outcome", "wrong"], ["outcome", "unscored"], ["outcome", "flipped"],
  ["order", "wrong"]].map(([id, value]) => {
    const control = document.getElementById(id);
    const start = performance.now();
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.offsetHeight;
    return performance.now() - start;
  })"""


def made(cells: int, samples: int, words: int = 3) -> Run:
    """A run whose cell k is wrong on every sample that k + 2 divides; sample 1 has no score."""
    targets = [LABELS[i % 2] for i in range(samples)]
    texts = [f"{'word ' * words}number {i}." for i in range(samples)]
    rows, results = [], []
    for k in range(cells):
        scores = [
            Score(float(i % (k + 2) > 0), targets[i] if i % (k + 2) else targets[i - 1], None,
                  (-0.2, -1.7))
            for i in range(samples)
        ]  # fmt: skip
        scores[1] = Score(None, None, because("it said <b>nothing</b>"))
        row, own = make_cell(scores, targets, evalset=SET, model="m", prompt=f"p{k}", texts=texts,
                             lengths=[len(one) for one in texts])  # fmt: skip
        rows.append(row)
        results += [replace(one, slices={"topic": f"t{i % 3}"}) for i, one in enumerate(own)]
    pieces = ("<|im_start|>", "user", "\n", "\u202eodd\u200b", "<b>")
    prompt = CellPrompt(SET, rows[0].cell, "s000", pieces, ((1,), (2,), (3,), (4, 5), (6,)), 2, 40)
    flip = Flip("s006", LABELS[0], LABELS[0], LABELS[1])
    checks = (BaselineCheck(SET, rows[0].cell, lost=(flip,)),)
    info = RunInfo("r", "2026-01-02", 61.0, "pytest evalsets", {}, {})
    return Run(info, tuple(rows), (), tuple(results), baselines=checks,
               prompts=(prompt,))  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    write_report(folder, made(3, 30), plots="none")
    return folder / PAGE_FILE


def ids(page) -> list[str]:
    return page.locator("#list .row span:first-child").all_text_contents()


def test_samples_are_filtered(open_page, small):
    page = open_page(small)
    count = page.locator("#count")
    assert count.text_content() == "30 of 30 samples"
    for control, value, shown in (
        ("outcome", "most", [f"s{i:03}" for i in range(30) if (i % 4 == 0) or (i % 6 == 0)]),
        ("outcome", "unscored", ["s001"]),
        ("outcome", "flipped", ["s006"]),
        ("label", "1", [f"s{i:03}" for i in range(1, 30, 2)]),
        ("slice", '["topic",2]', [f"s{i:03}" for i in range(2, 30, 3)]),
    ):
        page.select_option(f"#{control}", value)
        assert count.text_content() == f"{len(shown)} of 30 samples"
        assert ids(page) == shown[: len(ids(page))]
        page.click("#clear")
        page.wait_for_function("document.getElementById('count').textContent.startsWith('30')")
    page.fill("#search", "NUMBER 17.")
    assert ids(page) == ["s017"]
    assert "number 17." in page.locator("#detail").text_content()
    page.fill("#search", "")
    page.fill("#longest", str(len("word word word number 1.")))
    assert count.text_content() == "10 of 30 samples"


def test_a_prompt_is_shown_token_by_token(open_page, small):
    page = open_page(small)
    tokens = page.locator("#prompt .token")
    assert tokens.all_text_contents() == [
        "<|im_start|>", "user", "\n", r"\u{202e}odd\u{200b}", "<b>"]  # fmt: skip
    assert tokens.nth(3).get_attribute("title") == "4 5"
    said = page.locator("#prompt").text_content()
    assert said.startswith("s000 · tokens: 46<|im_start|>user … tokens left out: 40 … ")


def test_the_keyboard_and_a_screen_reader(open_page, small):
    page = open_page(small)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("word")
    page.keyboard.press("ArrowDown")
    chosen = page.get_by_role("listbox", name="Samples").get_by_role("option", selected=True)
    for key, sample in (("ArrowDown", "s001"), ("End", "s029"), ("ArrowUp", "s028"),
                        ("Home", "s000")):  # fmt: skip
        page.keyboard.press(key)
        assert sample in chosen.text_content()
        assert page.locator("#detail h3").text_content() == sample
        active = page.locator("#list").get_attribute("aria-activedescendant")
        assert chosen.get_attribute("id") == active
    # Every control has a name, every picture a text.
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter("
        "(one) => !one.labels?.length && !one.ariaLabel && !one.textContent.trim()).length"
    )
    assert unnamed == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_are_legible(open_page, small, scheme):
    page = open_page(small, color_scheme=scheme)
    contrast = """(id) => {
      const canvas = new OffscreenCanvas(1, 1).getContext("2d");
      const light = (colour) => {
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((one) =>
          (one /= 255) <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
      };
      const [a, b] = [getComputedStyle(document.querySelector(id)).color,
        getComputedStyle(document.body).backgroundColor].map(light).sort();
      return b / a;
    }"""
    for shown in ("h1", "#about", "nav a", "#detail .right, #detail .wrong", ".row .end"):
        assert page.evaluate(contrast, shown) >= 4.5, shown


def test_attacks_are_inert_and_seen(open_page, tmp_path):
    hostile = [one for one in MARKUP if "\ud83d" not in one]
    run = made(2, len(hostile))
    texts = dict(zip(sorted({one.sample for one in run.results}), hostile, strict=True))
    results = tuple(replace(one, text=texts[one.sample], completion=texts[one.sample],
                            slices={texts[one.sample]: "x"} if one.sample == "s000" else {})
                    for one in run.results)  # fmt: skip
    write_report(tmp_path, replace(run, results=results), plots="none")
    page = open_page(tmp_path / PAGE_FILE)
    page.locator("#list").focus()
    for one in hostile:
        shown = page.locator("#detail blockquote").text_content()
        assert not set("\u202e\x1b\x07\u200b\u2028") & set(shown)
        if one.isascii() and one.isprintable():
            assert shown == one
        assert page.locator("#detail :is(b, img, script, a)").count() == 0
        page.keyboard.press("ArrowDown")
    assert page.locator("script").count() == 2


def test_judged_answers_in_russian(open_page, tmp_path):
    run = make_judged_run()
    probes = tuple(replace(
        one, turns=("earlier question", ""),
        answers=tuple(replace(answer, earlier=("earlier answer",)) for answer in one.answers),
    ) for one in run.judged.probes)  # fmt: skip
    run = replace(run, judged=replace(run.judged, probes=probes))
    write_report(tmp_path, run, plots="none", lang="ru")
    page = open_page(tmp_path / PAGE_FILE)
    assert page.locator("html").get_attribute("lang") == "ru"
    probes = page.get_by_role("listbox", name="Вопросы").get_by_role("option")
    assert probes.count() > 5
    probes.nth(1).click()
    told = page.locator("#probe").text_content()
    assert all(one in told for one in ("Пункты", "Ответ 1", "judge-7b", "Better covered.",
                                       "earlier question", "реплике 1:earlier answer",
                                       "победа в обоих порядках"))  # fmt: skip
    page.select_option("#model", "ru-a")
    assert page.locator("#probe .answers strong", has_text="ru-b").count() == 0


@pytest.mark.slow
def test_44_000_outputs_open_in_two_seconds_and_are_filtered_in_a_tenth(open_page, tmp_path):
    run = made(22, 2000, words=250)
    path = write_page(tmp_path, run, Findings(), (), verdict="", names={})
    opened, filtered = [], []
    # The quickest of three: other work on a machine is no fault of the page.
    for _ in range(3):
        page = open_page(path)
        opened.append(page.evaluate(
            "performance.getEntriesByType('navigation')[0].loadEventEnd"))  # fmt: skip
        filtered.append(page.evaluate(FILTERING))
        assert page.locator("#list .row").count() < 60
    assert min(opened) < 2000, opened
    assert all(min(times) < 100 for times in zip(*filtered, strict=True)), filtered
