"""Foreign failures in one line that names the knob."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.errors import TrainError
from harness.train.failures import (
    disk_explained,
    is_disk_full,
    is_out_of_memory,
    load_fix,
    memory_explained,
    step_fix,
)
from harness.train.fit import Fit
from harness.train.machine import Machine

ROOT = Path(__file__).parents[2]


GPU, GPU_4 = (Machine("cuda", "bfloat16", four_bit, "adamw_8bit") for four_bit in (False, True))
CPU = Machine("cpu", "float32", False, "adamw_torch")


@pytest.mark.parametrize(
    ("fit", "machine", "fix"),
    [
        (Fit(8, False), GPU, "write training.micro_batch: 1"),
        (Fit(1, False), GPU, "write training.gradient_checkpointing: true, or base.four_bit: true, "
                             "or lower training.max_length"),
        (Fit(1, True), GPU, "write base.four_bit: true, or lower training.max_length"),
        (Fit(1, True), GPU_4, "lower training.max_length, or name a smaller model as base.source"),
        (Fit(1, True), CPU, "write base.dtype: bfloat16, or lower training.max_length"),
    ],
)  # fmt: skip
def test_memory_in_a_step_names_what_is_left_to_turn(fit, machine, fix):
    assert step_fix(fit, machine) == fix


def test_memory_while_loading_names_the_weights():
    assert load_fix(GPU) == "write base.four_bit: true, or name a smaller model as base.source"
    assert load_fix(GPU_4) == "name a smaller model as base.source, or free memory of the GPU"
    assert load_fix(CPU) == "write base.dtype: bfloat16, or name a smaller model as base.source"


def test_memory_is_one_line():
    with pytest.raises(TrainError, match=r"^out of memory in a test; fix it$"):
        with memory_explained("in a test", "fix it"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore")


def test_what_is_no_want_of_memory_or_disk_passes_through(tmp_path):
    for wrong in (ValueError("other"), TrainError("no space left")):
        with pytest.raises(type(wrong), match=f"^{wrong}$"):
            with memory_explained("", ""), disk_explained(tmp_path, work=tmp_path):
                raise wrong


@pytest.mark.parametrize(("whole", "end"), [(True, "and go on with --resume"),
                                            (False, "and train again")])  # fmt: skip
def test_a_full_disk_names_resume_where_there_is_something_to_resume(tmp_path, whole, end):
    folder = tmp_path / "checkpoint-2"
    folder.mkdir()
    for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt"):
        (folder / name).touch()
    (folder / "trainer_state.json").write_text('{"global_step": 2}' if whole else '{"glo')
    with pytest.raises(TrainError, match=f"no space left to write {tmp_path}/out; .*, {end}$"):
        with disk_explained(tmp_path / "out", work=tmp_path):
            raise OSError(errno.ENOSPC, "No space left on device")


def test_signs():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    assert is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    assert is_disk_full(RuntimeError("PytorchStreamWriter failed writing file data/3"))
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))


_FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from safetensors.numpy import save_file
from harness.train.failures import disk_explained
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
out = Path(sys.argv[1])
kinds = {
    "safetensors": lambda: save_file({"a": np.zeros(9999, np.float32)}, out / "a.safetensors"),
    "text": lambda: (out / "b.txt").write_text("x" * 9999),
}
with disk_explained(out, work=out):
    kinds[sys.argv[2]]()
"""


@pytest.mark.parametrize("kind", ["safetensors", "text"])
def test_a_write_that_the_system_refuses_is_one_line(tmp_path, kind):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000
    done = subprocess.run([sys.executable, "-c", _FULL, str(tmp_path), kind], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=120)  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"harness.errors.TrainError: no space left to write {tmp_path}"), last
    assert last.endswith("train again")
