"""One optimizer run on either backend: the same rows a step, the same loss, the same beginning."""

from __future__ import annotations

import gc
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.train import unsloth
from harness.train.batches import micro_batches
from harness.train.cuda_graphs import Largest, Recorder
from harness.train.failures import disk_explained, is_out_of_memory, memory_explained, step_fix
from harness.train.fit import Fit, bytes_needed, candidates, fits_in_memory, heaviest
from harness.train.job import Job, Material, Say
from harness.train.machine import Machine
from harness.train.setup import Setup, set_up

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from trl import SFTTrainer


@dataclass(frozen=True, slots=True)
class Trained:
    """A model after its run, and how the run went.

    Attributes:
        before: The base's own weights that were trained as well, as they were.
        losses: Mean loss a trained token of each step, in nats, from step 1.
        flat: Whether rows went in without padding.
        recorded: Whether passes were replayed from a recording.
        step_s: Wall time of a step, the median.
        peak_gib: Most memory in use: of the GPU, or of the process where there is none.
        resumed: The step that the run went on from, 0 for none.
    """

    model: PeftModel
    before: Mapping[str, torch.Tensor]
    losses: Sequence[float]
    machine: Machine
    fit: Fit
    flat: bool
    recorded: bool
    step_s: float
    tokens_per_s: float
    train_s: float
    peak_gib: float
    resumed: int


def run_training(
    job: Job, material: Material, *, work: Path, checkpoint: Path | None, step: int, say: Say
) -> Trained:
    """Train a job's adapter.

    Args:
        job: The job.
        material: Its data and base model.
        work: Folder for checkpoints.
        checkpoint: Where to go on from, or None.
        step: The checkpoint's step.
        say: Progress callback: what is being done.

    Raises:
        TrainError: Out of memory or disk, or the loss is not finite.
    """
    from transformers.utils import logging

    # Its bars and notes would stand between our lines.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    setup = set_up(job, material, work, say)
    training, machine, pace = setup.training, setup.machine, setup.pace
    with setup.faster():
        trainer, fit = _fitting(setup)
        say(f"{training.max_steps} steps of {training.batch_size} rows, {fit.micro_batch} at once"
            + (", unpadded" if setup.flat else "")
            + (", checkpointed" if fit.checkpointing else ""))  # fmt: skip
        when = f"with {fit.micro_batch} rows of up to {training.max_length} tokens at once"
        with memory_explained(when, step_fix(fit, machine)), disk_explained(work, work=work):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    recorded = setup.recorded and trainer.recorder is not None
    if setup.recorded and not recorded:
        say("the model's passes could not be recorded, and were computed one by one")
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    ordered = sorted(pace.seconds) or [0.0]
    return Trained(
        model=setup.model,
        before=setup.before,
        losses=losses,
        machine=machine,
        fit=fit,
        flat=setup.flat,
        recorded=recorded,
        step_s=ordered[len(ordered) // 2],
        tokens_per_s=pace.tokens_per_s,
        train_s=sum(pace.seconds),
        peak_gib=_peak_gib(machine.device),
        resumed=step,
    )


def _fitting(setup: Setup) -> tuple[SFTTrainer, Fit]:
    """Return a trainer whose heaviest micro-batch fits, and how it was made to.

    On a GPU a forward and backward pass of it is tried. Without one memory is estimated, and for
    unsloth, which throws away what it compiled for such a pass.
    """
    training, examples, machine = setup.training, setup.material.examples, setup.machine
    tries = candidates(training.batch_size, training.micro_batch, training.gradient_checkpointing)
    lengths = [len(example.ids) for example in examples]
    for fit in tries[:-1]:
        rows = heaviest(setup.steps, lengths, fit.micro_batch)
        if machine.device == "cpu" or setup.backend is unsloth:
            need = bytes_needed(
                setup.model.config.get_text_config(),
                len(rows) * max(lengths[row] for row in rows),
                sum(examples[row].trained for row in rows),
                checkpointing=fit.checkpointing,
                dtype=machine.dtype,
            )
            if fits_in_memory(need, machine.device):
                return _recording(setup.trainer(fit), setup, fit), fit
            continue
        trainer = setup.trainer(fit)
        if _passes(trainer, rows, setup.material, checkpointing=fit.checkpointing):
            return _recording(trainer, setup, fit), fit
    return setup.trainer(tries[-1]), tries[-1]


def _recording(trainer: SFTTrainer, setup: Setup, fit: Fit) -> SFTTrainer:
    """Return the trainer, which records its passes where that can be done."""
    if setup.recorded and not fit.checkpointing:
        examples = setup.material.examples
        parts = [part for step in setup.steps for part in micro_batches(step, fit.micro_batch)]
        largest = Largest(
            rows=fit.micro_batch,
            tokens=max(sum(len(examples[row].ids) for row in part) for part in parts),
            trained=max(sum(examples[row].trained for row in part) for part in parts),
        )
        context = trainer.compute_loss_context_manager
        trainer.recorder = Recorder(setup.model, largest, context)
    return trainer


def _passes(
    trainer: SFTTrainer, rows: Sequence[int], material: Material, *, checkpointing: bool
) -> bool:
    """Return whether the GPU's memory holds a forward and backward pass of these rows."""
    import torch

    model = trainer.model
    features = [
        {"input_ids": material.examples[row].ids, "labels": material.examples[row].labels}
        for row in rows
    ]
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    inputs = loss = None
    try:
        inputs = {
            key: value if isinstance(value, int) else value.to(model.device)
            for key, value in trainer.data_collator(features).items()
        }
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(model, inputs)
        loss.backward()
        torch.cuda.synchronize()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        model.zero_grad(set_to_none=True)
        del inputs, loss
        gc.collect()
        torch.cuda.empty_cache()
    return True


def _peak_gib(device: str) -> float:
    """Return the most memory in use so far, in GiB."""
    if device == "cuda":
        import torch

        return float(torch.cuda.max_memory_allocated()) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
