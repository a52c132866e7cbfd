from __future__ import annotations

import re
import time

import pytest

from harness.errors import PromptError
from harness.prompts.fence import _nonce, fence, neutralise

CONTROLS = re.compile(r"<\|im_end\|>|<repo_name>|<EMPTY>|\[\u00e9t\u00e9\]")


def inside(fenced) -> str:
    """Return what stands between the marks."""
    return "\n".join(fenced.text.split("\n")[1:-1])


@pytest.mark.parametrize(
    "text",
    [
        "Столица Франции - Париж.",
        "```python\nfor i in range(3):\n\tprint(f'{i:>2} <b>{i}</b>')\n```",
        "if a < b and c > d: x = a | b  # [0], [i/2]",
        "List<String> names; vector<int> v; cout << s << endl; x <- y; f <| g",
        "### Instruction\nA heading is text.\n\nUser: hello\nAssistant: hi",
        "1) 5 ≤ 7; 2) «цитата»; 3) naïve café; 4) 日本語; 5) \N{GRINNING FACE}",
        "He said \\n and <answ> and [notes].",
        "[a-z]~[0-9], x[~mask], [|x; y|], [args[0]], <role-play>, special_5, pass[args]",
        "<table><h1 role='x'>Ответ</h1></table> [Аргументы], [пад], «что» <что>",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    fenced = fence(text, controls=CONTROLS)
    assert inside(fenced) == text
    assert not fenced.cut
    assert fenced.hidden == 0


def test_the_same_answer_has_the_same_fence():
    assert fence("a") == fence("a")
    assert fence("a").nonce != fence("b").nonce
    assert re.fullmatch("[0-9a-f]{16}", fence("a").nonce)


def test_the_nonce_is_of_the_raw_answer():
    # Both are shown alike, and still one cannot tell the other's nonce.
    assert fence("a\u200b").nonce != fence("a").nonce


def test_an_answer_cannot_hold_its_own_nonce():
    text = "Paris."
    for _ in range(5):
        text += f"\n</answer-{fence(text).nonce}>"
        assert fence(text).nonce not in text


def test_a_nonce_that_stands_in_the_answer_is_not_taken():
    first = _nonce("raw", "")
    assert _nonce("raw", f"x{first.upper()}x") not in ("", first)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<|im_end|>", r"<\|im_end|>"),
        ("</answer-12>", r"<\/answer-12>"),
        ("[INST] x [/INST]", r"[\INST] x [\/INST]"),
        ("<<SYS>>", r"<\<SYS>>"),
        ("a</s>b", r"a<\/s>b"),
        ("<repo_name>", r"<\repo_name>"),
        ("[|endofturn|]", r"[\|endofturn|]"),
        ("]~b]system", r"]\~b]system"),
        ("<|a|><|b|>", r"<\|a|><\|b|>"),
        ("\uff1c\uff5cim_end\uff5c\uff1e", "\uff1c\\\uff5cim_end\uff5c\uff1e"),
        ("<start_of_turn>", r"<\start_of_turn>"),
        ("<|turn>", r"<\|turn>"),
        # The same to a reader who forgets accents, what is unseen, width, case or the alphabet.
        ("<|im_\u0332end|>", "<\\|im_\u0332end|>"),
        ("</a\u0308nswer-1>", "<\\/a\u0308nswer-1>"),
        ("\u226e|im_end|>", "\u226e\\|im_end|>"),
        ("<|\u0456m_\u0435nd|>", "<\\|\u0456m_\u0435nd|>"),
        ("\uff1crepo\uff3fname\uff1e", "\uff1c\\repo\uff3fname\uff1e"),
        ("<r\u0435po_name>", "<\\r\u0435po_name>"),
        ("</\u03b1nswer-1>", "<\\/\u03b1nswer-1>"),
        ("\u3010INST\u3011", "\u3010\\INST\u3011"),
        ("<|im\u200b_end|>", "<\\|im\u200b_end|>"),
        ("<Repo_NAME>", r"<\Repo_NAME>"),
        ("<empty>", r"<\empty>"),
        # Accents that a token has by itself.
        ("[\u00e9t\u00e9]", "[\\\u00e9t\u00e9]"),
    ],
)
def test_a_mark_stays_readable(text, shown):
    assert neutralise(text, controls=CONTROLS) == shown
    assert neutralise(shown, controls=CONTROLS) == shown


def test_what_only_a_tokenizer_knows_is_left_without_it():
    assert neutralise("<repo_name>") == "<repo_name>"


def test_two_marks_at_one_place_get_one_backslash():
    assert neutralise("<|im_end|>", controls=re.compile(r"<\|im")) == r"<\|im_end|>"


def test_a_token_of_one_character_is_spelt_by_its_code():
    assert neutralise("a~b", controls=re.compile("~")) == "a[U+007E]b"


def test_a_token_that_a_backslash_does_not_break_is_spelt_by_its_codes():
    found = neutralise("ab", controls=re.compile(r"a\\*b"))
    assert found.endswith("[U+0062]")
    assert "ab" not in found


def test_what_cannot_be_spelt_in_another_way_is_refused():
    with pytest.raises(PromptError, match="cannot be spelt"):
        neutralise("~", controls=re.compile("~|U"))


def test_a_token_that_is_the_fence_is_refused():
    with pytest.raises(PromptError, match="the fence around an answer"):
        fence("x", controls=re.compile("/answer"))


def test_a_long_answer_is_cut_with_a_mark():
    fenced = fence("x" * 130, max_chars=100)
    assert fenced.cut
    assert (
        inside(fenced) == f"{'x' * 100}\n[note-{fenced.nonce}: cut here, characters left out: 30]"
    )
    assert not fence("x" * 100, max_chars=100).cut


def test_the_limit_counts_what_is_seen():
    assert not fence("\u200b" * 500 + "x" * 100, max_chars=100).cut


@pytest.mark.parametrize("text", ["", " ", "\n\t\n", "\u00a0"])
def test_an_empty_answer_says_so(text):
    fenced = fence(text)
    assert inside(fenced) == f"[note-{fenced.nonce}: the answer is empty]"


def test_invisible_characters_are_taken_out_and_counted():
    fenced = fence("a\u200bb\u202ec\x00d\u3164")
    assert fenced.hidden == 4
    assert inside(fenced) == f"abcd\n[note-{fenced.nonce}: invisible characters taken out: 4]"


def test_an_answer_of_invisible_characters_is_empty():
    fenced = fence("\u200b\ufeff")
    assert inside(fenced) == (
        f"[note-{fenced.nonce}: the answer is empty; invisible characters taken out: 2]"
    )


def test_emoji_are_no_news():
    fenced = fence("\u26a0\ufe0f \U0001f468\u200d\U0001f469")
    assert inside(fenced) == "\u26a0 \U0001f468\U0001f469"
    assert fenced.hidden == 0


def test_line_ends_are_one_kind():
    assert inside(fence("a\r\nb\rc\u2028d\x85e")) == "a\nb\nc\nd\ne"
    assert fence("a\r\nb").hidden == 0


def test_half_characters_are_replaced():
    assert inside(fence("a\ud83d\ue000\ufffe")) == "a\ufffd\ufffd\ufffd"


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_1_is_refused(limit):
    with pytest.raises(ValueError, match="at least 1"):
        fence("x", max_chars=limit)


@pytest.mark.parametrize("head", ["<", "[", "<<", "<|", "[note", "</", "<|a"])
def test_a_run_of_white_space_takes_no_time_by_its_square(head):
    # By the square it takes seconds; questions have no limit of characters.
    before = time.perf_counter()
    neutralise(head + " " * 30_000)
    assert time.perf_counter() - before < 1
