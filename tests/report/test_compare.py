"""A comparison of two runs as markdown."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from drawn import drawn_cell, make_run

from harness.analysis.compare_runs import compare_runs
from harness.analysis.files import comparison_json
from harness.errors import HarnessError
from harness.reasons import Reason
from harness.records import (
    Extension,
    Judged,
    JudgedAnswer,
    JudgedBasis,
    JudgeInfo,
    PassportCheck,
    PointRuling,
    ProbeResult,
    Provenance,
    Standing,
)
from harness.report.compare import comparison_text

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the tables of a text, a mapping a line."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append([part.strip() for part in line.split("|")[1:-1]])
        elif found[-1]:
            found.append([])
    return [
        [dict(zip(table[0], line, strict=True)) for line in table[2:]] for table in found if table
    ]


def test_effects_their_mean_and_the_answers_that_changed():
    names = ("plain", "terse")
    a = make_run(*(drawn_cell(prompt=name, n=300) for name in names))
    b = make_run(*(drawn_cell(prompt=name, n=300, skill=4.0) for name in names))
    found = compare_runs(a, b)
    text = comparison_text(found)
    effects, changed = tables(text)
    one, other, mean = effects
    effect = found.pairs[0].effect
    assert one["cell"] == "`evalsets/mini.yaml::small-plain-zeroshot`"
    assert one["figure"] == "AUC"
    assert (one["A"], one["B"]) == (f"{effect.first:.3f}", f"{effect.second:.3f}")
    interval = f"[+{effect.low:.3f}, +{effect.high:.3f}]"
    assert one[f"B {MINUS} A"] == f"+{effect.value:.3f} {interval}"
    assert (one["p"], one["B is"]) == ("p < 0.001", "**better**")
    assert (one["won"], one["lost"]) == (str(found.pairs[0].won), str(found.pairs[0].lost))
    assert other["n"] == "300"
    assert mean["cell"] == "mean of 2 cells"
    assert "The p-values and intervals of the 2 cells hold at once" in text
    assert "Won and lost beside an AUC count raw answers." in text
    assert "One of the runs was saved by a version" in text
    assert "What differs: nothing that the runs keep." in text
    flips = found.pairs[0].flips
    assert changed[0]["flips"] == str(flips.count)
    assert changed[0]["share"].startswith(f"{flips.share.value:.3f} [")
    assert changed[0]["largest log-odds gap"] == f"{flips.gap:.4g}"
    assert changed[0]["unscored A / B"] == "0 / 0"


def test_what_is_left_out_is_said_and_inert():
    row, results = drawn_cell()
    hostile = replace(row, cell="\x1b[31m@you | <b>")
    a = make_run((row, results), drawn_cell(prompt="gone"))
    b = make_run((row, results[:7]), (hostile, []))
    extension = Extension("scorer", "strict", "conftest.py", "", "aaaa")
    a = replace(a, info=replace(a.info, extensions=(extension,)))
    b = replace(b, info=replace(b.info, extensions=(replace(extension, digest="bbbb"),)))
    standing = Standing("evalsets/probes.yaml", "m", 1, 1, 0, {}, {})
    b = replace(b, judged=replace(b.judged, standings=(standing,)))
    lines = comparison_text(compare_runs(a, b)).splitlines()
    assert lines[2:] == [
        "- refused: `evalsets/mini.yaml::small-plain-zeroshot`: other samples: A has 120, B has 7, "
        "and 7 of them are the same; run both on the same data",
        "- only in A: `evalsets/mini.yaml::small-gone-zeroshot`",
        "- only in B: `evalsets/mini.yaml::@you | <b>`, `evalsets/probes.yaml::m`",
        lines[5],
    ]
    assert "scorer strict" in lines[5]


def test_each_treatment_is_named_with_its_cells():
    a, b = drawn_cell(), drawn_cell(prompt="terse")
    changed = replace(b[0], mode="fewshot5-chat-s0")
    text = comparison_text(compare_runs(make_run(a, b), make_run(a, (changed, b[1]))))
    assert "- nothing that the runs keep: `evalsets/mini.yaml::small-plain-zeroshot`" in text
    assert ("- the shots (mode zeroshot → fewshot5-chat-s0): "
            "`evalsets/mini.yaml::small-terse-zeroshot`") in text  # fmt: skip


def everything():
    """Return a comparison in which all that can be said of two runs is said."""
    row, results = drawn_cell()
    prompts = ("plain", "terse", "role")
    a = make_run(*(drawn_cell(prompt=name, n=300) for name in prompts), drawn_cell(prompt="gone"))
    changed = [drawn_cell(prompt=name, n=300, skill=skill)
               for name, skill in zip(prompts, (4.0, 1.5, 0.2), strict=True)]  # fmt: skip
    changed[0] = (replace(changed[0][0], mode="fewshot5-chat-s0"), changed[0][1])
    b = make_run(*changed, (replace(row, cell="small-new"), results))
    few = drawn_cell(prompt="few")
    a = replace(a, rows=(*a.rows, few[0]), results=(*a.results, *few[1]))
    b = replace(b, rows=(*b.rows, few[0]), results=(*b.results, *few[1][:5]))
    a = replace(a, judged=judged_by_points(1.0))
    b = replace(b, judged=judged_by_points(0.4, adapter="f" * 64))
    return compare_runs(a, b)


def judged_by_points(rate, *, adapter="", check=None, void=None, probes=12):
    """Return a judge set in which two models meet a share of two points of each probe."""
    origin = Provenance("d", "w", "w", "s", "weights", adapter, "vllm 1", "bfloat16, H100")
    found, bases, standings = [], [], []
    for model in ("base", "tuned"):
        for place in range(probes):
            met = (place / probes < rate, place % 3 > 0)
            rulings = tuple(PointRuling("met" if one else "not met") for one in met)
            answer = JudgedAnswer(0, 0, "an answer", 3, cut=False, problem=None, rulings={},
                                  score=None, points={"wise": rulings},
                                  share=sum(met) / 2)  # fmt: skip
            found.append(ProbeResult("evalsets/probes.yaml", model, f"p{place}", "k", "?",
                                     ("*1*", "2"), (answer,)))  # fmt: skip
        own = {f"p{place}": "x" for place in range(probes)}
        bases.append(JudgedBasis("evalsets/probes.yaml", model, origin, "{}",
                                 {"judge.points": "a" * 64}, own))  # fmt: skip
        standings.append(Standing("evalsets/probes.yaml", model, probes, probes, 0, {}, {},
                                  trusted=True))  # fmt: skip
    check = check or PassportCheck("wise", trusted=True)
    info = JudgeInfo("evalsets/probes.yaml", "wise", "vllm", "bfloat16", "d", check, void, 0.0, 1,
                     {}, 1, 1)  # fmt: skip
    return Judged(tuple(found), judges=(info,), standings=tuple(standings), bases=tuple(bases))


def compared(a, b, **changes):
    """Return two judged sets compared."""
    run = make_run(drawn_cell())
    return compare_runs(replace(run, judged=a), replace(run, judged=b), **changes)


def test_judged_models_are_compared_probe_by_probe():
    found = compared(judged_by_points(1.0), judged_by_points(0.4, adapter="f" * 64))
    text = comparison_text(found)
    line = tables(text)[2][1]
    assert line["model"] == "`evalsets/probes.yaml::tuned`"
    assert (line["figure"], line["A"], line["B"]) == ("points met", "0.833", "0.542")
    contrast = found.models[1].pair.contrasts[0]
    interval = f"[{MINUS}{-contrast.low:.3f}, {MINUS}{-contrast.high:.3f}]"
    assert line[f"B {MINUS} A"] == f"{MINUS}0.292 {interval}"
    assert (line["B is"], line["probes better"], line["worse"]) == ("**worse**", "0", "7")
    assert "`evalsets/probes.yaml::tuned`: What differs: adapter (adapter none → ffff" in text
    assert "Probes that became worse by points met (7): p5 1.00 → 0.50, " in text
    assert "Of 24 points 0 gained, 7 lost." in text
    assert r"Lost: p5 1, 1.00 → 0.00: \*1\*" in text


def test_few_probes_can_be_told_as_json():
    a, b = (judged_by_points(rate, probes=2) for rate in (1.0, 0.4))
    found = json.loads(comparison_json(compared(a, b)))
    (contrast,) = found["models"][0]["pair"]["contrasts"]
    # No two probes can show a difference.
    assert (contrast["n"], contrast["detectable"]) == (2, None)


def test_models_are_matched_by_new_names_and_against_one():
    a, b = judged_by_points(1.0), judged_by_points(0.4)
    found = compared(a, b, against="base")
    assert [(one.pair.former, one.pair.model) for one in found.models] == [
        ("", "base"), ("base", "tuned")
    ]  # fmt: skip
    found = compared(a, b, renamed={"tuned": "base"})
    assert [(one.pair.former, one.pair.model) for one in found.models] == [
        ("tuned", "base"), ("", "tuned")
    ]  # fmt: skip
    with pytest.raises(HarnessError, match=r"--match bas=tuned: 'bas' is not .*; did you"):
        compared(a, b, renamed={"bas": "tuned"})


def test_of_untrusted_and_void_runs_nothing_is_claimed():
    a = judged_by_points(1.0)
    untrusted = PassportCheck("wise", trusted=False, problem=Reason("not_covered"))
    for b, said in ((judged_by_points(0.4, check=untrusted), "Untrusted judge"),
                    (judged_by_points(0.4, void=Reason("no_reason")), "Void")):  # fmt: skip
        text = comparison_text(compared(a, b))
        assert f"- *{said}, nothing is claimed.* `evalsets/probes.yaml::base`" in text
        assert [line["B is"] for line in tables(text)[2]] == [NOTHING, NOTHING]


def test_another_scale_and_a_run_of_an_earlier_version_are_refused():
    a, b = judged_by_points(1.0), judged_by_points(0.4)
    other = replace(b, bases=tuple(replace(one, scale={"judge.points": "b" * 64})
                                   for one in b.bases))  # fmt: skip
    text = comparison_text(compared(a, other))
    assert ("- refused: `evalsets/probes.yaml::base`: its scores are of another scale: "
            "judge.points aaaaaaaaaaaa → bbbbbbbbbbbb") in text  # fmt: skip
    text = comparison_text(compared(replace(a, bases=()), b))
    assert "- refused: `evalsets/probes.yaml::tuned`: a run of an earlier version" in text


def test_a_comparison_in_russian_has_the_same_numbers_and_no_english_words():
    found = everything()
    english, russian = (comparison_text(found, lang=lang) for lang in ("en", "ru"))
    numbers = re.compile(r"[\u2212+]?\d+\.\d+")
    assert numbers.findall(english) == numbers.findall(russian)
    assert len(tables(english)) == len(tables(russian)) == 3
    assert [len(table) for table in tables(english)] == [len(table) for table in tables(russian)]
    for said in (
        "refused: ",
        "only in A: ",
        "only in B: ",
        "by points met",
        "differ beyond chance",
    ):
        assert said in english
    bare = re.sub(r"`[^`]*`|\([^()]*\u2192[^()]*\)", "", russian)
    assert set(re.findall(r"[A-Za-z][A-Za-z-]+", bare)) == {"AUC", "log-odds"}
