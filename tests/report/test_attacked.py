"""No text of a run, wherever it stands, does anything in a file that the run writes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from attacks import ATTACKS, assert_inert, attack, attacking, hidden
from builders import make_cell
from judged_builders import FAILED, make_judged, make_judged_run
from judges import make_passport, one_set
from PIL import Image
from reasoned import because
from reports import report_markdown, write_report

from harness.judge.passport import Passport, save_passport
from harness.records import (
    BaselineCheck,
    CellPrompt,
    DataInfo,
    EngineInfo,
    Flip,
    Gate,
    Note,
    Run,
    RunInfo,
    Score,
)
from harness.report.notes import plain_note
from harness.report.passport import passport_markdown
from harness.report.runfiles import (
    PROBES_FILE,
    PROMPTS_FILE,
    RESULTS_FILE,
    RUN_FILE,
    load_run,
    save_run,
)
from harness.report.write import REPORT_FILE

SET = "evalsets/a.yaml"
NAMES = ("one", "two")


def scores(odd: int) -> list[Score]:
    found = []
    for i in range(24):
        right = (i + odd) % 5 != 0
        answer = NAMES[i % 2] if right else NAMES[1 - i % 2]
        odds = (-0.2, -1.7) if answer == NAMES[0] else (-1.7, -0.2)
        found.append(Score(float(right), answer, None, odds))
    found[3] = Score(None, None, because("it said 'nothing'"))
    return found


@pytest.fixture(scope="module")
def labelled() -> Run:
    cells = [
        make_cell(scores(odd), [NAMES[i % 2] for i in range(24)], evalset=SET, model="m",
                  prompt=prompt, placement=placement, texts=[f"text {i}" for i in range(24)],
                  labels=NAMES)
        for odd, prompt, placement in ((0, "p", None), (1, "p", "chat"), (2, "q", None))
    ]  # fmt: skip
    rows = tuple(row for row, _ in cells)
    first = rows[0]
    info = RunInfo(
        "r", "2026-01-02", 61.0, "pytest evalsets", {"CPU": "two"}, {"torch": "2"},
        data=(DataInfo(SET, "file:a.csv", "sha256:ab", 30, 2, 24, 9, 1, 1),),
        engines=(EngineInfo("m", "hub:a/b", "sha256:cd", "vllm", "1", "float32", "cpu",
                            1.0, 2.0, 3, 4, 5, 6, 7),),
        lost=(because("engine 'vllm' died: out of memory: a, b"),),
        notes=(Note("no_record", "m", {"folder": "adapters/one", "file": "training.json"}),
               Note("repeated", SET, {"count": 3, "texts": 2, "pairs": ("a = b", "c = d")})),
    )  # fmt: skip
    gate = Gate(SET, first.cell, "accuracy", "at_least", 0.7, "fail", True,
                "accuracy 0.6: at least 0.7 - fail", id="m-accuracy")  # fmt: skip
    prompt = CellPrompt(SET, first.cell, "s1", ("<s>", "text 1"), ((1,), (2,)))
    flip = Flip("s1", NAMES[0], NAMES[0], NAMES[1])
    baselines = (
        BaselineCheck(SET, first.cell, changed=("weights",), lost=(flip,), won=(flip,)),
        BaselineCheck(SET, rows[1].cell, refused=because("other samples")),
    )
    return Run(info, rows, (gate,), tuple(one for _, results in cells for one in results),
               (("n-q", because("needs CUDA")),), (("gate:n", because("its cell is missing")),),
               baselines, prompts=(prompt,))  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> Run:
    run = make_judged_run(
        make_judged(probes=2, answers=2, check=FAILED, void=because("canary 'x' scored"))
    )
    return replace(run, info=replace(run.info, notes=(Note("no_thought", "m", {}),)))


SHIFTS = range(0, len(ATTACKS), 6)


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("name", ["labelled", "judged"])
def test_the_report(request, name, lang):
    run = request.getfixturevalue(name)
    like = report_markdown(run, lang=lang)
    for shift in SHIFTS:
        found = report_markdown(attack(run, attacking(shift)), lang=lang)
        assert_inert(found, like=like)


def test_each_text_of_a_run_is_attacked(labelled):
    """The suite itself: what is shown unescaped would be found."""
    attacked = attack(labelled, lambda text: f"<{text}>")
    saved = repr(attacked)
    for told in ("<needs CUDA>", "<weights>", "<file:a.csv>", "<text 3>", "<one>", "<two>", "<m>",
                 "<adapters/one>", "<a = b>", "<it said 'nothing'>", "<s1>"):  # fmt: skip
        assert told in saved
    with pytest.raises(AssertionError):
        assert_inert("# a\n\nso <b>x</b>", like="# a")
    for live in ("see http://x.example", "@someone", "a\x1b[31m", "a\n\n# b", "[a](b)",
                 "| a |\n|--|\n| b\\| |"):  # fmt: skip
        with pytest.raises(AssertionError):
            assert_inert(live, like="")


@pytest.mark.parametrize("name", ["labelled", "judged"])
def test_the_files_of_a_run(request, name, tmp_path):
    run = request.getfixturevalue(name)
    for shift in SHIFTS:
        attacked = attack(run, attacking(shift))
        save_run(tmp_path, attacked)
        for file in (RUN_FILE, RESULTS_FILE, PROBES_FILE, PROMPTS_FILE):
            path = tmp_path / file
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            assert not [c for c in text if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f"]
            assert not {"\u202e", "\u200b", "\u2028", "\x1b"} & set(text)
            for line in text.split("\n") if file != RUN_FILE else [text]:
                assert not line or json.loads(line)
        if shift == 0:
            assert load_run(tmp_path).info.command == attacked.info.command.replace("\ud83d", "?")


@pytest.mark.parametrize(("name", "ending"), [("labelled", "svg"), ("judged", "svg"),
                                              ("labelled", "png")])  # fmt: skip
def test_the_plots_and_their_words(request, name, ending, tmp_path):
    run = request.getfixturevalue(name)
    write_report(tmp_path / "like", run, plots=ending)
    like = (tmp_path / "like" / REPORT_FILE).read_text(encoding="utf-8")
    for shift in (0, 40, 80):
        path = write_report(tmp_path / "run", attack(run, attacking(shift)), plots=ending)
        assert_inert(path.read_text(encoding="utf-8"), like=like)
        plots = list((tmp_path / "run/plots").iterdir())
        assert len(plots) == len(list((tmp_path / "like/plots").iterdir()))
        for plot in plots:
            if ending == "png":
                with Image.open(plot) as image:
                    assert not image.info.keys() - {"dpi"}
                continue
            text = plot.read_text(encoding="utf-8")
            assert not hidden(text, breaks="\n\t")
            tags = {one.tag.partition("}")[2] for one in ET.fromstring(text).iter()}
            assert not tags & {"script", "a", "image", "foreignObject"}


def test_notes_on_a_terminal(labelled, judged):
    for shift in range(len(ATTACKS)):
        for run in (labelled, judged):
            for note in attack(run.info.notes, attacking(shift)):
                assert not hidden(plain_note(note), breaks="")


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_page_and_the_file_of_a_passport(tmp_path, lang):
    passport = make_passport(one_set(n=20), one_set(n=60, name="gold/other"))
    notes = (Note("no_thought", "wise", {}),)
    like = passport_markdown(passport, notes=notes, lang=lang)
    for shift in SHIFTS:
        attacked = attack(passport, attacking(shift))
        noted = attack(notes, attacking(shift))
        assert_inert(passport_markdown(attacked, notes=noted, lang=lang), like=like)
        save_passport(tmp_path / "p.json", _whole(attacked))
        text = (tmp_path / "p.json").read_text(encoding="utf-8")
        assert not {"\u202e", "\u200b", "\x1b", "\x9b"} & set(text)
        json.loads(text)


def _whole(passport: Passport) -> Passport:
    """Return a passport without half characters, which no name or path can have."""
    return attack(passport, lambda text: text.encode("utf-8", "replace").decode())
