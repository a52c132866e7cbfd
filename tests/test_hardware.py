from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import hardware

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def fresh():
    """Forget what was found out, before and after."""
    found = (hardware.cuda_devices, hardware.device, hardware.best_dtype, hardware.label_dtype)
    for one in found:
        one.cache_clear()
    yield
    for one in found:
        one.cache_clear()


class Driver:
    """A CUDA driver with so many devices."""

    def __init__(self, devices: int, error: int = 0) -> None:
        self._devices, self._error = devices, error

    def cuInit(self, flags):
        return self._error

    def cuDeviceGetCount(self, count):
        count._obj.value = self._devices
        return 0


def machine(monkeypatch, *, driver=None, torch="2.13.0+cu130", flags="sse avx2"):
    def load(name):
        if driver is None:
            raise OSError(f"{name}: cannot open shared object file")
        return driver

    def version(name):
        if torch is None:
            raise hardware.PackageNotFoundError(name)
        return torch

    monkeypatch.setattr(hardware.ctypes, "CDLL", load)
    monkeypatch.setattr(hardware, "version", version)
    text = f"processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: {flags}\n"
    monkeypatch.setattr(Path, "read_text", lambda self, **_: text)


@pytest.mark.parametrize(
    ("driver", "devices"), [(None, 0), (Driver(2), 2), (Driver(0), 0), (Driver(2, error=100), 0)]
)
def test_cuda_devices(monkeypatch, driver, devices):
    machine(monkeypatch, driver=driver)
    assert hardware.cuda_devices() == devices


@pytest.mark.parametrize(
    ("driver", "torch", "device"),
    [
        (Driver(1), "2.13.0+cu130", "cuda"),
        (Driver(1), "2.13.0", "cuda"),
        (Driver(1), "2.13.0+cpu", "cpu"),
        (Driver(1), None, "cpu"),
        (Driver(0), "2.13.0", "cpu"),
        (None, "2.13.0", "cpu"),
    ],
)
def test_device(monkeypatch, driver, torch, device):
    machine(monkeypatch, driver=driver, torch=torch)
    assert hardware.device() == device


@pytest.mark.parametrize(
    ("driver", "flags", "dtype"),
    [
        (Driver(1), "sse", "bfloat16"),
        (None, "sse avx2 avx512f", "float32"),
        (None, "sse avx512_bf16", "bfloat16"),
        (None, "sse amx_bf16 amx_tile", "bfloat16"),
        (None, "", "float32"),
    ],
)
def test_best_dtype(monkeypatch, driver, flags, dtype):
    machine(monkeypatch, driver=driver, flags=flags)
    assert hardware.best_dtype() == dtype


@pytest.mark.parametrize(
    ("driver", "flags", "dtype"),
    [
        (Driver(1), "sse", "float16"),
        (None, "sse avx512_bf16 avx512_fp16", "bfloat16"),
        (None, "sse", "float32"),
    ],
)
def test_label_dtype(monkeypatch, driver, flags, dtype):
    machine(monkeypatch, driver=driver, flags=flags)
    assert hardware.label_dtype() == dtype


def test_a_machine_without_cpuinfo(monkeypatch):
    machine(monkeypatch)

    def missing(self, **_):
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", missing)
    assert hardware.best_dtype() == "float32"
    assert hardware.describe()["cpu"]


def test_describe_this_machine():
    found = hardware.describe()
    assert {"cpu", "cores", "memory", "system"} <= found.keys()
    assert int(found["cores"]) >= 1
    assert int(found["memory"].removesuffix(" GiB")) >= 1
    assert "Python 3." in found["system"]


def test_describe_the_gpu(monkeypatch):
    machine(monkeypatch, driver=Driver(2))
    monkeypatch.setattr(hardware.shutil, "which", lambda name: f"/usr/bin/{name}")

    def run(command, **options):
        assert command[0] == "/usr/bin/nvidia-smi"
        return subprocess.CompletedProcess(command, 0, "Card A, 580\nCard B, 580\n", "")

    monkeypatch.setattr(hardware.subprocess, "run", run)
    found = hardware.describe()
    assert found["gpu"] == "Card A, 580; Card B, 580"
    assert found["cpu"] == "Some CPU @ 2 GHz"


def test_finding_out_imports_no_torch():
    code = (
        "import sys; from harness import hardware; hardware.best_dtype(); hardware.describe();"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "False"
