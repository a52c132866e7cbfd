"""A judge set from its answers to its standings: what fails, and what that costs the others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from lora_adapters import write_adapter

from harness.collect import collect_evalset
from harness.errors import EngineError, HarnessError, UntrustedJudge
from harness.judge.runner import Probing
from harness.run.settings import Settings
from harness.workers.worker import Worker

ROOT = Path(__file__).parents[2]


class Study:
    """A project with a judge set: `plain` and `fine` answer two probes, twice each."""

    def __init__(self, project, tokenizers) -> None:
        self.project, self.root = project, project.root
        tokenizers(self.root / "model", words=True, window=4096)
        shutil.copytree(ROOT / "prompts/judge", self.root / "prompts/judge")
        self.models: dict[str, dict[str, object]] = {}
        self.add("plain", answer="who knows")
        self.add("fine", answer="it is good")
        self.add("wise", answer='{"reason": "so", "score": 2}')
        self.gates = [{"models": "fine", "figure": "score", "at_least": 4}]

    def add(self, name: str, *, adapter: str | None = None, **options: object) -> None:
        local = {"source": "file:model", "engine": "fake", "dtype": "float32"}
        self.models[name] = {**local, "options": options, **({"adapter": adapter} if adapter
                                                             else {})}  # fmt: skip

    def probing(self, *, models=("plain", "fine"), judges=("wise",), select=None, **settings):
        """Return a runner of the set, its cells and its gates."""
        self.project.models(json.dumps({"models": self.models}))
        path = self.project.evalset(json.dumps({
            "kind": "judge",
            "models": list(models),
            "answers": {"n": 2, "max_tokens": 8, "seed": 3},
            "probes": [{"id": name, "kind": "k", "question": f"What of {name}?",
                        "points": [f"{name} is good"]} for name in ("bread", "salt")],
            "judge": {"models": list(judges), "rubric": "judge/absolute.en.j2"},
            "gates": self.gates,
        }), name="probes")  # fmt: skip
        found = collect_evalset(path, self.root)
        cells = [cell for cell in found.cells if select is None or select in cell.id]
        own = Settings(root=self.root, store=self.root / "o.sqlite", logs=self.root / "logs")
        return Probing(own, cells, lambda *what: None, **settings), cells, found.gates


@pytest.fixture
def study(project, tokenizers) -> Study:
    return Study(project, tokenizers)


@pytest.fixture
def opened(monkeypatch):
    """Return the models of all engines that are opened."""
    seen: list[str] = []
    own = Worker.generate

    def generate(self, requests):
        seen.append("round")
        return own(self, requests)

    monkeypatch.setattr(Worker, "generate", generate)
    return seen


def test_a_set_is_answered_and_judged_once_for_all_its_probes(study, opened):
    probing, cells, _ = study.probing()
    results = [probing.outcome(cell) for cell in cells]
    assert [(r.model, r.probe) for r in results] == [
        ("plain", "bread"), ("plain", "salt"), ("fine", "bread"), ("fine", "salt"),
    ]  # fmt: skip
    assert {answer.text for r in results for answer in r.answers} == {"who knows", "it is good"}
    assert [answer.seed for answer in results[0].answers] == [3, 4]
    rounds = len(opened)
    assert probing.outcome(cells[0]) is results[0]
    assert len(opened) == rounds
    judged = probing.judged["evalsets/probes.yaml"]
    assert [one.model for one in judged.standings] == ["plain", "fine"]
    assert all(one.template is not None for one in judged.standings)


def test_only_what_was_selected_is_run(study):
    probing, cells, _ = study.probing(select="fine-bread")
    probing.outcome(cells[0])
    (result,) = probing.judged["evalsets/probes.yaml"].probes
    assert (result.model, result.probe) == ("fine", "bread")


def test_an_unscored_answer_has_no_score_and_is_counted(study):
    study.add("wise", answer="no verdict at all")
    probing, cells, _ = study.probing()
    result = probing.outcome(cells[0])
    assert [answer.score for answer in result.answers] == [None, None]
    (info,) = probing.judged["evalsets/probes.yaml"].judges
    assert sum(info.unscored.values()) == info.asked > 0
    assert info.void


def test_an_engine_that_dies_fails_its_own_model_alone_and_says_what_is_lost(study):
    study.add("plain", die_after=1)
    probing, cells, _ = study.probing()
    for cell in cells[:2]:
        with pytest.raises(EngineError):
            probing.outcome(cell)
    assert probing.outcome(cells[2]).answers
    assert probing.lost[0].text.startswith("plain: 3 of 4 outputs are missing")
    judged = probing.judged["evalsets/probes.yaml"]
    assert {one.model for one in judged.probes} == {"fine"}


def test_a_judge_that_dies_leaves_no_verdict_and_loses_no_answer(study, opened):
    study.add("wise", die_after=2)
    probing, cells, _ = study.probing()
    for cell in cells:
        with pytest.raises(HarnessError):
            probing.outcome(cell)
    study.add("wise", answer='{"reason": "so", "score": 2}')
    again, cells, _ = study.probing()
    again.outcome(cells[0])
    assert [(info.model, info.computed) for info in again.engines[:2]] == [
        ("plain", 0),
        ("fine", 0),
    ]


def test_a_broken_adapter_fails_its_own_probes(study):
    study.project.write("adapters/broken/adapter_config.json", "{")
    study.add("fine", adapter="adapters/broken", answer="it is good")
    probing, cells, _ = study.probing()
    with pytest.raises(HarnessError, match="adapters/broken"):
        probing.outcome(cells[2])
    assert probing.outcome(cells[0]).answers


def test_a_missing_key_of_an_endpoint_is_told_before_anything_runs(study, opened, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY_HERE", raising=False)
    study.models["far"] = {"source": "openai:m", "options": {
        "base_url": "http://127.0.0.1:1", "api_key_env": "NO_SUCH_KEY_HERE"}}  # fmt: skip
    probing, cells, _ = study.probing(judges=("far",))
    for cell in cells:
        with pytest.raises(EngineError, match="NO_SUCH_KEY_HERE"):
            probing.outcome(cell)
    assert opened == []


def test_a_judge_without_a_passport_does_not_gate(study):
    probing, _, gates = study.probing()
    with pytest.raises(UntrustedJudge, match="wise"):
        probing.judge(gates[0])


def test_base_and_adapter_are_answered_by_one_engine_and_are_kin(study):
    write_adapter(study.root / "adapters/a")
    study.add("fine", adapter="adapters/a", answer="who knows")
    study.add("plain", answer="who knows")
    study.add("wise", answer="who knows")
    probing, cells, _ = study.probing()
    probing.outcome(cells[0])
    assert len(probing.engines) == 2  # one answers, one judges
    (info,) = probing.judged["evalsets/probes.yaml"].judges
    assert set(info.kin) == {"plain", "fine"}
