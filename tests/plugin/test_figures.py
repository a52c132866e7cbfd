"""Further figures: asked for by a set, gated, compared with a cell and with a baseline."""

from __future__ import annotations

import json

import pytest

ZERO, FEW = "m-prefill-zeroshot", "m-prefill-fewshot5-chat-s0"
NAMES = [
    "balanced_accuracy", "macro_f1", "mcc", "recall:positive", "precision:negative",
    "brier_score", "log_loss", "calibration_error", "coverage:0.4",
]  # fmt: skip


def test_figures_of_a_set_are_in_report_and_run(evals):
    evals.set(figures=NAMES)
    evals.run().assert_outcomes(passed=2)
    for row in evals.saved.rows:
        assert {"balanced_accuracy", "recall:positive", "brier_score"} <= row.figures.keys()
    (line,) = [one for one in evals.report.splitlines() if "| Brier score " in one]
    assert "| recall of positive " in line
    assert "| coverage at 40% errors " in line
    evals.run("--eval-report-lang", "ru")
    assert "полнота метки positive" in evals.report


@pytest.mark.parametrize(
    ("answer", "figure", "why"),
    [
        ("positive", "mcc", "all samples were given one label"),
        ("positive", "precision:negative", "no sample was given this label"),
        ("who knows", "macro_f1", "no sample has a verdict"),
        ("who knows", "precision:positive", "no sample has a verdict"),
    ],
)
def test_a_figure_that_is_not_defined_says_so(evals, answer, figure, why):
    evals.models(m={"options": {"fake": {"answer": answer}}})
    evals.set(figures=[figure], modes=["zeroshot"], scoring="generate")
    result = evals.run()
    line = f"evalsets/mini.yaml: {figure} is not defined, and left out, in {ZERO}: {why}"
    result.stdout.fnmatch_lines([f"*{line}*"])
    assert why in evals.report
    assert [note.facts["figure"] for note in evals.saved.info.notes
            if note.kind == "undefined"] == [figure]  # fmt: skip


def test_a_label_without_samples_leaves_figures_undefined_that_need_it(evals):
    evals.write("data.csv", "id,text,label\na,Good one.,positive\nb,Fine one.,positive\n")
    names = ["recall:negative", "balanced_accuracy", "auc"]
    evals.set(data={"source": "file:data.csv", "id": "id"}, figures=names[:2], primary="auc",
              modes=["zeroshot"])  # fmt: skip
    evals.run()
    told = {note.facts["figure"]: note.facts["why"] for note in evals.saved.info.notes}
    assert told == dict.fromkeys(names, "target")


def test_a_set_that_asks_for_none_has_none(evals):
    evals.run().assert_outcomes(passed=2)
    assert all(set(row.figures) <= {"accuracy", "calibrated_accuracy", "auc", "label_mass"}
               for row in evals.saved.rows)  # fmt: skip
    assert "Further figures" not in evals.report


@pytest.mark.parametrize("name", NAMES)
def test_each_is_gated_against_a_threshold_a_cell_and_a_baseline(evals, name):
    smaller = name in ("brier_score", "log_loss", "calibration_error")
    gates = [
        {"cells": ZERO, "figure": name, **({"at_most": 0.99} if smaller else {"at_least": 0.0})},
        {"cells": FEW, "figure": name, "no_worse_than": ZERO, "by": 0.9},
        {"cells": ZERO, "figure": name, "no_worse_than": "baseline", "by": 0.9},
    ]
    evals.set(gates=gates)
    evals.run("--eval-write-baseline")
    evals.run()
    found = sorted(evals.saved.gates, key=lambda gate: gate.against)
    assert [gate.against for gate in found] == ["", "baseline", ZERO]
    assert all(gate.figure == name for gate in found)
    if name != "mcc" and not name.startswith("precision"):
        assert all("not defined" not in gate.line for gate in found)
        assert found[1].contrast.value == 0
    evals.run("--eval-report-lang", "ru")
    assert "has no such figure" not in evals.report


def test_several_labels_keep_their_probabilities_in_the_baseline(evals):
    labels = ["positive", "negative", "mixed"]
    evals.write("data.csv", "id,text,label\n" + "".join(
        f"{i},text number {i},{labels[i % 3]}\n" for i in range(12)))  # fmt: skip
    gate = {"figure": "log_loss", "no_worse_than": "baseline", "by": 0.1}
    data = {"source": "file:data.csv", "id": "id"}
    evals.set(labels=labels, data=data, modes=["zeroshot"], gates=[gate])
    evals.run("--eval-write-baseline")
    kept = json.loads((evals.root / f"baselines/mini/{ZERO}.json").read_text())
    assert [len(row) for (run,) in [kept["logprobs"]] for row in run] == [3] * 12
    result = evals.run()
    result.assert_outcomes(passed=2)
    (gate,) = evals.saved.gates
    assert (gate.verdict, gate.contrast.value, gate.contrast.n) == ("pass", 0.0, 12)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"figures": ["recall:good"]}, "recall:good: 'good' is not a label of this set; write one "
         "of positive, negative"),
        ({"figures": ["auc"]}, "auc is shown wherever there is one; remove it from 'figures'"),
        ({"figures": ["brier"]}, "'brier' is not a figure; did you mean 'brier_score'?"),
        ({"figures": ["log_loss"], "scoring": "generate"}, "log_loss needs log-probabilities, and "
         "scoring is generate; remove it from 'figures', or score by logprobs"),
        ({"gates": [{"figure": "mcc", "at_least": 0.1}, {"figure": "precision:x", "at_least": 0}]},
         "precision:x: 'x' is not a label of this set; write one of positive, negative"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_one_line(evals, keys, said):
    evals.set(**keys)
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*evalsets/mini.yaml:*{said.replace('[', '[[]')}*"])


def test_a_figure_that_the_samples_do_not_define_fails_with_the_reason(evals):
    evals.models(m={"options": {"answer": "positive"}})
    evals.set(scoring="generate", modes=["zeroshot"], gates=[{"figure": "mcc", "at_least": 0.1}])
    result = evals.run()
    result.assert_outcomes(passed=1, failed=1)
    assert "mcc at least 0.1 - fail: mcc is not defined on these samples" in evals.report
    evals.run("--eval-report-lang", "ru")
    assert "на этих примерах показатель" in evals.report
