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

ROOT = Path(__file__).parents[2]
ENV = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "2",
}
CLI = [sys.executable, "-c", "from harness.cli import app; app()"]
ADAPTERS = {"trl": "adapters/smoke", "unsloth": "adapters/smoke-unsloth"}
pytestmark = pytest.mark.slow


def installed(name):
    return importlib.util.find_spec(name) is not None


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """A copy of the shipped files, with the adapters of the smoke recipe, one a backend."""
    missing = [name for name in ("trl", "peft", "unsloth") if not installed(name)]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (docs/recipes.md)")
    root = tmp_path_factory.mktemp("smoke")
    for name in ("evalsets", "prompts", "recipes"):
        shutil.copytree(ROOT / name, root / name)
    for backend, out in ADAPTERS.items():
        command = [*CLI, "train", "recipes/smoke.yaml", "--backend", backend, "--out", out]
        done = subprocess.run(command, cwd=root, env=ENV, check=False, timeout=900,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
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
               "--limit", "8", "--engine", engine, "--rootdir", str(smoke)]  # fmt: skip
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
