"""The comparison with lm-evaluation-harness, without that."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from harness.records import Result, Sample

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
LABELS = ("positive", "negative")


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of benchmarks/, which is not a package; forget it afterwards."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names = ("agreement", "agreement_task", "lm_eval_side")
    yield import_module
    for name in names:
        sys.modules.pop(name, None)


def asked(module, *, words=("good", "bad"), heads=("good", "bad"), delimiter=" "):
    samples = (Sample("7", "fine", "positive"), Sample("9", "{{ poor }}", "negative"))
    tokens = {"good": (5,), "bad": (6,), "GOOD": (1, 2), "BAD": (3, 4), "GO": (1,), "BA": (3,)}
    return module.Asked(
        model=Path("model"),
        revision="r",
        samples=samples,
        labels=LABELS,
        keys=("k7", "k9"),
        texts=("fine. It is", "{{ poor }} It is"),
        ids=((10, 11), (12, 13, 14)),
        delimiter=delimiter,
        words=words,
        tails=tuple(tokens[word] for word in words),
        heads=heads,
        head_tails=tuple(tokens[head] for head in heads),
    )


def result(sample, log_odds, target="positive", answer=None):
    answer = answer or LABELS[0 if log_odds > 0 else 1]
    return Result("e", "c", sample, "k", "", target, answer, None, answer == target, None, {},
                  log_odds)  # fmt: skip


def test_task_has_the_prompts_as_they_are_and_the_words_as_choices(benchmark, tmp_path):
    module = benchmark("agreement_task")
    module.write_task(tmp_path / "tasks", asked(module))
    task = yaml.safe_load((tmp_path / "tasks" / "agreement.yaml").read_text(encoding="utf-8"))
    assert task["doc_to_choice"] == ["good", "bad"]
    assert task["target_delimiter"] == " "
    assert task["output_type"] == "multiple_choice"
    assert task["num_fewshot"] == 0
    file = Path(task["dataset_kwargs"]["data_files"]["test"])
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    # A column's name, not a template: "{{ poor }}" in a review must reach the model unchanged.
    assert [row[task["doc_to_text"]] for row in rows] == ["fine. It is", "{{ poor }} It is"]
    assert [row[task["doc_to_target"]] for row in rows] == [0, 1]
    assert [row["id"] for row in rows] == ["7", "9"]


def test_words_of_several_tokens_bring_their_heads_as_further_choices(benchmark, tmp_path):
    module = benchmark("agreement_task")
    one = asked(module, words=("GOOD", "BAD"), heads=("GO", "BA"), delimiter="")
    assert one.choices == {"GOOD": (1, 2), "BAD": (3, 4), "GO": (1,), "BA": (3,)}
    module.write_task(tmp_path, one)
    task = yaml.safe_load((tmp_path / "agreement.yaml").read_text(encoding="utf-8"))
    assert task["doc_to_choice"] == ["GOOD", "BAD", "GO", "BA"]
    assert task["target_delimiter"] == ""


@pytest.mark.parametrize(
    ("ids_of_9", "equal"),
    [
        ([[12, 13, 14, 5], [12, 13, 14, 6]], 2),
        ([[0, 12, 13, 14, 5], [0, 12, 13, 14, 6]], 1),  # a second BOS
        ([[12, 13, 14, 5], [12, 13, 15, 6]], 1),  # one choice tokenized otherwise
    ],
)
def test_equal_tokens_counts_the_samples_equal_in_every_choice(benchmark, ids_of_9, equal):
    module = benchmark("agreement_task")
    rows = [{"id": "9", "ids": ids_of_9}, {"id": "7", "ids": [[10, 11, 5], [10, 11, 6]]}]
    assert module.equal_tokens(asked(module), rows) == equal


def test_compare_counts_equal_labels_and_names_the_others(benchmark):
    compare = benchmark("agreement").compare
    ours = [result("1", 2.0), result("2", -1.0), result("3", 0.0002, target="negative")]
    theirs = {"1": [-1.0, -3.0001], "2": [-3.0, -2.0], "3": [-1.0003, -1.0]}
    found = compare(ours, theirs, LABELS)
    assert (found["n"], found["equal"], found["share"]) == (3, 2, pytest.approx(2 / 3))
    assert found["interval"] == pytest.approx((0.2077, 0.9385), abs=1e-4)  # Wilson, 2 of 3
    assert found["right"] == {"ours": 1, "theirs": 2}
    assert found["largest_gap"] == pytest.approx(0.0005)
    assert found["by_rounding"]
    [difference] = found["differences"]
    assert (difference["sample"], difference["ours"], difference["theirs"]) == (
        "3", "positive", "negative",
    )  # fmt: skip
    assert difference["our_log_odds"] == 0.0002
    assert difference["their_log_odds"] == pytest.approx(-0.0003)


def test_a_gap_beyond_rounding_is_not_explained_by_it(benchmark):
    found = benchmark("agreement").compare([result("1", 0.01)], {"1": [-2.0, -1.0]}, LABELS)
    assert found["equal"] == 0
    assert not found["by_rounding"]


def test_a_sample_without_verdict_counts_as_a_difference(benchmark):
    ours = [Result("e", "c", "1", "k", "", "positive", None, None, None, "why", {}, None)]
    found = benchmark("agreement").compare(ours, {"1": [-1.0, -2.0]}, LABELS)
    assert (found["equal"], found["log_odds_compared"]) == (0, 0)
    assert not found["by_rounding"]
    assert found["differences"][0]["ours"] is None


@pytest.mark.parametrize("theirs", [{}, {"2": [-1.0, -2.0]}, {"1": [-1, -2], "2": [-1, -2]}])
def test_compare_refuses_other_samples(benchmark, theirs):
    with pytest.raises(ValueError, match="same samples"):
        benchmark("agreement").compare([result("1", 1.0)], theirs, LABELS)


def test_rows_of_the_other_side_join_tokens_and_answers_by_the_texts(benchmark):
    samples = [
        {
            "doc": {"id": "7"},
            "arguments": [["It is", " good"], ["It is", " bad"]],
            "filtered_resps": [[-1.0, True], [-2.0, False]],
        }
    ]
    tokens = {("It is", " bad"): ((1, 2), (6,)), ("It is", " good"): ((1, 2), (5,))}
    assert benchmark("lm_eval_side").rows(samples, tokens) == [
        {"id": "7", "ids": [[1, 2, 5], [1, 2, 6]], "logprobs": [-1.0, -2.0]}
    ]


def test_the_cell_of_longer_words_has_the_samples_of_the_mini_set(benchmark, tmp_path):
    from harness.collect import load_cells

    module = benchmark("agreement")
    root = module.upper_root(tmp_path)
    [cell] = load_cells(root / "evalsets" / "mini.yaml", root)
    mini = load_cells(module.ROOT / "evalsets" / "mini.yaml", module.ROOT)[0]
    assert cell.evalset.data == mini.evalset.data
    assert cell.spec == mini.spec
    assert list(cell.evalset.targets(cell.prompt).values()) == ["POSITIVE", "NEGATIVE"]


def judged(benchmark, log_odds=1.0, theirs=(-1.0, -2.0), tokens=1):
    found = benchmark("agreement").compare([result("1", log_odds)], {"1": list(theirs)}, LABELS)
    seconds = {
        "ours": [{"scoring_s": wall, "process_cpu_s": 4.0} for wall in (2.0, 4.0)],
        "theirs": [{"batch_size": 1, "scoring_s": 6.0, "process_cpu_s": 10.0}],
    }
    return {"labels": found, "equal_tokens": tokens, "seconds": seconds}


def test_table_shows_agreement_and_the_ratio_to_the_mean_of_our_runs(benchmark):
    cells = {"c-zeroshot": judged(benchmark, 1.0001)}
    line = benchmark("agreement").table(cells).splitlines()[-1]
    assert [part.strip() for part in line.strip("|").split("|")] == [
        "c-zeroshot", "1 of 1", "0.207-1.000", "1 of 1", "1.0e-04", "2.00", "2.50",
    ]  # fmt: skip


def test_what_rounding_does_not_explain_is_named(benchmark):
    same, far = judged(benchmark), judged(benchmark, 1.01)
    other_tokens = judged(benchmark, tokens=0)
    longer = {**far, "heads": same["labels"]}  # whole words differ, what we score is equal
    cells = {"same": same, "far": far, "tokens": other_tokens, "longer": longer}
    assert benchmark("agreement").unexplained(cells) == ["far", "tokens"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["zeroshot", "fewshot5-chat-s0"])
def test_cells_are_rebuilt_by_the_functions_of_today(benchmark, tmp_path, mode):
    from harness.collect import load_cells

    module = benchmark("agreement_task")
    cells = load_cells(module.ROOT / "evalsets" / "mini.yaml", module.ROOT)
    cell = next(one for one in cells if one.id == f"smollm2-135m-prefill-{mode}")
    asked = module.rebuild(cell, module.ROOT, tmp_path, limit=2)
    assert len(asked.keys) == len(asked.samples) == 2
