"""--eval-plan, and what is said of gates that cannot decide before anything is spent on them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.stats import mde_proportion
from harness.stats.slices import mde_slice

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


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ({}, 12),
        # Six questions tell the words apart, of six samples and three texts without content.
        ({"scoring": {"method": "logprobs", "contextual": True}, "modes": ["zeroshot"],
          "prompts": [{"template": "prefill.j2",
                       "targets": {"positive": "good", "negative": "good enough"}}]}, 54),
    ],
)  # fmt: skip
def test_requests_and_tokens_are_those_of_the_run(evals, planned, keys, asked):
    counted = planned(**keys)[1]
    assert counted.startswith(f"  m: {asked} requests")
    said = int(counted.split("about ")[1].split(" prompt")[0].replace("\N{NO-BREAK SPACE}", ""))
    evals.run()
    (engine,) = evals.saved.info.engines
    assert (engine.computed, engine.prompt_tokens) == (asked, said)


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
    # Student's 3.986 in place of 1.966, and 0.842, standard errors of 20% discordant pairs.
    assert "; a loss of 0.105 or more fails one of 250 looks (20% of pairs" in planned_looks


BASELINE = f"baselines/mini/{ZERO}.json"
ON_BASELINE = [{"cells": ZERO, "figure": name, "no_worse_than": "baseline", "by": 0.2, "looks": 9}
               for name in ("accuracy", "auc")]  # fmt: skip


def as_real(evals) -> None:
    """Let the last run be one of a real engine, whose answers say something."""
    path = evals.latest.resolve() / "run.json"
    head = json.loads(path.read_text())
    for one in head["info"]["engines"]:
        one["engine"] = "transformers"
    path.write_text(json.dumps(head))


def reach(lines: list[str]) -> tuple[str, str]:
    """Return the lines of both gates on the baseline."""
    one, other = (line for line in lines if "-vs-baseline" in line and "warning" not in line)
    return one, other


def change(evals, *, answers: list[list[int]]) -> None:
    """Change the baseline on disk to runs of these answers, all else being as it was."""
    path = evals.root / BASELINE
    data = json.loads(path.read_text())
    runs = len(answers)
    for key in ("calibrated", "log_odds"):
        data[key] = data[key][:1] * runs
    targets, odds = data["targets"], data["log_odds"][0]
    data["answers"] = answers
    data["correct"] = [[int(a == t) for a, t in zip(run, targets, strict=True)] for run in answers]
    data["log_odds"] = [[abs(odd) * (1 - 2 * a) + place / 9 for place, (odd, a) in
                         enumerate(zip(odds, run, strict=True))] for run in answers]  # fmt: skip
    path.write_text(json.dumps(data))


def test_a_gate_on_a_baseline_is_planned_by_what_was_measured(evals, planned):
    evals.models(m={"engine": "fake"})
    keys = {"modes": ["zeroshot"], "gates": ON_BASELINE}
    lines = reach(planned(**keys))
    assert lines[0].endswith("(20% of pairs differ, assumed: there is no baseline yet)")
    assert lines[1].endswith("(AUCs around 0.8 with a correlation of 0.5, assumed: there is no "
                             "baseline yet)")  # fmt: skip

    def again() -> tuple[str, str]:
        result = evals.run("--eval-plan")
        assert result.ret == 0
        return reach(result.outlines)

    evals.run("--eval-write-baseline")
    as_real(evals)
    # The last run is the baseline itself, which says nothing of a change.
    for line, assumed in zip(again(), ("differ, ", "0.33, a correlation of 0.5 "), strict=True):
        assert line.endswith(f"{assumed}assumed: the last run does not differ from the baseline)")
    first = json.loads((evals.root / BASELINE).read_text())["answers"][0]
    turned = [1 - first[0], 1 - first[1], *first[2:]]
    change(evals, answers=[turned])
    accuracy, auc = again()
    assert accuracy.endswith("(33.3% of pairs differ, as in the last run)")
    assert auc.endswith("(as in the last run)")
    # Of several runs the last one counts by their mean, unless it is one of them.
    change(evals, answers=[turned, [*first[:3], 1 - first[3], *first[4:]]])
    assert again()[0].endswith("(as the last run differs from the baseline's 2 runs)")
    data = json.loads((evals.root / BASELINE).read_text())
    data["samples"][0] += "x"
    (evals.root / BASELINE).write_text(json.dumps(data))
    assert again()[0].endswith("(20% of pairs differ, assumed: the baseline is of other samples)")
    (evals.root / BASELINE).write_text("{")
    assert again()[0].endswith("write it again with --eval-write-baseline)")


def test_without_a_run_the_runs_of_a_baseline_say_how_they_differ(evals, planned):
    evals.models(m={"engine": "fake"})
    evals.set(modes=["zeroshot"], gates=ON_BASELINE)
    evals.run("--eval-write-baseline", "--eval-reports", "elsewhere")
    first = json.loads((evals.root / BASELINE).read_text())["answers"][0]
    change(evals, answers=[first, [1 - first[0], *first[1:]]])
    accuracy, auc = reach(planned(modes=["zeroshot"], gates=ON_BASELINE))
    assert accuracy.endswith("(16.7% of pairs differ, as between the baseline's 2 runs)")
    assert auc.endswith("(as between the baseline's 2 runs)")
    assert "looks" in accuracy
    change(evals, answers=[first, first])
    accuracy, _ = reach(planned(modes=["zeroshot"], gates=ON_BASELINE))
    assert accuracy.endswith("assumed: the baseline's runs do not differ)")


def test_without_a_run_two_cells_baselines_say_how_they_differ(evals, planned):
    evals.models(m={"engine": "fake"})
    evals.set()
    evals.run("-q", "--eval-write-baseline", "--eval-reports", "elsewhere")
    accuracy, auc = (line for line in planned(gates=GATES[2:]) if line.startswith("  gate-"))
    assert accuracy.endswith("% of pairs differ, as in the baselines of both)")
    assert auc.endswith("(as in the baselines of both)")


def test_a_new_gate_is_planned_by_the_results_of_the_last_run(evals):
    evals.set()
    evals.run("-q")
    as_real(evals)
    evals.set(gates=GATES[2:3])
    result = evals.run("--eval-plan")
    result.stdout.fnmatch_lines([f"*gate-accuracy-{SHOTS}-vs-zeroshot: *% of pairs differ, as in "
                                 "the last run)"])  # fmt: skip


def test_gates_on_slices_are_planned_by_the_slice_that_shows_least(evals, planned):
    rows = "".join(f"{i},{'fine' if i % 2 else 'bad'} {i},{LABELS[i % 2]},"
                   f"{'sport' if i % 10 < 2 else 'film'}\n" for i in range(200))  # fmt: skip
    evals.write("data.csv", f"id,text,label,topic\n{rows}")
    gates = [
        {"cells": ZERO, "figure": "accuracy", "at_least": 0.7, "slice": "worst"},
        {"cells": ZERO, "figure": "accuracy", "at_least": 0.7, "slice": "topic=film"},
        {"cells": ZERO, "figure": "recall:positive", "at_least": 0.7, "slice": "topic=film"},
        {"cells": ZERO, "figure": "accuracy", "no_worse_than": "baseline", "by": 0.2, "looks": 9,
         "slice": "worst:topic"},
    ]  # fmt: skip
    data = {"source": "file:data.csv", "id": "id"}
    lines = planned(data=data, modes=["zeroshot"], gates=gates, slices=["topic"])
    worst, named, recall, paired = (line.split(": ", 1)[1] for line in lines if " gate-" in line)
    both = mde_proportion(40, 0.7, alpha=0.025)
    assert worst == ("at least 0.7, n=40 of topic=sport, which shows the least of 2 slices: "
                     f"{both:.3f} from 0.7 (exact)")  # fmt: skip
    one = mde_proportion(160, 0.7)
    assert named == f"at least 0.7, n=160 of topic=film: {one:.3f} from 0.7 (exact)"
    # A recall counts the samples of its label alone.
    half = mde_proportion(80, 0.7)
    assert recall == f"at least 0.7, n=80 of topic=film: {half:.3f} from 0.7 (exact)"
    assert paired.startswith("no_worse_than baseline by 0.2, n=40 of topic=sport, which shows the "
                             "least of 2 slices: a difference of ")  # fmt: skip
    assert "or more fails one of 9 looks" in paired
    # Two slices and their column are tested; the smaller one shows the least.
    far = mde_slice(40, 160, 0.8, alpha=0.05 / 3)
    said = f"  slices, 2: accuracy of one by {far:.3f} below that of the other samples at most "
    assert f"{said}for each, as of topic=sport, n=40 (a rate of 0.8 elsewhere, assumed)" in lines
    lines = planned(data={"source": "hub:nobody/reviews", "samples": {"n": 40}},
                    modes=["zeroshot"], gates=gates[:1], slices=["topic"])  # fmt: skip
    assert "  slices: they are known where the data is read" in lines
    (line,) = [line for line in lines if " gate-" in line]
    assert line.endswith("n=40: its slices are known where the data is read")


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


def test_gates_of_a_judge_set_are_planned(evals):
    evals.write("evalsets/probes.yaml", {
        "kind": "judge", "models": ["m"], "answers": {"max_tokens": 8},
        "probes": [{"id": f"p{place}", "kind": "fact", "question": f"What of {place}?",
                    "points": ["This."]} for place in range(4)]
        + [{"id": "p4", "kind": "talk", "turns": ["Hello.", "What of 4?"], "points": ["This."]}],
        "judge": {"models": ["m"], "rubric": "judge/absolute.en.j2"},
        "gates": [{"figure": "pass_rate", "at_least": 0.9}, {"figure": "score", "at_least": 5},
                  {"figure": "unscored", "at_most": 0.3}],
    })  # fmt: skip
    rubric = Path(__file__).parents[2] / "prompts/judge/absolute.en.j2"
    evals.write("prompts/judge/absolute.en.j2", rubric.read_text())
    few = ("gate-pass_rate-m: too few probes to pass: with 5 probes even the best pass_rate has "
           "an interval down to 0.478")  # fmt: skip
    lines = [
        "evalsets/probes.yaml: a judge set, 5 probes, 1 model, 3 answers to each, 3 more between "
        "the turns of dialogues",
        "  m: 18 requests, about * prompt tokens",
        "  m: no saved run says how long that takes",
        "  judge m: 30 of 30 prompts cannot be asked: too long: * prompt tokens and room for 320 "
        "exceed the model's window of 512",
        "  shown in 80% of runs, if it is there:",
        "  gate-pass_rate-m: at least 0.9, n=15 on 5 probes: * from 0.9 (all answers to a probe "
        "alike, assumed)",
        "  gate-score-m: at least 5, n=15 on 5 probes: not known before a run, which shows how "
        "scores differ between probes",
        f"  gate-unscored-m: at most 0.3, n=15 on 5 probes: {mde_proportion(15, 0.3):.3f} from "
        "0.3 (exact)",
        f"warning: evalsets/probes.yaml: {few}; give more probes or move the bound",
    ]
    result = evals.run("--eval-plan", "evalsets/probes.yaml")
    assert result.ret == 0
    result.stdout.fnmatch_lines(lines, consecutive=True)
    done = CliRunner().invoke(app, ["validate", str(evals.root / "evalsets/probes.yaml"), "--root",
                                    str(evals.root)])  # fmt: skip
    assert done.stdout.splitlines()[0] == lines[0]
    assert len(done.stdout.splitlines()) == len(lines)
    result = evals.run("evalsets/probes.yaml", "-k", "nothing-of-it")
    result.stdout.no_fnmatch_line("warning: *")
    result = evals.run("evalsets/probes.yaml", "-k", "gate-pass_rate")
    result.stdout.fnmatch_lines([f"warning: evalsets/probes.yaml::{few}"])
