"""What is to be read with caution is named once."""

from __future__ import annotations

from dataclasses import replace

from by_hand import cell, drawn

from harness.analysis.analyze import analyze
from harness.analysis.cautions import cautions, made_up
from harness.records import EngineInfo, Run, RunInfo, TemplateUse


def engine(model: str, engine: str) -> EngineInfo:
    return EngineInfo(model, "file:m", "d", engine, "1", "float32", "cpu", 0, 0, 1, 0, 1, 0, 1)


def test_a_model_that_the_fake_engine_answers_for_is_named_once():
    engines = [engine("m, a", "fake"), engine("n", "transformers"), engine("m", "fake")]
    assert made_up(engines) == ["m", "a"]
    assert made_up(engines[1:2]) == []


def test_a_system_text_that_only_some_cells_have_is_named():
    bare, shown, other = (cell(odds=drawn(2.0, 0.0), placement=one)[0]
                          for one in (None, "system", "user"))  # fmt: skip
    own, none = TemplateUse("d", own_system="You are helpful."), TemplateUse("d")
    mixed = [replace(bare, template=own), replace(shown, template=none),
             replace(other, template=own)]  # fmt: skip
    (found,) = [one for one in cautions(mixed) if one.kind == "system"]
    assert [row.cell for row in found.rows] == [bare.cell, other.cell]
    findings = analyze(Run(RunInfo("r", "", 0.0, "", {}, {}), tuple(mixed)))
    assert [len(one.rows) for one in findings.cautions if one.kind == "system"] == [2]
    alike = [replace(one, template=own) for one in mixed]
    assert "system" not in [one.kind for one in cautions([*alike, cell(odds=drawn(2.0, 0.0))[0]])]
