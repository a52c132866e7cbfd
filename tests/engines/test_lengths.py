"""Which requests may be computed together."""

from __future__ import annotations

import pytest

from harness.engines.lengths import by_length, unsteady, window_problem
from harness.engines.tryout import Able
from harness.records import Request, Sampling


def request_of(length, answer=1):
    return Request(f"{length}+{answer}", (7,) * length, Sampling(max_tokens=answer))


def parts(lengths, **bounds):
    found = by_length([request_of(*length) for length in lengths], Able(), **bounds)
    return [([request.key for request in part], able) for able, part in found]


def test_all_together_where_no_length_counts():
    assert parts([(3,), (900, 50)], window=None, turn=None) == [(["3+1", "900+50"], Able())]


def test_beyond_a_window_rows_are_as_long_as_one_another():
    (found,) = parts([(3,), (60, 5)], window=64, turn=None)
    assert found[1] == Able(shared=False, plain=False)
    assert parts([(3,), (59, 5)], window=64, turn=None)[0][1] == Able()


def test_both_sides_of_a_turn_are_apart_and_what_passes_it_is_read_again():
    found = parts([(10,), (11,), (10, 2), (8, 3), (11, 2)], window=None, turn=10)
    assert found == [
        (["10+1", "8+3"], Able()),
        (["10+2"], Able(cached=False, shared=False, padded=False)),
        (["11+1", "11+2"], Able(shared=False)),
    ]


@pytest.mark.parametrize(("length", "answer"), [(10, 1), (8, 3)])
def test_up_to_the_last_length_nothing_is_refused(length, answer):
    assert unsteady(request_of(length, answer), 10) is None
    assert unsteady(request_of(length, answer + 1), None) is None
    assert "set max_model_len to 10" in unsteady(request_of(length, answer + 1), 10).text


@pytest.mark.parametrize(
    ("kind", "settings", "reach"),
    [
        ("llama", {"max_position_embeddings": 64}, 64),
        ("gpt2", {"n_positions": 64}, 64),
        ("llama", {"rope_type": "linear", "factor": 4.0}, 256),
        ("llama", {"rope_type": "dynamic", "factor": 4.0}, 256),
        ("llama", {"rope_type": "yarn", "factor": 4.0,
                   "original_max_position_embeddings": 32}, 128),
        ("llama", {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 32}, 64),
    ],
)  # fmt: skip
def test_a_window_beyond_all_positions_is_refused(kind, settings, reach):
    from transformers import AutoConfig

    if "rope_type" in settings:
        rope = {"rope_theta": 10000.0, **settings}
        settings = {"max_position_embeddings": 64, "rope_parameters": rope}
    config = AutoConfig.for_model(kind, **settings)
    assert window_problem(config, reach) is None
    assert window_problem(config, reach + 1) == (
        f"max_model_len {reach + 1} is more than the {reach} tokens that the positions of this "
        "model reach; lower it in models.yaml"
    )


@pytest.mark.parametrize("kind", ["bloom", "mpt", "mamba"])
def test_models_without_positions_have_no_bound(kind):
    from transformers import AutoConfig

    assert window_problem(AutoConfig.for_model(kind), 10**6) is None
