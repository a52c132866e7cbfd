from __future__ import annotations

import random
from itertools import pairwise

import pytest

from harness.records import Thinking
from harness.run.cells import Mode, cells, modes, prefix_order
from harness.spec.evalset import EvalSet
from harness.spec.modelspec import ModelSpec

ROWS = [{"text": "x", "label": "a"}, {"text": "y", "label": "b"}]


def evalset(**changes) -> EvalSet:
    base = {
        "data": {"rows": ROWS},
        "labels": ["a", "b"],
        "models": ["m"],
        "prompts": ["p.j2", "q.j2"],
        "modes": ["zeroshot"],
    }
    return EvalSet.model_validate(base | changes)


def model(**changes) -> ModelSpec:
    return ModelSpec.model_validate({"source": "file:model"} | changes)


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (Mode(), "zeroshot"),
        (Mode(k=5, placement="chat", selector="balanced", seed=0), "fewshot5-chat-s0"),
        (Mode(k=1, placement="user", selector="random", seed=7), "fewshot1-user-random-s7"),
        (
            Mode(k=5, placement="chat", selector="nearest", seed=0, order="nearest_last"),
            "fewshot5-chat-nearest-nearest_last-s0",
        ),
        (
            Mode(k=3, placement="chat", selector="balanced", seed=1, order="alternating"),
            "fewshot3-chat-alternating-s1",
        ),
        (
            Mode(k=3, placement="chat", selector="first", seed=0, order="pool"),
            "fewshot3-chat-first-pool-s0",
        ),
        (Mode(seed=3, trained=True), "trained-s3"),
        (Mode(thinking=Thinking()), "zeroshot-nothink"),
        (Mode(thinking=Thinking(4096)), "zeroshot-think"),
        (
            Mode(
                k=5,
                placement="chat",
                selector="balanced",
                seed=0,
                thinking=Thinking(256, budgeted=True),
            ),
            "fewshot5-chat-s0-think256",
        ),
    ],
)
def test_mode_names(mode, name):
    assert mode.name == name


def test_modes_multiply_placements_and_seeds():
    spec = {"mode": "fewshot", "k": 3, "placement": ["system", "chat"], "seeds": [0, 4]}
    found = modes(evalset(modes=["zeroshot", spec]))
    assert [mode.name for mode in found] == [
        "zeroshot",
        "fewshot3-system-s0",
        "fewshot3-chat-s0",
        "fewshot3-system-s4",
        "fewshot3-chat-s4",
    ]


def test_modes_cross_thinking():
    spec = {"mode": "fewshot", "k": [1, 2], "thinking": ["off", {"budget": 256}]}
    found = modes(evalset(modes=["zeroshot", spec]), Thinking(4096))
    assert [mode.name for mode in found] == [
        "zeroshot-think",
        "fewshot1-chat-s0-nothink",
        "fewshot2-chat-s0-nothink",
        "fewshot1-chat-s0-think256",
        "fewshot2-chat-s0-think256",
    ]


def test_modes_cross_k_selectors_and_orders():
    spec = {
        "mode": "fewshot", "k": [1, 9], "selector": ["balanced", "nearest"], "seeds": [0, 4],
        "order": ["shuffled", "nearest_last"],
    }  # fmt: skip
    found = [mode.name for mode in modes(evalset(modes=[spec]))]
    assert found == [
        f"fewshot{k}-chat{way}"
        for k in (1, 9)
        for way in ("-s0", "-s4", "-nearest-s0", "-nearest-s4", "-nearest-nearest_last-s0")
    ]


def test_each_selector_has_an_order_of_its_own():
    selectors = ["balanced", "random", "first", "nearest", "diverse"]
    spec = {"mode": "fewshot", "k": 2, "selector": selectors, "seeds": [3, 5]}
    found = modes(evalset(modes=[spec]))
    assert {(mode.selector, mode.order) for mode in found} == {
        ("balanced", "shuffled"), ("random", "shuffled"), ("diverse", "shuffled"),
        ("first", "pool"), ("nearest", "nearest_last"),
    }  # fmt: skip
    # A seed more where nothing is drawn would be the same cell again.
    seeds = [mode.seed for mode in found if mode.order in ("pool", "nearest_last")]
    assert (len(found), seeds) == (8, [3, 3])


def test_cells_come_model_by_model_in_the_files_order():
    found = cells("evalsets/x.yaml", "x", evalset(models=["b", "a"]), {"a": model(), "b": model()})
    assert [cell.id for cell in found] == [
        "b-p-zeroshot", "b-q-zeroshot", "a-p-zeroshot", "a-q-zeroshot",
    ]  # fmt: skip
    assert {(cell.path, cell.name) for cell in found} == {("evalsets/x.yaml", "x")}
    assert [cell.prompt.id for cell in found[:2]] == ["p", "q"]


def group_of(**changes) -> str:
    (cell, *_) = cells("x.yaml", "x", evalset(), {"m": model(**changes)})
    return cell.group


@pytest.mark.parametrize(
    "changes",
    [
        {"adapter": "adapters/a"},
        {"base": True},
        {"chat_template": "plain"},
        {"system_role": False},
        {"thinking": "off"},
        {"thinking": {"budget": 9}},
    ],
)
def test_what_one_engine_can_serve_is_one_group(changes):
    assert group_of(**changes) == group_of()


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "file:other"},
        {"engine": "vllm"},
        {"dtype": "float32"},
        {"max_model_len": 128},
        {"seed": 1},
        {"options": {"vllm": {"enforce_eager": True}}},
    ],
)
def test_what_needs_an_engine_of_its_own_is_another_group(changes):
    assert group_of(**changes) != group_of()


def test_the_order_of_options_makes_no_group():
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert group_of(options={"vllm": one}) == group_of(options={"vllm": other})


def test_an_adapter_shares_the_start_of_its_base():
    specs = {"a": model(), "b": model(seed=1), "c": model(adapter="x")}
    found = cells("x.yaml", "x", evalset(models=["a", "b", "c"]), specs)
    a, b, c = ({cell.group for cell in found if cell.model == name} for name in "abc")
    assert len(a) == len(b) == 1
    assert a == c
    assert a != b


def shared(a, b) -> int:
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))


@pytest.mark.parametrize("seed", range(20))
def test_equal_beginnings_stand_together(seed):
    generator = random.Random(seed)
    heads = [tuple(generator.randrange(9) for _ in range(6)) for _ in range(4)]
    rows = [
        (
            *generator.choice(heads),
            *(generator.randrange(9) for _ in range(generator.randint(0, 5))),
        )
        for _ in range(40)
    ]
    order = prefix_order(rows)
    assert sorted(order) == list(range(40))
    ordered = [rows[i][:6] for i in order]
    changes = sum(a != b for a, b in pairwise(ordered))
    assert changes == len(set(ordered)) - 1
    neighbours = sum(shared(rows[a], rows[b]) for a, b in pairwise(order))
    assert neighbours >= sum(shared(a, b) for a, b in pairwise(rows))


def test_a_trained_classifier_has_a_cell_per_seed_and_no_prompt():
    trained = ModelSpec.model_validate({"engine": "rnn", "seeds": [0, 5]})
    spec = evalset(models=["m", "base"], scoring="generate")
    found = cells("e.yaml", "e", spec, {"m": model(), "base": trained})
    assert [cell.id for cell in found] == [
        "m-p-zeroshot", "m-q-zeroshot", "base-trained-s0", "base-trained-s5",
    ]  # fmt: skip
    assert [(cell.prompt, cell.spec.seed, cell.spec.seeds) for cell in found[2:]] == [
        (None, 0, None),
        (None, 5, None),
    ]
    assert [cell.scoring for cell in found] == ["generate", "generate", "logprobs", "logprobs"]


def test_each_training_is_a_start_of_its_own():
    trained = {"base": ModelSpec.model_validate({"engine": "tfidf", "seeds": [0, 1]})}
    both = [c for path in ("a.yaml", "b.yaml")
            for c in cells(path, path[0], evalset(models=["base"]), trained)]  # fmt: skip
    assert len(both) == len({cell.group for cell in both}) == 4
