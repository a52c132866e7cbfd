from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import harness
from harness.report.texts import counted, some, texts

PACKAGE = Path(harness.__file__).parent


def fields(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_languages_have_the_same_phrases_and_fields():
    english, russian = texts("en"), texts("ru")
    assert english.keys() == russian.keys()
    assert len(english) > 50
    for name, phrase in english.items():
        assert fields(phrase) == fields(russian[name]), name


def test_russian_is_russian():
    alike = {name for name, phrase in texts("ru").items() if phrase == texts("en")[name]}
    assert alike == {
        "h_n",
        "h_auc",
        "f_auc",
        "f_mcc",
        "tpl_line",
        "zeroshot",
        "fewshot",
        "c_mode",
        "c_move",
        "c_auc_points",
        "p_mode_n",
        "p_fewshot",
        "p_shots_line_alt",
    }
    for name, phrase in texts("ru").items():
        signs = name in alike or name in ("quote", "singular", "lang")
        assert signs or re.search(r"[\u0430-\u044f\u0451]", phrase.lower()), name


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_phrases_have_no_stray_spaces(lang):
    for name, phrase in texts(lang).items():
        assert "  " not in phrase.replace("\n  ", "\n"), name


def test_every_phrase_is_used():
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("templates/*.j2"))
    )
    built = (
        r"[hfsoq]_\w+|b_t_\w+|gate_(at|no_worse|better|opens)_\w+|p_(gate|note)_\w+"
        r"|c_(v|b|way)_(helps|hurts|same|open)|c_(selector|order)|d_(trained_)?(sentence|(un)?shown)"
        r"|c_(calibration|contextual)_(up|down|same)|p_judged(_untrusted|_void)?"
        r"|j_c_(better|worse|alpha|untrusted|void)\w*|j_canary_\w+|j_by_\w+|pass_(v|why|p|f|lost)_\w+"
        r"|undecided_(passed|inconclusive|unjudged)|note_\w+"
        r"|c_beware_(worse|mass|unscored)|x_\w+"
        r"|th_(answers|rulings|off|on|budget|limit|at_\w+|\w+_thought)"
    )
    for name in texts("en"):
        used = re.search(rf"[\"'.]{name}\b", sources) or re.fullmatch(built, name)
        assert used, f"{name} is not used"


def test_nouns_follow_their_numbers():
    assert [counted(n, "n_cells", texts("en")) for n in (1, 2, 21)] == [
        "1 cell", "2 cells", "21 cells"]  # fmt: skip
    assert [counted(n, "n_cells", texts("ru")) for n in (1, 2, 11, 21, 111)] == [
        "1 ячейки", "2 ячеек", "11 ячеек", "21 ячейки", "111 ячеек"]  # fmt: skip


def test_long_lists_are_cut():
    assert some(["a", "b"], texts("en")) == "a, b"
    assert some(list("abcdefg"), texts("en")) == "a, b, c, d, e and 2 more"
