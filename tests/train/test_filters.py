"""Filters: each alone, their order, and what they say when they cannot work."""

from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.train.filters import apply_filters, length_group
from harness.train.rows import read_dialogues


def count(texts):
    return [len(text.split()) for text in texts]


@pytest.fixture
def keep(project, make_recipe):
    """Apply filters, a YAML list, to rows; return the kept row numbers and the steps."""

    def keep(filters, rows):
        lines = "".join(f"    - {entry}\n" for entry in filters)
        recipe, file = make_recipe("  filters:\n" + lines, rows)
        read = read_dialogues(recipe.data, base=project.root, file=file)
        kept, steps = apply_filters(
            read.dialogues, recipe.data.filters, count_tokens=count, file=file
        )
        return [dialogue.number for dialogue in kept], steps

    return keep


def test_language_score_topic_complexity_and_flag(keep, single):
    rows = [
        single("a", "b"),
        single("a", "b", language="Russian"),
        single("a", "b", opus_score=7.5),
        single("a", "b", sonnet_topic="music"),
        single("a", "b", sonnet_complexity="hard"),
        single("a", "b", is_bad_by_regex=True),
    ]
    assert keep(["language: English"], rows)[0] == [1, 3, 4, 5, 6]
    assert keep(["language: [English, Russian]"], rows)[0] == [1, 2, 3, 4, 5, 6]
    assert keep(["score: {at_least: 8}"], rows)[0] == [1, 2, 4, 5, 6]
    assert keep(["score: {at_most: 7.5}"], rows)[0] == [3]
    assert keep(["topics: {keep: [music]}"], rows)[0] == [4]
    assert keep(["topics: {drop: [music]}"], rows)[0] == [1, 2, 3, 5, 6]
    assert keep(["complexity: easy"], rows)[0] == [1, 2, 3, 4, 6]
    assert keep(["without: regex_flag"], rows)[0] == [1, 2, 3, 4, 5]


def test_a_row_without_a_score_is_dropped(keep, single):
    assert keep(["score: {at_least: 0}"], [single("a", "b", opus_score=None), single("a", "b")])[
        0
    ] == [2]


def test_turns_and_every_answer_counts(keep, single):
    two = single("a", "b")
    two["messages"] = [*two["messages"], *single("c", "d e f")["messages"]]
    rows = [single("a", "one two"), two]
    assert keep(["turns: {at_most: 1}"], rows)[0] == [1]
    assert keep(["turns: {at_least: 2}"], rows)[0] == [2]
    assert keep(["reply_tokens: {at_least: 2}"], rows)[0] == [1]
    assert keep(["reply_tokens: {at_most: 2}"], rows)[0] == [1]
    assert keep(["reply_tokens: {at_least: 1, at_most: 3}"], rows)[0] == [1, 2]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("code", "```\nx = 1\n```"),
        ("code", "Write: def f(x): return x"),
        ("code", "<div>hello</div>"),
        ("code", "SELECT name FROM people"),
        ("code", "SELECT t.id, COUNT(*) AS n\nFROM t"),
        ("code", "Запрос: select * from people"),
        ("code", "import numpy as np"),
        ("code", "First, import numpy as np."),
        ("code", "So:\n  import os\n  print"),
        ("code", "Write: import os"),
        ("code", "SELECT A FROM T"),
        ("code", "Напишите import math"),
        ("code", "from os.path import join, split"),
        ("code", "import java.util.List;"),
        ("code", "int main() {"),
        ("code", "int main(void)\n{\n"),
        ("code", "void swap(int *a, int *b) { }"),
        ("code", "function add(a, b) { return a + b }"),
        ("code", "public static void main(String[] args)"),
        ("code", "public class Main {"),
        ("links", "See https://example.org/a"),
        ("links", "See www.example.org"),
        ("links", "Сайт example.ru поможет"),
        ("links", "See example.com."),
        ("links", "Search it (google.com)"),
        ("links", "Сайт example.ru!"),
        ("links", "Write to t.me/x"),
        ("links", "It runs at github.com:8080"),
        ("links", "Watch youtu.be/abc"),
        ("links", "Try shop.com.br, or EXAMPLE.COM"),
        ("links", "«mail.ru», say"),
        ("links", "example.net"),
        ("refusals", "As an AI, I have no feelings."),
        ("refusals", "I'm an AI."),
        ("refusals", "I'm sorry, but that is private."),
        ("refusals", "I’m sorry, but I can’t help"),  # noqa: RUF001
        ("refusals", "I am sorry, but no."),
        ("refusals", "I can’t assist"),  # noqa: RUF001
        ("refusals", "I cannot help with that."),
        ("refusals", "I'm unable to help"),
        ("refusals", "I am not able to provide this."),
        ("refusals", "Извините, я не могу помочь вам."),
        ("refusals", "Я — языковая модель и не смотрю фильмы."),
    ],
)
def test_without(keep, single, what, text):
    plain = "The code of the club says: no links to others, import nothing, function as one."
    rows = [single("q", plain), single("q", text), single("q", "Я не могу забыть этот фильм.")]
    assert keep([f"without: {what}"], rows)[0] == [1, 3]


@pytest.mark.parametrize(
    "text",
    [
        "Take fruit, e.g. this apple, i.e. the red one, etc. That is all.",
        "Хлеб, молоко и т.д. Встреча в 10.30, т.е. утром.",  # noqa: RUF001
        "At 10.30 a.m./p.m. and/or later, 3.5/5 stars, v2.0.",
        "Вышел.Ушёл. No.Then yes.Come in. The end.Net gain",
        "ASP.NET, asp.net and Node.js/Express are frameworks, and System.IO a namespace.",
        "Select the best from them.",
        "SELECT THE BEST FROM THEM. SELECT A CARD FROM THE DECK",
        "Mind the costs: import duties",
        "Press SELECT.\nThen choose one from the menu",
        "They import oil\nThey export wine and import sugar as raw material\n- import duties",
        "Goods from China import rules forbid.",
        "The heart's function (pumping) and the function f(x) = x + 1.",
        "It was a public class action; the public class of goods. Hi~~~",
        "The main point (int. al.) is void (empty).",
        "I am sorry for your loss. I'm sorry about that.",
        "I can't help but smile, I can't help laughing and I cannot help it.",
        "I'm an aide, I'm an aim, and I am able to help. I can help.",
        "I’m unable to sleep. I can’t wait.",  # noqa: RUF001
        "Я не могу нарадоваться. К сожалению, дождь.",  # noqa: RUF001
    ],
)
def test_prose_is_no_code_link_or_refusal(keep, single, text):
    rows = [single(text, text)]
    for what in ("code", "links", "refusals"):
        assert keep([f"without: {what}"], [*rows, single("q", "a")])[0] == [1, 2], what


def test_duplicates(keep, single):
    long = "The ferry left its berth late that evening and nobody on the quay was there to wave"
    rows = [single("q", long), single("Q", long.upper()), single("q", long.replace("wave", "cry"))]
    assert keep(["without: exact_duplicates"], rows)[0] == [1, 3]
    assert keep(["near_duplicates: {similarity: 0.7}"], rows)[0] == [1]


def test_balance_cuts_the_big_groups_only_and_repeats_itself(keep, single):
    rows = [single(f"q{i}", "b", sonnet_topic="rare" if i < 2 else "big") for i in range(30)]
    kept, _ = keep(["balance: {by: topic, at_most: 5}"], rows)
    assert kept == sorted(kept)
    assert kept[:2] == [1, 2]
    assert len(kept) == 7
    assert keep(["balance: {by: topic, at_most: 5}"], rows)[0] == kept
    assert keep(["balance: {by: topic, at_most: 5, seed: 1}"], rows)[0] != kept


def test_scores_that_are_spelled_differently_are_one_group(keep, single):
    scores = [8, 8.0, "8", 7.5, 9.0, 9]
    rows = [single("q", f"a{i}", opus_score=score) for i, score in enumerate(scores)]
    kept, _ = keep(["balance: {by: score, at_most: 1}"], rows)
    assert len(kept) == 3


def test_balance_by_length_groups_by_doubling(keep, single):
    rows = [single("q", "w " * n) for n in (1, 15, 16, 31, 32, 40, 63, 64)]
    kept, _ = keep(["balance: {by: reply_tokens, at_most: 1}"], rows)
    assert len(kept) == 4
    assert kept[-1] == 8
    assert [length_group(n) for n in (0, 15, 16, 31, 32, 127)] == [
        "0-15", "0-15", "16-31", "16-31", "32-63", "64-127"
    ]  # fmt: skip


def test_size_draws_with_its_seed(keep, single):
    rows = [single(f"q{i}", "b") for i in range(30)]
    kept, _ = keep(["size: {at_most: 10}"], rows)
    assert len(kept) == 10
    assert keep(["size: {at_most: 10}"], rows)[0] == kept
    assert keep(["size: {at_most: 10, seed: 1}"], rows)[0] != kept
    assert len(keep(["size: {at_most: 100}"], rows)[0]) == 30


def test_steps_are_counted_in_order(keep, single):
    rows = [single("a", "b", language="Russian"), single("c", "d"), single("e", "f", opus_score=1)]
    _, steps = keep(["language: English", "score: {at_least: 8}"], rows)
    assert [(s.name, s.before, s.after) for s in steps] == [
        ("language English", 3, 2), ("score at least 8", 2, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        (["turns: {at_most: 1}", "score: {at_least: 99}"],
         r"recipes/r\.yaml:8: data\.filters\[1\]: step 2 \(score at least 99\) leaves none of 3 "
         r"dialogues; .*turns at most 1: 3"),
        (["size: {at_least: 4, at_most: 9}"],
         r"r\.yaml:7: .*step 1 \(size 4 to 9\) leaves 3 of 3 dialogues, fewer than the 4 wanted"),
        (["language: russian"], r"r\.yaml:7: .*no dialogue has language 'russian'; did you mean "
         "'Russian'"),
        (["topics: {drop: [xyz]}"], r"no dialogue has topics 'xyz'; known: films"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_meant(keep, single, filters, problem):
    rows = [single("a", "b"), single("c", "d"), single("e", "f", language="Russian")]
    with pytest.raises(SpecError, match=problem):
        keep(filters, rows)


@pytest.mark.parametrize(
    "entry",
    [
        "language: English",
        "score: {at_least: 1}",
        "complexity: easy",
        "without: regex_flag",
        "balance: {by: source, at_most: 1}",
    ],
)
def test_a_missing_column_names_the_step(keep, single, entry):
    bare = {"messages": single("a", "b")["messages"], "id": 1}
    problem = (
        r"r\.yaml:7: data\.filters\[0\]: this step needs the column '\w+', which the data lacks; "
        "it has id"
    )
    with pytest.raises(SpecError, match=problem):
        keep([entry], [bare])


def test_a_score_that_is_no_number(keep, single):
    with pytest.raises(SpecError, match="row 1 has 'high' in column 'opus_score'"):
        keep(["score: {at_least: 1}"], [single("a", "b", opus_score="high")])


FLAGS = {
    True: [True, 1, 1.0, "true", "True", "TRUE", "1", "1.0", "yes", " Yes ", "t", "y"],
    False: [False, 0, 0.0, "false", "False", "0", "0.0", "no", "NO", "f", "n"],
}


@pytest.mark.parametrize(("flag", "value"), [(f, v) for f, values in FLAGS.items() for v in values])
def test_a_flag_is_read_however_it_is_written(keep, single, flag, value):
    rows = [single("a", "b", is_bad_by_regex=value), single("c", "d")]
    kept, (step,) = keep(["without: regex_flag"], rows)
    assert kept == ([2] if flag else [1, 2])
    assert step.name == "without regex flag"


@pytest.mark.parametrize("value", [2, 0.5, -1, "bad", "ja", "nan", ["x"]])
def test_a_flag_that_is_neither_yes_nor_no(keep, single, value):
    rows = [single("a", "b"), single("a", "b", is_bad_by_regex=value)]
    with pytest.raises(
        SpecError,
        match=r"r\.yaml:\d+: data\.filters\[0\]: row 2 has '.*' in column "
        r"'is_bad_by_regex', which is neither yes nor no; write",
    ):
        keep(["without: regex_flag"], rows)


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_row_without_a_flag_is_kept_and_counted(keep, single, value):
    rows = [single("a", "b", is_bad_by_regex=flag) for flag in (value, True, False, value)]
    kept, (step,) = keep(["without: regex_flag"], rows)
    assert kept == [1, 3, 4]
    assert (step.name, step.before, step.after) == (
        "without regex flag (without a value, kept: 2)", 4, 3)  # fmt: skip


def test_flags_of_a_parquet_file(project, make_recipe):
    import numpy
    import pandas

    messages = [[{"role": "user", "content": "q"}, {"role": "bot", "content": "a"}]] * 4
    flags = {"object": [numpy.bool_(True), False, None, True], "float64": [1.0, 0.0, None, 1.0]}
    recipe, file = make_recipe("  filters:\n    - without: regex_flag\n", [])
    for kind, values in flags.items():
        path = project.root / f"{kind}.parquet"
        column = pandas.Series(values, dtype=kind)
        pandas.DataFrame({"messages": messages, "is_bad_by_regex": column}).to_parquet(path)
        read = read_dialogues(recipe.data, base=project.root, file=file, given=str(path))
        kept, _ = apply_filters(read.dialogues, recipe.data.filters, count_tokens=count, file=file)
        assert [dialogue.number for dialogue in kept] == [2, 3]
