"""Options over defaults, and the line that a wrong one gives."""

from __future__ import annotations

import pytest

from harness.engines.transformers_options import read_options
from harness.errors import EngineError
from harness.records import EngineConfig


def read(device="cpu", **options):
    return read_options(EngineConfig("transformers", "m", "float32", device, 8, options=options))


def test_given_options_go_over_the_defaults():
    default, given = read(), read(batch_tokens=77)
    assert given.batch_tokens == 77
    assert given.pass_cost == default.pass_cost
    assert given.threads == 0


def test_a_gpu_gets_larger_batches():
    cpu, cuda = read(), read("cuda")
    assert cuda.batch_tokens > cpu.batch_tokens > cpu.pass_cost > 0
    assert cuda.batch_tokens > cuda.pass_cost > cpu.pass_cost


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"batch_token": 5},
            "engine option 'batch_token': unknown key; did you mean 'batch_tokens'?",
        ),
        (
            {"batch_tokens": 0},
            "engine option 'batch_tokens': input should be greater than or equal to 1",
        ),
        ({"threads": "2"}, "engine option 'threads': input should be a valid integer"),
        ({"threads": True}, "engine option 'threads': input should be a valid integer"),
        ({"device": "tpu"}, "device 'tpu' is not one of cpu, cuda"),
    ],
)
def test_wrong_options(options, error):
    with pytest.raises(EngineError) as caught:
        read(**options)
    assert str(caught.value) == error
