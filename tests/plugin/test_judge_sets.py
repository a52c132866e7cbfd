"""Judge sets from the command line: answers by the fake engine, an oracle behind a real server."""

from __future__ import annotations

import contextlib
import json
import shlex
from dataclasses import replace

import pytest
import yaml
from endpoints import chat, serving
from judged_project import FENCED, GATES, PROBES, certify, make_project, oracle, write_set
from typer.testing import CliRunner

from harness.cli import app
from harness.judge.canaries import canaries

# A verdict on an answer, and none on a pair.
SCORED = '{"reason": "so it is", "score": 5}'


@pytest.fixture
def endpoint():
    with serving(oracle) as running:
        yield running


@pytest.fixture
def judged(evals, endpoint):
    """A project with the judge set `probes`: `plain` and `fine` answer, `wise` judges."""
    return make_project(evals, endpoint)


def answering_as(name):
    """Return the oracle's script, whose replies bear the name of another model."""

    def script(body):
        reply = oracle(body)
        return replace(reply, body={"model": name, **reply.body})

    return script


def test_answers_of_another_model_than_was_asked_are_told(judged, endpoint):
    endpoint.script = answering_as("wise-2-mini")
    result = judged.run("evalsets/probes.yaml")
    asked = len(endpoint.asked)
    (note,) = [one for one in judged.saved.info.notes if one.kind == "other_model"]
    total = note.facts["total"]
    assert note.about == "wise"
    assert note.facts == {
        "asked": "wise-1", "count": total, "total": total, "told": ("wise-2-mini",)
    }  # fmt: skip
    line = f"{total} of {total} answers are of wise-2-mini, as the server names them"
    told = [one for one in result.outlines if line in one]
    assert told == [f"warning: wise: {line}, not of wise-1, which was asked"]
    assert judged.report.count("`wise-2-mini`, as the server names them") == 1
    # What was stored is still of that model.
    judged.run("evalsets/probes.yaml")
    assert len(endpoint.asked) == asked
    assert note in judged.saved.info.notes


def test_exitfirst_judges_a_stored_judge_set_before_it_starts_an_engine(judged, endpoint):
    certify(judged)
    judged.run("evalsets/probes.yaml").assert_outcomes(passed=10)
    asked = len(endpoint.asked)
    write_set(judged, gates=[{"models": "plain", "figure": "score", "at_least": 9}])
    judged.set("mini", models=["plain"], gates=[{"figure": "accuracy", "at_least": 0}])
    result = judged.run("-x", "evalsets/mini.yaml", "evalsets/probes.yaml")
    result.assert_outcomes(passed=4, failed=1)
    assert [row.cell for row in judged.saved.rows] == []
    assert len(endpoint.asked) == asked


def test_a_dated_name_is_the_model_that_was_asked(judged, endpoint):
    endpoint.script = answering_as("wise-1-2026-01-31")
    judged.run("evalsets/probes.yaml")
    assert "other_model" not in [one.kind for one in judged.saved.info.notes]


def test_a_passport_holds_for_the_model_that_answered_then(judged, endpoint):
    endpoint.script = answering_as("wise-1-2026-01-31")
    certify(judged)
    judged.run("evalsets/probes.yaml")
    assert [one.check.trusted for one in judged.saved.judged.judges] == [True]
    endpoint.script = answering_as("wise-1-2026-07-31")
    result = judged.run("evalsets/probes.yaml", "--eval-store", "other.sqlite")
    assert [one.check.trusted for one in judged.saved.judged.judges] == [False]
    result.stdout.fnmatch_lines(
        ["*was made with answers of wise-1-2026-01-31, this run has those of wise-1-2026-07-31;*"]
    )


def test_a_passport_of_an_endpoint_is_bound_to_its_system_text(judged):
    certify(judged)
    entries = yaml.safe_load((judged.root / "evalsets/models.yaml").read_text())
    entries["models"]["wise"]["system"] = "Be kind."
    judged.write("evalsets/models.yaml", entries)
    result = judged.run("evalsets/probes.yaml")
    assert [one.check.trusted for one in judged.saved.judged.judges] == [False]
    result.stdout.fnmatch_lines(["*was made with another system text (none, now *"])


def test_an_oracle_with_a_passport_gates(judged):
    certify(judged)
    result = judged.run("-v")
    result.assert_outcomes(passed=10)
    run = judged.saved
    assert {gate.verdict for gate in run.gates} == {"pass"}
    assert [info.check.trusted for info in run.judged.judges] == [True]
    fine = next(one for one in run.judged.standings if one.model == "fine")
    assert (fine.n, fine.unscored, fine.probes) == (8, 0, 4)
    assert fine.figures["score"].value == 9
    assert fine.figures["win_rate"].value == 1
    assert "corrected_win_rate" in fine.figures
    assert not any(canary.broke for canary in run.judged.canaries)
    assert "untrusted" not in judged.report.lower()


def test_a_judge_that_does_not_score_canaries_is_void(judged, endpoint):
    certify(judged)

    def script(body):
        shown = [text for _, text in FENCED.findall(body["messages"][-1]["content"])]
        empty = len(shown) == 1 and "empty" in shown[0]
        return chat("cannot say") if empty else oracle(body)

    endpoint.script = script
    judged.run().assert_outcomes(passed=8, failed=2)
    (info,) = judged.saved.judged.judges
    begun = "wise gave no score to 4 of 12 deliberately bad answers, never to"
    assert info.void.text.startswith(begun)
    assert "never to an empty answer: " in info.void.text
    assert all("the run is void: wise gave" in gate.line for gate in judged.saved.gates)


def test_without_a_passport_scores_are_shown_and_gate_nothing(judged):
    result = judged.run("-rs")
    result.assert_outcomes(passed=8, skipped=2)
    result.stdout.fnmatch_lines(
        [
            "untrusted: evalsets/probes.yaml: wise gates nothing: no passport passports/wise.json;"
            " run: harness judge passport wise --rubric judge/absolute.en.j2 --pairwise "
            "judge/pairwise.en.j2 --gold FILE"
        ]
    )
    assert judged.saved.gates == ()
    assert len(judged.saved.unjudged) == 2
    assert "9.0" in judged.report
    assert "untrusted" in judged.report.lower()


def test_another_rubric_than_the_passport_s_is_not_covered(judged):
    certify(judged)
    path = judged.root / "prompts/judge/absolute.en.j2"
    path.write_text(path.read_text() + "\n{# another wording #}\n")
    result = judged.run("-rs")
    result.assert_outcomes(passed=8, skipped=2)
    result.stdout.fnmatch_lines(["untrusted: *rubric*"])


def test_a_judge_of_whole_answers_is_not_trusted_with_cut_ones(judged, endpoint):
    certify(judged)
    own = {"max_answer_chars": 500, "passport": {"gold": ["gold.jsonl"]}}
    write_set(judged, judge=own)
    result = judged.run("-rs")
    result.assert_outcomes(passed=8, skipped=2)
    told = "was made with answers cut at 8000 characters, this set cuts them at 500; run: harness "
    (line,) = (one for one in result.outlines if one.startswith("untrusted: "))
    assert told in line
    asked = len(endpoint.asked)
    # The command works as it is printed.
    command = shlex.split(line.partition(told)[2])
    assert "gold.jsonl" in command
    with contextlib.chdir(judged.root):
        assert CliRunner().invoke(app, command).exit_code == 0
    assert len(endpoint.asked) == asked
    judged.run().assert_outcomes(passed=10)


def test_another_judge_behind_the_same_name_voids_the_run(judged, endpoint):
    certify(judged)
    asked = len(endpoint.asked)
    judged.run().assert_outcomes(passed=10)
    # Twenty pairs of gold in both orders are asked about again in each run that asks at all.
    assert sum("Is number" in body["messages"][-1]["content"]
               for body in endpoint.asked[asked:]) == 40  # fmt: skip
    asked = len(endpoint.asked)
    judged.run().assert_outcomes(passed=10)
    assert len(endpoint.asked) == asked

    def other(body):
        """Say of gold pairs that the first is the better, whichever it is."""
        said = oracle(body)
        gold = "Is number" in body["messages"][-1]["content"]
        return chat(json.dumps({"reason": "so", "verdict": "A"})) if gold else said

    endpoint.script = other
    (judged.root / ".harness/outputs.sqlite").unlink()
    result = judged.run("-rs")
    result.assert_outcomes(passed=8, failed=2)
    (info,) = judged.saved.judged.judges
    assert info.void.text.startswith("wise was asked about 20 gold pairs of its passport once more")
    assert "what answers is not what was certified" in judged.report


def test_gold_that_cannot_be_read_is_an_error_of_its_set(judged):
    write_set(judged, judge={"passport": {"gold": ["gold/none.jsonl"]}})
    result = judged.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["*evalsets/probes.yaml:*judge.passport.gold[[]0[]]: *gold/none.jsonl*"]
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"options": {"answer": "{}"}}, 'made with the engine options {"answer": "{\\"'),
        ({"chat_template": "plain"}, "made with another chat template ("),
        ({"dtype": "bfloat16"}, "made on fake in float32, this run is on fake in bfloat16"),
    ],
)
def test_a_judge_that_is_run_otherwise_is_not_covered(judged, changes, problem):
    models = json.loads((judged.root / "evalsets/models.yaml").read_text())
    models["models"]["local"] = models["models"]["plain"] | {"options": {"answer": SCORED}}
    judged.write("evalsets/models.yaml", models)
    write_set(judged, judge={"models": ["local"]}, gates=GATES[:1])
    certify(judged, "local")
    judged.run()
    assert "have no verdict" in judged.saved.judged.judges[0].check.problem.text
    models["models"]["local"] |= changes
    judged.write("evalsets/models.yaml", models)
    judged.run().assert_outcomes(passed=8, skipped=1)
    assert problem in judged.saved.judged.judges[0].check.problem.text


def test_a_worse_model_fails_its_gate(judged):
    certify(judged)
    write_set(judged, gates=[{"models": "plain", "figure": "score", "at_least": 7}])
    result = judged.run()
    result.assert_outcomes(passed=8, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*gate-score-plain*score 2.000*at least 7 - fail*"])


def test_equal_scores_of_two_probes_decide_no_gate(judged):
    certify(judged)
    gate = {"models": "fine", "figure": "score", "at_least": 8.9}
    write_set(judged, probes=PROBES[:2], gates=[gate])
    judged.run().assert_outcomes(passed=5)
    assert [one.verdict for one in judged.saved.gates] == ["inconclusive"]


def test_a_canary_that_is_liked_voids_the_run(judged, endpoint):
    certify(judged)
    (praise,) = [c.answer for c in canaries("q", ["p"], others=[], other_answer="", lang="en")
                 if c.kind == "constant"]  # fmt: skip

    def flattered(body):
        if praise in body["messages"][-1]["content"]:
            return chat(json.dumps({"reason": "what an answer", "score": 10}))
        return oracle(body)

    endpoint.script = flattered
    result = judged.run()
    result.assert_outcomes(passed=8, failed=2)
    result.stdout.fnmatch_lines(
        ["*the run is void: wise scored 4 of * deliberately bad answers above the limit of 4; one "
         "of them, a constant answer (probe *"]
    )  # fmt: skip
    assert "void" in judged.report.lower()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nine, I would say", "the judge's reply is not a JSON object"),
        ('{"reason": "r", "score": 9}{"reason": "r", "score": 9}', "two verdicts"),
        ('{"reason": "r", "score": 11}', "not between 1 and 10"),
    ],
)
def test_a_verdict_that_cannot_be_read_is_unscored_and_fails_the_gate(
    judged, endpoint, text, reason
):
    certify(judged)
    endpoint.script = lambda body: chat(text)
    result = judged.run()
    result.assert_outcomes(passed=8, failed=2)
    fine = next(one for one in judged.saved.judged.standings if one.model == "fine")
    assert (fine.n, fine.unscored, dict(fine.figures)) == (0, 8, {})
    assert reason in next(iter(fine.reasons)).text
    assert {gate.verdict for gate in judged.saved.gates} == {"fail"}


def test_the_second_time_nothing_is_asked(judged, endpoint):
    judged.run()
    asked = len(endpoint.asked)
    assert asked > 8
    judged.run().assert_outcomes(passed=8, skipped=2)
    assert len(endpoint.asked) == asked
    assert sum(engine.computed for engine in judged.saved.info.engines) == 0
    assert judged.saved.judged.judges[0].prompt_tokens > 0


def test_a_judge_out_of_reach_is_an_engine_failure_and_answers_are_kept(judged, endpoint):
    endpoint.script = lambda body: chat("x") if False else _gone()
    result = judged.run()
    assert result.ret == 10
    assert sum(engine.computed for engine in judged.saved.info.engines) == 16
    endpoint.script = oracle
    judged.run().assert_outcomes(passed=8, skipped=2)
    made = {one.model: one.computed for one in judged.saved.info.engines}
    assert (made["plain"], made["fine"]) == (0, 0)


@pytest.mark.parametrize("role", ["judge", "model"])
def test_a_missing_key_is_found_before_anything_is_answered(judged, monkeypatch, role):
    monkeypatch.delenv("WISE_KEY", raising=False)
    models = json.loads((judged.root / "evalsets/models.yaml").read_text())
    wise = models["models"]["wise"]
    keyed = {**wise, "options": {**wise["options"], "api_key_env": "WISE_KEY"}}
    models["models"]["wise" if role == "judge" else "fine"] = keyed
    judged.write("evalsets/models.yaml", models)
    result = judged.run()
    assert result.ret == 10
    result.stdout.fnmatch_lines(["*set the environment variable WISE_KEY*"])
    assert judged.started == []


def give_price(evals):
    models = json.loads((evals.root / "evalsets/models.yaml").read_text())
    models["models"]["wise"]["options"]["price"] = {"prompt": 1.0, "completion": 2.0}
    evals.write("evalsets/models.yaml", models)


def test_what_a_judge_cost_is_counted(judged):
    give_price(judged)
    judged.run()
    (info,) = judged.saved.judged.judges
    tokens = info.prompt_tokens + 2 * info.completion_tokens
    assert info.cost == pytest.approx(tokens / 1e6)
    assert f"${info.cost:.4f}" in judged.report


def test_nothing_says_what_answers_cost_whose_tokens_are_not_counted(judged, endpoint):
    give_price(judged)

    def without_usage(body):
        reply = oracle(body)
        return replace(reply, body={**reply.body, "usage": None})

    endpoint.script = without_usage
    result = judged.run("evalsets/probes.yaml")
    (note,) = [one for one in judged.saved.info.notes if one.kind == "uncounted"]
    assert note.about == "wise"
    assert note.facts["count"] == note.facts["total"] > 0
    assert any("came without a count of their tokens" in one for one in result.outlines)
    assert judged.saved.judged.judges[0].cost is None
    assert "$0" not in judged.report


def _gone():
    from endpoints import trouble

    return trouble(401, "no such key")


def test_selection_brings_one_probe_and_its_gates_say_what_they_lack(judged):
    certify(judged)
    result = judged.run("-k", "fine-bread", "-rs")
    result.assert_outcomes(passed=1)
    assert "models 1, probes 1 of 4, answers 2," in judged.report
    result = judged.run("-k", "fine-bread or gate", "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*needs cells that are not selected: fine-salt*"])


def test_a_jury_has_an_agreement(judged):
    models = json.loads((judged.root / "evalsets/models.yaml").read_text())
    models["models"]["wise-too"] = models["models"]["wise"] | {"source": "openai:wise-2"}
    judged.write("evalsets/models.yaml", models)
    write_set(judged, judge={"models": ["wise", "wise-too"]})
    judged.run().assert_outcomes(passed=8, skipped=2)
    saved = judged.saved.judged
    assert saved.agreement["evalsets/probes.yaml"].value == pytest.approx(1)
    assert {len(answer.rulings) for probe in saved.probes for answer in probe.answers} == {2}


def test_the_rates_of_a_jury_with_passports_are_corrected(judged):
    models = judged.root / "evalsets/models.yaml"
    spec = yaml.safe_load(models.read_text())
    spec["models"]["other"] = {**spec["models"]["wise"], "source": "openai:other-1"}
    judged.write("evalsets/models.yaml", spec)
    write_set(judged, judge={"models": ["wise", "other"]})
    certify(judged)
    judged.run()
    fine = next(one for one in judged.saved.judged.standings if one.model == "fine")
    assert not {name for name in fine.figures if name.startswith("corrected")}
    certify(judged, "other")
    judged.run().assert_outcomes(passed=10)
    fine = next(one for one in judged.saved.judged.standings if one.model == "fine")
    assert fine.figures["corrected_win_rate"].n == 2 * fine.figures["corrected_pass_rate"].n == 16
    assert fine.figures["corrected_pass_rate"].value == 1


def test_items_say_in_junit_whether_the_judge_is_trusted(judged):
    judged.run("--junitxml", "j.xml")
    text = (judged.root / "j.xml").read_text()
    assert '<property name="trusted" value="False"' in text
    assert '<property name="score" value="9.0"' in text


def test_a_judge_of_its_own_answers_is_named(judged):
    models = json.loads((judged.root / "evalsets/models.yaml").read_text())
    models["models"]["twin"] = models["models"]["plain"] | {"options": {"answer": "no"}}
    judged.write("evalsets/models.yaml", models)
    write_set(judged, judge={"models": ["wise", "twin"]}, gates=[])
    judged.run()
    assert [info.kin for info in judged.saved.judged.judges] == [(), ("plain", "fine")]
    assert "**`twin` judges answers of its own weights** (`plain`, `fine`): models" in judged.report


@pytest.mark.slow
def test_workers_keep_a_set_together(judged):
    result = judged.spawn("-n", "2")
    result.assert_outcomes(passed=8, skipped=2)
    assert len(judged.saved.judged.standings) == 2


def test_a_wrong_set_is_one_line_before_anything_runs(judged, endpoint):
    write_set(judged, judge={"rubric": "judge/absolut.en.j2"})
    result = judged.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["*evalsets/probes.yaml:*judge.rubric: no template prompts/judge/absolut.en.j2; did you "
         "mean 'judge/absolute.en.j2'?*"]
    )  # fmt: skip
    assert endpoint.asked == []
