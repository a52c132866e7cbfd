from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_row
from judged_builders import make_judged

from harness.errors import HarnessError
from harness.reasons import Reason
from harness.records import CellPrompt, DataInfo, EngineInfo, Figure, Gate, Result, Run, RunInfo
from harness.report.redacting import redact
from harness.report.runfiles import load_run, save_run

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SAID = Reason("scorer", {"said": "no label in 'what a film'"})
RESULT = Result(
    evalset="evalsets/mini.yaml",
    cell="m-p-zeroshot",
    sample="s1",
    prompt_key="ab12",
    text="a\u2028text\nwith lines",
    target="positive",
    answer="negative",
    calibrated=None,
    correct=False,
    reason=None,
    logprobs={"positive": -math.inf, "negative": -0.25},
    log_odds=-math.inf,
    completion="",
)


@pytest.fixture
def run() -> Run:
    row = make_row(
        cell="m-p-zeroshot",
        model="m",
        prompt="p",
        n=1,
        unscored=1,
        reasons={SAID: 1},
        figures={"accuracy": Figure(0.0, 0.0, 0.7934567891234567, 1)},
        shares={"positive": 0.0, "negative": 1.0},
        targets={"positive": 1.0, "negative": 0.0},
        prompt_tokens=41.5,
    )
    info = RunInfo(
        id="r1",
        started="2026-01-02T03:04:05+00:00",
        wall_s=1.25,
        command="pytest",
        machine={"CPU": "x"},
        versions={"harness": "0.1.0"},
        data=(DataInfo("evalsets/mini.yaml", "file:x.csv", "sha256:00", 9, 1, 2, 4, 0),),
        engines=(
            EngineInfo(
                "m",
                "file:m",
                "sha256:11",
                "fake",
                "1",
                "float32",
                "cpu",
                0.5,
                0.25,
                2,
                0,
                83,
                40,
                2,
            ),
        ),
        lost=(Reason("outputs_missing", {"models": "m", "missing": 3, "wanted": 9}),),
    )
    gate = Gate(row.evalset, row.cell, "accuracy", "at_least", 0.5, "inconclusive", False, "line")
    unscored = Result(
        evalset=row.evalset,
        cell=row.cell,
        sample="s2",
        prompt_key="",
        text="Ünïcode text",
        target="positive",
        answer=None,
        calibrated=None,
        correct=None,
        reason=SAID,
        logprobs={},
        log_odds=math.nan,
        completion="what a film",
    )
    return Run(
        info, (row,), (gate,), (RESULT, unscored), (("other", Reason("no_cuda", {"model": "m"})),)
    )


def save(run: Run, path, **options) -> None:
    save_run(path, run, **options)


def test_round_trip_is_exact(run, tmp_path):
    save(run, tmp_path / "new" / "folder")
    found = load_run(tmp_path / "new" / "folder")
    assert math.isnan(found.results[1].log_odds)
    assert (found.info, found.rows, found.gates, found.skipped) == (
        run.info,
        run.rows,
        run.gates,
        run.skipped,
    )
    assert found.results[0] == run.results[0]
    assert type(found.info.data) is tuple
    assert type(found.skipped[0]) is tuple
    save(found, tmp_path / "again")
    for name in ("run.json", "results.jsonl"):
        first = (tmp_path / "new" / "folder" / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == first


def test_files_are_strict_json(run, tmp_path):
    def refuse(name):
        raise AssertionError(name)

    save(run, tmp_path)
    lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").split("\n")
    assert len(lines) == 3
    first = json.loads(lines[0], parse_constant=refuse)
    assert first["log_odds"] == "-Infinity"
    assert json.loads(lines[1], parse_constant=refuse)["log_odds"] == "NaN"
    assert "Ünïcode" in lines[1]
    assert json.loads((tmp_path / "run.json").read_text())["schema"] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.jsonl", "run.json"]


def test_broken_text_can_be_saved(run, tmp_path):
    broken = Run(run.info, run.rows, run.gates, (redact(RESULT),))
    save(broken, tmp_path)
    odd = Run(run.info, run.rows, run.gates, (run.results[1],))
    object.__setattr__(odd.results[0], "completion", "half \ud83d emoji")
    save(odd, tmp_path)
    assert load_run(tmp_path).results[0].completion == "half \ud83d emoji"


def test_texts_none_leaves_no_text(run, tmp_path):
    save(run, tmp_path, texts="none")
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    for text in ("with lines", "Ünïcode", "what a film"):
        assert text not in written
    found = load_run(tmp_path)
    hidden = Reason("scorer", {"said": "…"})
    assert found.results[1].reason == hidden
    assert found.rows[0].reasons == {hidden: 1}
    assert found.results[0].target == "positive"


def test_length_of_a_text_outlives_it_and_may_be_missing(run, tmp_path):
    known = replace(run, results=(replace(RESULT, length=21), *run.results[1:]))
    save(known, tmp_path, texts="none")
    assert [one.length for one in load_run(tmp_path).results] == [21, 0]
    path = tmp_path / "results.jsonl"
    path.write_text(path.read_text().replace(', "length": 21', "").replace(', "length": 0', ""))
    assert "length" not in path.read_text()
    assert [one.length for one in load_run(tmp_path).results] == [0, 0]


def test_only_what_a_reason_quotes_is_redacted(run):
    for reason, left in (
        (Reason("no_label"), "no label in the answer"),
        (Reason("special_token", {"token": "<s>"}), "the text holds '…', a special token"),
        (Reason("prompt_too_long", {"tokens": 900, "window": 512}), "too long: 900 prompt tokens"),
        (
            Reason("endpoint_refused", {"status": 400, "type": "too_long", "said": "a film"}),
            "the endpoint refused the request: status 400 (too_long): …",
        ),
    ):
        one = replace(run.results[1], completion="a", reason=reason)
        assert redact(one).reason.text.startswith(left)


def test_missing_run_is_one_line(tmp_path):
    with pytest.raises(HarnessError, match=r"run\.json: no such file; give the folder") as caught:
        load_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_results_are_named(run, tmp_path):
    save(run, tmp_path)
    (tmp_path / "results.jsonl").unlink()
    with pytest.raises(HarnessError, match=r"results\.jsonl: no such file"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("run.json", "{", "damaged"),
        ("run.json", "[" * 100_000, "nested too deep"),
        ("results.jsonl", "[" * 100_000, "nested too deep"),
        ("run.json", "[]", "schema None is not 1"),
        ("run.json", '{"schema": 2}', "schema 2 is not 1: run the evals again"),
        ("run.json", '{"schema": 1}', "damaged"),
        ("results.jsonl", '{"evalset": 1}\n', "damaged"),
        ("results.jsonl", "\ud800", "damaged"),
    ],
)
def test_damaged_file_is_one_line(run, tmp_path, name, content, problem):
    save(run, tmp_path)
    (tmp_path / name).write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(HarnessError, match=problem) as caught:
        load_run(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_judged_run_round_trip_is_exact(run, tmp_path):
    judged = replace(run, judged=make_judged())
    save(judged, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "probes.jsonl", "results.jsonl", "run.json"
    ]  # fmt: skip
    lines = (tmp_path / "probes.jsonl").read_text(encoding="utf-8").split("\n")
    assert len(lines) == 31
    assert json.loads(lines[0])["probe"] == "p01"
    assert json.loads((tmp_path / "run.json").read_text())["judged"]["probes"] == []
    assert load_run(tmp_path).judged == judged.judged


def test_prompts_are_kept_but_not_without_texts(run, tmp_path):
    prompt = CellPrompt("e", "c", "s1", ("<s>", "half \u2028 \ud83d"), ((1,), (2, 3)), 1, 9)
    prompted = replace(run, prompts=(prompt,))
    save(prompted, tmp_path)
    assert "\u2028" not in (tmp_path / "prompts.jsonl").read_text(encoding="utf-8")
    (found,) = load_run(tmp_path).prompts
    assert found == prompt
    save(prompted, tmp_path, texts="none")
    assert not (tmp_path / "prompts.jsonl").exists()


def test_a_run_without_judge_sets_leaves_no_stale_probes(run, tmp_path):
    save(replace(run, judged=make_judged()), tmp_path)
    save(run, tmp_path)
    assert not (tmp_path / "probes.jsonl").exists()
    assert load_run(tmp_path).judged == run.judged


def test_missing_or_damaged_probes_are_named(run, tmp_path):
    save(replace(run, judged=make_judged()), tmp_path)
    path = tmp_path / "probes.jsonl"
    path.write_text('{"evalset": "x"}\n')
    with pytest.raises(HarnessError, match=r"probes\.jsonl: damaged"):
        load_run(tmp_path)
    path.unlink()
    with pytest.raises(HarnessError, match=r"probes\.jsonl: no such file"):
        load_run(tmp_path)


def test_runs_from_before_judge_sets_load(run, tmp_path):
    shipped = EXAMPLES / "imdb-smollm2-h200/run.json"
    data = json.loads(shipped.read_text(encoding="utf-8"))
    data.pop("judged", None)
    (tmp_path / "results.jsonl").write_text("")
    (tmp_path / "run.json").write_text(json.dumps(data))
    assert load_run(tmp_path).rows
    assert load_run(tmp_path).judged == run.judged
