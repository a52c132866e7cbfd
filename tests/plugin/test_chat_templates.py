"""What reports, baselines and `harness compare` say of chat templates."""

from __future__ import annotations

import json

import pytest

from harness.analysis.compare_runs import compare_runs
from harness.report.runfiles import load_run

TURN = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
ASK = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
OWN = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nI am Small.<|im_end|>\n{% endif %}"
    "{% for m in messages %}" + TURN + "{% endfor %}" + ASK
)
DAY = "Today is {{ strftime_now('%d %B %Y') }}.\n{% for m in messages %}" + TURN + "{% endfor %}"
DROPS = (
    "{% for m in messages %}{% if m.role != 'assistant' or loop.last %}"
    + TURN
    + "{% endif %}{% endfor %}"
)
ZERO = "m-prefill-zeroshot"
FILE = f"baselines/mini/{ZERO}.json"
ARROW = "\N{RIGHTWARDS ARROW}"


@pytest.fixture
def asked(evals):
    def asked(chat=OWN, modes=("zeroshot",), **spec):
        evals.write("prompts/chat.j2", chat)
        evals.models(m={"chat_template": "chat.j2", **spec})
        evals.set(modes=list(modes))
        return evals

    return asked


def test_a_system_text_of_the_templates_own_is_named(asked):
    evals = asked(modes=["zeroshot", {"mode": "fewshot", "k": 2, "placement": ["system", "user"]}])
    evals.run().assert_outcomes(passed=3)
    caution, line = [one for one in evals.report.splitlines() if "system text of its own" in one]
    assert "only in 2 of 3 cells, `m-prefill-zeroshot`, `m-prefill-fewshot2-user-s0`: " in caution
    assert line.startswith("- `m`: chat template ")
    assert "“I am Small.”, in: zero-shot, placement user; and not in: placement system." in line
    own = {row.cell: row.template.own_system for row in evals.saved.rows}
    assert set(own.values()) == {"", "I am Small."}
    evals.run("--eval-report-lang", "ru")
    assert "«I am Small.»" in evals.report


def test_an_empty_system_text_takes_it_away(asked):
    evals = asked(system="")
    evals.run().assert_outcomes(passed=1)
    assert "system text of its own" not in evals.report
    assert "a system turn without text stands in: zero-shot" in evals.report
    (row,) = evals.saved.rows
    assert (row.template.system, row.template.own_system) == ("empty", "")


def test_the_day_that_a_template_is_given_is_named(asked):
    evals = asked(DAY)
    evals.run().assert_outcomes(passed=1)
    assert "was given 2024-07-26, the same every day" in evals.report
    evals = asked(DAY, template={"date": "2026-01-31"})
    evals.run().assert_outcomes(passed=1)
    assert "which was given the day 2026-01-31" in evals.report


CHANGES = [
    ((OWN, {}), (OWN, {"chat_template": "plain"}),
     [f"{ARROW} plain text", f"own system text * {ARROW} none"]),
    ((OWN, {}), (OWN + "{# other #}", {}), ["chat template "]),
    ((DAY, {}), (DAY, {"template": {"date": "2026-01-31"}}),
     [f"template's day 2024-07-26 {ARROW} 2026-01-31"]),
    ((OWN, {}), (OWN, {"system": ""}), ["template's variables none ",
     f"system text none {ARROW} empty", "own system text "]),
    ((OWN, {}), (OWN, {"system_role": False}), []),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then", "changes"), CHANGES)
def test_a_comparison_across_a_change_names_it(asked, first, then, changes):
    evals = asked(first[0], **first[1])
    evals.run("--eval-write-baseline").assert_outcomes(passed=1)
    before = evals.latest.resolve()
    evals = asked(then[0], **then[1])
    evals.run().assert_outcomes(passed=1)
    (check,) = evals.saved.baselines
    assert check.refused is None
    assert len(check.changed) == len(changes)
    for found, part in zip(check.changed, changes, strict=True):
        assert all(piece in found for piece in part.split("*"))
        assert found in evals.report
    (pair,) = compare_runs(load_run(before), evals.saved).pairs
    assert (pair.known, pair.changed) == (True, check.changed)
    assert pair.treatment == check.treatment


def test_a_placement_that_is_folded_is_a_change(asked):
    modes = [{"mode": "fewshot", "k": 2, "placement": ["system"]}]
    asked(modes=modes).run("--eval-write-baseline").assert_outcomes(passed=1)
    evals = asked(modes=modes, system_role=False)
    evals.run().assert_outcomes(passed=1)
    (check,) = evals.saved.baselines
    assert f"place of the system text turn {ARROW} folded" in check.changed
    assert "the system text stands in the first user turn in: placement system" in evals.report


def test_a_baseline_from_before_says_once_that_it_does_not_know(asked):
    evals = asked()
    evals.run("--eval-write-baseline")
    data = json.loads((evals.root / FILE).read_text())
    assert data["provenance"]["template"]["digest"]
    assert "I am Small." not in (evals.root / FILE).read_text()
    del data["provenance"]["template"]
    (evals.root / FILE).write_text(json.dumps(data))
    evals.run().assert_outcomes(passed=1)
    (check,) = evals.saved.baselines
    (change,) = check.changed
    assert change.startswith(f"chat template, its variables and system text not known {ARROW} ")


def test_what_a_template_leaves_out_is_one_line_of_its_cell(asked):
    evals = asked(DROPS, modes=["zeroshot", {"mode": "fewshot", "k": 2, "placement": ["chat"]}])
    result = evals.run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([
        "*evalsets/mini.yaml: cell m-prefill-fewshot2-chat-s0: the chat template leaves out "
        "assistant turn 1 in a conversation of 2 x (user, assistant), user, prefill; give another "
        "chat_template in models.yaml*"
    ])  # fmt: skip
    assert [row.cell for row in evals.saved.rows] == [ZERO]
