"""What this machine has, found out without importing torch."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def cuda_devices() -> int:
    """Return how many CUDA devices this process may use, 0 without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


@cache
def gpus() -> tuple[str, ...]:
    """Return the GPUs that engines here may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    if device() != "cuda":
        return ()
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = given.split(",") if given else map(str, range(cuda_devices()))
    return tuple(name.strip() for name in names)[: cuda_devices()]


@cache
def device() -> str:
    """Return `cuda` where there is a CUDA device and the installed torch can use it, else `cpu`."""
    try:
        torch_version = version("torch")
    except PackageNotFoundError:
        return "cpu"
    return "cuda" if cuda_devices() and not torch_version.endswith("+cpu") else "cpu"


@cache
def best_dtype() -> str:
    """Return `bfloat16` where the hardware computes in it, else `float32`.

    On a CPU without bfloat16 instructions it is several times slower than float32.
    """
    if device() == "cuda":
        return "bfloat16"
    flags = _cpuinfo("flags").split()
    return "bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


@cache
def label_dtype() -> str:
    """Return `float16` on a GPU, else `best_dtype()`: the precision for scoring labels.

    It has three bits more than bfloat16 at the same speed there. Few CPUs compute in it.
    """
    return "float16" if device() == "cuda" else best_dtype()


def describe() -> dict[str, str]:
    """Return the machine in words: processor, cores, memory, GPU, system."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    out = {
        "cpu": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{pages * size / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    if cuda_devices() and (smi := shutil.which("nvidia-smi")):
        query = [smi, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30)
        out["gpu"] = "; ".join(done.stdout.strip().splitlines()) or "unknown"
    return out


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")
