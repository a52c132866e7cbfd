"""Training a tiny model from a recipe to an adapter."""

from __future__ import annotations

import contextlib
import errno
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import SpecError, TrainError
from harness.sources.cache import sha256
from harness.train import pipeline, setup, trainer, trl
from harness.train.pipeline import dry_run, train_adapter
from harness.train.record import RECORD, read_record
from harness.train.trained_rows import TRAINED_ROWS, Match, matches, read_trained_rows

STEPS = "lora: {r: 4}\ntraining: {batch_size: 4, learning_rate: 0.01, warmup_steps: 1, "
IGNORED = "ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
pytestmark = [pytest.mark.filterwarnings(kind) for kind in IGNORED]


def weights(job):
    return load_file(job.out / "adapter_model.safetensors")


def test_the_adapter_folder(trained):
    job, _, said = trained
    names = {path.name for path in job.out.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "README.md", RECORD,
            "tokenizer.json", "chat_template.jinja"} <= names  # fmt: skip
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]
    config = json.loads((job.out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "model"
    assert (config["r"], config["lora_alpha"]) == (4, 8)
    assert set(config["target_modules"]) == set(job.recipe.lora.target_modules)
    assert any(name.endswith("lora_B.weight") and tensor.any()
               for name, tensor in weights(job).items())  # fmt: skip
    record = read_record(job.out)
    assert len(record["losses"]) == 6
    assert record["losses"][0] > record["losses"][-1]
    assert record["probe_difference"] > 0
    assert record["base"]["source"] == "file:model"
    assert record["data"]["rows"] == 12
    assert "im_start" in record["template"]
    assert [one["question"] for one in record["continuations"]] == ["How is it?"]
    assert record["trained_rows"] == sha256(job.out / TRAINED_ROWS)
    kept = read_trained_rows(job.out)
    assert matches(kept, ["film 4", "Film 12?"]) == [Match(5, exact=True), None]
    assert not job.work.exists()
    assert said[-1].endswith(f"adapter in {job.out}")


def test_what_is_written_of_a_run_names_no_folder_of_the_user(make_job, monkeypatch):
    job = make_job()
    home = job.root.parent
    monkeypatch.setenv("HOME", str(home))
    job = replace(job, data=str(job.root / "data.jsonl"), base=f"file:{job.root / 'model'}")
    report = train_adapter(job, say=lambda line: None)
    for path in (report, job.out / "README.md", job.out / RECORD):
        text = path.read_text(encoding="utf-8")
        assert str(home) not in text, path
        assert "data.jsonl" in text
    record = read_record(job.out)
    assert record["base"]["source"] == "file:model"
    assert record["given"] == {"data": "data.jsonl", "base": "file:model"}


def test_lora_stays_in_32_bits_on_a_base_in_4(make_job, monkeypatch):
    job, load = make_job(), trl.load

    def in_4_bits(*given, **named):
        model = load(*given, **named)
        # By this TRL's trainer tells a quantized base, and makes trained weights bfloat16.
        model.is_loaded_in_4bit = True
        return model

    monkeypatch.setattr(trl, "load", in_4_bits)
    train_adapter(job, say=lambda line: None)
    assert {tensor.dtype for tensor in weights(job).values()} == {torch.float32}


def test_the_report_and_the_card(trained):
    job, report, _ = trained
    text = report.read_text()
    assert text.startswith("# Training of r with trl\n\nFinal loss ")
    for part in ("![Training loss](loss.png)", "| steps", "12 rows of", "| optimizer",
                 "adamw", "**How is it?**", "Before:", "After:"):  # fmt: skip
        assert part in text
    assert (report.parent / "loss.png").is_file()
    card = (job.out / "README.md").read_text()
    assert card.startswith('---\nbase_model: "model"\n')
    assert "lora: {r: 4, alpha: 8}" in card
    assert read_record(job.out)["data"]["digest"] in card


def test_the_range_of_the_final_loss_is_checked(make_job):
    said = []
    train_adapter(make_job(STEPS + "max_steps: 2}\nfinal_loss: {at_most: 0.01}"), say=said.append)
    assert "OUTSIDE the expected range (at most 0.01)" in said[-1]


@pytest.fixture
def losses(make_job, tmp_path):
    """Train with these training keys, and return the losses and the weights."""

    def losses(keys):
        job = make_job(STEPS + keys + "}")
        train_adapter(job, say=lambda line: None)
        return read_record(job.out)["losses"], weights(job)

    return losses


@pytest.mark.parametrize("keys", ["micro_batch: 1", "micro_batch: 4",
                                  "gradient_checkpointing: true"])  # fmt: skip
def test_micro_batches_change_nothing_but_rounding(losses, keys):
    """`auto` takes all four rows at once, one after the other without padding."""
    ours, theirs = losses("max_steps: 4"), losses("max_steps: 4, " + keys)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-4)
    for name, tensor in ours[1].items():
        assert torch.allclose(tensor, theirs[1][name], atol=2e-4), name


def test_what_cannot_be_recorded_is_computed_as_it_comes(make_job, losses, monkeypatch):
    plain, _ = losses("max_steps: 4")
    # Without a GPU there are no CUDA graphs.
    monkeypatch.setattr(setup, "can_pack", lambda *_, **__: True)
    monkeypatch.setattr(setup, "packed_attention", lambda model: contextlib.nullcontext())
    said = []
    job = make_job(STEPS + "max_steps: 4}")
    train_adapter(job, say=said.append)
    record = read_record(job.out)
    assert "the model's passes could not be recorded, and were computed one by one" in said
    assert record["settings"]["recorded"] is False
    assert record["losses"] == pytest.approx(plain, rel=1e-6)


def test_a_recording_that_fails_within_a_step_keeps_what_the_step_has_so_far(losses, monkeypatch):
    keys = "max_steps: 3, micro_batch: 2"
    plain = losses(keys)
    fitting, calls = trainer._fitting, []

    class Failing:
        """Records the first micro-batch, and fails at the second, of the same step."""

        def __init__(self, model):
            self.model = model

        def step(self, inputs, total):
            calls.append(total)
            if len(calls) == 2:
                raise RuntimeError("CUDA out of memory")
            loss = trl.trained_loss(self.model, inputs, total)
            loss.backward()
            return loss.detach()

    def recording(setup):
        found, fit = fitting(setup)
        found.recorder = Failing(setup.model)
        return found, fit

    monkeypatch.setattr(trainer, "_fitting", recording)
    ours = losses(keys)
    assert len(calls) == 2
    assert ours[0] == pytest.approx(plain[0], rel=1e-6)
    for name, tensor in ours[1].items():
        assert torch.allclose(tensor, plain[1][name], atol=1e-6), name


def test_the_seed_repeats_the_run(losses):
    ours, again = losses("max_steps: 3"), losses("max_steps: 3")
    assert ours[0] == again[0]
    assert all(torch.equal(tensor, again[1][name]) for name, tensor in ours[1].items())
    assert losses("max_steps: 3, seed: 1")[0] != ours[0]


class Killed(BaseException):
    """Stands for a signal."""


def test_a_killed_run_goes_on_as_if_it_had_not_been(make_job, monkeypatch):
    whole = make_job()
    train_adapter(whole, say=lambda line: None)
    expected = read_record(whole.out)["losses"], weights(whole)
    calls = []
    real = trl.trained_loss

    def die(*args):
        calls.append(args)
        if len(calls) == 6:
            raise Killed
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(trl, "trained_loss", die)
        with pytest.raises(Killed):
            train_adapter(whole, say=lambda line: None)
    said = []
    train_adapter(whole, resume=True, say=said.append)
    assert "going on from step 4" in said
    record = read_record(whole.out)
    assert record["settings"]["resumed_from_step"] == 4
    assert record["losses"] == pytest.approx(expected[0], rel=1e-5)
    for name, tensor in weights(whole).items():
        assert torch.allclose(tensor, expected[1][name], atol=1e-6), name


def test_a_changed_recipe_is_not_resumed(make_job, monkeypatch):
    monkeypatch.setattr(trl, "trained_loss", _fail_after(3))
    with pytest.raises(Killed):
        train_adapter(make_job(), say=lambda line: None)
    monkeypatch.undo()
    other = make_job(STEPS + "max_steps: 6, save_steps: 2}")
    with pytest.raises(TrainError, match="is of another recipe"):
        train_adapter(other, resume=True, say=lambda line: None)
    said = []
    train_adapter(other, say=said.append)
    assert said[0].startswith("discarding the unfinished run (step 2)")


def _fail_after(calls, error=Killed):
    real, left = trl.trained_loss, [calls]

    def fail(*args):
        left[0] -= 1
        if left[0] < 0:
            raise error
        return real(*args)

    return fail


def test_out_of_memory_names_the_knob(make_job, monkeypatch):
    error = torch.OutOfMemoryError("CUDA out of memory.")
    monkeypatch.setattr(trl, "trained_loss", _fail_after(1, error))
    with pytest.raises(TrainError, match=r"out of memory with 4 rows .* training\.micro_batch: 1"):
        train_adapter(make_job(), say=lambda line: None)


def _no_memory(*args, **kwargs):
    raise torch.OutOfMemoryError("CUDA out of memory.")


def test_out_of_memory_while_weights_are_loaded_names_them(make_job, monkeypatch):
    monkeypatch.setattr(trl, "load", _no_memory)
    expected = r"^out of memory while loading file:model; .*name a smaller model as base\.source"
    with pytest.raises(TrainError, match=expected):
        train_adapter(make_job(), say=lambda line: None)


@pytest.mark.parametrize("where", ["probe_difference", "continue_samples"])
def test_out_of_memory_after_training_is_one_line_and_can_be_resumed(make_job, monkeypatch, where):
    job, said = make_job(), []
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, where, _no_memory)
        with pytest.raises(TrainError, match=r"^out of memory after training; free .* --resume"):
            train_adapter(job, say=said.append)
    train_adapter(job, resume=True, say=said.append)
    assert "going on from step 6" in said
    assert len(read_record(job.out)["losses"]) == 6


def test_out_of_memory_with_one_checkpointed_row_names_what_is_left(make_job, monkeypatch):
    monkeypatch.setattr(trl, "trained_loss", _no_memory)
    job = make_job(STEPS + "max_steps: 2, micro_batch: 1, gradient_checkpointing: true}")
    with pytest.raises(TrainError, match=r"; (write base\.\S+ \S+ or )?lower training\.max_length"):
        train_adapter(job, say=lambda line: None)


def test_a_disk_that_is_full_before_the_first_checkpoint_names_no_resume(make_job, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(trl, "trained_loss", _fail_after(1, full))
    with pytest.raises(TrainError, match=r"no space left to write .*train/r; .*, and train again$"):
        train_adapter(make_job(), say=lambda line: None)


def test_a_folder_of_other_files_is_refused_before_anything_is_read(make_job, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    job, said = make_job(out=precious), []
    for command in (train_adapter, dry_run):
        with pytest.raises(TrainError, match="precious is not empty and no adapter"):
            command(job, say=said.append)
    assert said == []
    assert (precious / "thesis.txt").read_text() == "years"


def test_a_second_start_is_one_line_and_touches_nothing(make_job):
    """The other one is a process, as locks of one process may be shared."""
    job = make_job()
    checkpoint = job.work / "checkpoint-1"
    checkpoint.mkdir(parents=True)
    # An older adapter that the other one has just moved aside.
    moved = job.out.with_name(f".{job.out.name}.harness") / "old"
    moved.mkdir(parents=True)
    lock = job.work.with_name(f"{job.work.name}.lock")
    hold = ("import sys, time; from filelock import FileLock; held = FileLock(sys.argv[1]); "
            "held.acquire(); print('held', flush=True); time.sleep(60)")  # fmt: skip
    other = subprocess.Popen([sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        with pytest.raises(TrainError, match=r"another harness train is at work on .*; wait until"):
            train_adapter(job, say=print)
        assert checkpoint.is_dir()
        assert moved.is_dir()
        assert not job.out.exists()
    finally:
        other.kill()
        other.wait()


def test_an_adapter_on_another_file_system(make_job, tmp_path):
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        job = make_job(STEPS + "max_steps: 2}", out=Path(folder) / "y")
        for _ in range(2):
            train_adapter(job, say=lambda line: None)
            assert (job.out / RECORD).is_file()
            assert list(job.out.parent.iterdir()) == [job.out]


@pytest.mark.parametrize("gone", [True, False])
def test_the_record_has_the_recipe_as_it_was_read(make_job, gone):
    job = make_job(STEPS + "max_steps: 2}")
    path = job.root / job.file.path
    text = path.read_text()

    def meddle(line):
        if line.startswith("loading"):
            path.unlink() if gone else path.write_text("# another\n")

    train_adapter(job, say=meddle)
    assert read_record(job.out)["recipe"] == text


def test_a_recipe_that_changes_before_it_trains(make_job):
    job = make_job()
    (job.root / job.file.path).write_text("base: {source: file:other}\n")
    with pytest.raises(SpecError, match=r"r\.yaml:1: changed since it was read; train again"):
        train_adapter(job, say=lambda line: None)


def test_a_full_disk_at_the_end_is_one_line_and_keeps_the_old_adapter(trained, monkeypatch):
    job, _, _ = trained
    before = weights(job)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("peft.PeftModel.save_pretrained", full)
    with pytest.raises(TrainError, match=r"no space left to write /.*; free some") as info:
        train_adapter(job, say=lambda line: None)
    assert len(str(info.value).splitlines()) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(job).items())


@pytest.mark.parametrize("kind", ["nan", "inf"])
def test_a_loss_that_is_not_finite_ends_the_run_at_once(make_job, monkeypatch, kind):
    real, calls = trl.trained_loss, []

    def spoilt(*args):
        calls.append(args)
        return real(*args) * float(kind if len(calls) > 1 else 1)

    monkeypatch.setattr(trl, "trained_loss", spoilt)
    with pytest.raises(TrainError, match=rf"the loss of step 2 is {kind}; lower training"):
        train_adapter(make_job(STEPS + "max_steps: 30, save_steps: 1}"), say=lambda line: None)
    assert len(calls) == 2


def test_no_checkpoint_is_written_of_a_step_whose_loss_is_not_finite(make_job, monkeypatch):
    real = trl.trained_loss
    monkeypatch.setattr(trl, "trained_loss", lambda *args: real(*args) * float("nan"))
    job = make_job(STEPS + "max_steps: 2, save_steps: 1}")
    with pytest.raises(TrainError, match="the loss of step 1 is nan"):
        train_adapter(job, say=lambda line: None)
    assert not list(job.work.glob("checkpoint-*"))


def test_a_run_that_changes_nothing(make_job):
    idle = make_job(STEPS.replace("0.01", "0.0000000000000001") + "max_steps: 1}")
    with pytest.raises(TrainError, match="changes nothing in the base model's answer"):
        train_adapter(idle, say=lambda line: None)


def test_modules_that_the_base_has_not(make_job):
    with pytest.raises(TrainError, match=r"lora\.target_modules"):
        train_adapter(make_job("lora: {target_modules: [wqkv]}\n"), say=lambda line: None)


def test_dry_run_shows_tokens_and_counts_and_loads_nothing(make_job, monkeypatch):
    monkeypatch.setattr(trl, "load", None)
    said = []
    more = "training: {max_steps: 6, batch_size: 4, max_length: 60}\n"
    rows = [{"messages": [{"role": "user", "content": "w" * (5 if i else 99)},
                          {"role": "bot", "content": "yes"}]} for i in range(5)]  # fmt: skip
    job = make_job(more, rows)
    dry_run(job, say=said.append)
    text = "\n".join(said)
    assert "row 2: " in text
    assert "'<|im_end|>'" in text
    assert "1 of 5 dropped as longer than 60 tokens" in text
    assert "6 steps of 4 rows: 24 rows, 6.00 times the data" in text
    assert not job.out.exists()
    assert not job.work.exists()


def test_all_rows_too_long(make_job):
    with pytest.raises(TrainError, match="all 12 dialogues are longer than max_length 5"):
        dry_run(make_job("training: {max_length: 5}\n"), say=lambda line: None)


def test_too_few_rows_for_a_batch(make_job):
    with pytest.raises(TrainError, match="12 rows are left for a batch of 16"):
        dry_run(make_job("training: {batch_size: 16}\n"), say=lambda line: None)


def test_a_filter_without_its_column(make_job):
    bare = [{"messages": [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]}]
    job = make_job("  filters: [{language: Russian}]\n", bare)
    with pytest.raises(SpecError, match="needs the column 'language', which the data lacks"):
        dry_run(job, say=lambda line: None)
