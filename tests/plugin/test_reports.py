"""What a session writes: where, in which language, with which texts, and once."""

from __future__ import annotations

import importlib
import re

import pytest

from harness.errors import EXIT_NOTHING_JUDGED


def unchanging(report: str) -> str:
    """Return a report without its run line, command and table of engines."""
    head, run, rest = re.split(
        r"^## Run\n|^(?=## evalsets)", report, maxsplit=2, flags=re.MULTILINE
    )
    return head + run[run.index("| eval set") :] + rest


def test_a_second_run_starts_no_engine_and_says_the_same(evals):
    evals.run()
    first, started = evals.report, evals.started
    assert started == ["m-fake.log"]
    evals.run()
    assert evals.started == started
    (engine,) = evals.saved.info.engines
    assert (engine.computed, engine.stored) == (0, 12)
    assert evals.report != first
    assert unchanging(evals.report) == unchanging(first)
    assert "m-prefill-fewshot5-chat-s0" in unchanging(first)


def test_latest_follows_the_last_run(evals):
    evals.run()
    first = evals.latest.resolve()
    evals.run()
    assert evals.latest.is_symlink()
    assert not evals.latest.readlink().is_absolute()
    assert evals.latest.resolve() != first
    assert sorted(path.name for path in evals.latest.iterdir()) == [
        "findings.json",
        "prompts.jsonl",
        "report.html",
        "report.md",
        "results.jsonl",
        "run.json",
    ]
    assert {path.name for path in evals.latest.parent.iterdir()} == {
        "latest",
        first.name,
        evals.latest.resolve().name,
    }


def test_a_folder_that_is_called_latest_is_left_alone(evals):
    kept = evals.write("reports/latest/note.txt", "mine")
    evals.run().assert_outcomes(passed=2)
    assert kept.read_text() == "mine"
    assert {path.name[:4] for path in (evals.root / "reports").iterdir()} >= {"late"}
    assert not list((evals.root / "reports").glob(".latest*"))


def test_inconclusive_gates_are_listed_and_do_not_fail(evals):
    evals.models(m={"options": {"answer": "positive"}})
    gate = {"figure": "accuracy", "at_least": 0.5}
    evals.set(scoring="generate", gates=[gate], modes=["zeroshot"])
    result = evals.run()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "warning: evalsets/mini.yaml::gate-accuracy-m-prefill-zeroshot: accuracy 0.500 *"
            "inconclusive (warning)"
        ]
    )
    evals.set(scoring="generate", gates=[{**gate, "on_inconclusive": "fail"}], modes=["zeroshot"])
    result = evals.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["accuracy 0.500 *inconclusive, which fails"])


@pytest.mark.parametrize("gate", [{"at_least": 0}, {"at_least": 0.5, "on_inconclusive": "pass"}])
def test_a_gate_that_passes_is_not_listed(evals, gate):
    evals.models(m={"options": {"answer": "positive"}})
    evals.set(scoring="generate", gates=[{"figure": "accuracy", **gate}])
    result = evals.run()
    result.stdout.no_fnmatch_line("*at least*")
    wanted = "pass" if len(gate) == 1 else "inconclusive"
    assert [one.verdict for one in evals.saved.gates] == [wanted] * 2
    assert wanted in evals.report


def test_russian(evals):
    evals.run("--eval-report-lang", "ru")
    assert evals.report.startswith("# Отчёт")


@pytest.mark.parametrize(("texts", "shown"), [("full", True), ("none", False)])
def test_texts_of_samples(evals, texts, shown, monkeypatch):
    summary = evals.root / "reports-summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    evals.models(m={"options": {"answer": "film number"}})
    evals.set(scoring="generate")
    result = evals.run("--eval-report-texts", texts, "--junitxml=reports/out.xml")
    result.assert_outcomes(passed=2)
    written = [path for path in evals.root.rglob("reports*/**/*") if path.is_file()]
    assert {path.name for path in written} == {
        "findings.json",
        "report.html",
        "report.md",
        "results.jsonl",
        "run.json",
        "out.xml",
    } | ({"prompts.jsonl"} if shown else set())
    said = ["".join(one.pieces) for one in evals.saved.prompts]
    assert all("Is it positive or negative?" in one for one in said)
    assert len(said) == (2 if shown else 0)
    everything = "".join(path.read_text() for path in [*written, summary])
    assert ("film number" in everything) is shown


def test_plots_stand_beside_the_report_and_not_in_the_summary(evals, monkeypatch):
    summary = evals.root / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    # An inner run that imports it itself forgets it at its end.
    importlib.import_module("matplotlib.backends.backend_agg")
    importlib.import_module("harness.report.plots.write_plots")
    evals.run("--eval-report-plots", "png", "--eval-report-texts", "none").assert_outcomes(passed=2)
    linked = set(re.findall(r"\]\(plots/(\S+\.png)\)$", evals.report, re.MULTILINE))
    assert linked == {path.name for path in (evals.latest / "plots").iterdir()}
    assert "forest-mini-1.png" in linked
    assert "](plots/" not in summary.read_text()
    assert "## Conclusions" in summary.read_text()


def test_folder_of_the_reports(evals):
    result = evals.run("--eval-reports", "out/here")
    result.stdout.fnmatch_lines(["report: out/here/*/report.md"])
    assert (evals.root / "out/here/latest/report.md").is_file()
    assert not (evals.root / "reports").exists()


def test_store(evals):
    evals.run("--eval-store", "kept/outputs.sqlite")
    assert (evals.root / "kept/outputs.sqlite").is_file()
    assert not (evals.root / ".harness/outputs.sqlite").exists()
    evals.run()
    assert evals.saved.info.engines[0].computed == 12
    evals.run("--eval-store", "kept/outputs.sqlite")
    assert evals.saved.info.engines[0].computed == 0


def test_limit(evals):
    evals.run("--eval-limit", "4")
    assert [row.n for row in evals.saved.rows] == [4, 4]
    assert evals.saved.info.data[0].samples == 4


def test_dataset_and_shots_from_files(evals):
    evals.write("own.csv", "id,text,label\na,my own words,positive\nb,more words,negative\n")
    evals.write("pool.csv", "text,label\n" + "".join(
        f"shot {i} {label},{label}\n" for i in range(4) for label in ("positive", "negative")
    ))  # fmt: skip
    evals.run("--eval-dataset", "mini=own.csv", "--eval-shots", "mini=pool.csv").assert_outcomes(
        passed=2
    )
    (data,) = evals.saved.info.data
    assert (data.evalset, data.samples, data.pool) == ("evalsets/mini.yaml", 2, 8)
    assert {one.text for one in evals.saved.results} == {"my own words", "more words"}


def test_a_replaced_source_need_not_exist(evals):
    evals.set(data={"source": "file:gone.csv"}, modes=["zeroshot"])
    assert evals.run().ret == pytest.ExitCode.INTERRUPTED
    evals.run("--eval-dataset", "mini=data.csv").assert_outcomes(passed=1)


def test_two_sets_of_one_name_both_show_their_data(evals):
    evals.set("deep/mini")
    evals.run().assert_outcomes(passed=4)
    paths = ["evalsets/deep/mini.yaml", "evalsets/mini.yaml"]
    assert [data.evalset for data in evals.saved.info.data] == paths
    assert list(dict.fromkeys(row.evalset for row in evals.saved.rows)) == paths


def test_the_order_is_the_one_in_which_pytest_ran(evals):
    evals.set("another")
    evals.run("evalsets/mini.yaml", "evalsets/another.yaml")
    order = [row.evalset for row in evals.saved.rows]
    assert order == ["evalsets/mini.yaml"] * 2 + ["evalsets/another.yaml"] * 2


def test_step_summary_is_appended(evals, monkeypatch):
    summary = evals.write("summary.md", "before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    evals.run()
    assert summary.read_text() == "before\n" + evals.report


def test_the_command_is_the_one_that_was_given(evals):
    evals.run("-k", "zeroshot or fewshot")
    assert evals.saved.info.command.endswith("-k 'zeroshot or fewshot'")


def test_a_hub_set_out_of_reach_is_skipped_with_the_way_to_run_it(evals, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    evals.set("far", data={"source": "hub:nobody/nothing"}, modes=["zeroshot"])
    result = evals.run("-rs", "--durations=0", "--durations-min=10")
    result.assert_outcomes(passed=2, skipped=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["SKIPPED*nobody/nothing*--eval-dataset far=PATH*"])
    result.stdout.no_fnmatch_line("*setup*evalsets/far.yaml*")
    ((cell, reason),) = evals.saved.skipped
    assert cell == "evalsets/far.yaml::m-prefill-zeroshot"
    assert "--eval-dataset far=PATH" in reason.text
    assert cell in evals.report


def test_a_session_of_skips_alone_writes_no_report(evals, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    evals.set(data={"source": "hub:nobody/nothing"}, modes=["zeroshot"])
    result = evals.run()
    result.assert_outcomes(skipped=1)
    assert result.ret == EXIT_NOTHING_JUDGED
    assert not (evals.root / "reports").exists()


def test_no_path_of_the_machine_is_shown(evals, tmp_path):
    text = "text,label\n" + "".join(
        f"film {i},{'positive' if i % 2 else 'negative'}\n" for i in range(8)
    )
    inside, outside = evals.write("data/own.csv", text), tmp_path / "far/away.csv"
    outside.parent.mkdir()
    outside.write_text(text.replace("film", "play"))
    evals.run(
        "--eval-dataset",
        f"mini={inside}",
        f"--eval-shots=mini={outside}",
        str(evals.root / "evalsets"),
    )
    command = (
        "pytest -p no:xdist --eval-dataset mini=data/own.csv --eval-shots=mini=away.csv evalsets"
    )
    assert evals.saved.info.command.endswith(command.removeprefix("pytest "))
    assert evals.saved.info.data[0].source == "data/own.csv, shots away.csv"
    everything = evals.report + (evals.latest / "run.json").read_text()
    assert str(tmp_path) not in everything


def test_made_up_answers_are_called_so(evals):
    result = evals.run()
    line = "warning: the engine fake made up the answers of m; its figures say nothing"
    result.stdout.fnmatch_lines([line])
    (head, _) = evals.report.split("## Run")
    assert "**Made-up answers.** The engine `fake` answered in place of `m`" in head


def test_a_cell_without_a_verdict_is_named(evals):
    evals.set(scoring="generate", modes=["zeroshot"])
    evals.models(m={"options": {"answer": "I would rather not say"}})
    result = evals.run()
    assert result.ret == EXIT_NOTHING_JUDGED
    result.stdout.fnmatch_lines([
        "warning: *m-prefill-zeroshot: none of 6 samples has a verdict, most often: no label in *"
    ])  # fmt: skip
    (head, _) = evals.report.split("## Run")
    assert "- Caution, m: **more than 2% of the samples have no verdict**" in head


def test_a_run_without_a_cell_claims_nothing_of_samples(evals):
    evals.set(data={"source": "file:data.csv", "text": "nope"}, modes=["zeroshot"])
    assert evals.run().ret == 2
    assert "INCOMPLETE" in evals.report
    for untrue in ("Every sample was scored", "No scored sample", "## Conclusions", "How to read"):
        assert untrue not in evals.report
