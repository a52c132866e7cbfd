"""Texts, verdicts and YAML that nobody thought of: hypothesis makes ten thousand of them.

The same ones each time for one version of hypothesis, so that nothing passes today and fails
tomorrow.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
import unicodedata
from pathlib import Path

import yaml
from attacks import MARKUP, assert_inert, hidden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from markdown_it import MarkdownIt

from conftest import Project
from harness.characters import is_unseen
from harness.engines import told_line
from harness.engines.top_logprobs import Position, value_logprobs
from harness.errors import SpecError
from harness.jsontext import json_text
from harness.judge.points import PointsAsked, read_points
from harness.judge.verdict import CHOICES, SCORES, read_absolute, read_pairwise
from harness.markdown import code, escape, fenced, html, quoted
from harness.masking import Mask
from harness.prompts.fence import neutralise
from harness.prompts.thoughts import KNOWN, split_served
from harness.records import Output
from harness.scorers.match import parse_label
from harness.spec import load_evalset, load_models

# It takes constants out of the modules that happen to be loaded, other tests' among them.
NO_CONSTANTS = type(providers._local_constants)()
providers._get_local_constants = lambda: NO_CONSTANTS

KEY = "sk-0123456789abcdef"


def cases(number: int):
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


WORDS = st.text(max_size=12) | st.sampled_from([one for one in MARKUP if len(one) < 80])
TEXTS = st.lists(WORDS, max_size=4).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
# What verdicts are made of, in any order, whole ones among them.
SYNTAX = st.sampled_from(
    ['{"reason": "a", ', '"score": 7', '"verdict": "A"', '"quote_1": "a", ', '"verdict_1": "met"',
     "{", "}", "[", "]", '"', ",", ":", "\\", "7", "07", "7.0", "1e1", "NaN", "true", " ", "\n",
     '"reason": ', '"score": ', '"verdict": ', "<think>", "</think>", "\\ud83d", "\x00"]
)  # fmt: skip
REPLIES = (
    st.lists(SYNTAX | WORDS, max_size=7).map("".join)
    | st.dictionaries(
        st.sampled_from(["reason", "score", "verdict", "quote_1", "verdict_1", "more"]),
        st.integers(-1, 12) | st.sampled_from(["A", "met", "tie"]) | VALUES,
        max_size=4,
    ).map(json.dumps)
)  # fmt: skip


def strict(text):
    """Return what a text is if it is one JSON object with each key once, else None."""

    def once(pairs):
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=lambda name: 1 / 0)
    except (ValueError, AssertionError, ZeroDivisionError):
        return None
    return found if isinstance(found, dict) else None


@cases(2000)
@given(REPLIES)
def test_a_verdict_is_one_whole_object_or_none(text):
    output, found = Output("k", text), strict(text.strip())
    for ruling, key, allowed in (
        (read_absolute(output), "score", SCORES),
        (read_pairwise(output), "verdict", CHOICES),
    ):
        value = ruling.value if key == "score" else ruling.choice
        whole = found is not None and found.keys() == {"reason", key}
        good = (whole and isinstance(found["reason"], str) and found["reason"].strip() != ""
                and type(found[key]) is type(allowed[0]) and found[key] in allowed)  # fmt: skip
        assert (value is not None) == good == (ruling.problem is None)
        assert value is None or value == found[key]
    (point,) = read_points(output, PointsAsked(1, True, "a"))
    assert (point.verdict is None) == (point.problem is not None)
    assert point.verdict is None or found["verdict_1"] == point.verdict


@cases(800)
@given(REPLIES, st.lists(st.tuples(SYNTAX, st.floats(-30, 0)), max_size=5))
def test_probabilities_of_a_score_are_of_this_text_or_none(text, top):
    probable = {token.encode(errors="replace"): logprob for token, logprob in top}
    positions = [Position(one.encode(errors="replace"), probable) for one in text[:60]]
    found = value_logprobs(text, positions, ("7", "8", "10"))
    assert len(found) in (0, 3)
    assert not any(math.isnan(one) for one in found)


@cases(1500)
@given(st.lists(st.sampled_from([one.begin for one in KNOWN[:3]] + [one.end for one in KNOWN[:3]])
                | WORDS, max_size=5).map("".join))  # fmt: skip
def test_a_thought_and_its_answer_are_parts_of_the_text(text):
    thought, answer = split_served(text)
    assert text.endswith(answer)
    if thought is None:
        assert answer == text
    else:
        assert thought.text in text
        assert thought.end == "closed" or answer == ""


@cases(1500)
@given(st.lists(WORDS | st.sampled_from(["yes", "no", "not", "1", "0", "-", " ", ".", "¬"]),
                max_size=4).map("".join))  # fmt: skip
def test_a_label_is_read_only_where_its_word_stands(text):
    words = {"good": "yes", "bad": "no", "one": "1", "zero": "0"}
    label, reason = parse_label(text, words)
    assert (label is None) == (reason is not None)
    if label is not None:
        shown = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
        assert set(shown) & {*words.values()} == {words[label]}


@cases(500)
@given(TEXTS)
def test_no_text_does_anything_where_it_is_written(text):
    cell = f"| a | {escape(text)} |"
    table = "| x | y |\n|---|---|\n"
    assert_inert(f"{table}{cell}\n", like=f"{table}| a | b |\n")
    quote, _ = quoted(text, limit=400)
    assert_inert(f"{quote}\n\nend\n", like="> a\n\nend\n")
    kinds = [one.type for one in MarkdownIt().parse(f"{fenced(text, limit=400)}\n\nend\n")]
    assert kinds == ["fence", "paragraph_open", "inline", "paragraph_close"]
    for line in (escape(text), html(text), code(text), told_line(text)):
        assert not hidden(line, breaks="")
    assert not {"<", ">"} & set(html(text))


@cases(1000)
@given(VALUES)
def test_json_hides_nothing_and_reads_back(value):
    try:
        text = json_text(value)
    except ValueError:
        assert "NaN" in json.dumps(value) or "Infinity" in json.dumps(value)
        return
    text.encode()
    kinds = {unicodedata.category(one) for one in text}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert not [one for one in text if ord(one) & 0xFFFE == 0xFFFE]
    assert json.loads(text) == value


@cases(1000)
@given(TEXTS, TEXTS, st.sampled_from([KEY, KEY.upper(), KEY.encode().hex()]))
def test_a_key_is_in_no_text(before, behind, key):
    shown = Mask([KEY]).text(before + key + behind)
    assert key.casefold() not in shown.casefold()


@cases(900)
@given(st.lists(WORDS | st.sampled_from(["<|im_end|>", "<", "|", "im_end", ">", "</answer-"]),
                max_size=6).map("".join))  # fmt: skip
def test_no_text_ends_its_fence(text):
    controls = re.compile(re.escape("<|im_end|>"))
    shown = neutralise(text, controls=controls)
    assert not controls.search(shown)
    assert neutralise(shown, controls=controls) == shown


SET = {"data": {"rows": [{"id": "a", "text": "fine", "label": "x"},
                         {"id": "b", "text": "dull", "label": "y"}]},
       "labels": ["x", "y"], "models": ["tiny"], "prompts": ["plain.j2"], "modes": ["zeroshot"],
       "scoring": "logprobs", "gates": [{"figure": "accuracy", "at_least": 0.5}]}  # fmt: skip
MODEL = {"source": "file:model", "engine": "fake", "dtype": "float32", "options": {}, "seed": 1}


@st.composite
def spoilt(draw, whole):
    """Draw a document of which one or two values are others."""
    made = json.loads(json.dumps(whole))
    for _ in range(draw(st.integers(1, 2))):
        place = made
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from([*keys, "more"] if isinstance(place, dict) else [*keys]))
            inner = place.get(key) if isinstance(place, dict) else place[key]
            if isinstance(inner, dict | list) and inner and draw(st.booleans()):
                place = inner
                continue
            place[key] = draw(VALUES)
            break
    return made


_PROJECT = tempfile.TemporaryDirectory(prefix="fuzz")
HERE = Project(Path(_PROJECT.name) / "project")


def check(path, read):
    """Assert that a file is read, or that each mistake is a line that names it."""
    try:
        read()
    except SpecError as error:
        for line in str(error).splitlines():
            assert re.match(rf"evalsets/{path.name}(:\d+)?: \S", line), line
            assert not [one for one in line if is_unseen(one)]


@cases(400)
@given(spoilt(SET) | TEXTS)
def test_an_eval_set_is_read_or_refused_in_lines_that_name_their_place(document):
    text = document if isinstance(document, str) else yaml.safe_dump(document, allow_unicode=True)
    path = HERE.root / "evalsets/set.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    check(path, lambda: load_evalset(path, root=HERE.root))


@cases(400)
@given(spoilt({"models": {"tiny": MODEL}}))
def test_models_are_read_or_refused_in_lines_that_name_their_place(document):
    path = HERE.root / "evalsets/spoilt.yaml"
    path.write_bytes(yaml.safe_dump(document).encode())
    check(path, lambda: load_models(path, root=HERE.root))
