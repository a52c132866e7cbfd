from __future__ import annotations

import random
from dataclasses import replace

import pytest
from reports import report_markdown

from harness.analysis.seeds import draw_groups, over_draws
from harness.language import words
from harness.records import Figure, Result, Row, Run, RunInfo
from harness.report import seeds

LABELS = ("positive", "negative")


def draw(seed: int, accuracy: float, *, n: int = 300, place: str = "chat", k: int = 5):
    """A cell of one draw, with answers drawn at this accuracy."""
    rng = random.Random(f"{seed} {place} {accuracy}")
    mode = f"fewshot{k}-{place}-s{seed}" if k else "zeroshot"
    results = []
    for i in range(n):
        target = LABELS[i % 2]
        right = rng.random() < accuracy
        answer = target if right else LABELS[1 - i % 2]
        results.append(Result("e.yaml", f"m-p-{mode}", f"s{i}", "", "", target, answer, answer,
                              right, None, {}, None))  # fmt: skip
    value = sum(one.correct for one in results) / n
    figures = {name: Figure(value, value - 0.05, value + 0.05, n)
               for name in ("accuracy", "calibrated_accuracy")}  # fmt: skip
    row = Row("e.yaml", f"m-p-{mode}", "m", "p", mode, k, place if k else None, "balanced",
              seed if k else None, "logprobs", n, 0, {}, figures,
              dict.fromkeys(LABELS, 0.5), dict.fromkeys(LABELS, 0.5), 9.0)  # fmt: skip
    return row, results


def run(*cells) -> Run:
    info = RunInfo("r", "now", 1.0, "pytest", {}, {})
    return Run(info, tuple(row for row, _ in cells), (), tuple(r for _, own in cells for r in own))


def draw_sentences(rows, results, t) -> list[list[str]]:
    return [seeds.draw_sentences(one, t) for one in over_draws(rows, results)]


ZERO = draw(0, 0.8, k=0)
CHAT = [draw(seed, accuracy) for seed, accuracy in enumerate((0.9, 0.6, 0.75))]
USER = [draw(seed, 0.8, place="user") for seed in (3, 5)]


def test_rows_that_differ_in_the_seed_alone_are_one_group():
    whole = run(ZERO, *CHAT, *USER, draw(0, 0.5, place="system"))
    groups = [[row.mode for row in group] for group in draw_groups(whole.rows)]
    assert groups == [
        ["fewshot5-chat-s0", "fewshot5-chat-s1", "fewshot5-chat-s2"],
        ["fewshot5-user-s3", "fewshot5-user-s5"],
    ]


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_table_has_a_row_of_all_seeds(lang):
    t = words(lang)
    found = report_markdown(run(ZERO, *CHAT), lang=lang)
    section = found.partition("\n## e.yaml\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| m ")]
    assert len(table) == 5
    values = [row.figures["accuracy"].value for row, _ in CHAT]
    cell = t.say("d_cell", mean=f"{sum(values) / 3:.3f}", low=f"{min(values):.3f}",
                              high=f"{max(values):.3f}", sd="")  # fmt: skip
    assert cell[:-1] in table[-1]
    assert t.say("d_seeds", count=3) in table[-1]
    assert f"| {t['h_seed']} " in found


def test_without_several_seeds_nothing_is_said():
    found = report_markdown(run(ZERO, CHAT[0]))
    assert "| seed" not in found
    assert "Draws of shots" not in found


def test_draws_that_differ_are_called_so_and_equal_ones_are_not():
    whole = run(ZERO, *CHAT, *USER)
    chat, user = draw_sentences(whole.rows, whole.results, words("en"))
    assert len(chat) == len(user) == 2  # calibrated and raw accuracy
    assert all("**The draws differ** (Cochran's Q, p < 0.001): an estimated 9" in s for s in chat)
    assert all("That the draws differ is not shown" in s for s in user)
    # A share of the variance would say that they do differ, and by how much.
    assert not any("of the variance" in s for s in user)
    assert chat[0].startswith("Draws of shots, 5-shot chat, seeds 0, 1, 2, prompt p: calibrated")
    assert "with these 300 samples" in chat[0]
    assert chat[0] in report_markdown(whole)


def test_p_values_are_adjusted_over_all_draws():
    one = run(*CHAT[:1], draw(9, 0.84))
    alone = draw_sentences(one.rows, one.results, words("en"))[0][0]
    more = [draw(seed, 0.8, place=place) for place in ("user", "system") for seed in (1, 2, 3)]
    whole = run(*CHAT[:1], draw(9, 0.84), *more)
    among = draw_sentences(whole.rows, whole.results, words("en"))[0][0]
    assert alone.partition("Cochran")[0].partition(".")[0] == among.partition(".")[0]
    assert alone != among


def test_cells_without_results_have_no_sentence():
    whole = run(*CHAT)
    assert draw_sentences(whole.rows, (), words("en")) == [[]]


def trained(seed: int, accuracy: float):
    """A cell of a classifier with this seed."""
    row, results = draw(seed, accuracy, place=f"t{accuracy}")
    name = f"bilstm-trained-s{seed}"
    row = replace(row, cell=name, model="bilstm", prompt="", mode=f"trained-s{seed}", k=0,
                  placement=None, selector=None, train_rows=8000)  # fmt: skip
    return row, [replace(one, cell=name) for one in results]


@pytest.mark.parametrize(
    ("lang", "mode", "said"),
    [
        (
            "en",
            "trained on 8\u00a0000 (3 seeds)",
            "Trainings of bilstm, seeds 0, 1, 2: ",
        ),
        ("ru", "обучение на 8\u00a0000 (seed: 3 шт.)", "Повторы обучения bilstm, "),
    ],
)
def test_seeds_of_a_classifier_have_a_row_and_a_sentence(lang, mode, said):
    whole = run(ZERO, *(trained(seed, acc) for seed, acc in enumerate((0.9, 0.6, 0.75))))
    found = report_markdown(whole, lang=lang)
    (line,) = [line for line in found.splitlines() if f"| {mode} " in line]
    values = [row.figures["accuracy"].value for row in whole.rows[1:]]
    assert f"{sum(values) / 3:.3f}" in line
    assert "| seed" not in found
    assert said in found
    groups = draw_sentences(whole.rows, whole.results, words(lang))
    assert [len(one) for one in groups] == [1]  # calibration of a classifier is not a question


def test_draws_in_clusters_say_by_which_test():
    cells = [(replace(row, clusters=30), [replace(one, cluster=str(i // 10))
             for i, one in enumerate(own)]) for row, own in CHAT]  # fmt: skip
    whole = run(*cells)
    (said,) = draw_sentences(whole.rows, whole.results, words("en"))
    assert "(permutation test of whole clusters, p" in said[0]
    assert "Cochran" not in said[0]
