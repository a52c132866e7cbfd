"""`harness judge passport`, from the gold file to the page."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from endpoints import Reply, chat, serving, trouble
from judges import Choose, Score, coin, make_pairs, oracle, oracle_score
from typer.testing import CliRunner

from harness.cli import app
from harness.judge.passport import load_passport
from harness.judge.trust import check_passport
from harness.spec.judgeset import PassportSpec

ROOT = Path(__file__).parents[2]
MODELS = """\
models:
  placed:
    source: file:model
    engine: fake
    dtype: float32
    options: {answer: '{"reason": "r", "verdict": "A"}'}
  dying:
    source: file:model
    engine: fake
    dtype: float32
    options: {fail_start: true}
  forest:
    engine: tfidf
"""


FENCED = re.compile(r"<answer-([0-9a-f]{16})>\n(.*?)\n</answer-\1>", re.DOTALL)


def gold_lines(n: int) -> str:
    rows = [
        {"id": p.id, "instruction": p.instruction, "first": p.first, "second": p.second,
         "better": p.better}
        for p in make_pairs(n)
    ]  # fmt: skip
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def ready(project, tokenizers, quick_engines) -> Path:
    """A project with rubrics, gold pairs and judges; its model folder passes for weights."""
    root: Path = project.root
    project.models(MODELS)
    shutil.copytree(ROOT / "prompts/judge", root / "prompts/judge")
    project.write("evalsets/gold/ru_pairs.jsonl", gold_lines(40))
    (tokenizers(root / "model", window=32768) / "model.safetensors").touch()
    return root


@pytest.fixture
def call(ready):
    def call(*options):
        words = ["judge", "passport", *map(str, options), "--root", str(ready)]
        return CliRunner().invoke(app, words)

    return call


def test_a_judge_is_measured_on_the_gold_that_ships(call, ready):
    done = call("placed")
    assert done.exit_code == 0, done.output
    verdict, saved, page = done.stdout.splitlines()
    # The fake says A to everything, and has no score for any answer.
    assert verdict == "placed: too many verdicts are missing: this judge must not gate"
    assert Path(saved) == ready / "passports/placed.json"
    assert list(ready.glob("reports/passport-placed-*/report.md")) == [Path(page)]
    passport = load_passport(Path(saved))
    (one,) = passport.sets
    assert (one.name, one.n, one.scored) == ("gold/ru_pairs", 40, 40)
    assert (one.figures["prefers_first"].value, one.figures["order_agreement"].value) == (1, 0)
    assert one.score_unscored == {"the verdict has no score": 80}
    assert (passport.engine, passport.dtype) == ("fake", "float32")
    assert passport.rubric.path == "prompts/judge/absolute.ru.j2"
    text = Path(page).read_text(encoding="utf-8")
    assert text.startswith("# Passport of the judge `placed`\n\n**too many verdicts")
    assert not list(ready.rglob("*.part"))


def test_a_second_time_takes_the_answers_from_the_store(call, ready):
    assert call("placed").exit_code == 0
    first = (ready / "passports/placed.json").read_text()
    logs = len(list(ready.glob(".harness/logs/*/*")))
    assert call("placed").exit_code == 0
    assert (ready / "passports/placed.json").read_text() == first
    assert len(list(ready.glob(".harness/logs/*/*"))) == logs


def test_files_limit_rubrics_and_language_are_options(call, ready):
    pairs = [{"input": f"Say {i}.", "output_1": f"{i}", "output_2": "no", "label": 1}
             for i in range(6)]  # fmt: skip
    (ready / "llmbar").mkdir()
    (ready / "llmbar/natural.json").write_text(json.dumps(pairs))
    done = call(
        "placed", "--gold", ready / "llmbar/natural.json", "--gold",
        ready / "evalsets/gold/ru_pairs.jsonl", "--rubric", "judge/absolute.en.j2", "--pairwise",
        "judge/pairwise.en.j2", "--limit", "5", "--lang", "ru", "--passing", "6.5", "--store",
        ready / "other.sqlite",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    passport = load_passport(ready / "passports/placed.json")
    assert [(one.name, one.n) for one in passport.sets] == [("llmbar/natural", 5),
                                                            ("gold/ru_pairs", 5)]  # fmt: skip
    assert passport.pairwise.path == "prompts/judge/pairwise.en.j2"
    assert passport.passing == 6.5
    assert (ready / "other.sqlite").exists()
    (page,) = ready.glob("reports/passport-placed-*/report.md")
    assert page.read_text(encoding="utf-8").startswith("# Паспорт судьи `placed`")
    assert done.stdout.startswith("placed: только проба")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["plased"], "evalsets/models.yaml: unknown model 'plased'; did you mean 'placed'?"),
        (["forest"], "evalsets/models.yaml: model 'forest' is a classifier, which writes no text"),
        (["placed", "--rubric", "judge/pairwise.ru.j2"], "--rubric: prompts/judge/pairwise.ru.j2:"),
        (["placed", "--pairwise", "judge/none.j2"], "--pairwise: no rubric prompts/judge/none.j2"),
        (["placed", "--gold", "none.jsonl"], "none.jsonl: no such file; check the path"),
    ],
)
def test_a_mistake_is_one_line_before_any_model_loads(call, ready, options, problem):
    done = call(*options)
    assert done.exit_code == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (ready / "passports").exists()
    assert not (ready / ".harness").exists()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"better": "', '"better": ' + "1" * 5000 + ', "id": "', "the number 111111111111... has"),
        ('"first": "', r'"first": "\ud800', r"first: holds \ud800, half of a character"),
    ],
    ids=["number", "surrogate"],
)
def test_what_no_text_can_hold_is_one_line(call, ready, old, new, problem):
    path = ready / "evalsets/gold/ru_pairs.jsonl"
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    assert old in rest
    path.write_text(first + "\n" + rest.replace(old, new, 1), encoding="utf-8")
    done = call("placed")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{path}:2: {problem}")
    assert done.stderr.count("\n") == 1


def test_two_files_of_one_name_are_refused(call, ready):
    path = ready / "evalsets/gold/ru_pairs.jsonl"
    done = call("placed", "--gold", path, "--gold", path)
    assert (done.exit_code, done.stderr) == (
        2, "--gold: two files are called gold/ru_pairs; rename one, or its folder\n"
    )  # fmt: skip


def test_an_engine_that_fails_is_no_verdict(call, ready):
    done = call("dying")
    assert done.exit_code == 10
    assert "fake" in done.stderr
    assert not (ready / "passports").exists()


def test_an_interruption_says_how_to_go_on(call, ready, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.judge.judge_session.JudgeSession.rule", interrupted)
    done = call("placed")
    assert done.exit_code == 130
    assert done.stderr.splitlines() == [
        "interrupted; the verdicts so far are stored, and the same command goes on from them"
    ]
    assert not (ready / "passports").exists()


def replying(choose: Choose, score: Score):
    """Return a server's script: it reads the fenced answers, and replies by a function."""

    def script(body) -> Reply:
        answers = [text for _, text in FENCED.findall(body["messages"][-1]["content"])]
        if len(answers) == 2:
            return chat(json.dumps({"reason": "so it is", "verdict": choose(*answers)}))
        return chat(json.dumps({"reason": "so it is", "score": int(score(answers[0]))}))

    return script


@pytest.mark.parametrize(
    ("judge", "verdict"),
    [
        ((oracle, oracle_score), "meets the default demands: this judge may gate"),
        (coin(5), "near chance: this judge must not gate"),
    ],
    ids=["oracle", "coin"],
)
def test_a_judge_at_an_endpoint(call, ready, project, judge, verdict):
    with serving(replying(*judge)) as endpoint:
        project.models(
            "models:\n  remote:\n    source: openai:judge-1\n    options:\n"
            f"      base_url: {endpoint.url}\n      api_key_env: null\n"
            "      price: {prompt: 100, completion: 1000}\n"
        )
        done = call("remote")
        later = call("remote")
    assert done.exit_code == later.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == f"remote: {verdict}"
    assert len(done.stdout.splitlines()) == 3
    # Four questions a pair, those of both orders twice, and by two other wordings each.
    assert len(endpoint.asked) == 400
    assert done.stderr.endswith(
        "remote: 4400 prompt and 2000 completion tokens, $2.4400, stored outputs included\n"
    )
    assert later.stderr.endswith(
        "warning: remote: 320 verdicts are of the store and were not asked now; to measure what "
        "answers there now, give another place by --store\n"
    )
    path = ready / "passports/remote.json"
    passport = load_passport(path)
    assert passport.engine == "openai"
    checked = check_passport(
        path,
        judge="remote",
        model_digest=passport.model_digest,
        engine=passport.engine,
        dtype=passport.dtype,
        manner=passport.manner,
        rubric_digest=passport.rubric.digest,
        pairwise_digest=passport.pairwise.digest,
        spec=PassportSpec(),
    )
    assert checked.trusted is (judge[0] is oracle)


def test_a_server_that_refuses_all_questions_is_no_judge(call, ready, project):
    long = "request (1866 tokens) exceeds the available context size (1024 tokens)"
    with serving(lambda body: trouble(400, long, kind="exceed_context_size_error")) as endpoint:
        project.models(
            "models:\n  remote:\n    source: openai:judge-1\n"
            f"    options: {{base_url: '{endpoint.url}', api_key_env: null}}\n"
        )
        done = call("remote", "--limit", 2)
    why = "the endpoint refused the request: status 400 (exceed_context_size_error): …"
    assert done.exit_code == 11
    assert f"remote: 8 of 8 questions have no verdict, most often: {why}\n" in done.stderr
    (page,) = (ready / "reports").glob("passport-remote-*/*.md")
    assert "(exceed_context_size_error)" in page.read_text()
    (log,) = (ready / ".harness/logs").glob("*/*")
    assert f"16 requests failed: {why}\n" in log.read_text()
    assert "1866" not in page.read_text() + log.read_text()
    # It replaces no passport.
    assert not (ready / "passports").exists()
    assert len(list((ready / "reports").glob("passport-remote-*/remote.json"))) == 1


def test_a_made_up_passport_replaces_none_that_was_earned(call, ready):
    assert call("placed").exit_code == 0
    earned = (ready / "passports/placed.json").read_text()
    done = call("placed", "--engine", "fake")
    assert done.exit_code == 0, done.output
    _, saved, page = done.stdout.splitlines()
    assert Path(saved).parent == Path(page).parent
    assert load_passport(Path(saved)).engine == "fake"
    assert (ready / "passports/placed.json").read_text() == earned
    assert "warning: the engine fake made up the verdicts" in done.stderr
