"""The smoke recipe on the real small model, with both backends, and a run killed for real."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import EXIT_NOTHING_JUDGED
from harness.report.runfiles import load_run

ROOT = Path(__file__).parents[2]
ENV = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "2",
}
CLI = [sys.executable, "-c", "from harness.cli import app; app()"]
ADAPTERS = {"trl": "adapters/smoke", "unsloth": "adapters/smoke-unsloth"}
# The longest that the way from the recipe to the judged report may take on two cores, once the
# model is at hand.
WHOLE_WAY_S = 1800
pytestmark = pytest.mark.alone


def installed(name):
    return importlib.util.find_spec(name) is not None


@pytest.fixture(scope="module")
def smoke(tmp_path_factory, smollm2):
    """A copy of the shipped files, with the adapters of the smoke recipe, one a backend."""
    missing = [name for name in ("trl", "peft", "unsloth") if not installed(name)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (docs/recipes.md)")
    root = tmp_path_factory.mktemp("smoke")
    for name in ("evalsets", "prompts", "recipes"):
        shutil.copytree(ROOT / name, root / name)
    # One answer a question shows the way as well as two. So small judges find points and merit in
    # every canary, which would void the run, and of a void run nothing is accepted as a baseline.
    probes = root / "evalsets/probes_smoke.yaml"
    text = probes.read_text().replace("answers: {n: 2, ", "answers: {n: 1, ")
    lenient = "  max_answer_chars: 1000\n  passing: 10\n  canary_limit: 9.9\n  canary_share: 1\n"
    probes.write_text(text.replace("  max_answer_chars: 1000\n", lenient))
    began = time.monotonic()
    for backend, out in ADAPTERS.items():
        command = [*CLI, "train", "recipes/smoke.yaml", "--backend", backend, "--out", out]
        done = subprocess.run(command, cwd=root, env=ENV, check=False, timeout=900,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    (root / "trained_s").write_text(str(time.monotonic() - began))
    return root


def record(root, backend):
    return json.loads((root / ADAPTERS[backend] / "training.json").read_text())


@pytest.mark.parametrize("backend", ADAPTERS)
def test_the_loss_ends_where_the_recipe_says(smoke, backend):
    found = record(smoke, backend)
    assert found["backend"] == backend
    assert found["as_expected"] is True
    assert found["losses"][0] > 4 * found["final_loss"]
    (one,) = found["continuations"]
    assert one["after"] in {"positive", "negative"}
    assert one["before"] != one["after"]


def test_both_backends_learn_the_same(smoke):
    ours, theirs = (record(smoke, backend)["losses"] for backend in ADAPTERS)
    assert len(ours) == len(theirs) == 24
    assert ours == pytest.approx(theirs, rel=0.02, abs=0.005)


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_base_and_adapters_differ_on_one_engine(smoke, engine):
    if engine == "vllm" and not installed("vllm"):
        pytest.skip("needs vllm")
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "evalsets/smoke.yaml",
               "--eval-limit", "8", "--eval-engine", engine, "--rootdir", str(smoke)]  # fmt: skip
    done = subprocess.run(command, cwd=smoke, env=ENV | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
                          capture_output=True, text=True, check=False, timeout=900)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (smoke / "reports/latest/results.jsonl").read_text().splitlines()
    answers: dict[str, list[str | None]] = {}
    for row in map(json.loads, lines):
        answers.setdefault(row["cell"], []).append(row["answer"])
    assert answers["smollm2-135m-plain-zeroshot"] == [None] * 8
    trl, unsloth = (answers[f"smollm2-135m-{name}-plain-zeroshot"]
                    for name in ("smoke", "smoke-unsloth"))  # fmt: skip
    assert len(trl) == 8
    assert set(trl) <= {"positive", "negative"}
    assert unsloth == trl


def judged_run(root, *options):
    """Run the judge set of a project on the processor."""
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "-rs", "--rootdir", root,
               "evalsets/probes_smoke.yaml", "--eval-engine", "transformers", *options]  # fmt: skip
    env = ENV | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False,
                          timeout=1800)  # fmt: skip


def harness(root, *arguments):
    return subprocess.run([*CLI, *arguments], cwd=root, env=ENV, capture_output=True, text=True,
                          check=False, timeout=300)  # fmt: skip


def test_the_way_from_recipe_to_judged_report(smoke):
    trained_s = float((smoke / "trained_s").read_text())
    began = time.monotonic()
    done = judged_run(smoke)
    # A judge without a passport judges no gate.
    assert done.returncode == EXIT_NOTHING_JUDGED, done.stdout + done.stderr
    first = (smoke / "reports/latest").resolve()
    judged_s = time.monotonic() - began
    assert trained_s + judged_s < WHOLE_WAY_S, (
        f"training both adapters took {trained_s:.0f} s, answers, verdicts and report "
        f"{judged_s:.0f} s: together more than {WHOLE_WAY_S} s, with a mean load of "
        f"{os.getloadavg()[2]:.1f} on {os.cpu_count()} cores"
    )
    run = load_run(smoke / "reports/latest")
    judged = run.judged
    judges = [info.judge for info in judged.judges]
    assert judges == ["smollm2-135m", "gemma-270m"]
    for judge in judges:
        assert f"untrusted: evalsets/probes_smoke.yaml: {judge} gates nothing" in done.stdout
    models = ["smollm2-135m", "smollm2-135m-smoke", "smollm2-135m-smoke-unsloth"]
    assert [one.model for one in judged.standings] == models
    # Every answer is accounted for: it has a score, or is counted with the reason why not.
    assert [one.n + one.unscored for one in judged.standings] == [3, 3, 3]
    assert all(sum(one.reasons.values()) == one.unscored for one in judged.standings)
    assert len(judged.pairs) == 3 * 3 * len(judges)
    # Every point of every answer has a verdict of both judges, or says why not.
    ruled = [(probe, own) for probe in judged.probes for answer in probe.answers
             for own in answer.points.values()]  # fmt: skip
    assert len(ruled) == 3 * 3 * len(judges)
    assert all(len(own) == len(probe.points) for probe, own in ruled)
    verdicts = [one for _, own in ruled for one in own]
    assert sum(one.verdict is not None for one in verdicts) >= 0.99 * len(verdicts)
    assert {canary.kind for canary in judged.canaries} >= {"null", "constant", "off_topic"}
    assert run.gates == ()
    # Both adapters answer the question that they were trained for with one word, and alike.
    texts = {
        one.model: [answer.text for answer in one.answers]
        for one in judged.probes
        if one.probe == "review"
    }
    assert {text for model in models[1:] for text in texts[model]} <= {"positive", "negative"}
    assert not {"positive", "negative"} & set(texts[models[0]])
    report = (smoke / "reports/latest/report.md").read_text(encoding="utf-8")
    assert "UNTRUSTED" in report.splitlines()[0]
    assert "<details>" in report
    assert "### Points" in report
    # The run is accepted as the baseline, all of it from the store; the next one is held against
    # it, and two runs against each other, answer by answer and point by point.
    accepted = judged_run(smoke, "--eval-write-baseline")
    assert accepted.returncode == EXIT_NOTHING_JUDGED, accepted.stdout + accepted.stderr
    for model in models:
        assert (smoke / f"baselines/probes_smoke/{model}.json").is_file(), accepted.stdout
    second = (smoke / "reports/latest").resolve()
    assert second != first
    found = harness(smoke, "compare", str(first), str(second), "--json")
    compared = json.loads(found.stdout)
    assert [one["pair"]["model"] for one in compared["models"]] == models
    russian = harness(smoke, "report", str(second), "--lang", "ru")
    assert russian.returncode == 0, russian.stderr
    told = (second / "report.md").read_text(encoding="utf-8")
    assert "### Пункты" in told


def test_a_run_that_is_killed_goes_on(project, tiny_model, make_job):
    more = "training: {max_steps: 400, batch_size: 4, save_steps: 5, warmup_steps: 1}\n"
    job = make_job(more)
    command = [*CLI, "train", "recipes/r.yaml", "--backend", "trl", "--out", "adapters/r"]
    running = subprocess.Popen(command, cwd=project.root, env=ENV, start_new_session=True,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    deadline = time.monotonic() + 240
    while not list(job.work.glob("checkpoint-*/trainer_state.json")):
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not job.out.exists()
    done = subprocess.run([*command, "--resume"], cwd=project.root, env=ENV, check=True,
                          capture_output=True, text=True, timeout=400)  # fmt: skip
    assert "going on from step " in done.stdout
    record = json.loads((job.out / "training.json").read_text())
    assert len(record["losses"]) == 400
    assert record["settings"]["resumed_from_step"] >= 5
