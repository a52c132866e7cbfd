from __future__ import annotations

from dataclasses import replace

import pytest
from reasoned import because

from harness.language import words
from harness.reasons import Reason, say
from harness.records import Contrast, Figure, Gate, Look, Row
from harness.report.gates import gate_lines, unjudged_lines

ROW = Row("evalsets/e.yaml", "m-p-few", "m", "p", "few", 5, "chat", "balanced", 0, "logprobs", 300,
          0, {}, {"auc": Figure(0.8, 0.7, 0.9, 300)}, {}, {}, 9.0)  # fmt: skip
PAIRS = Contrast("accuracy", 0.8, 0.75, -0.09, -0.01, 0.0123, 30, 15, 300, 2, 0.065)
GATE = Gate(
    "evalsets/e.yaml", "m-p-few", "accuracy", "no_worse_than", 0.03, "inconclusive", False,
    "the English line", "gate-accuracy-m-p-few-vs-zeroshot", "m-p-zeroshot", PAIRS,
)  # fmt: skip
NAMES = {("evalsets/e.yaml", "m-p-few"): "`m-p-few`"}


def russian(gate: Gate) -> str:
    (line,) = gate_lines([ROW], [gate], NAMES, lang="ru")
    assert line.startswith("`m-p-few`: ")
    return line.removeprefix("`m-p-few`: ")


def test_english_is_the_gates_own_line():
    assert gate_lines([ROW], [GATE], NAMES, lang="en") == ["`m-p-few`: the English line"]


def test_a_comparison_in_russian_says_all():
    line = russian(GATE)
    t = words("ru")
    for part in (
        "0.750", "0.800", "`m-p-zeroshot`", "\u22120.050 [\u22120.090, \u22120.010]", "n=300",
        "p = 0.012", t.say("gate_detectable", value="0.065"),
        "потеряно 30, приобретено 15", t.say("gate_no_worse_than", threshold="0.03"),
    ):  # fmt: skip
        assert part in line
    assert line.endswith(t["gate_opens_warn"])


def test_areas_have_no_discordant_samples():
    areas = replace(GATE, figure="auc", contrast=replace(PAIRS, figure="auc", lost=0, won=0))
    assert "потеряно" not in russian(areas)


@pytest.mark.parametrize("choice", ["pass", "warn", "fail"])
def test_each_treatment_has_its_words(choice):
    gate = replace(GATE, on_inconclusive=choice)
    assert russian(gate).endswith(words("ru")[f"gate_opens_{choice}"])


def test_a_failure_of_the_pairs_themselves_gives_its_reason():
    t = words("ru")
    left_out = Reason("too_many_left_out", {"share": 0.031, "most": 0.02})
    assert russian(replace(GATE, verdict="fail", reason=left_out)).endswith(
        f"{t['fail']}, вне пар осталось 3.1% примеров, допустимо не больше 2.0%"
    )
    assert russian(replace(GATE, verdict="fail")).endswith(t["fail"])
    none = replace(GATE, verdict="fail", contrast=None, reason=Reason("no_pairs"))
    assert russian(none).endswith(f"{t['fail']}, {say(none.reason, 'ru')}")


def test_a_reason_hands_on_that_of_the_other_cell():
    other = Reason("other_cell", causes=(Reason("none_scored", {"total": 300}),))
    assert russian(replace(GATE, verdict="fail", reason=other)).endswith(
        "другая ячейка: ни один пример не получил оценки (всего 300)"
    )


def test_what_others_wrote_is_inert_in_a_reason():
    said = Reason("other", {"said": "canary <b>[x](http://a.b)</b> @team"})
    line = russian(replace(GATE, verdict="fail", reason=Reason("void", causes=(said,))))
    assert "canary" in line
    assert not any(part in line for part in ("<b>", "[x](", "@team"))


def test_what_failed_stands_first():
    gates = [
        replace(GATE, verdict="pass", line="c"),
        replace(GATE, line="b"),
        replace(GATE, verdict="fail", failed=True, line="a"),
    ]
    lines = gate_lines([ROW], gates, NAMES, lang="en")
    assert [line[-1] for line in lines] == ["a", "b", "c"]


def test_gates_that_were_not_judged():
    found = unjudged_lines([("e.yaml::gate-x", because("needs <cells>"))], words("en"))
    assert found == ["`e.yaml::gate-x`: not judged, needs &lt;cells&gt;"]


def test_gates_that_were_not_judged_say_why_in_russian():
    why = Reason("no_outcome", {"cell": "a"}, (Reason("no_cuda", {"model": "m"}),))
    (line,) = unjudged_lines([("e.yaml::gate-x", why)], words("ru"))
    assert "нет результата a: модели m нужна CUDA, как указано " in line
    assert line.endswith(", а на этой машине её нет")  # noqa: RUF001


def test_what_is_not_detectable_is_said_in_russian():
    line = russian(replace(GATE, contrast=replace(PAIRS, detectable=None)))
    assert "различимого нет" in line
    assert "none" not in line


def test_reasons_of_gates_that_were_not_judged_are_whole():
    reason = "the committed baseline was made with another model " * 5
    (line,) = unjudged_lines([("gate-accuracy", because(reason))], words("en"))
    assert line.endswith(reason.strip())


def test_looks_are_told_in_russian():
    look = Look(planned=250, alpha=0.00004, end=-0.011, count=251)
    line = russian(replace(GATE, look=look))
    assert (
        ", одна из 250 проверок, по которой разность не больше \N{MINUS SIGN}0.011 (односторонняя, "
        "альфа 4e-05), " in line
    )
    assert "; проверка 251, " in line
    assert "задумано 250: примите результаты заново" in line
    assert "; проверка" not in russian(replace(GATE, look=replace(look, count=250)))
