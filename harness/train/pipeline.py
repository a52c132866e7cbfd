"""A recipe -> an adapter: data, training, checks, artifacts, report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import TrainError
from harness.spec.yamlfile import read_yaml
from harness.train.artifacts import check_target, make_record, replacing, save_weights
from harness.train.batches import step_rows
from harness.train.checkpoints import begin, last_checkpoint
from harness.train.failures import disk_explained, memory_explained, step_fix
from harness.train.fit import Fit
from harness.train.job import Job, Material, Say, fingerprint, gather
from harness.train.lora import probe_difference
from harness.train.record import Record, write_record
from harness.train.report import verdict, write_card, write_training_report
from harness.train.samples import continue_samples
from harness.train.setup import check_trackers
from harness.train.template import show
from harness.train.trained_rows import trained_rows, write_trained_rows
from harness.train.trainer import Trained, run_training

_SHOWN = 2


def train_adapter(job: Job, *, resume: bool = False, say: Say) -> Path:
    """Train a job's adapter, and return the path of its report.

    Args:
        job: The job.
        resume: Go on from the last whole checkpoint.
        say: Progress callback: what is being done.

    Raises:
        HarnessError: One line about recipe, data, base model, memory, disk or loss.
    """
    with _alone(job):
        # It brings back what another run, had it been at work, would just be moving.
        check_target(job.out)
        check_trackers(job)
        return _train(job, resume=resume, say=say)


@contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Hold a job's folder, in which another run would remove what this one writes.

    Raises:
        TrainError: Another process holds it.
    """
    job.work.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(job.work.with_name(f"{job.work.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainError(f"{job.file.path}: another harness train is at work on {job.work}; wait "
                         "until it is done, or give this one another folder by --out "
                         "(with another name)") from error  # fmt: skip
    try:
        yield
    finally:
        lock.release()


def _train(job: Job, *, resume: bool, say: Say) -> Path:
    recipe = _recipe_text(job)
    if not resume and (found := last_checkpoint(job.work)) is not None:
        say(f"discarding the unfinished run (step {found[1]}); use --resume to continue it")
    material = gather(job, say)
    say(f"{len(material.examples)} rows, {material.tokens:,} tokens, {material.trained:,} trained; "
        f"{len(material.long)} dropped for their length")  # fmt: skip
    with disk_explained(job.work, work=job.work):
        checkpoint = begin(job.work, fingerprint(job, material), resume=resume)
    if checkpoint is not None:
        say(f"going on from step {checkpoint[1]}")
    folder, step = checkpoint or (None, 0)
    trained = run_training(job, material, work=job.work, checkpoint=folder, step=step, say=say)
    # What follows is of one row, without gradients.
    fix = step_fix(Fit(1, checkpointing=True), trained.machine)
    fix = f"free some and go on with --resume, or {fix}"
    with memory_explained("after training", fix), disk_explained(job.out, work=job.work):
        record, report = _finish(trained, job, material, recipe, say)
    shutil.rmtree(job.work, ignore_errors=True)
    say(f"{verdict(record)}; adapter in {job.out}")
    return report


def _finish(
    trained: Trained, job: Job, material: Material, recipe: str, say: Say
) -> tuple[Record, Path]:
    """Check a trained model, write its folder and its report, and return record and report."""
    model = trained.model
    model.eval()
    model.gradient_checkpointing_disable()
    difference = probe_difference(model, material.examples[0].ids, trained.before)
    say("asking the recipe's questions, before and after")
    answers = continue_samples(model, material.chat, job.recipe.samples, trained.before)
    with replacing(job.out) as built:
        save_weights(trained, job, material, built)
        record = make_record(
            trained,
            job,
            material,
            built,
            recipe=recipe,
            probe_difference=difference,
            continuations=answers,
            trained_rows=write_trained_rows(trained_rows(material.rows), built),
        )
        write_record(record, built)
        write_card(built, record)
        report = write_training_report(
            job.root / "reports" / f"train-{job.out.name}-{time.strftime('%Y%m%d-%H%M%S')}",
            record,
            material.steps,
            expected=_expected(job),
        )
    return record, report


def dry_run(job: Job, *, say: Say) -> None:
    """Show what a job would train on, the first rows token by token, and load no weights.

    Raises:
        HarnessError: One line about recipe, data, base model or masks.
    """
    check_target(job.out)
    check_trackers(job)
    material = gather(job, say)
    for step in material.steps:
        say(f"{step.name}: {step.before} -> {step.after}")
    training = job.recipe.training
    for example in material.examples[:_SHOWN]:
        say(show(example, material.chat))
    say(f"{len(material.examples)} rows, {material.tokens:,} tokens, {material.trained:,} trained "
        f"({material.trained / material.tokens:.1%}); {len(material.long)} of {material.kept} "
        f"dropped as longer than {training.max_length} tokens")  # fmt: skip
    seen = training.max_steps * training.batch_size
    say(f"{training.max_steps} steps of {training.batch_size} rows: {seen} rows, "
        f"{seen / len(material.examples):.2f} times the data")  # fmt: skip
    step_rows([len(example.ids) for example in material.examples], steps=1,
              batch_size=training.batch_size, seed=training.seed)  # fmt: skip


def _recipe_text(job: Job) -> str:
    """Return the text that the recipe was read from; it may be edited while its run goes on."""
    path = job.root / job.file.path
    if read_yaml(path, job.file.path).data != job.file.data:
        raise job.file.error("changed since it was read; train again")
    return path.read_text(encoding="utf-8")


def _expected(job: Job) -> tuple[float | None, float | None]:
    wanted = job.recipe.final_loss
    return (wanted.at_least, wanted.at_most) if wanted else (None, None)
