"""What is to be read with caution is named once."""

from __future__ import annotations

from harness.analysis.cautions import made_up
from harness.records import EngineInfo


def engine(model: str, engine: str) -> EngineInfo:
    return EngineInfo(model, "file:m", "d", engine, "1", "float32", "cpu", 0, 0, 1, 0, 1, 0, 1)


def test_a_model_that_the_fake_engine_answers_for_is_named_once():
    engines = [engine("m, a", "fake"), engine("n", "transformers"), engine("m", "fake")]
    assert made_up(engines) == ["m", "a"]
    assert made_up(engines[1:2]) == []
