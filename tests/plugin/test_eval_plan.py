"""--eval-plan, and what is said of gates that cannot decide before anything is spent on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ZERO = "m-prefill-zeroshot"
SHOTS = "m-prefill-fewshot5-chat-s0"
LABELS = ("negative", "positive")
GATES = [
    {"cells": "*", "figure": "accuracy", "at_least": 0.3},
    {"cells": ZERO, "figure": "accuracy", "at_least": 0.9},
    {"cells": SHOTS, "figure": "accuracy", "no_worse_than": {"mode": "zeroshot"}, "by": 0.05},
    {"cells": SHOTS, "figure": "auc", "better_than": {"mode": "zeroshot"}},
]


@pytest.fixture
def planned(evals):
    """Return the lines of a plan."""

    def planned(*options: str, ret: int = 0, **keys: object) -> list[str]:
        evals.set(**keys)
        result = evals.run("--eval-plan", *options)
        assert result.ret == ret, result.outlines
        assert not (evals.root / "reports").exists()
        lines = [line for line in result.outlines if line]
        start = next(i for i, line in enumerate(lines) if "eval plan" in line)
        return lines[start + 1 : -1]

    return planned


def test_requests_tokens_and_what_could_be_shown(evals, planned):
    lines = planned(gates=GATES)
    assert lines[0] == "evalsets/mini.yaml: 2 cells, 6 samples"
    model, time, head, *rest = lines[1:]
    assert model.startswith("  m: 12 requests, about ")
    assert model.endswith(" prompt tokens")
    assert time == "  m: no saved run says how long that takes"
    assert head == "  shown in 80% of runs, if it is there:"
    assert rest[0].startswith(f"  gate-accuracy-{ZERO}: at least 0.3, n=6: 0.")
    assert any("20% of pairs differ, assumed" in line for line in rest)
    assert any(line.startswith("  few-shot against zero-shot, 1: auc by ") for line in rest)
    assert evals.started == []


def test_tokens_are_those_of_the_run(evals, planned):
    counted = planned()[1]
    said = int(counted.split("about ")[1].split(" prompt")[0].replace("\N{NO-BREAK SPACE}", ""))
    evals.run().assert_outcomes(passed=2)
    (engine,) = evals.saved.info.engines
    assert (engine.computed, engine.prompt_tokens) == (12, said)


def test_warnings_of_gates_that_cannot_decide(planned):
    lines = planned(gates=GATES)
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert warnings == [
        f"warning: evalsets/mini.yaml: gate-accuracy-{ZERO}-2: too few samples to pass: with 6 "
        "samples even accuracy 1 has an interval down to 0.541; give more samples or move the "
        "bound",
        f"warning: evalsets/mini.yaml: gate-accuracy-{SHOTS}-vs-zeroshot: too few samples to "
        "pass: with 6 samples a loss of 0.459 cannot be excluded even if no answer differs; give "
        "more samples or move the bound",
    ]


def test_a_gate_over_many_looks_says_which_loss_one_of_them_finds(evals, planned):
    rows = "".join(f"{i},{'fine' if i % 2 else 'bad'} {i},{LABELS[i % 2]}\n" for i in range(400))
    evals.write("data.csv", f"id,text,label\n{rows}")
    gate = {"cells": ZERO, "figure": "accuracy", "no_worse_than": "baseline", "by": 0.1}
    data = {"source": "file:data.csv", "id": "id", "samples": {"n": 400}}
    lines = planned(data=data, modes=["zeroshot"], gates=[gate, {**gate, "looks": 250}])
    once, planned_looks = (line for line in lines if line.startswith(f"  gate-accuracy-{ZERO}"))
    assert "looks" not in once
    # (3.944 + 0.842) standard errors of 20% discordant pairs with such a loss.
    assert "; a loss of 0.104 or more fails one of 250 looks (20% of pairs" in planned_looks


def test_a_gate_that_fails_equal_cells_is_warned_of(evals, planned):
    rows = "".join(f"{i},{'fine' if i % 2 else 'bad'} {i},{LABELS[i % 2]}\n" for i in range(100))
    evals.write("data.csv", f"id,text,label\n{rows}")
    gates = [{"cells": SHOTS, "figure": "accuracy", "no_worse_than": {"mode": "zeroshot"},
              "by": 0.04}]  # fmt: skip
    data = {"source": "file:data.csv", "id": "id",
            "shots": [{"text": f"shot {i}", "label": LABELS[i % 2]} for i in range(8)]}  # fmt: skip
    (line,) = [one for one in planned(data=data, gates=gates)
               if one.startswith("warning: ")]  # fmt: skip
    assert line.endswith("a cell that is as good as the other fails in 86% of runs (20% of pairs "
                         "differ, assumed); give more samples or a greater 'by'")  # fmt: skip


def test_a_selection_is_planned(planned):
    lines = planned("-k", "zeroshot and not gate", "--eval-limit", "4", gates=GATES)
    assert lines[0] == "evalsets/mini.yaml: 1 cell, 4 samples"
    assert lines[1].startswith("  m: 4 requests")
    assert not any("gate-" in line for line in lines)


def test_the_last_run_says_how_long_and_how_cells_differ(evals, planned):
    evals.set(gates=GATES[2:3])
    evals.run("-q")
    folder = evals.latest.resolve()
    head = json.loads((folder / "run.json").read_text())
    # As a real engine would have left it.
    head["info"]["engines"][0] |= {"engine": "transformers", "start_s": 10.0, "generate_s": 60.0,
                                   "computed": 12}  # fmt: skip
    (contrast,) = [gate["contrast"] for gate in head["gates"]] or [None]
    (folder / "run.json").write_text(json.dumps(head))
    result = evals.run("--eval-plan")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"  m: about 0:01:10 at the rate of {folder.name}, less what*"])
    differ = (contrast["lost"] + contrast["won"]) / contrast["n"]
    share = max(differ, 1 / contrast["n"])
    result.stdout.fnmatch_lines([f"*({share:.1%} of pairs differ, as in the last run)"])
    result.stdout.fnmatch_lines(["  few-shot against zero-shot, 1: auc *by the intervals of the "
                                 "last run)"])  # fmt: skip


def test_what_is_not_at_hand_is_said(evals, planned):
    evals.models(m={"source": "hub:nobody/nothing"})
    lines = planned(modes=["zeroshot"])
    assert lines[1] == ("  m: 6 requests, tokens not known: hub:nobody/nothing is not on this "
                        "machine yet")  # fmt: skip
    lines = planned(modes=["zeroshot"], data={"source": "hub:nobody/reviews",
                                              "samples": {"n": 40}})  # fmt: skip
    assert lines[:2] == [
        "evalsets/mini.yaml: 1 cell, at most 40 samples",
        "  data not read: hub:nobody/reviews is on the hub, which is not asked",
    ]


def test_a_set_that_does_not_load_ends_the_session_as_ever(evals):
    evals.set(modes=["nonsense"])
    assert evals.run("--eval-plan").ret == pytest.ExitCode.INTERRUPTED


def test_other_tests_do_not_run(evals):
    evals.write("test_other.py", "def test_it():\n    raise SystemError\n")
    result = evals.run("--eval-plan", "test_other.py", "evalsets")
    assert result.ret == 0
    result.assert_outcomes()


def test_several_processes_are_refused(evals):
    result = evals.spawn("--eval-plan", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--eval-plan with -n: a plan is made in one process; leave one "
                                 "of them out"])  # fmt: skip


def test_a_gate_that_cannot_decide_is_named_at_collection_and_in_the_report(evals):
    evals.models(m={"options": {"answer": "positive"}})
    evals.set(modes=["zeroshot"], gates=GATES[1:2])
    result = evals.run()
    line = (f"warning: evalsets/mini.yaml::gate-accuracy-{ZERO}: too few samples to pass: with 6 "
            "samples even *")  # fmt: skip
    result.stdout.fnmatch_lines(["collected 2 items", line, "*evalsets/mini.yaml*"])
    said = f"`gate-accuracy-{ZERO}` has too few samples to pass (6)"
    assert said in evals.report
    evals.run("--eval-report-lang", "ru")
    assert "примеров слишком мало (6)" in evals.report
    result = evals.run("--collect-only")
    result.stdout.no_fnmatch_line("warning: *")


def test_a_judge_set_is_named(evals):
    evals.write("evalsets/probes.yaml", {
        "kind": "judge", "models": ["m"],
        "probes": [{"id": "one", "kind": "fact", "question": "What?", "points": ["This."]}],
        "judge": {"models": ["m"], "rubric": "judge/absolute.en.j2"},
    })  # fmt: skip
    rubric = Path(__file__).parents[2] / "prompts/judge/absolute.en.j2"
    evals.write("prompts/judge/absolute.en.j2", rubric.read_text())
    result = evals.run("--eval-plan", "evalsets/probes.yaml")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["evalsets/probes.yaml: a judge set, 1 probe, which has no plan"])
