"""What gates of judge sets could decide: simulated, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.gates.plan_judged import plan_judged_gates
from harness.judge.standings import _scored
from harness.planning.earlier import EarlierRun
from harness.planning.judged_reach import judged_reach, judged_undecidable
from harness.records import Run, RunInfo
from harness.records.judged import Judged, Standing
from harness.records.results import Figure
from harness.run.probe_cells import probe_cells
from harness.spec.judgeset import JudgeSet
from harness.spec.modelspec import ModelSpec
from harness.spec.yamlfile import YamlFile
from harness.stats.bradley_terry import win_rate

DRAWS = 400
SET = "evalsets/p.yaml"


def gate_of(probes, answers=3, **spec):
    evalset = JudgeSet.model_validate({
        "kind": "judge",
        "models": ["base", "one"],
        "answers": {"n": answers},
        "probes": [{"id": f"p{place}", "kind": "k", "question": f"{place}?", "points": ["so"]}
                   for place in range(probes)],
        "judge": {"models": ["base"], "rubric": "judge/a.j2", "pairwise": "judge/b.j2"},
        "gates": [{"models": "one", **spec}],
    })  # fmt: skip
    models = {name: ModelSpec(source="file:m") for name in ("base", "one")}
    cells = probe_cells(SET, "p", evalset, models)
    (gate,) = plan_judged_gates(evalset, cells, YamlFile(Path(SET), {}, {}))
    return gate


@pytest.mark.slow
@pytest.mark.parametrize(("probes", "answers"), [(12, 3), (40, 1), (60, 2)])
@pytest.mark.parametrize("figure", ["pass_rate", "win_rate"])
def test_a_rate_is_decided_in_80_percent_where_all_answers_to_a_probe_are_alike(
    figure, probes, answers
):
    rng, threshold = np.random.default_rng(1), 0.5
    reach = judged_reach(gate_of(probes, answers, figure=figure, at_least=threshold), None)
    assert (reach.probes, reach.answers) == (probes, probes * answers)
    assert reach.basis == "all answers to a probe alike, assumed"
    decided = {1: 0, -1: 0}
    for side in decided:
        for _ in range(DRAWS):
            right = rng.random(probes) < threshold + side * reach.far
            if figure == "pass_rate":
                scores = [(str(probe), 9.0 if one else 2.0)
                          for probe, one in enumerate(right) for _ in range(answers)]  # fmt: skip
                found = _scored(scores, 7.0, None)["pass_rate"]
            else:
                found = win_rate(np.repeat(right, answers).astype(float),
                                 np.repeat(np.arange(probes), answers).tolist())  # fmt: skip
            decided[side] += found.low >= threshold if side > 0 else found.high < threshold
    # The greater of the two distances is said.
    # A resampled interval's end may be the threshold with one draw and beyond it with another.
    assert 0.75 <= min(decided.values()) / DRAWS <= 0.9


def last_run(**figures):
    standing = Standing(SET, "one", 10, 30, 0, {}, figures, of_probes=10)
    return EarlierRun(Path("r"), Run(RunInfo("r", "", 0.0, "", {}, {}),
                                     judged=Judged(standings=(standing,))), None)  # fmt: skip


def test_the_last_run_says_how_probes_differ():
    gate = gate_of(40, figure="score", at_least=6)
    unknown = judged_reach(gate, None)
    assert unknown.far is None
    assert unknown.basis == "not known before a run, which shows how scores differ between probes"
    known = judged_reach(gate, last_run(score=Figure(6.5, 5.5, 7.5, 30)))
    # 2.8 / 1.96 half-widths of one point, with four times the probes.
    assert (known.far, known.basis) == (pytest.approx(1.43 / 2, abs=0.01), "as in the last run")
    # A score of 10 everywhere shows no spread.
    assert judged_reach(gate, last_run(score=Figure(10.0, 7.2, 10.0, 30))).far is None


@pytest.mark.parametrize(
    ("probes", "spec", "said"),
    [
        (5, {"figure": "pass_rate", "at_least": 0.9}, "with 5 probes even the best pass_rate has "
         "an interval down to 0.478"),
        (5, {"figure": "win_rate", "at_most": 0.1}, "with 5 probes even the least win_rate has an "
         "interval up to 0.522"),
        (1, {"figure": "score", "at_least": 2}, "with 1 probe even the best score has an interval "
         "down to 1.000"),
        (4, {"figure": "unscored", "at_most": 0.02}, "with 12 answers even the least unscored has "
         "an interval up to 0.265"),
        (60, {"figure": "pass_rate", "at_least": 0.9}, ""),
        # 14 of 15 answers that pass have [0.68, 1.00], scores of 9.6 to 9.9 [9.6, 9.9].
        (5, {"figure": "pass_rate", "at_least": 0.65}, ""),
        (5, {"figure": "score", "at_least": 9}, ""),
        (60, {"figure": "score", "at_least": 9}, ""),
        (4, {"figure": "unscored", "at_least": 0.9}, ""),
    ],
)  # fmt: skip
def test_too_few_probes_to_pass(probes, spec, said):
    assert judged_undecidable(gate_of(probes, **spec)) == said


def test_an_interval_for_all_numbers_of_probes_is_wider():
    spec = {"figure": "pass_rate", "at_least": 0.8}
    assert judged_undecidable(gate_of(20, **spec)) == ""
    assert judged_undecidable(gate_of(20, anytime=True, **spec)) != ""
    reach = judged_reach(gate_of(200, anytime=True, **spec), None)
    assert (reach.far, reach.undecidable) == (None, "")
