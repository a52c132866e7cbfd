"""How often the intervals of the further figures hold the truth: a small part of the benchmark."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"
REPEATS = 200


@pytest.fixture(scope="module")
def benchmark():
    """The benchmark, whose name is that of a package that others install."""
    sys.path.insert(0, str(PATH.parent))  # of the modules beside it
    spec = spec_from_file_location("coverage_benchmark", PATH)
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(PATH.parent))
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("balanced_accuracy", "10 to 90, few errors"),
        ("macro_f1", "20 to 80"),
        ("mcc", "three"),
        ("mcc", "answers nearly all one label"),
        ("recall:0", "20 to 80"),
        ("precision:0", "three"),
        ("brier_score", "true"),
        ("log_loss", "half as sure"),
        ("calibration_error", "true"),
        ("calibration_error", "twice as sure"),
        ("coverage:0.1", "true"),
    ],
)
def test_intervals_hold_the_truth(benchmark, name, case):
    held, truth = benchmark.further_held(name, case, 300, REPEATS)
    assert 0 < truth < 2
    assert held >= 0.9


@pytest.mark.parametrize(
    ("name", "case", "n"),
    [
        ("brier_score", "true", 10),
        ("brier_score", "0.95 and 0.85, right 95%", 20),
        ("log_loss", "0.999 and 0.9999, right 97%", 20),
    ],
)
def test_intervals_of_differences_hold_what_few_samples_do_not_show(benchmark, name, case, n):
    held, truth = benchmark.cost_held(name, case, n, REPEATS)
    assert truth != 0
    assert held >= 0.93


def test_tables_of_error_rates_have_a_number_in_every_place(benchmark):
    for headers, rows in benchmark.error_rates(2).values():
        assert rows
        for row in rows:
            assert len(row) == len(headers)
            assert row[-1].endswith("%")
