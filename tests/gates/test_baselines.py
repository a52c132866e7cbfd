from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.gates.baseline_fields import BaselineError, baseline_path
from harness.gates.baseline_file import add_to_baseline, load_baseline, write_baseline
from harness.gates.baselines import check_addition, check_baseline
from harness.gates.decide import judge
from harness.gates.plan import PlannedGate
from harness.records import Figure, Result, Row
from harness.records.provenance import Provenance
from harness.run.score_cell import Outcome
from harness.spec.gatespec import GateSpec

LABELS = ("positive", "negative")
SET, CELL = "evalsets/gold/e.yaml", "m-p-zeroshot"
DAY = "2026-11-29"
FILE = "baselines/gold/e/m-p-zeroshot.json"


def outcome(answers: str, **provenance: str) -> Outcome:
    """A cell that answered p, n or nothing (.) to samples whose targets are p, n, p, n, ..."""
    results = []
    for i, letter in enumerate(answers):
        target = LABELS[i % 2]
        answer = {"p": "positive", "n": "negative", ".": None}[letter]
        odds = {"p": 1.23456789, "n": -2.0, ".": None}[letter]
        results.append(
            Result(SET, CELL, f"s{i}", "", f"secret {i}", target, answer, answer,
                   None if answer is None else answer == target, None, {}, odds, "secret")
        )  # fmt: skip
    figures = {
        name: Figure(0.5, 0.4, 0.6, 9) for name in ("accuracy", "calibrated_accuracy", "auc")
    }
    row = Row(SET, CELL, "m", "p", "zeroshot", 0, None, None, None, "logprobs",
              len(answers), 0, {}, figures, {}, dict.fromkeys(LABELS, 0.5), 9.0)  # fmt: skip
    same = {
        "data": "d", "wording": "w", "prompts": "q", "scoring": "s", "model": "sha256:1",
        "adapter": "", "engine": "fake 1", "numbers": "float32, cpu",
    }  # fmt: skip
    return Outcome(row, tuple(results), Provenance(**same | provenance))


def test_a_baseline_is_small_plain_and_without_texts(tmp_path):
    path = write_baseline(tmp_path, [outcome("pnpp.")], {"torch": "2.13"}, written=DAY)
    assert path == tmp_path / FILE == tmp_path / baseline_path(SET, CELL)
    text = path.read_text()
    assert "secret" not in text
    data = json.loads(text)
    assert data["samples"] == ["s0", "s1", "s2", "s3", "s4"]
    assert data["answers"] == [[0, 1, 0, 0, -1]]
    assert data["targets"] == [0, 1, 0, 1, 0]
    assert data["correct"] == [[1, 1, 1, 0, -1]]
    assert data["log_odds"] == [[1.2346, -2.0, 1.2346, 1.2346, None]]
    assert data["written"] == DAY
    assert data["versions"] == {"torch": "2.13"}
    assert len(text.splitlines()) == len(data) + 2
    again = write_baseline(tmp_path, [outcome("pnpp.")], {"torch": "2.13"}, written=DAY)
    assert again.read_text() == text
    assert load_baseline(tmp_path, SET, CELL).samples == data["samples"]


def test_added_runs_stand_by_sample_whatever_their_order(tmp_path):
    write_baseline(tmp_path, [outcome("pnpp.")], {"torch": "2.13"}, written=DAY)
    now = outcome("nnnn.")
    now = replace(now, results=now.results[::-1])
    baseline = check_addition(tmp_path, now)
    path = add_to_baseline(tmp_path, baseline, [now, outcome("pppp.")], day="2026-12-01")
    data = json.loads(path.read_text())
    assert data["answers"] == [[0, 1, 0, 0, -1], [1, 1, 1, 1, -1], [0, 0, 0, 0, -1]]
    assert data["correct"][1] == [0, 1, 0, 1, -1]
    assert data["log_odds"][1] == [-2.0, -2.0, -2.0, -2.0, None]
    assert (data["written"], data["added"], data["begun"]) == (DAY, "2026-12-01", 1)
    assert "logprobs" not in data
    assert "extensions" not in data["provenance"]
    loaded = load_baseline(tmp_path, SET, CELL)
    assert (loaded.first_runs, len(loaded.runs)) == (1, 3)
    assert [one.answer for one in loaded.runs[2]] == ["positive"] * 4 + [None]


def test_runs_of_another_system_are_not_added(tmp_path):
    with pytest.raises(BaselineError, match=f"^{FILE}: there is no baseline to add runs to; "):
        check_addition(tmp_path, outcome("pnpn"))
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    for changes, said in (({"model": "sha256:2"}, "changed since: .*sha256:1.*sha256:2"),
                          ({"prompts": "x"}, "changed since: shots"),
                          ({"numbers": "float16, cpu"}, "changed since: .*float32.*float16"),
                          ({"scoring": "x"}, "made with other scoring: s, not x"),
                          ({"data": "x"}, "made on other data: its samples have other texts")
                          ):  # fmt: skip
        with pytest.raises(BaselineError, match=f"^{FILE}: no run is added to it: {said}"):
            check_addition(tmp_path, outcome("pnpn", **changes))


def test_a_set_outside_of_evalsets_keeps_its_folders():
    assert str(baseline_path("sub/evalsets/x.yaml", "c")) == "baselines/sub/x/c.json"


def test_no_baseline_is_no_check(tmp_path):
    assert check_baseline(tmp_path, outcome("pn")) is None


def test_the_same_results_differ_in_nothing(tmp_path):
    now = outcome("pnpnpnnp" * 5)
    write_baseline(tmp_path, [now], {}, written=DAY)
    check = check_baseline(tmp_path, now)
    assert (check.refused, check.changed, check.lost, check.won) == (None, (), (), ())
    assert [one.figure for one in check.contrasts] == ["accuracy", "calibrated_accuracy", "auc"]
    for one in check.contrasts:
        assert (one.value, one.lost, one.won, one.left_out, one.n) == (0, 0, 0, 0, 40)
    area = check.contrasts[2]
    assert (area.low, area.high) == (0, 0)  # rounded log-odds on both sides


def test_flips_are_named_with_both_answers(tmp_path):
    write_baseline(tmp_path, [outcome("pnpp." + "pn" * 20)], {}, written=DAY)
    check = check_baseline(tmp_path, outcome("nnpnp" + "pn" * 20))
    assert [(f.sample, f.target, f.before, f.now) for f in check.lost] == [
        ("s0", "positive", "positive", "negative")
    ]
    assert [(f.sample, f.before, f.now) for f in check.won] == [("s3", "positive", "negative")]
    accuracy = check.contrasts[0]
    # A sample that had no score before is in no pair, and no flip.
    assert (accuracy.lost, accuracy.won, accuracy.left_out, accuracy.n) == (1, 1, 1, 44)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (outcome("pnp", data="x"), "made on 4 samples, this run has 3"),
        (
            outcome("pnpn", data="x"),
            "made on other data: its samples have other texts, labels or order",
        ),
        (outcome("pnpn", scoring="x"), "made with other scoring: s, not x"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_difference(tmp_path, now, reason):
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    check = check_baseline(tmp_path, now)
    assert check.refused.text == (
        f"{FILE}: {reason}; run it as the baseline was run, or accept with --eval-write-baseline"
    )
    assert check.contrasts == ()


@pytest.mark.parametrize(
    ("now", "treatment"),
    [
        (outcome("npnn", prompts="x"), ("shots",)),
        (outcome("npnn", prompts="x", wording="x"), ("wording",)),
        (outcome("npnn", model="sha256:2", adapter="sha256:3"), ("weights", "adapter")),
        (outcome("npnn", engine="vllm 1"), ("engine",)),
    ],
)
def test_all_else_is_the_treatment_and_is_named(tmp_path, now, treatment):
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    check = check_baseline(tmp_path, now)
    assert (check.refused, check.treatment) == (None, treatment)
    (accuracy,) = [one for one in check.contrasts if one.figure == "accuracy"]
    assert accuracy.lost + accuracy.won > 0


def test_other_samples_are_counted(tmp_path):
    now = outcome("pnpn", data="x")
    other = replace(now, results=(replace(now.results[0], sample="new"), *now.results[1:]))
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    assert "1 of its 4 samples are not in this run" in check_baseline(tmp_path, other).refused.text


def test_other_weights_and_engines_are_what_a_comparison_is_for(tmp_path):
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    check = check_baseline(tmp_path, outcome("pnpn", model="sha256:2", adapter="a", engine="vllm"))
    assert check.refused is None
    assert check.changed == (
        "model's files sha256:1 → sha256:2",
        "adapter none → a",
        "engine fake 1 → vllm",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "damaged ("),
        ("[" * 100_000, "damaged (is nested too deep)"),
        ("[]", "format None is not 2"),
        ('{"format": 3}', "format 3 is not 2"),
        ('{"format": 2}', "damaged ("),
        ('{"format": 1}', "damaged ("),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, text, words):
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY).write_text(text)
    with pytest.raises(BaselineError) as raised:
        load_baseline(tmp_path, SET, CELL)
    assert words in str(raised.value)
    assert str(raised.value).endswith("; write it again with --eval-write-baseline")
    assert "\n" not in str(raised.value)
    assert check_baseline(tmp_path, outcome("pnpn")).refused.text == str(raised.value)


def test_columns_of_unequal_length_are_damage(tmp_path):
    path = write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    path.write_text(path.read_text().replace('"answers": [[0,1,', '"answers": [[0,'))
    with pytest.raises(BaselineError, match="columns of unequal length"):
        load_baseline(tmp_path, SET, CELL)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"targets": [0, 7, 0, 1]}, "damaged (targets 7)"),
        ({"answers": [[0, 99, 0, 1]]}, "damaged (answers 99)"),
        ({"calibrated": [[0, -7, 0, 1]]}, "damaged (calibrated -7)"),
        ({"correct": [[1, 1, 5, 1]]}, "damaged (correct 5)"),
        ({"log_odds": [[1.0, float("nan"), None, 1.0]]}, "(numbers that are no log-probabilities)"),
        ({"log_odds": [[1.0, -1.7e308, None, 1.0]]}, "(numbers that are no log-probabilities)"),
        ({"labels": ["positive", "positive"]}, "damaged (labels that are none, or not distinct)"),
        ({"samples": ["s0", "s0", "s2", "s3"]}, "damaged (samples that are none, or not distinct)"),
        ({"samples": ["s0", "s1", "s2", "x"]}, "made on other data: 1 of its 4 samples"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_no_run_comes_to_is_refused(tmp_path, changes, words):
    path = write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert words in check_baseline(tmp_path, outcome("pnpn")).refused.text


def test_a_run_that_lacks_a_column_is_damage(tmp_path):
    runs = [outcome("pnpn"), outcome("pnpp")]
    path = write_baseline(tmp_path, runs, {}, written=DAY)
    data = json.loads(path.read_text())
    data["correct"] = data["correct"][:1]
    path.write_text(json.dumps(data))
    with pytest.raises(BaselineError, match="columns of unequal length"):
        load_baseline(tmp_path, SET, CELL)


def test_a_baseline_of_one_run_in_the_former_format_goes_on_working(tmp_path):
    path = write_baseline(tmp_path, [outcome("pnpp.")], {}, written=DAY)
    now = outcome("nnpp.")
    present = check_baseline(tmp_path, now)
    data = json.loads(path.read_text())
    del data["written"]
    data["format"] = 1
    for key in ("answers", "calibrated", "correct", "log_odds"):
        (data[key],) = data[key]
    path.write_text(json.dumps(data))
    former = check_baseline(tmp_path, now)
    assert former == replace(present, written="")
    assert (former.runs, former.varied, len(former.lost)) == (1, None, 1)


def test_samples_count_by_their_mean_over_the_runs(tmp_path):
    # Ten samples vary from run to run: right in two runs of three.
    flipping = [outcome("nnpp" * 5 + "pn" * 30), *[outcome("pnpn" * 5 + "pn" * 30)] * 2]
    write_baseline(tmp_path, flipping, {"torch": "2"}, written=DAY)
    check = check_baseline(tmp_path, outcome("pnpn" * 5 + "nn" + "pn" * 29))
    assert (check.runs, check.written) == (3, DAY)
    # Of 80 answers 10 differ between the first and each other run, and none between those.
    assert check.varied == pytest.approx(2 * 10 / 80 / 3)
    accuracy = check.contrasts[0]
    assert accuracy.first == pytest.approx((70 + 10 * 2 / 3) / 80)
    assert accuracy.second == pytest.approx(79 / 80)
    # Of what varies by itself nothing is lost or won for certain.
    assert [flip.sample for flip in check.lost] == ["s20"]
    assert check.won == ()


def test_more_runs_tell_a_lucky_one_from_a_loss(tmp_path):
    lucky, usual = outcome("pn" * 100), outcome("ppnn" * 10 + "pn" * 80)
    write_baseline(tmp_path, [lucky], {}, written=DAY)
    alone = check_baseline(tmp_path, usual).contrasts[0]
    write_baseline(tmp_path, [lucky, *[usual] * 4], {}, written=DAY)
    several = check_baseline(tmp_path, usual).contrasts[0]
    assert alone.value == pytest.approx(-0.1)
    assert several.value == pytest.approx(-0.02)
    assert alone.low < several.low


def test_runs_that_all_agree_with_the_present_one_are_one_system(tmp_path):
    now = outcome("pnpnpp")
    write_baseline(tmp_path, [now] * 3, {}, written=DAY)
    same = check_baseline(tmp_path, now).contrasts[0]
    assert (same.low, same.high) == (0, 0)
    write_baseline(tmp_path, [now, outcome("pnpnpn")], {}, written=DAY)
    other = check_baseline(tmp_path, now).contrasts[0]
    assert other.low < 0


def test_looks_are_counted_by_different_results_of_one_baseline(tmp_path):
    def looks(answers: str) -> int:
        return check_baseline(tmp_path, outcome(answers), local=tmp_path / ".harness").looks

    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    assert [looks(one) for one in ("pnpp", "pnpp", "ppnn", "pnpp", "pnpn")] == [1, 1, 2, 2, 3]
    assert check_baseline(tmp_path, outcome("pnpp")).looks == 0
    write_baseline(tmp_path, [outcome("nnnn")], {}, written=DAY)
    assert looks("pnpp") == 1
    (record,) = (tmp_path / ".harness/looks").rglob("*.json")
    record.write_text("{")
    assert looks("pnpp") == 1


def test_a_gate_says_that_its_looks_are_used_up(tmp_path):
    write_baseline(tmp_path, [outcome("pnpnpnpn")], {}, written=DAY)
    spec = GateSpec(figure="accuracy", no_worse_than="baseline", by=1, looks=1)
    planned = PlannedGate("gate-x", spec, cell=None)
    lines = []
    for answers in ("pnpnpnpp", "pnpnpnnn"):
        now = outcome(answers)
        check = check_baseline(tmp_path, now, local=tmp_path)
        gate = judge(planned, now, baseline=check)
        assert (gate.verdict, gate.look.planned) == ("pass", 1)
        lines.append(gate.line)
    assert "write the baseline anew" not in lines[0]
    assert lines[1].endswith("; look 2 of 1 planned: write the baseline anew")


def test_a_gate_without_its_baseline_is_an_error_not_a_verdict(project, tmp_path):
    from harness.collect import collect_evalset

    text = (project.root / "evalsets/set.yaml").read_text()
    gate = "gates:\n  - {cells: tiny-plain-zeroshot, figure: accuracy, no_worse_than: baseline}\n"
    (planned,) = collect_evalset(project.evalset(text + gate), project.root).gates
    with pytest.raises(BaselineError) as raised:
        judge(planned, outcome("pnpn"))
    assert str(raised.value) == (
        "evalsets/set.yaml: gate-accuracy-tiny-plain-zeroshot-vs-baseline: no baseline "
        "baselines/set/tiny-plain-zeroshot.json; write it with pytest --eval-write-baseline"
    )
    write_baseline(tmp_path, [outcome("pnpn")], {}, written=DAY)
    refused = check_baseline(tmp_path, outcome("pnpn", scoring="x"))
    with pytest.raises(BaselineError, match="made with other scoring"):
        judge(planned, outcome("pnpn"), baseline=refused)
    same = check_baseline(tmp_path, outcome("pnpn"))
    gate = judge(planned, outcome("pnpn"), baseline=same)
    assert (gate.verdict, gate.against, gate.id) == ("pass", "baseline", planned.id)


def test_a_baseline_of_another_thought_is_compared_and_told(tmp_path):
    quiet = outcome("ppnn", thinking="off, behind an empty thought")
    write_baseline(tmp_path, [quiet], {}, written=DAY)
    saved = json.loads((tmp_path / baseline_path(SET, CELL)).read_text(encoding="utf-8"))
    assert saved["provenance"]["thinking"] == "off, behind an empty thought"
    check = check_baseline(tmp_path, outcome("ppnn", thinking="budget 9, behind a thought"))
    assert check.changed == ("thinking off, behind an empty thought → budget 9, behind a thought",)
    # Those of before thoughts were known hold none.
    del saved["provenance"]["thinking"]
    (tmp_path / baseline_path(SET, CELL)).write_text(json.dumps(saved), encoding="utf-8")
    assert check_baseline(tmp_path, outcome("ppnn")).changed == ()
