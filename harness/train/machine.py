"""What a recipe's run computes on and with: backend, device, dtype, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from harness import hardware
from harness.errors import TrainError
from harness.spec.recipe import Recipe
from harness.train import unsloth
from harness.train.job import Say


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run computes on, resolved from the recipe and the machine.

    Attributes:
        dtype: Of the base weights.
        optimizer: The trainer's name of it.
    """

    device: str
    dtype: str
    four_bit: bool
    optimizer: str


def choose_backend(wanted: str) -> str:
    """Return the backend to use, ready: `unsloth` where it is installed and wanted.

    Raises:
        TrainError: It is not installed, or does not import.
    """
    installed = {name: _installed(name) for name in ("unsloth", "trl")}
    name = wanted
    if wanted == "auto":
        name = "unsloth" if installed["unsloth"] else "trl"
    if not installed[name] or not _installed("peft"):
        also = " and unsloth (docs/recipes.md)" if name == "unsloth" else ""
        raise TrainError(
            f"backend {name} is not installed; pip install 'pytest-evalsets[train]'{also}"
        )
    if name == "unsloth":
        try:
            unsloth.prepare()
        except (ImportError, NotImplementedError, RuntimeError) as error:
            first = str(error).splitlines()[0]
            raise TrainError(f"unsloth does not load: {first}; use --backend trl") from error
    return name


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def resolve_machine(recipe: Recipe, say: Say) -> Machine:
    """Return what a recipe's run computes on here.

    Raises:
        TrainError: The recipe insists on what this machine lacks.
    """
    device = hardware.device()
    cuda, quantizer = device == "cuda", _installed("bitsandbytes")
    four_bit, dtype = recipe.base.four_bit, recipe.base.dtype
    if four_bit is True and not (cuda and quantizer):
        raise TrainError("base.four_bit needs CUDA and bitsandbytes, which are not here; write "
                         "four_bit: auto")  # fmt: skip
    optimizer = "adamw_torch_fused" if cuda else "adamw_torch"
    if recipe.training.optimizer == "adamw_8bit":
        if cuda and quantizer:
            optimizer = "adamw_8bit"
        else:
            say("AdamW in 8 bits needs CUDA and bitsandbytes; taking plain AdamW")
    return Machine(
        device=device,
        dtype=("bfloat16" if cuda else "float32") if dtype == "auto" else dtype,
        four_bit=cuda and quantizer and four_bit is not False,
        optimizer=optimizer,
    )


def device_wait(device: str) -> Callable[[], None]:
    """Return what waits until a device has done all that it was told to."""
    if device != "cuda":
        return lambda: None
    import torch

    def wait() -> None:
        torch.cuda.synchronize()

    return wait
