from __future__ import annotations

import json
import math

import pytest

from harness.judge.verdict import (
    ABSOLUTE_SCHEMA,
    PAIRWISE_SCHEMA,
    SCORE_WORDS,
    read_absolute,
    read_pairwise,
    score_prefix,
    score_words,
    with_expectation,
)
from harness.reasons import Reason
from harness.records import Output, Ruling


def absolute(text: str, **changes) -> Ruling:
    return read_absolute(Output("k", text, **changes))


def pairwise(text: str, **changes) -> Ruling:
    return read_pairwise(Output("k", text, **changes))


@pytest.mark.parametrize("score", range(1, 11))
def test_every_score_of_the_scale(score):
    found = absolute(f'{{"reason": "so", "score": {score}}}')
    assert found == Ruling(value=float(score), reason="so")


@pytest.mark.parametrize("choice", ["A", "B", "tie"])
def test_every_choice(choice):
    assert pairwise(f'{{"reason":"so","verdict":"{choice}"}}') == Ruling(choice=choice, reason="so")


def test_white_space_does_not_count():
    assert absolute('\n {"score":7 ,\n"reason" : "так"}\n').value == 7.0


NO_OBJECT = "the judge's reply is not a JSON object"
BROKEN = {
    "": "the judge wrote nothing",
    " \n": "the judge wrote nothing",
    "7": NO_OBJECT,
    "null": NO_OBJECT,
    "Score: 7": NO_OBJECT,
    'So: {"reason": "a", "score": 7}': NO_OBJECT,
    '```json\n{"reason": "a", "score": 7}\n```': NO_OBJECT,
    '[{"reason": "a", "score": 7}]': NO_OBJECT,
    '{"reason": "a", "score": 7': "the verdict is not valid JSON",
    '{"reason": "a", "score": }': "the verdict is not valid JSON",
    '{"reason": "a", "score": 07}': "the verdict is not valid JSON",
    '{"reason": "a", "score": +7}': "the verdict is not valid JSON",
    "{'reason': 'a', 'score': 7}": "the verdict is not valid JSON",
    '{"reason": "a", "score": 7,}': "the verdict is not valid JSON",
    '{"reason": "a\nb", "score": 7}': "the verdict is not valid JSON",
    '{"a":' * 100_000: "the verdict is not valid JSON",
    '{"reason": "a", "score": ' + "9" * 5000 + "}": "the verdict is not valid JSON",
    '{"reason": "a", "score": 7}{"reason": "a", "score": 7}': "two verdicts",
    '{"reason": "a", "score": 7}\n{"reason": "a", "score": 8}': "two verdicts",
    '{"reason": "a", "score": 7}, {"reason": "a", "score": 8}': "two verdicts",
    '{"reason": "a", "score": 7} as I said': "text behind the verdict",
    '{"reason": "a", "score": 7}.': "text behind the verdict",
    '{"reason": "a", "score": 7},': "text behind the verdict",
    '{"reason": "a", "score": 7, "score": 8}': "a key stands twice in the verdict",
    '{"reason": "a", "reason": "b", "score": 7}': "a key stands twice in the verdict",
    '{"reason": "a", "score": NaN}': "NaN is not a number of JSON",
    '{"reason": "a", "score": Infinity}': "Infinity is not a number of JSON",
    '{"score": 7}': "the verdict has no reason",
    '{"reason": "a"}': "the verdict has no score",
    "{}": "the verdict has no reason",
    '{"Reason": "a", "Score": 7}': "the verdict has no reason",
    '{"reason": "a", "verdict": "A"}': "the verdict has no score",
    '{"reason": "a", "score": 7, "verdict": "A"}': "the verdict has further keys",
    '{"reason": null, "score": 7}': "the reason is not text",
    '{"reason": ["a"], "score": 7}': "the reason is not text",
    '{"reason": "", "score": 7}': "the reason is empty",
    '{"reason": " \\n", "score": 7}': "the reason is empty",
    '{"reason": "a", "score": true}': "the score is not a whole number",
    '{"reason": "a", "score": "7"}': "the score is not a whole number",
    '{"reason": "a", "score": 7.5}': "the score is not a whole number",
    '{"reason": "a", "score": 7.0}': "the score is not a whole number",
    '{"reason": "a", "score": 1e1}': "the score is not a whole number",
    '{"reason": "a", "score": null}': "the score is not a whole number",
    '{"reason": "a", "score": [7]}': "the score is not a whole number",
    '{"reason": "a", "score": 0}': "the score is not between 1 and 10",
    '{"reason": "a", "score": 11}': "the score is not between 1 and 10",
    '{"reason": "a", "score": -7}': "the score is not between 1 and 10",
    '{"reason": "a", "score": 100}': "the score is not between 1 and 10",
    '\ufeff{"reason": "a", "score": 7}': NO_OBJECT,
    '<think>so</think>{"reason": "a", "score": 7}': NO_OBJECT,
    '"{\\"reason\\": \\"a\\", \\"score\\": 7}"': NO_OBJECT,
    '{"reason": "a", "score": 7} // good': "text behind the verdict",
    '{"reason": "a", "score": 7}}': "text behind the verdict",
    '{"reason": "a", "score": 7}\x00': "text behind the verdict",
    '{"reason": "a", "score": 7}[]': "two verdicts",
    '{"reason": "a", "score": 7, "sc\\u006fre": 8}': "a key stands twice in the verdict",
    '{"reason": "a", "score": \uff17}': "the verdict is not valid JSON",
    '{"reason": "a" "score": 7}': "the verdict is not valid JSON",
    '{reason: "a", score: 7}': "the verdict is not valid JSON",
    '{"reason": "a", "score": 0x7}': "the verdict is not valid JSON",
    '{"reason": "a\\x", "score": 7}': "the verdict is not valid JSON",
    '{"score": {"reason": "a", "score": 7}}': "the verdict has no reason",
    '{"reason": {"score": 7}, "score": 7}': "the reason is not text",
    '{"reason": "a", "score": -Infinity}': "-Infinity is not a number of JSON",
    '{"reason": "a", "score": "seven"}': "the score is not a whole number",
    '{"reason": "a", "score": 99999999999999999999}': "the score is not between 1 and 10",
}


@pytest.mark.parametrize(("text", "problem"), BROKEN.items(), ids=range(len(BROKEN)))
def test_what_is_no_verdict_has_no_value_and_says_why(text, problem):
    found = absolute(text)
    assert found == Ruling(problem=found.problem)
    assert found.problem.text == problem


@pytest.mark.parametrize("verdict", ['"a"', '"C"', '"A "', '"Tie"', '"A or B"', "1", "true", "null",
                                     '["A"]', '{"A": 1}'])  # fmt: skip
def test_only_three_choices(verdict):
    text = f'{{"reason": "so", "verdict": {verdict}}}'
    assert pairwise(text) == Ruling(problem=Reason("verdict_not_choice"))


def test_pairwise_fails_closed_like_absolute():
    assert pairwise('{"reason": "a", "score": 7}').problem.text == "the verdict has no verdict"
    assert pairwise('{"reason": "a", "verdict": "A"} B').problem.text == "text behind the verdict"


@pytest.mark.parametrize("read", [absolute, pairwise])
def test_an_engine_s_error_is_the_problem(read):
    whole = '{"reason": "a", "score": 7}'
    assert read(whole, error="out of memory", finish_reason="error") == Ruling(
        problem=Reason("engine", {"said": "out of memory"})
    )
    cut = read(whole, finish_reason="length")
    assert cut == Ruling(problem=Reason("verdict_cut"))
    assert read(whole, finish_reason="error").problem.text == "the judge ended by error"


def test_half_a_character_in_a_reason_can_be_written_to_a_file():
    found = absolute('{"reason": "a\\ud800b", "score": 7}')
    assert found.reason == "a?b"
    assert found.value == 7.0


def test_the_schemas_allow_what_is_read():
    for text, key in ((ABSOLUTE_SCHEMA, "score"), (PAIRWISE_SCHEMA, "verdict")):
        schema = json.loads(text)
        # The reason comes first, so that the judge thinks before it decides.
        assert list(schema["properties"]) == schema["required"] == ["reason", key]
        assert schema["additionalProperties"] is False
        assert schema["properties"]["reason"]["maxLength"] > 100
        for value in schema["properties"][key]["enum"]:
            verdict = json.dumps({"reason": "a", key: value})
            found = absolute(verdict) if key == "score" else pairwise(verdict)
            assert found.problem is None
    assert [str(v) for v in json.loads(ABSOLUTE_SCHEMA)["properties"]["score"]["enum"]] == list(
        SCORE_WORDS
    )


@pytest.mark.parametrize(
    ("text", "prefix", "word"),
    [
        ('{"reason": "a", "score": 7}', '{"reason": "a", "score":', " 7}"),
        ('{"reason":"a","score":10}', '{"reason":"a","score":', "10}"),
        ('{"score" :\n 7, "reason": "a"}', '{"score" :', "\n 7,"),
        ('{"reason": "\\"score\\": 9", "score":3}', '{"reason": "\\"score\\": 9", "score":', "3}"),
        ('{"reason":"score","score":1}', '{"reason":"score","score":', "1}"),
    ],
)  # fmt: skip
def test_where_the_score_is_asked_for_again(text, prefix, word):
    assert score_prefix(text) == prefix
    words = score_words(text)
    assert word in words
    assert (prefix + word)[: len(text)] == text[: len(prefix + word)]
    assert [w.strip(" \n,}") for w in words] == list(SCORE_WORDS)
    # No word begins with another one, as 10 does with 1.
    assert not any(a != b and b.startswith(a) for a in words for b in words)


@pytest.mark.parametrize("text", ["", "7", '{"reason": "a"}', '{"reason": "\\"score\\": 7"}'])
def test_without_a_score_there_is_no_prefix(text):
    assert score_prefix(text) is None


RULING = Ruling(value=7.0, reason="so")


def logs(shares: dict[int, float]) -> dict[int, float]:
    return {score: math.log(share) if share else -math.inf for score, share in shares.items()}


def test_expectation_by_hand():
    found = with_expectation(RULING, logs({7: 0.5, 8: 0.25, 10: 0.25, 3: 0.0}))
    assert found.value == pytest.approx(0.5 * 7 + 0.25 * 8 + 0.25 * 10)
    assert found.expected
    assert found.reason == "so"


def test_expectation_is_renormalised():
    assert with_expectation(RULING, logs({6: 0.3, 8: 0.3})).value == pytest.approx(7.0)


def test_other_words_have_no_part_in_it():
    found = with_expectation(RULING, logs({0: 0.2, 7: 0.6, 11: 0.2}))
    assert found.value == pytest.approx(7.0)


def test_one_sure_score_is_itself():
    assert with_expectation(RULING, {10: 1e-9}) == Ruling(value=10.0, expected=True, reason="so")


@pytest.mark.parametrize(
    "logprobs",
    [
        {},
        logs({7: 0.004, 8: 0.005}),  # less than a hundredth of all probability
        logs({7: 0.0}),
        logs({7: 0.9, 8: 0.9}),  # more than there is
        {7: math.nan, 8: 0.0},
        {7: 0.5},
        {7: math.inf},
    ],
)
def test_what_is_no_distribution_leaves_the_written_score(logprobs):
    assert with_expectation(RULING, logprobs) == RULING


def test_without_a_verdict_there_is_no_expectation():
    ruling = Ruling(problem=Reason("two_verdicts"))
    assert with_expectation(ruling, {7: 0.0}) == ruling
