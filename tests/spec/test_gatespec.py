from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.spec import GateSpec, OtherCell, load_evalset


def gate_problem(project, gate: str) -> str:
    """Return the one line about a gate, without the file and the gate's number."""
    good = (project.root / "evalsets/set.yaml").read_text()
    line = good.count("\n") + 2
    with pytest.raises(SpecError) as raised:
        load_evalset(project.evalset(f"{good}gates:\n  - {gate}\n"), root=project.root)
    start = f"evalsets/set.yaml:{line}: gates[0]"
    assert str(raised.value).startswith(start)
    return str(raised.value).removeprefix(start)


@pytest.mark.parametrize(
    ("gate", "line"),
    [
        (
            "{figure: auc, at_least: 0.5, better_than: baseline}",
            ": needs exactly one of at_least, at_most, no_worse_than and better_than",
        ),
        (
            "{figure: auc, at_least: 0.5, by: 0.1}",
            ": 'by' belongs to no_worse_than and better_than; move it into the threshold",
        ),
        (
            "{figure: unscored, no_worse_than: baseline}",
            ": unscored cannot be compared; compare accuracy, calibrated_accuracy, auc, "
            "balanced_accuracy, macro_f1, mcc, recall, precision, brier_score, log_loss, "
            "calibration_error, coverage",
        ),
        (
            "{figure: auc, no_worse_than: baseline, by: -0.1}",
            ".by: input should be greater than or equal to 0, not -0.1",
        ),
        ("{figure: auc, at_least: 0,5}", ".at_least: a comma ends the entry; write 0.5"),
        (
            "{figure: auc, at_least: '0,5'}",
            ".at_least: '0,5' is not a number; write 0.5 without quotes",
        ),
        ("{figure: auc, at_least: 50%}", ".at_least: '50%' is not a number; write 0.5"),
        (
            "{figure: auc, at_least: half}",
            ".at_least: 'half' is not a number; write one such as 0.5",
        ),
        (
            "{figure: accuracy, at_least: 50}",
            ": at_least 50 is out of range: accuracy goes from 0 to 1",
        ),
        ("{figure: auc, at_least: -1}", ": at_least -1 is out of range: auc goes from 0 to 1"),
        (
            "{figure: recall, at_least: 0.5}",
            ".figure: recall needs a label; write it behind a colon, as in recall:positive",
        ),
        ("{figure: mcc:x, at_least: 0.5}", ".figure: mcc takes nothing behind a colon; write mcc"),
        (
            "{figure: coverage:5, at_least: 0.5}",
            ".figure: coverage:5: a budget is a share of errors from 0 to 1, as in coverage:0.05",
        ),
        ("{figure: mcc, at_least: -2}", ": at_least -2 is out of range: mcc goes from -1 to 1"),
        (
            "{figure: label_flips, at_most: 0.1}",
            ".figure: 'label_flips' is not a figure; did you mean 'label_mass'?",
        ),
        (
            "{figure: nonsense, at_most: 0.1}",
            ".figure: 'nonsense' is not a figure; write one of accuracy, calibrated_accuracy, "
            "contextual_accuracy, auc, label_mass, unscored, balanced_accuracy, macro_f1, mcc, "
            "recall, precision, brier_score, log_loss, calibration_error, coverage",
        ),
        (
            "{figure: unscored, at_most: 2}",
            ": at_most 2 is out of range: unscored goes from 0 to 1",
        ),
        (
            "{figure: accuracy, better_than: baseline, by: 5}",
            ": by: 5 is more than accuracy can differ; it goes from 0 to 1",
        ),
        (
            "{figure: auc, no_worse_than: {}}",
            ".no_worse_than: names no other part; write model, prompt or mode",
        ),
        (
            "{figure: auc, no_worse_than: {modus: zeroshot}}",
            ".no_worse_than.modus: unknown key; did you mean 'mode'?",
        ),
        (
            "{figure: auc, no_worse_than: m-plain-zeroshot, looks: 250}",
            ": 'looks' belongs to no_worse_than: baseline, which is compared with day after day; "
            "leave it out",
        ),
        (
            "{figure: auc, better_than: baseline, looks: 250}",
            ": 'looks' belongs to no_worse_than: baseline, which is compared with day after day; "
            "leave it out",
        ),
        (
            "{figure: auc, no_worse_than: baseline, looks: 0}",
            ".looks: input should be greater than or equal to 1, not 0",
        ),
        (
            "{figure: auc, at_least: 0.5, tier: advisory, on_inconclusive: fail}",
            ": an advisory gate fails nothing, so it cannot fail where it is inconclusive; leave "
            "on_inconclusive out, or make it critical",
        ),
        (
            "{figure: auc, at_least: 0.5, tier: critcal}",
            ".tier: 'critcal' is not one of critical, advisory",
        ),
        (
            "{figure: auc, at_least: 0.5, on_inconclusive: ignore}",
            ".on_inconclusive: 'ignore' is not one of pass, warn, fail",
        ),
    ],
)
def test_mistakes_are_one_line(project, gate, line):
    assert gate_problem(project, gate) == line


@pytest.mark.parametrize(
    ("keys", "bound", "threshold", "other"),
    [
        ({"at_least": 0.0}, "at_least", 0.0, None),
        ({"at_most": 0.4}, "at_most", 0.4, None),
        ({"no_worse_than": "baseline", "by": 0.03}, "no_worse_than", 0.03, "baseline"),
        ({"better_than": {"mode": "zeroshot"}}, "better_than", 0.0, OtherCell(mode="zeroshot")),
    ],
)
def test_a_gate_says_what_it_requires(keys, bound, threshold, other):
    spec = GateSpec.model_validate({"figure": "accuracy", **keys})
    assert (spec.bound, spec.threshold, spec.other) == (bound, threshold, other)


@pytest.mark.parametrize(
    ("bound", "default"),
    [("no_worse_than", "fail"), ("better_than", "warn"), ("at_least", "warn"), ("at_most", "warn")],
)
def test_only_no_worse_than_fails_by_default_where_it_is_inconclusive(bound, default):
    keys = {"figure": "auc", bound: 0.5 if bound.startswith("at") else "baseline"}
    assert GateSpec.model_validate(keys).on_inconclusive == default
    given = GateSpec.model_validate({**keys, "on_inconclusive": "pass"})
    assert given.on_inconclusive == "pass"


def test_a_gate_that_plans_its_looks_warns_where_it_is_inconclusive():
    keys = {"figure": "auc", "no_worse_than": "baseline", "looks": 250}
    assert GateSpec.model_validate(keys).on_inconclusive == "warn"
    given = GateSpec.model_validate({**keys, "on_inconclusive": "fail"})
    assert (given.on_inconclusive, given.looks) == ("fail", 250)
