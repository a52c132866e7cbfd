from __future__ import annotations

import re

import pytest

from harness.markdown import code, cut, escape, fenced, html, plain, quoted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<b>x</b> & <!-- y -->", "&lt;b&gt;x&lt;/b&gt; &amp; &lt;!-- y --&gt;"),
        ("`x` *y* ~~z~~ $a$", r"\`x\` \*y\* \~\~z\~\~ \$a\$"),
        ("[link](http://x.example)", r"[link\](http:&#8203;//x.example)"),
        ("[a][b]", r"[a\][b]"),
        ("[a]: http://x.example", r"[a\]: http:&#8203;//x.example"),
        ("![a](b)", r"![a\](b)"),
        ("www.x.example", "www&#8203;.x.example"),
        ("@someone and #12", "@&#8203;someone and #&#8203;12"),
        ("::error::x", ":&#8203;:error:&#8203;:x"),
        ("[!Note] x", "[&#8203;!Note] x"),
        ("##[error]x", r"\##&#8203;[error]x"),
        ("_x_ but snake_case", r"\_x\_ but snake_case"),
        ("- item", r"\- item"),
        ("--- ", r"\---"),
        ("# head", r"\# head"),
        ("1. item", r"1\. item"),
        ("1) item", r"1\) item"),
        ("[x] done", r"\[x] done"),
        ("> quote", "&gt; quote"),
        ("\\", "\\\\"),
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\x1b[31mred\x1b[0m \x1b]8;;http://x\x07t\x1b]8;;\x07", "red t"),
        ("a\x00b\x07c\u2028d", "a b c d"),
        ("\u202eabc\u202c", "abc"),
        ("&#58; &lt;", "&amp;#&#8203;58; &amp;lt;"),
        ("", ""),
    ],
)
def test_escape(text, shown):
    assert escape(text) == shown


@pytest.mark.parametrize("text", ["smollm2-135m", "2.5-3b", "0.31.1", "no label in 'x'", "-1", "5"])
def test_harmless_text_stays_readable(text):
    assert escape(text) == text


def test_cut_is_visible_and_before_escaping():
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"
    assert cut("abcd efg", 6) == "abcd…"
    assert escape("|" * 50, limit=10) == r"\|" * 9 + "…"


def test_code_span_holds_any_text():
    assert code("a | b") == "`a | b`"
    assert code("a `rm` b\n# c") == "`a 'rm' b # c`"
    assert code("") == "` `"
    assert code("x" * 300).endswith("…`")


def test_code_in_a_cell_has_no_pipe():
    assert code("a\\b", cell=True) == "`a\\b`"
    assert code("a\\|b", cell=True) == r"a\\\|b"


def test_surrogates_are_dropped():
    assert plain("a\ud800b").encode() == b"ab"


def test_table_row_keeps_its_columns():
    row = f"| {escape('x | y || z')} | {escape(chr(92) + '|')} |"
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo", "> one\\\n> two"),
        ("one\r\ntwo\u2028three", "> one\\\n> two\\\n> three"),
        ("\n\none\n\n\n\ntwo\n\n", "> one\n>\n> two"),
        ("ends\\\nin one", "> ends\\\\\\\n> in one"),
        (
            "if x:\n    y\n\tz",
            "> if x:\\\n> &nbsp;&nbsp;&nbsp;&nbsp;y\\\n> &nbsp;&nbsp;&nbsp;&nbsp;z",
        ),
        ("```\n</details>\n```", r"> \`\`\`" + "\\\n> &lt;/details&gt;\\\n> " + r"\`\`\`"),
        ("one\n\x1b[31m\x07\ntwo", "> one\n>\n> two"),
        ("::error::x", "> :&#8203;:error:&#8203;:x"),
        # GitHub makes a box with a heading of a quote that begins so.
        ("[!CAUTION]\n\nvoid", "> [&#8203;!CAUTION]\n>\n> void"),
        ("half \ud83d", "> half"),
        ("", ">"),
        ("\n \n", ">"),
    ],
)
def test_quoted_lines_are_inert_one_by_one(text, shown):
    assert quoted(text, limit=1000) == (shown, 0)


def test_quote_is_cut_by_characters_and_lines():
    assert quoted("abcdef", limit=4) == ("> abcd", 2)
    assert quoted("a\n" * 10 + "b", limit=100, lines=3) == ("> a\\\n> a\\\n> a", 16)


def test_a_deep_indent_ends_somewhere():
    assert quoted(" " * 500 + "x", limit=1000)[0] == "> " + "&nbsp;" * 40 + "x"


def test_html_is_text_inside_of_a_tag():
    assert html("<b>x</b> *y* | `z`\n@a #1") == (
        "&lt;b&gt;x&lt;/b&gt; *y* | `z` @&#8203;a #&#8203;1"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("someone@x.example", "someone@&#8203;x.example"),
        ("a@-b.example", "a@&#8203;-b.example"),
        ("GH-12 and gh-3, HIGH-5", "GH&#8203;-12 and gh&#8203;-3, HIGH-5"),
        ("\x9b31mred\x9b0m \x9d0;title\x9cx", "red x"),
        # Fillers, selectors and tags, in which a text can be hidden.
        ("a\u3164\u2800\ufe0f\U000e0041\U000e0101b\ufffec", "abc"),
    ],
)
def test_escape_of_what_is_live_or_unseen_elsewhere(text, shown):
    assert escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n  b", "```text\na\n  b\n```"),
        ("```\nx", "````text\n```\nx\n````"),
        # A mark that is longer once its unseen parts are gone.
        ("``\u200b``\nx", "`````text\n````\nx\n`````"),
        ("a\x1b[31mb\rc\u202ed\x00", "```text\nab\ncd\n```"),
    ],
)
def test_a_fence_holds_any_text(text, shown):
    assert fenced(text) == shown


def test_a_fence_is_cut_and_named():
    assert fenced("x" * 9, limit=5, kind="yaml") == "```yaml\nxxxx…\n```"
