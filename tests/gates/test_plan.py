from __future__ import annotations

import pytest

from harness.collect import collect_evalset
from harness.errors import SpecError
from harness.gates.plan import GATE_PREFIX
from harness.plugin.evalsets import is_gate

SHOTS = "tiny-plain-fewshot2"


@pytest.fixture
def good(project):
    return (project.root / "evalsets/set.yaml").read_text()


def plan(project, text: str, *gates: str):
    lines = "".join(f"  - {gate}\n" for gate in gates)
    return collect_evalset(project.evalset(f"{text}gates:\n{lines}"), project.root).gates


def problem(project, text: str, gate: str) -> str:
    line = text.count("\n") + 2
    with pytest.raises(SpecError) as raised:
        plan(project, text, gate)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"evalsets/set.yaml:{line}: gates[0].")
    return str(raised.value).partition("gates[0].")[2]


def test_one_line_compares_every_few_shot_cell_with_its_own_zero_shot(project, good):
    found = plan(project, good, "{cells: '*-fewshot*', figure: auc, "
                 "no_worse_than: {mode: zeroshot}, by: 0.03}")  # fmt: skip
    assert [(one.cell.id, one.against) for one in found] == [
        (f"tiny-{prompt}-fewshot2-{place}-s0", f"tiny-{prompt}-zeroshot")
        for prompt in ("plain", "prefill")
        for place in ("system", "user", "chat")
    ]
    assert found[0].id == f"gate-auc-{SHOTS}-system-s0-vs-zeroshot"
    assert [cell.id for cell in found[0].needs] == [f"{SHOTS}-system-s0", "tiny-plain-zeroshot"]


def test_a_pattern_chooses_cells_and_knows_upper_case(project, good):
    found = plan(project, good, "{cells: '*-zeroshot', figure: auc, at_least: 0.5}",
                 "{figure: auc, at_least: 0.5}")  # fmt: skip
    zero, every = (
        [one.cell.id for one in found if one.spec.cells == p] for p in ("*-zeroshot", "*")
    )
    assert zero == ["tiny-plain-zeroshot", "tiny-prefill-zeroshot"]
    assert len(every) == 8
    said = problem(project, good, "{cells: 'TINY*', figure: auc, at_least: 0.5}")
    assert said.startswith("cells: 'TINY*' matches no cell")


@pytest.mark.parametrize(
    ("other", "against", "suffix"),
    [
        ("{prompt: prefill}", "tiny-prefill-zeroshot", "-vs-prefill"),
        ("{prompt: prefill, mode: fewshot2-chat-s0}", "tiny-prefill-fewshot2-chat-s0",
         "-vs-prefill-fewshot2-chat-s0"),
        (f"{SHOTS}-user-s0", f"{SHOTS}-user-s0", "-vs-fewshot2-user-s0"),
        ("baseline", "baseline", "-vs-baseline"),
    ],
)  # fmt: skip
def test_what_a_cell_can_be_compared_with(project, good, other, against, suffix):
    (found,) = plan(project, good, f"{{cells: tiny-plain-zeroshot, figure: accuracy, "
                    f"better_than: {other}}}")  # fmt: skip
    assert found.against == against
    assert found.id == f"gate-accuracy-tiny-plain-zeroshot{suffix}"
    assert len(found.needs) == (1 if against == "baseline" else 2)


def test_another_model(project, good):
    project.models("models:\n  tiny: {source: file:model}\n  big: {source: file:model}\n")
    text = good.replace("[tiny]", "[tiny, big]")
    found = plan(project, text, "{cells: 'big-*', figure: auc, better_than: {model: tiny}}")
    assert len(found) == 8
    assert all(one.against == one.cell.id.replace("big", "tiny") for one in found)
    assert found[0].id.endswith("-vs-tiny")


def test_ids_are_unique_and_told_from_cells(project, good):
    found = plan(project, good, "{figure: accuracy, at_least: 0.5}",
                 "{cells: '*-zeroshot', figure: accuracy, at_most: 0.9}",
                 "{cells: 'tiny-plain-*', figure: accuracy, at_least: 0.6}")  # fmt: skip
    ids = [one.id for one in found]
    assert len(set(ids)) == len(ids) == 8 + 2 + 4
    assert ids.count("gate-accuracy-tiny-plain-zeroshot") == 1
    assert {f"gate-accuracy-tiny-plain-zeroshot-{n}" for n in (2, 3)} <= set(ids)
    assert all(is_gate(f"evalsets/set.yaml::{one}") for one in ids)
    assert not is_gate("evalsets/gate-a.yaml::tiny-plain-zeroshot")
    assert GATE_PREFIX == "gate-"


def test_a_pattern_that_matches_nothing(project, good):
    found = problem(project, good, "{cells: '*-plane-*', figure: auc, no_worse_than: baseline}")
    assert found == "cells: '*-plane-*' matches no cell; cells are such as 'tiny-plain-zeroshot'"


@pytest.mark.parametrize("other", ["{mode: zeroshott}", "tiny-plain-zeroshott"])
def test_a_comparison_with_no_cell(project, good, other):
    gate = f"{{cells: '{SHOTS}-chat-s0', figure: auc, no_worse_than: {other}}}"
    assert problem(project, good, gate) == (
        f"no_worse_than: '{SHOTS}-chat-s0' is to be compared with 'tiny-plain-zeroshott', which is "
        "not a cell of this set; did you mean 'tiny-plain-zeroshot'?"
    )


def test_a_comparison_with_itself(project, good):
    found = problem(project, good, "{figure: auc, better_than: {mode: zeroshot}}")
    assert found == (
        "better_than: 'tiny-plain-zeroshot' is compared with itself; narrow 'cells', which is '*'"
    )


def test_a_model_that_is_called_like_a_gate(project, good):
    project.models("models:\n  gate-a: {source: file:model}\n")
    with pytest.raises(SpecError, match="would be taken for a gate; rename its model"):
        plan(project, good.replace("[tiny]", "[gate-a]"), "{figure: auc, at_least: 0.5}")


@pytest.mark.parametrize(
    ("change", "gate", "said"),
    [
        (
            ("labels: [positive, negative]", "labels: [positive, negative, mixed]"),
            "{figure: auc, at_least: 0.5}",
            "figure: auc is of two labels, and the set has 3; gate another figure",
        ),
        (
            ("modes:\n", "scoring: choice\nmodes:\n"),
            "{cells: '*-plain-zeroshot', figure: auc, no_worse_than: {prompt: prefill}}",
            "figure: 'tiny-plain-zeroshot' is scored by choice, which gives no auc; gate accuracy, "
            "or score by logprobs",
        ),
        (
            ("modes:\n", "scoring: generate\nmodes:\n"),
            "{cells: '*-plain-zeroshot', figure: label_mass, at_least: 0.5}",
            "figure: 'tiny-plain-zeroshot' is scored by generate, which gives no label_mass; gate "
            "accuracy, or score by logprobs",
        ),
        (
            ("", ""),
            "{figure: contextual_accuracy, at_least: 0.5}",
            "figure: there is no contextual_accuracy without scoring.contextual; set it to true",
        ),
    ],
)
def test_a_figure_that_no_cell_can_have_is_refused(project, good, change, gate, said):
    assert problem(project, good.replace(*change, 1), gate) == said


def test_a_classifier_has_log_probabilities_in_any_set_but_no_contextual_accuracy(project, good):
    project.models("models:\n  tiny: {source: file:model}\n  base: {engine: tfidf}\n")
    text = good.replace("[tiny]", "[tiny, base]")
    choice = text.replace("modes:\n", "scoring: choice\nmodes:\n")
    assert plan(project, choice, "{cells: 'base-*', figure: auc, at_least: 0.5}")
    gate = "{cells: 'base-*', figure: auc, better_than: tiny-plain-zeroshot}"
    said = problem(project, choice, gate)
    assert said.startswith("figure: 'tiny-plain-zeroshot' is scored by choice")
    asked = text.replace("modes:\n", "scoring: {contextual: true}\nmodes:\n")
    gate = "{cells: '*zeroshot', figure: contextual_accuracy, at_least: 0.5}"
    assert len(plan(project, asked, gate)) == 2
    said = problem(project, asked, gate.replace("*zeroshot", "base-*"))
    assert said == (
        "figure: 'base-trained-s0' is a classifier, which has no contextual_accuracy; narrow "
        "'cells'"
    )


def test_a_mode_without_its_thinking_is_that_of_the_gated_cell(project, good):
    text = good.replace("  - zeroshot\n", "  - {mode: zeroshot, thinking: [off, {budget: 9}]}\n")
    text = text.replace("    k: 2\n", "    k: 2\n    thinking: [off, {budget: 9}]\n")
    found = plan(project, text, "{cells: '*-plain-fewshot2-chat-*', figure: auc, "
                 "no_worse_than: {mode: zeroshot}}",
                 "{cells: '*-plain-zeroshot-think9', figure: auc, "
                 "better_than: {mode: zeroshot-nothink}}")  # fmt: skip
    assert [(one.cell.id, one.against) for one in found] == [
        ("tiny-plain-fewshot2-chat-s0-nothink", "tiny-plain-zeroshot-nothink"),
        ("tiny-plain-fewshot2-chat-s0-think9", "tiny-plain-zeroshot-think9"),
        ("tiny-plain-zeroshot-think9", "tiny-plain-zeroshot-nothink"),
    ]
