"""A comparison of two runs as markdown."""

from __future__ import annotations

import re
from dataclasses import replace

from drawn import drawn_cell, make_run

from harness.analysis.compare_runs import compare_runs
from harness.records import Extension, Standing
from harness.report.compare import comparison_text

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
        "- only in B: `evalsets/mini.yaml::@you | <b>`",
        lines[5],
        "- `evalsets/probes.yaml`: a judge set, which is not compared",
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
    standing = Standing("evalsets/probes.yaml", "m", 1, 1, 0, {}, {})
    b = replace(b, judged=replace(b.judged, standings=(standing,)))
    return compare_runs(a, b)


def test_a_comparison_in_russian_has_the_same_numbers_and_no_english_words():
    found = everything()
    english, russian = (comparison_text(found, lang=lang) for lang in ("en", "ru"))
    numbers = re.compile(r"[\u2212+]?\d+\.\d+")
    assert numbers.findall(english) == numbers.findall(russian)
    assert len(tables(english)) == len(tables(russian)) == 2
    assert [len(table) for table in tables(english)] == [len(table) for table in tables(russian)]
    for said in ("refused: ", "only in A: ", "only in B: ", "a judge set", "differ beyond chance"):
        assert said in english
    bare = re.sub(r"`[^`]*`|\([^()]*\u2192[^()]*\)", "", russian)
    assert set(re.findall(r"[A-Za-z][A-Za-z-]+", bare)) == {"AUC", "log-odds"}
