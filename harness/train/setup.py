"""What a run is made of: model, rows of each step, the trainer and how it computes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from harness.spec.recipe import TrainingSpec
from harness.train import trl, unsloth
from harness.train.batches import FlatCollator, PaddedCollator, as_features, step_rows
from harness.train.failures import disk_explained, load_fix, memory_explained
from harness.train.fit import Fit
from harness.train.job import Job, Material, Say
from harness.train.kernels import fused_lora
from harness.train.lora import base_weights, check_targets, lora_in_float32, seed_lora
from harness.train.machine import Machine, device_wait, resolve_machine
from harness.train.packed import can_pack, packed_attention
from harness.train.progress import Pace, pace_callback
from harness.train.tryrows import rows_stand_alone

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
_TENSORBOARD = "tensorboard"


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a trainer is made of but the size of its micro-batches.

    Attributes:
        before: The base's own weights that are trained as well, as they are now.
        steps: Positions of each step's rows.
        flat: Whether rows go in without padding, and LoRA is added in few steps.
        packed: Whether attention takes flat rows without a mask.
        recorded: Whether passes are recorded and replayed.
        events: Folder of tensorboard's events, where that is asked for; it outlives the run.
    """

    backend: ModuleType
    model: PeftModel
    before: Mapping[str, torch.Tensor]
    material: Material
    training: TrainingSpec
    machine: Machine
    steps: Sequence[Sequence[int]]
    work: Path
    flat: bool
    packed: bool
    recorded: bool
    events: Path
    pace: Pace

    def trainer(self, fit: Fit) -> SFTTrainer:
        """Return a trainer that takes the rows in the order of the steps."""
        from datasets import Dataset
        from transformers import PrinterCallback

        tokenizer = self.material.base.tokenizer
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        rows = [row for step in self.steps for row in step]
        trainer: SFTTrainer = self.backend.trainer_class()(
            model=self.model,
            args=_config(self.training, self.machine, fit, self.work),
            train_dataset=Dataset.from_dict(as_features(self.material.examples, rows)),
            data_collator=(
                FlatCollator(bounds=self.packed)
                if self.flat
                else PaddedCollator(tokenizer.pad_token_id)
            ),
            processing_class=tokenizer,
            callbacks=[pace_callback(self.pace), *self._tensorboard()],
        )
        lora_in_float32(self.model)
        # It prints every step as a dictionary.
        trainer.remove_callback(PrinterCallback)
        return trainer

    def _tensorboard(self) -> list[TrainerCallback]:
        """Return the trainer's own callback, which else writes among the checkpoints."""
        from transformers.integrations import get_reporting_integration_callbacks

        if _TENSORBOARD not in _trackers(self.training):
            return []
        (kind,) = get_reporting_integration_callbacks([_TENSORBOARD])
        callback = kind()
        callback.logging_dir = str(self.events)
        return [callback]

    @contextmanager
    def faster(self) -> Iterator[None]:
        """Change how the model computes, not what, within a `with` block."""
        with ExitStack() as stack:
            if self.packed:
                stack.enter_context(packed_attention(self.model))
            if self.flat:
                stack.enter_context(fused_lora(self.model))
            yield


def check_trackers(job: Job) -> None:
    """Make sure that the trackers of a recipe are there.

    Raises:
        SpecError: The trainer does not know one, or it is not installed.
    """
    from transformers.integrations import get_reporting_integration_callbacks

    for index, name in enumerate(_trackers(job.recipe.training)):
        where = ("training", "report_to", index)
        try:
            (kind,) = get_reporting_integration_callbacks([name])
        except ValueError as error:
            raise job.file.error(f"'{name}' is not a tracker of the trainer; write tensorboard, "
                                 "trackio or wandb, or remove it", where) from error  # fmt: skip
        try:
            kind()
        except (ImportError, RuntimeError) as error:
            raise job.file.error(f"'{name}' is not installed; pip install {name}, or remove it",
                                 where) from error  # fmt: skip


def _trackers(training: TrainingSpec) -> list[str]:
    """Return the names of the trackers; `all` and `none` alone mean what the trainer means."""
    from transformers.integrations import get_available_reporting_integrations

    if training.report_to == ["all"]:
        return list(get_available_reporting_integrations())
    return [] if training.report_to == ["none"] else training.report_to


def set_up(job: Job, material: Material, work: Path, say: Say) -> Setup:
    """Resolve the machine, decide on the rows of each step and load the model."""
    recipe, training = job.recipe, job.recipe.training
    machine = resolve_machine(recipe, say)
    lengths = [len(example.ids) for example in material.examples]
    steps = step_rows(
        lengths, steps=training.max_steps, batch_size=training.batch_size, seed=training.seed
    )
    bits = ", 4 bits" if machine.four_bit else ""
    say(f"loading {material.base.source} with {job.backend} ({machine.device}, {machine.dtype}"
        f"{bits})")  # fmt: skip
    events = job.root / ".harness" / "runs" / f"{job.out.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    if _TENSORBOARD in _trackers(training):
        say(f"events for tensorboard: {events}")
    backend = {"trl": trl, "unsloth": unsloth}[job.backend]
    when = f"while loading {material.base.source}"
    with memory_explained(when, load_fix(machine)), disk_explained(work, work=work):
        model = backend.load(
            material.base.asset.path,
            recipe,
            device=machine.device,
            dtype=machine.dtype,
            four_bit=machine.four_bit,
        )
        check_targets(model, recipe.lora.target_modules)
        seed_lora(model, training.seed)
        flat, packed = _together(model, job, machine, say)
    return Setup(
        backend=backend,
        model=model,
        before=base_weights(model),
        material=material,
        training=training,
        machine=machine,
        steps=steps,
        work=work,
        flat=flat,
        packed=packed,
        recorded=packed and not recipe.lora.dropout,
        events=events,
        pace=Pace(
            [sum(lengths[row] for row in rows) for rows in steps], say, device_wait(machine.device)
        ),
    )


def _together(model: PeftModel, job: Job, machine: Machine, say: Say) -> tuple[bool, bool]:
    """Return whether rows go in without padding, and whether attention then needs no mask.

    Raises:
        SpecError: The model reads several rows at once otherwise than each by itself.
    """
    wanted = job.recipe.training.micro_batch
    # unsloth's attention takes no packed rows without an attention mask.
    if job.backend != "trl" or wanted == 1:
        return False, False
    config = model.config.get_text_config()
    # Chunks of attention are counted from the first of all rows.
    if wanted == "auto" and not config.to_dict().get("attention_chunk_size"):
        packs = can_pack(config, device=machine.device, dtype=machine.dtype)
        if packs and rows_stand_alone(model, FlatCollator(bounds=True), packed_attention(model)):
            return True, True
        if rows_stand_alone(model, FlatCollator()):
            return True, False
    if not rows_stand_alone(model, PaddedCollator(0)):
        raise job.file.error("this model reads several rows at once otherwise than each by itself; "
                             "write micro_batch: 1", ("training", "micro_batch"))  # fmt: skip
    if wanted == "auto":
        say("this model reads rows without padding as one: they are padded")
    return False, False


def _config(training: TrainingSpec, machine: Machine, fit: Fit, work: Path) -> SFTConfig:
    """Return the trainer's settings; rows are taken in the order in which they stand."""
    from trl import SFTConfig

    return SFTConfig(
        output_dir=str(work),
        max_steps=training.max_steps,
        per_device_train_batch_size=fit.micro_batch,
        gradient_accumulation_steps=training.batch_size // fit.micro_batch,
        learning_rate=training.learning_rate,
        lr_scheduler_type=_SCHEDULES[training.schedule],
        warmup_steps=training.warmup_steps,
        weight_decay=training.weight_decay,
        max_grad_norm=training.max_grad_norm,
        optim=machine.optimizer,
        seed=training.seed,
        bf16=machine.device == "cuda" and machine.dtype == "bfloat16",
        use_cpu=machine.device == "cpu",
        gradient_checkpointing=fit.checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        remove_unused_columns=False,
        dataloader_pin_memory=machine.device == "cuda",
        logging_steps=1,
        # A loss that is not finite is an error here, not a zero in the log.
        logging_nan_inf_filter=False,
        save_steps=training.save_steps,
        save_total_limit=2,
        report_to=[name for name in _trackers(training) if name != _TENSORBOARD] or "none",
        disable_tqdm=True,
    )
