"""Shots through pytest: leaks at collection, shots per sample."""

from __future__ import annotations


def shots(*texts: str) -> list[dict[str, str]]:
    return [
        {"text": f"{label} {text}", "label": label}
        for text in texts
        for label in ("positive", "negative")
    ]  # fmt: skip


def data(pool, **more) -> dict[str, object]:
    return {"source": "file:data.csv", "id": "id", "shots": pool, **more}


def test_a_leak_is_a_collection_error(evals):
    evals.set(data=data([*shots("x", "y", "z"), {"text": "A dull  film<br>number 4",
                                                "label": "negative"}]))  # fmt: skip
    result = evals.run()
    assert result.ret == 2
    line = "*mini.yaml:*: data.shots: 1 of 7 shots repeat a sample: shot shots-7 = sample r4;*"
    result.stdout.fnmatch_lines([line])
    assert evals.started == []


def test_a_leak_may_be_dropped(evals):
    leak = {"text": "A dull film number 4", "label": "negative"}
    evals.set(data=data([*shots("x", "y", "z"), leak], leaks="drop"))
    assert evals.run().ret == 0
    assert "| 6 (1) |" in " ".join(evals.report.split())
    (info,) = evals.saved.info.data
    assert (info.pool, info.pool_removed) == (6, 1)


def test_each_sample_has_its_nearest_shots(evals):
    pool = [
        {"text": f"a film of kind number {n}", "label": ("positive", "negative")[n % 2]}
        for n in range(12)
    ]
    modes = [
        "zeroshot",
        {"mode": "fewshot", "k": [1, 2], "selector": ["balanced", "nearest"]},
        {"mode": "fewshot", "k": 2, "selector": "nearest", "order": "alternating"},
    ]
    evals.set(data=data(pool), modes=modes)
    result = evals.run()
    assert result.ret == 0
    rows = {row.cell: row for row in evals.saved.rows}
    assert set(rows) == {
        "m-prefill-zeroshot",
        "m-prefill-fewshot1-chat-s0",
        "m-prefill-fewshot2-chat-s0",
        "m-prefill-fewshot1-chat-nearest-nearest_last-s0",
        "m-prefill-fewshot2-chat-nearest-nearest_last-s0",
        "m-prefill-fewshot2-chat-nearest-alternating-s0",
    }
    row = rows["m-prefill-fewshot2-chat-nearest-nearest_last-s0"]
    assert (row.selector, row.order, row.seed) == ("nearest", "nearest_last", 0)
    assert rows["m-prefill-zeroshot"].order is None
    assert "Shots chosen as nearest against balanced" in evals.report
