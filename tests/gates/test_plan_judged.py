from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.gates.plan_judged import plan_judged_gates
from harness.run.cells import Cell
from harness.run.probe_cells import probe_cells
from harness.spec.judgeset import JudgeSet
from harness.spec.modelspec import ModelSpec
from harness.spec.yamlfile import YamlFile

FILE = YamlFile(Path("evalsets/p.yaml"), {}, {("gates", 0, "models"): 7})


def judge_set(*gates: dict[str, object], against: str | None = None) -> JudgeSet:
    return JudgeSet.model_validate(
        {
            "kind": "judge",
            "models": ["base", "one", "two"],
            "probes": [
                {"id": name, "kind": "k", "question": f"{name}?", "points": ["it is so"]}
                for name in ("letter", "sum")
            ],
            "judge": {
                "models": ["wise"],
                "rubric": "judge/a.j2",
                "pairwise": "judge/b.j2",
                "against": against,
            },
            "gates": list(gates),
        }
    )


def cells_of(evalset: JudgeSet):
    models = {
        "base": ModelSpec(source="file:m"),
        "one": ModelSpec(source="file:m", adapter="adapters/one"),
        "two": ModelSpec(source="file:m", adapter="adapters/two", gpu=True),
        "wise": ModelSpec(source="file:w"),
    }
    return probe_cells("evalsets/p.yaml", "p", evalset, models)


def test_a_cell_for_every_model_and_probe_in_the_order_of_the_file():
    found = cells_of(judge_set())
    assert [cell.id for cell in found] == [
        "base-letter", "base-sum", "one-letter", "one-sum", "two-letter", "two-sum",
    ]  # fmt: skip
    assert {cell.group for cell in found} == {"evalsets/p.yaml"}
    assert found[0].engine_group == found[2].engine_group
    assert [cell.gpu for cell in found] == [None] * 4 + ["two"] * 2


def test_a_judge_that_needs_a_gpu_makes_every_probe_need_one():
    evalset = judge_set()
    models = {name: ModelSpec(source="file:m") for name in evalset.models}
    found = probe_cells("p", "p", evalset, models | {"wise": ModelSpec(source="file:w", gpu=True)})
    assert {cell.gpu for cell in found} == {"wise"}


def test_gates_of_a_model_need_all_its_probes_and_a_win_rate_those_of_the_reference():
    evalset = judge_set(
        {"models": "*", "figure": "score", "at_least": 5},
        {"models": "*", "figure": "win_rate", "at_least": 0.5},
        {"models": "one", "figure": "score", "at_most": 9},
    )
    gates = plan_judged_gates(evalset, cells_of(evalset), FILE)
    assert [gate.id for gate in gates] == [
        "gate-score-base", "gate-score-one", "gate-score-two",
        "gate-win_rate-one", "gate-win_rate-two", "gate-score-one-2",
    ]  # fmt: skip
    assert [cell.id for cell in gates[1].needs] == ["one-letter", "one-sum"]
    assert [cell.id for cell in gates[3].needs] == [
        "one-letter", "one-sum", "base-letter", "base-sum",
    ]  # fmt: skip
    assert {gate.cell.model for gate in gates} == {"base", "one", "two"}


def test_the_reference_is_the_first_model_or_the_one_that_is_named():
    assert judge_set().reference == "base"
    evalset = judge_set({"figure": "win_rate", "at_least": 0.5}, against="two")
    gates = plan_judged_gates(evalset, cells_of(evalset), FILE)
    assert [gate.cell.model for gate in gates] == ["base", "one"]


@pytest.mark.parametrize(
    ("gate", "line"),
    [
        (
            {"models": "x*", "figure": "score", "at_least": 5},
            "evalsets/p.yaml:7: gates[0].models: 'x*' matches no model; models are base, one, two",
        ),
        (
            {"models": "base", "figure": "win_rate", "at_least": 0.5},
            "evalsets/p.yaml:7: gates[0].models: 'base' matches only base, with which the others "
            "are compared; name another model",
        ),
    ],
)
def test_a_gate_on_nothing_is_one_line(gate, line):
    evalset = judge_set(gate)
    with pytest.raises(SpecError) as caught:
        plan_judged_gates(evalset, cells_of(evalset), FILE)
    assert str(caught.value) == line


def test_a_probe_has_what_items_ask_of_a_cell():
    cell = cells_of(judge_set())[0]
    assert all(hasattr(cell, name) for name in ("id", "path", "name", "model", "spec", "gpu"))
    assert not isinstance(cell, Cell)
