"""Trackers: which are refused, and where tensorboard's events go."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import TrainerCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from harness.errors import SpecError
from harness.train import trl
from harness.train.pipeline import dry_run, train_adapter

IGNORED = "ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
pytestmark = [pytest.mark.filterwarnings(kind) for kind in IGNORED]
MORE = "training: {max_steps: 2, batch_size: 4, learning_rate: 0.01, report_to: %s}\n"


class Absent(TrainerCallback):
    def __init__(self):
        raise RuntimeError("it requires wandb to be installed")


@pytest.mark.parametrize("command", [train_adapter, dry_run])
def test_a_tracker_that_the_trainer_does_not_know(make_job, monkeypatch, command):
    monkeypatch.setattr(trl, "load", None)
    expected = (r"^recipes/r\.yaml:6: training\.report_to\[0\]: 'foo' is not a tracker of the "
                r"trainer; write tensorboard, trackio or wandb, or remove it$")  # fmt: skip
    with pytest.raises(SpecError, match=expected):
        command(make_job(MORE % "[foo]"), say=lambda line: None)


@pytest.mark.parametrize("command", [train_adapter, dry_run])
def test_a_tracker_that_is_not_installed(make_job, monkeypatch, command):
    monkeypatch.setattr(trl, "load", None)
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "wandb", Absent)
    expected = r"report_to\[0\]: 'wandb' is not installed; pip install wandb, or remove it$"
    with pytest.raises(SpecError, match=expected):
        command(make_job(MORE % "[wandb]"), say=lambda line: None)


class Events(TrainerCallback):
    """Writes a file where the trainer's own callback for tensorboard writes its events."""

    logging_dir = None

    def on_train_begin(self, args, state, control, **_):
        folder = Path(self.logging_dir or Path(args.output_dir) / "runs")
        folder.mkdir(parents=True)
        (folder / "events").touch()


@pytest.mark.parametrize("trackers", ["[tensorboard]", "[all]"])
def test_events_for_tensorboard_outlive_the_run(make_job, monkeypatch, trackers):
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "tensorboard", Events)
    monkeypatch.setattr("transformers.integrations.get_available_reporting_integrations",
                        lambda: ["tensorboard"])  # fmt: skip
    job, said = make_job(MORE % trackers), []
    train_adapter(job, say=said.append)
    (events,) = (job.root / ".harness/runs").glob("r-*/events")
    assert f"events for tensorboard: {events.parent}" in said
    assert not job.work.exists()


def test_no_tracker_is_asked_for(make_job):
    job = make_job(MORE % "[none]")
    train_adapter(job, say=lambda line: None)
    assert not (job.root / ".harness/runs").exists()


@pytest.fixture
def opt(project, make_job, tiny_model):
    """Make the project's model an OPT, which counts positions over all rows."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    (project.root / "model").unlink()
    shutil.copytree(tiny_model, project.root / "model")
    known = AutoConfig.from_pretrained(tiny_model)
    config = AutoConfig.for_model(
        "opt", vocab_size=known.vocab_size, hidden_size=32, ffn_dim=32, num_hidden_layers=2,
        num_attention_heads=4, word_embed_proj_dim=32, dropout=0.0, max_position_embeddings=512,
        pad_token_id=known.pad_token_id, bos_token_id=known.bos_token_id,
        eos_token_id=known.eos_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(project.root / "model")
    return make_job


def test_rows_are_padded_where_a_model_reads_flat_ones_as_one(opt):
    more = ("lora: {r: 4, alpha: 8, target_modules: [q_proj, v_proj]}\n"
            "training: {max_steps: 4, batch_size: 4, learning_rate: 0.01, micro_batch: %s}\n"
            )  # fmt: skip
    losses, said = [], []
    for size in ("1", "auto"):
        job = opt(more % size)
        train_adapter(job, say=said.append)
        record = json.loads((job.out / "training.json").read_text())
        losses.append(record["losses"])
        shutil.rmtree(job.out)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert "this model reads rows without padding as one: they are padded" in said
