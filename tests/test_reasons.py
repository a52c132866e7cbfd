"""Each reason has a phrase of its own in every language, with the same facts."""

from __future__ import annotations

import ast
import json
import re
import string
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from sentences import prose, sentences

import harness
from harness.language import words
from harness.reasons import Counts, Reason, changed, count, say, several
from harness.reasons.kinds import KINDS
from harness.records import Gate, Run, RunInfo
from harness.report.runfiles import load_run, save_run

SOURCES = sorted(Path(harness.__file__).parent.rglob("*.py"))
# Names of libraries, commands, keys and options, which are the same in every language.
NAMES = (
    "AUC", "JSON", "OpenAI", "API", "scoring.max_tokens", "max_model_len", "answers.max_tokens",
    "thinking", "limit", "bfloat16", "float16", "float32", "dtype", "models.yaml", "A, не B", "tie",
    "CUDA", "fake", "--eval-repeat-engine", "--eval-write-baseline", "--eval-baseline-add",
    "pytest", "rope_type",
    "dynamic",
)  # fmt: skip


def told(kind: str) -> Reason:
    """Return a reason of a kind, with facts that its phrase can be filled with."""
    known = KINDS[kind]
    shares = re.findall(r"{{ (\w+) \| fmt", sentences("en")[f"why_{kind}"])
    facts = {name: 0.5 if name in shares else f"<{name}>" for name in sorted(known.names)}
    return Reason(kind, facts, (Reason("no_pairs"),) if known.caused else ())


def made() -> dict[str, list[str]]:
    """Return the kinds that code names, with the places; a name by a variable is any string."""
    found: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Reason" and node.args:
                first = node.args[0]
                either = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                for one in either:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        found.setdefault(one.value, []).append(f"{path}:{node.lineno}")
    return found


def test_every_kind_has_a_phrase_and_no_phrase_is_left_over():
    for lang in ("en", "ru"):
        assert [name[4:] for name in sentences(lang) if name.startswith("why_")] == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_phrase_tells_all_facts_of_its_kind(kind):
    known = KINDS[kind]
    wanted = known.names | ({"cause"} if known.caused else set())
    for lang in ("en", "ru"):
        assert set(words(lang).facts(f"why_{kind}")) == wanted
        assert known.texts <= known.names
        assert say(told(kind), lang)


@pytest.mark.parametrize("kind", KINDS)
def test_russian_has_no_english_word(kind):
    own = prose(sentences("ru")[f"why_{kind}"])
    for name in sorted(NAMES, key=len, reverse=True):
        own = own.replace(name, "")
    assert not any(letter in string.ascii_letters for letter in own), own


@pytest.mark.parametrize("kind", KINDS)
def test_a_redacted_reason_has_no_text(kind):
    one = told(kind)
    shown = one.redacted()
    for name in KINDS[kind].texts:
        assert f"<{name}>" in one.text
        assert f"<{name}>" not in repr(shown)
    kept = KINDS[kind].names - KINDS[kind].texts
    assert {name: shown.facts[name] for name in kept} == {name: one.facts[name] for name in kept}


def test_code_makes_all_kinds_and_no_other():
    found = made()
    assert {kind: found[kind] for kind in found.keys() - KINDS.keys()} == {}
    words = {
        node.value
        for path in SOURCES
        if path.parent.name != "reasons" or path.name == "reason.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert KINDS.keys() - {"or"} - words == set()


def test_a_mistake_in_a_reason_is_told():
    with pytest.raises(ValueError, match="no reason of kind 'nonsense'"):
        Reason("nonsense")
    with pytest.raises(ValueError, match=r"'none_scored' has the facts \['total'\]"):
        Reason("none_scored", {"n": 3})
    with pytest.raises(ValueError, match="'other_cell'"):
        Reason("other_cell")


def test_numbers_and_causes_are_written():
    share = Reason("too_many_unscored", {"share": 0.0312, "most": 0.02})
    assert share.text == "unscored 3.1% of the samples, more than 2.0%"
    both = Reason("other_cell", causes=(share, Reason("no_pairs")))
    assert both.text == f"the other cell: {share.text}; no samples can be paired"
    assert say(both, "ru").startswith("другая ячейка: без оценки 3.1% примеров")


def test_several_reasons_are_one():
    one, other = Reason("no_pairs"), Reason("no_samples")
    assert several([]) is None
    assert several([one]) == one
    assert several([one, other]).text == f"{one.text}; {other.text}"


def test_equal_reasons_are_counted_together():
    texts = [Reason("other", {"said": said}) for said in "abaa"]
    assert list(count(texts).items()) == [(texts[0], 3), (texts[1], 1)]
    assert changed(count(texts), Reason.redacted) == {Reason("other", {"said": "…"}): 4}


def test_counts_in_json_and_as_they_were():
    counts = {Reason("no_pairs"): 3, Reason("other", {"said": "a"}): 1}
    kept = TypeAdapter(Counts)
    written = kept.dump_python(counts)
    assert [one["n"] for one in written] == [3, 1]
    assert kept.validate_python(written) == counts
    older = kept.validate_python({"a": 3, "b": 1})
    assert older == {Reason("other", {"said": "a"}): 3, Reason("other", {"said": "b"}): 1}


@pytest.mark.parametrize("value", [None, 3, [3], [{"reason": "a"}], {"a": "3"}, {"a": None}])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(ValidationError):
        TypeAdapter(Counts).validate_python(value)


def test_kinds_in_a_fact_are_said_in_the_language():
    never = ("canary_null", "canary_off_topic")
    mute = Reason(
        "canary_kinds_mute", {"judge": "j", "lost": 2, "n": 8, "kinds": never},
        (Reason("verdict_cut"),),
    )  # fmt: skip
    assert "never to an empty answer or an answer to another probe: the verdict" in mute.text
    assert "всегда пустой ответ или ответ на другой вопрос: вердикт" in say(mute, "ru")
    assert Reason.from_json(json.loads(json.dumps(mute.to_json()))) == mute


def test_json_has_kind_facts_and_text():
    one = Reason("other_cell", causes=(Reason("none_scored", {"total": 3}),))
    inner = {"kind": "none_scored", "facts": {"total": 3}, "text": "none of 3 samples was scored"}
    written = one.to_json()
    assert written == {"kind": "other_cell", "facts": {}, "causes": [inner],
                       "text": "the other cell: none of 3 samples was scored"}  # fmt: skip
    assert Reason.from_json(written) == one


@pytest.mark.parametrize(
    "value",
    [
        "as it was",
        {"kind": "of a later version", "facts": {"n": 3}, "text": "as it was"},
        {"kind": "none_scored", "facts": {"n": 3}, "text": "as it was"},
        {"kind": "none_scored", "facts": {"total": [3]}, "text": "as it was"},
        {"kind": "too_many_unscored", "facts": {"share": "x", "most": 1}, "text": "as it was"},
        {"kind": "none_scored", "facts": None, "text": "as it was"},
    ],
)
def test_what_this_version_cannot_say_is_a_text(value):
    found = TypeAdapter(Reason).validate_python(value)
    assert found == Reason("other", {"said": "as it was"})
    assert found.redacted().text == "…"


@pytest.mark.parametrize("value", [3, None, "", {}, {"kind": "no_pairs"}, {"text": 3}])
def test_what_is_no_reason_is_refused(value):
    with pytest.raises(ValidationError):
        TypeAdapter(Reason).validate_python(value)


def test_a_reason_reads_back_from_a_run(tmp_path):
    why = Reason("other_cell", causes=(Reason("none_scored", {"total": 3}),))
    gate = Gate("e.yaml", "c", "accuracy", "at_least", 0.5, "fail", True, "line", reason=why)
    run = Run(RunInfo("r", "now", 1.0, "pytest", {}, {}), gates=(gate, replace(gate, reason=None)))
    save_run(tmp_path, run)
    assert load_run(tmp_path).gates == run.gates
