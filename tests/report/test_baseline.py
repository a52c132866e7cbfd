from __future__ import annotations

from dataclasses import replace

import pytest
from reports import report_markdown

from harness.analysis.analyze import against_baselines
from harness.gates.looks import take_look
from harness.language import words
from harness.reasons import Reason
from harness.records import BaselineCheck, Contrast, Flip, Gate, Run, RunInfo
from harness.report.baseline import baseline_changes, baseline_lines

LOSS = Contrast("accuracy", 0.8, 0.75, -0.07, -0.03, 0.0001, 120, 20, 2000, 0, 0.01)
AREA = Contrast("auc", 0.9, 0.899, -0.004, 0.002, 0.6, 0, 0, 2000, 0, 0.005)
CHECK = BaselineCheck(
    "evalsets/e.yaml",
    "m-p-zeroshot",
    changed=("weights a → b",),
    contrasts=(LOSS, AREA),
    lost=tuple(Flip(f"s{i}", "positive", "positive", "negative") for i in range(12)),
    won=(Flip("w|1", "negative", "positive", "negative"),),
)


def lines(*checks: BaselineCheck, lang="en") -> list:
    return baseline_lines(checks, against_baselines(checks), {}, words(lang))


def test_differences_are_claimed_only_where_they_are_shown():
    (one,) = lines(CHECK)
    assert one["line"] == (
        "`m-p-zeroshot`: raw accuracy 0.800 → 0.750 (**~0.050** [~0.070, ~0.030], n=2000, "
        "120 lost, 20 won, p < 0.001: a difference); AUC 0.900 → 0.899 (~0.001 [~0.004, +0.002], "
        "n=2000, p = 0.60: no difference shown). Changed since: weights a → b."
    ).replace("~", "\u2212")


def test_p_values_are_adjusted_over_the_section():
    border = replace(LOSS, p=0.03)
    assert ": a difference" in lines(replace(CHECK, contrasts=(border,)))[0]["line"]
    both = lines(replace(CHECK, contrasts=(border, border)))[0]["line"]
    assert both.count("p = 0.060: no difference shown") == 2


def test_flips_are_listed_with_both_answers():
    lost, won = lines(CHECK)[0]["flips"]
    assert lost.startswith("Was right, is wrong (12): s0 (positive → negative), s1 (")
    assert lost.endswith("s9 (positive → negative), and 2 more")
    assert won == "Was wrong, is right (1): w\\|1 (positive → negative)"
    assert lines(replace(CHECK, lost=(), won=()))[0]["flips"] == []


def test_a_refused_baseline_says_why():
    refused = Reason("baseline", {"path": "b/c.json"}, (Reason("baseline_texts"),))
    found = lines(BaselineCheck("evalsets/e.yaml", "c", refused=refused))
    said = (
        "`c`: not compared. b/c.json: made on other data: its samples have other texts, labels or "
        "order; run it as the baseline was run, or accept with --eval-write-baseline"
    )
    assert found == [{"line": said, "flips": []}]


def test_russian_has_no_english_reason_and_no_english_change():
    refused = Reason(
        "baseline", {"path": "b/c.json"}, (Reason("baseline_count", {"then": 3, "now": 2}),)
    )
    checks = [BaselineCheck("e", "c", refused=refused),
              replace(CHECK, treatment=("wording", "weights"))]  # fmt: skip
    found = baseline_lines(checks, against_baselines(checks), {}, words("ru"))
    said = " ".join(str(one["line"]) for one in found)
    assert "примеров было 3, в этом запуске 2" in said
    assert "формулировка промпта, файлы модели." in said
    assert "weights" not in said


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_section_is_there_only_with_baselines(lang):
    info = RunInfo("r", "now", 1.0, "pytest", {}, {})
    title = f"## {words(lang)['baselines']}"
    assert title not in report_markdown(Run(info), lang=lang)
    found = report_markdown(Run(info, baselines=(CHECK,)), lang=lang)
    assert title in found
    assert "\n\n\n" not in found
    assert "\n  - " in found.partition(title)[2]


def changes(*checks: BaselineCheck, lang="en") -> list[str]:
    return baseline_changes(against_baselines(checks), {}, words(lang))


def test_one_line_says_what_became_better_or_worse():
    loss = Contrast("log_loss", 0.5, 0.4, -0.12, -0.08, 0.0001, 0, 0, 2000, 0, 0.01)
    found = changes(CHECK, replace(CHECK, cell="m-p-few", contrasts=(loss,)))
    assert found == [
        "Since the baseline: **better**: `m-p-few` by log loss ~0.100 [~0.120, ~0.080]; "
        "**worse**: `m-p-zeroshot` by raw accuracy ~0.050 [~0.070, ~0.030].".replace("~", "\u2212")
    ]
    assert "**хуже**: `m-p-zeroshot`, по показателю " in changes(CHECK, lang="ru")[0]


def test_where_nothing_is_shown_the_line_claims_nothing():
    still = replace(CHECK, contrasts=(AREA,))
    assert changes(still) == ["Since the baseline: no difference shown in any of 1 cell."]
    assert "any of 2 cells." in changes(still, replace(still, cell="o"))[0]
    assert changes() == []


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "The baseline is the mean of 5 runs, between two of which 2.4% of the answers "
               "differ. Written on 2026-11-29. Different results compared with it on this machine: "
               "37."),
        ("ru", "Приняты средние по запускам (их 5); между двумя из них расходится 2.4% ответов. "
               "Записано 2026-11-29. Разных результатов, которые сверялись на этой машине: 37."),
    ],
)  # fmt: skip
def test_runs_day_and_looks_of_a_baseline_are_told(lang, said):
    check = replace(CHECK, runs=5, varied=0.024, written="2026-11-29", looks=37)
    assert said in lines(check, lang=lang)[0]["line"]
    once = lines(replace(check, runs=1, varied=None, written="", looks=1), lang=lang)
    assert once == lines(CHECK, lang=lang)


def test_what_a_gate_plans_looks_for_is_shown_by_its_look():
    found = take_look(LOSS, 250, units=LOSS.n)
    gate = Gate(CHECK.evalset, CHECK.cell, "accuracy", "no_worse_than", 0.01, "fail", True, "",
                against="baseline", look=found)  # fmt: skip
    shown = against_baselines([CHECK], [gate])
    assert [one.at_look for one in shown] == [True, None]
    assert found.end < 0
    # A loss that one comparison shows, and none of 250 looks does.
    small = replace(LOSS, low=-0.03, high=-0.001, first=0.8, second=0.785, p=0.0001)
    check = replace(CHECK, contrasts=(small,))
    assert against_baselines([check])[0].shown
    look = replace(gate, look=take_look(small, 250, units=small.n))
    (one,) = against_baselines([check], [look])
    assert (one.at_look, one.shown) == (False, False)
    said = baseline_changes([one], {}, words("en"))
    assert said == ["Since the baseline: no difference shown in any of 1 cell."]
    # A gain is held to the same level.
    gain = replace(small, low=0.001, high=0.03, second=0.815)
    look = replace(gate, look=take_look(gain, 250, units=gain.n))
    assert not against_baselines([replace(check, contrasts=(gain,))], [look])[0].shown
