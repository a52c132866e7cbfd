from __future__ import annotations

import pytest

from harness.collect import collect_evalset, load_cells
from harness.errors import SpecError


def problem(project, text: str, datasets=None, shots=None) -> str:
    with pytest.raises(SpecError) as raised:
        load_cells(project.evalset(text), project.root, datasets, shots)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def good(project):
    return (project.root / "evalsets/set.yaml").read_text()


def test_cells_of_a_set(project):
    found = load_cells(project.root / "evalsets/set.yaml", project.root)
    assert [cell.id for cell in found] == [
        "tiny-plain-zeroshot",
        "tiny-plain-fewshot2-system-s0",
        "tiny-plain-fewshot2-user-s0",
        "tiny-plain-fewshot2-chat-s0",
        "tiny-prefill-zeroshot",
        "tiny-prefill-fewshot2-system-s0",
        "tiny-prefill-fewshot2-user-s0",
        "tiny-prefill-fewshot2-chat-s0",
    ]
    assert {(cell.path, cell.name) for cell in found} == {("evalsets/set.yaml", "set")}


@pytest.mark.parametrize(
    ("key", "old", "new", "line"),
    [
        ("rubric", "{{ answer }}", "", "6: part 'user' must show answer exactly once"),
        ("rubric", "{{ answer }}", "{{ answer }}{{ foo }}", "8: unknown variable 'foo'"),
        ("rubric", "{{ answer }}", "{{ answer }}\n{{ 1 / 0 }}", "9: part 'user' cannot be rend"),
        ("pairwise", "{{ answer }}", "{{ answer }}", "6: part 'user' must be written user("),
    ],
)
def test_a_mistake_in_a_rubric_names_the_set_and_the_key(project, key, old, new, line):
    rubric = (
        "{% macro system() %}\nJudge.\n{% endmacro %}\n\n\n"
        "{% macro user(question, points, answer) %}\n{{ question }} {{ points | join }}\n"
        "{{ answer }}\n{% endmacro %}\n"
    )
    project.models(
        "models:\n  tiny: {source: 'file:model', engine: fake}\n"
        "  other: {source: 'file:model', engine: fake}\n"
    )
    project.write("prompts/judge/good.j2", rubric)
    project.write("prompts/judge/y.j2", rubric.replace(old, new))
    judge = {"rubric": "judge/good.j2"} | {key: "judge/y.j2"}
    text = (
        "kind: judge\nmodels: [tiny, other]\nprobes:\n"
        "  - {id: a, kind: k, question: Q, points: [p]}\njudge:\n  models: [tiny]\n"
        + "".join(f"  {name}: {path}\n" for name, path in judge.items())
    )
    at = 7 if key == "rubric" else 8
    assert problem(project, text).startswith(
        f"evalsets/set.yaml:{at}: judge.{key}: prompts/judge/y.j2:{line}"
    )


def test_gate_that_matches_no_cell(project, good):
    gates = "gates:\n  - {figure: accuracy, at_least: 0.5}\n  - cells: '*-plane-*'\n"
    line = good.count("\n") + 3
    found = problem(project, good + gates + "    figure: auc\n    at_least: 0.5\n")
    assert found == (
        f"evalsets/set.yaml:{line}: gates[1].cells: '*-plane-*' matches no cell; cells are such as "
        "'tiny-plain-zeroshot'"
    )


def test_two_cells_with_one_id(project, good):
    found = problem(project, good.replace("  - zeroshot\n", "  - zeroshot\n  - zeroshot\n"))
    assert found == (
        "evalsets/set.yaml:11: modes: two cells have the id 'tiny-plain-zeroshot'; rename a prompt "
        "or remove the duplicate mode"
    )


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("file:data.csv", "file:nope.csv", "3: data.source"),
        ("  split: {test_size: 0.5, seed: 1}", "  shots: file:nope.csv", "5: data.shots"),
        ("file:data.csv", "file:~/no-such-folder/nope.csv", "3: data.source"),
    ],
)
def test_missing_file(project, good, old, new, place):
    found = problem(project, good.replace(old, new))
    assert found.startswith(f"evalsets/set.yaml:{place}: no file /")
    assert found.endswith(f"nope.csv; fix the path, which counts from {project.root}")
    assert "~" not in found


def test_a_replaced_source_need_not_exist(project, good):
    text = good.replace("file:data.csv", "file:nope.csv")
    path = project.evalset(text)
    mine = str(project.root / "mine.csv")
    assert load_cells(path, project.root, {"set": mine})
    problem(project, text, {"other": mine})


FIX = "write leaks: drop under 'data' to take them out, or give another pool"
INLINE = """\
data:
  rows:
    - {text: One and two, label: positive}
    - {id: x, text: Three, label: negative}
  shots:
    - {text: "ONE<br>and  two", label: positive}
    - {text: four, label: negative}
    - {text: three, label: negative}
"""


def inline(good: str, data: str = INLINE) -> str:
    return data + good[good.index("labels:") :]


def test_inline_leaks_are_refused_at_collection(project, good):
    assert problem(project, inline(good)) == (
        "evalsets/set.yaml:5: data.shots: 2 of 3 shots repeat a sample: shot shots-1 = sample 1, "
        f"shot shots-3 = sample x; {FIX}"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "Three, label: negative",
            "Three, label: neutral",
            "4: data.rows[1].label: has label 'neutral'; use one of positive, negative",
        ),
        (
            "{id: x,",
            "{id: '1',",
            "4: data.rows[1].id: has the id '1', as row 1 has; give one of them another id (a row "
            "without one has its number)",
        ),
        (
            "four, label: negative",
            "four, label: neutral",
            "7: data.shots[1].label: has label 'neutral'; use one of positive, negative",
        ),
        (
            "{text: three,",
            "{id: shots-1, text: three,",
            "8: data.shots[2].id: has the id 'shots-1', as row 1 has; give one of them another id "
            "(a row without one has its number)",
        ),
    ],
)
def test_mistakes_in_rows_of_the_file_are_found_at_collection(project, good, old, new, line):
    assert INLINE.count(old) == 1
    found = problem(project, inline(good, INLINE.replace(old, new) + "  leaks: drop\n"))
    assert found == f"evalsets/set.yaml:{line}"


def test_a_value_of_a_row_that_means_two_labels_is_found_at_collection(project, good):
    text = inline(good, INLINE.replace("Three, label: negative", "Three, label: '3'"))
    labels = "labels:\n  positive: {at_least: 1}\n  negative: {at_most: 5}\n"
    text = text.replace("labels: [positive, negative]\n", labels)
    assert labels in text
    assert problem(project, text) == (
        "evalsets/set.yaml:4: data.rows[1].label: labels: '3' means both positive and negative; "
        "make their values or bounds exclude each other"
    )


@pytest.mark.parametrize(
    "words", [("good", "Good"), ("very good", "Very  GOOD"), ("\ufb01t", "fit")]
)
def test_words_that_are_one_in_a_free_answer_are_refused(project, good, words):
    first, second = words
    prompts = (
        "prompts:\n  - plain.j2\n  - template: prefill.j2\n"
        f"    targets: {{positive: '{first}', negative: '{second}'}}\nmodes: [zeroshot]\n"
    )
    text = good[: good.index("prompts:")] + prompts
    line = text[: text.index("    targets:")].count("\n") + 1
    assert problem(project, text + "scoring: generate\n") == (
        f"evalsets/set.yaml:{line}: prompts[1].targets: the words '{first}' and '{second}' are one "
        "in a free answer, in which case and white space do not count; each label needs a word of "
        "its own"
    )
    for method in ("choice", "logprobs"):
        assert load_cells(project.evalset(text + f"scoring: {method}\n"), project.root)


def test_leaks_that_are_dropped_pass(project, good):
    text = inline(good, INLINE + "  leaks: drop\n")
    assert load_cells(project.evalset(text), project.root)
    split = good.replace("  split:", "  leaks: refuse\n  split:")
    assert load_cells(project.evalset(split), project.root)


def test_leaks_of_small_files_are_refused_at_collection(project, good):
    text = good.replace("  split: {test_size: 0.5, seed: 1}", "  shots: file:shots.csv")
    lines = ["text,label", *(f"A  FINE film number {i},positive" for i in range(20))]
    project.write("shots.csv", "\n".join(lines) + "\n")
    assert problem(project, text) == (
        "evalsets/set.yaml:5: data.shots: 6 of 20 shots repeat a sample: shot shots-2 = sample r1, "
        f"shot shots-4 = sample r3, shot shots-6 = sample r5 and 3 more; {FIX}"
    )
    # What takes its time to read is checked when it is read.
    lines += [f"other {i} {'x' * 1000},negative" for i in range(1000)]
    project.write("shots.csv", "\n".join(lines) + "\n")
    assert load_cells(project.evalset(text), project.root)


def test_leaks_of_the_command_line_are_refused_at_collection(project, good):
    project.write("shots.csv", "text,label\na dull film number 2,negative\n")
    mine = str(project.root / "shots.csv")
    # A split is not made at collection: it needs a heavy library.
    assert load_cells(project.evalset(good), project.root, shots={"set": mine})
    expected = (
        f"--eval-shots set={mine}: 1 of 1 shots repeat a sample: shot shots-1 = sample 1; {FIX}"
    )
    assert problem(project, good, {"set": mine}, {"set": mine}) == expected


def test_other_mistakes_of_the_data_wait_for_the_run(project, good):
    text = good.replace("  split: {test_size: 0.5, seed: 1}", "  shots: file:shots.csv")
    project.write("shots.csv", "text,label\na fine film number 1,neutral\n")
    assert load_cells(project.evalset(text), project.root)


def test_a_template_is_tried(project, good):
    project.write("prompts/plain.j2", "{% macro system(shots) %}")
    found = problem(project, good)
    assert found.startswith("prompts/plain.j2:1: ")


def test_a_set_outside_the_root_is_named_in_full(project, good, tmp_path):
    (tmp_path / "evalsets").mkdir()
    project.models("models: {tiny: {source: file:model}}\n")
    (tmp_path / "evalsets/models.yaml").write_text("models: {tiny: {source: file:model}}\n")
    path = tmp_path / "evalsets/other.yaml"
    path.write_text(good.replace("[tiny]", "[tinny]"))
    with pytest.raises(SpecError) as raised:
        load_cells(path, project.root)
    assert str(raised.value).startswith(f"{path}:7: models[0]: unknown model")


def test_probes_without_a_kind_are_told_which(project):
    path = project.evalset("description: d\nmodels: [tiny]\nprobes: []\n")
    with pytest.raises(SpecError) as raised:
        collect_evalset(path, project.root)
    assert str(raised.value) == (
        "evalsets/set.yaml:3: probes: belongs to a judge set; write kind: judge at the top"
    )


def test_an_unknown_kind_of_set_names_both(project):
    path = project.evalset("kind: compare\n")
    with pytest.raises(SpecError) as raised:
        collect_evalset(path, project.root)
    assert str(raised.value) == (
        "evalsets/set.yaml:1: kind: 'compare' is not one of classify, judge"
    )
