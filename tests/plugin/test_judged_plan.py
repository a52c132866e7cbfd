"""What a judge set would take, said before it runs, beside what its run then took."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from endpoints import serving
from judged_project import make_project, oracle, write_set
from judges import make_passport

from harness.judge.passport import AskedTwice, Retest, save_passport

PROBES = [
    {"id": "bread", "kind": "fact", "question": "What of bread?", "points": ["bread is good"]},
    {"id": "talk", "kind": "fact", "turns": ["Hello.", "What of salt?"],
     "points": ["salt is good", "it is white"]},
]  # fmt: skip


@pytest.fixture
def endpoint():
    with serving(oracle) as running:
        yield running


def plan(evals) -> list[str]:
    result = evals.run("evalsets", "--eval-plan")
    assert result.ret == 0, result.outlines
    return [line.strip().replace("\N{NO-BREAK SPACE}", "") for line in result.outlines]


def line_of(lines, start: str) -> str:
    return next(line for line in lines if line.startswith(start))


def as_real(evals) -> dict[tuple[str, str], dict]:
    """Let the last run be one of real engines of known speed; return what each did."""
    path = evals.latest.resolve() / "run.json"
    head = json.loads(path.read_text())
    for one in head["info"]["engines"]:
        one |= {"start_s": 10.0, "generate_s": 60.0}
        one["engine"] = "transformers" if one["engine"] == "fake" else one["engine"]
    path.write_text(json.dumps(head))
    return {(one["model"], one["work"]): one for one in head["info"]["engines"]}


def test_requests_and_tokens_are_those_of_the_run(evals, endpoint):
    judged = make_project(evals, endpoint)
    write_set(judged, probes=PROBES, gates=[])
    keys = yaml.safe_load((judged.root / "evalsets/probes.yaml").read_text())
    keys["judge"] = {"models": ["wise", "plain"], "points": "judge/points.en.j2"}
    judged.write("evalsets/probes.yaml", keys)
    before = plan(judged)
    # Two answers to each probe, and two to the first turn of the dialogue.
    assert line_of(before, "fine: 6 requests, about ").endswith(" prompt tokens")
    # Of two models' answers and three or four canaries of each probe each point.
    most = int(line_of(before, "judge wise: at most ").split()[4])
    assert 3 * (4 + 3) <= most <= 3 * (4 + 4)
    assert "tokens not known: a server's tokenizer is its own" in line_of(before, "judge wise: at")
    assert line_of(before, "judge plain: at").endswith("prompt tokens and those of the answers")
    assert "judge wise: no saved run says how long that takes" in before

    judged.run("evalsets/probes.yaml")
    did, name = as_real(judged), judged.latest.resolve().name
    after = plan(judged)
    for model in ("plain", "fine"):
        own = did[model, "answers"]
        said = f"{model}: {own['computed']} requests, about {own['prompt_tokens']} prompt tokens"
        assert line_of(after, f"{model}: 6") == said
    # All answers of a model are alike, and judged once.
    for judge, how in (
        ("plain", f"with the answers of {name}"),
        ("wise", f"as many each as in {name}"),
    ):
        own = did[judge, "verdicts"]
        assert line_of(after, f"judge {judge}: at most") == (
            f"judge {judge}: at most {own['computed']} requests, about {own['prompt_tokens']} "
            f"prompt tokens, {how}"
        )
    assert len(endpoint.asked) == did["wise", "verdicts"]["computed"] < most
    assert f"judge wise: about 0:01:10 at the rate of {name}, less what is stored" in after


def test_gold_pairs_that_are_asked_again_are_counted(evals, endpoint):
    judged = make_project(evals, endpoint)
    asked = tuple(AskedTwice("gold", str(number), "A", "B") for number in range(60))
    passport = replace(make_passport(), retest=Retest({}, asked, moved=1))
    (judged.root / "passports").mkdir()
    save_passport(judged.root / "passports/wise.json", passport)
    said = line_of(plan(judged), "judge wise: at most 40 ")
    assert said == ("judge wise: at most 40 more about gold pairs of its passport, which no store "
                    "answers")  # fmt: skip


def test_the_time_of_verdicts_and_answers_is_no_time_of_labels(evals, endpoint):
    judged = make_project(evals, endpoint)
    judged.run("evalsets/probes.yaml")
    as_real(judged)
    judged.write("evalsets/more.yaml", {
        "data": {"rows": [{"text": "good", "label": "a"}, {"text": "bad", "label": "b"}]},
        "labels": ["a", "b"], "models": ["plain"], "prompts": ["prefill.j2"],
        "modes": ["zeroshot"],
    })  # fmt: skip
    lines = plan(judged)
    assert "plain: no saved run says how long that takes" in lines
    # Scores of answers and canaries, and two orders of each pair.
    asked = len(endpoint.asked)
    assert line_of(lines, "judge wise: at most").startswith(f"judge wise: at most {asked} req")
