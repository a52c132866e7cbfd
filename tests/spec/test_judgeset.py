"""Judge sets as YAML: those that ship, and the mistakes in them."""

from __future__ import annotations

import re
import shutil
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from harness.errors import SpecError
from harness.judge.canaries import canaries
from harness.prompts.fence import fence
from harness.prompts.rubric import (
    RUBRIC_KEYS,
    absolute_messages,
    load_rubric,
    pairwise_messages,
    point_messages,
)
from harness.records import Json
from harness.spec.judgeset import JudgeSet
from harness.spec.load import load_judgeset, load_models

ROOT = Path(__file__).parents[2]
CAPITAL = "    question: What is the capital of France, and which river flows through it?"
SHIPPED = sorted((ROOT / "evalsets").glob("probes_*.yaml"))
GOOD: dict[str, Json] = {
    "kind": "judge",
    "models": ["tiny", "tuned"],
    "probes": [
        {"id": "one", "kind": "fact", "question": "One?", "points": ["It is one.", "It is short."]},
        {"id": "two", "kind": "fact", "question": "Two?", "points": ["It is two."]},
    ],
    "judge": {
        "models": ["tiny"],
        "rubric": "judge/absolute.en.j2",
        "pairwise": "judge/pairwise.en.j2",
    },
    "gates": [{"figure": "win_rate", "at_least": 0.5}],
}


def load(project, change: str = "", text: str | None = None) -> JudgeSet:
    """Load the good set, keys of it replaced: `judge.passing=8`, `gates.0.at_least=50`."""
    data = deepcopy(GOOD)
    if change:
        path, _, value = change.partition("=")
        *where, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        place = data
        for key in where:
            place = place[key]  # type: ignore[index,call-overload]
        place[last] = yaml.safe_load(value)  # type: ignore[index,call-overload]
    prompts = project.root / "prompts/judge"
    prompts.mkdir(parents=True, exist_ok=True)
    for name in ("absolute.en.j2", "pairwise.en.j2", "points.en.j2"):
        (prompts / name).write_text((ROOT / "prompts/judge" / name).read_text("utf-8"), "utf-8")
    models = {"models": {name: {"source": "file:model"} for name in ("tiny", "tuned", "other")}}
    (project.root / "evalsets/models.yaml").write_text(yaml.safe_dump(models))
    path = project.evalset(text or yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    return load_judgeset(path, root=project.root)[0]


def problem(project, change: str) -> str:
    with pytest.raises(SpecError) as raised:
        load(project, change)
    found = str(raised.value)
    assert "\n" not in found
    assert found.startswith("evalsets/set.yaml:")
    return found.split(": ", 1)[1]


def test_what_is_left_out_has_a_default(project):
    found = load(project)
    assert (found.lang, found.reference, found.description) == ("en", "tiny", "")
    answers, judge = found.answers, found.judge
    assert (answers.n, answers.seed, answers.temperature, answers.top_p) == (3, 0, 0.7, 0.9)
    assert (answers.max_tokens, answers.system) == (512, "")
    assert (judge.passing, judge.canary_limit, judge.max_answer_chars) == (7, 4, 8000)
    assert (judge.passport.min_accuracy, judge.passport.min_order_agreement) == (0.7, 0.7)
    gate = found.gates[0]
    assert (gate.models, gate.bound, gate.threshold) == ("*", "at_least", 0.5)
    assert (gate.on_inconclusive, gate.max_unscored) == ("warn", 0.02)


def test_the_reference_is_the_one_that_is_named(project):
    assert load(project, "judge.against=tuned").reference == "tuned"


def test_a_judge_may_be_one_of_the_judged(project):
    assert load(project, "judge.models=[tuned]").judge.models == ["tuned"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("models=[]", "models: is empty; name at least one"),
        ("probes=[]", "probes: is empty; name at least one"),
        ("judge.models=[]", "judge.models: is empty; name at least one judge"),
        (
            "probes.0.points=[]",
            "probes[0].points: is empty; write at least one point that a good answer covers",
        ),
        (
            "probes.0.points=[It is one., It is one.]",
            "probes[0].points: duplicate point 'It is one.'; remove or rename one",
        ),
        (
            "probes.0.points=[\u0451\u0436, \u0435\u0308\u0436]",
            "probes[0].points: duplicate point '\u0435\u0308\u0436'; remove or rename one",
        ),
        ("models=[tiny, tiny]", "models[1]: duplicate id 'tiny'; rename one"),
        ("probes.1.id=one", "probes[1]: duplicate id 'one'; rename one"),
        (
            "probes.1.question=' One?'",
            "probes[1].question: asks what 'one' asks, and gets the same answers; leave one out, "
            "or put their points together",
        ),
        (
            "judge.models=[tiny, other, tiny]",
            "judge.models: duplicate judge 'tiny'; remove or rename one",
        ),
        ("models=[tiny, tuner]", "models[1]: unknown model 'tuner'; did you mean 'tuned'?"),
        ("judge.models=[tinny]", "judge.models[0]: unknown model 'tinny'; did you mean 'tiny'?"),
        (
            "judge.against=other",
            "judge.against: 'other' is not among the set's models; known: tiny, tuned",
        ),
        (
            "judge.pairwise=null",
            "gates[0].figure: no pairs are compared, so there is no win_rate; add judge.pairwise",
        ),
        (
            "models=[tiny]",
            "judge.pairwise: compares models, and there is one; add another, or remove it",
        ),
        (
            "judge.rubric=judge/absolut.en.j2",
            "judge.rubric: no template prompts/judge/absolut.en.j2; "
            "did you mean 'judge/absolute.en.j2'?",
        ),
        (
            "judge.canary_limit=7",
            "judge: canary_limit 7 is not below passing 7, so a deliberately bad answer could "
            "count as good; lower it, or raise passing",
        ),
        (
            "judge.passing=11",
            "judge.passing: input should be less than or equal to 10, not 11",
        ),
        (
            "answers={n: 2, temperature: 0}",
            "answers: several answers at temperature 0 are one answer; raise it, or write n: 1",
        ),
        (
            "gates.0.at_least=50",
            "gates[0]: at_least 50 is out of range: win_rate goes from 0 to 1",
        ),
        (
            "gates=[{figure: score, at_most: 0.5}]",
            "gates[0]: at_most 0.5 is out of range: score goes from 1 to 10",
        ),
        (
            "gates=[{figure: score}]",
            "gates[0]: needs exactly one of at_least, at_most and no_worse_than",
        ),
        (
            "gates=[{figure: win_rate, no_worse_than: baseline}]",
            "gates[0]: win_rate is not compared with a baseline; compare score, points or "
            "pass_rate",
        ),
        (
            "gates=[{figure: score, no_worse_than: baseline, by: 9.5}]",
            "gates[0]: by: 9.5 is more than score can differ; it goes from 1 to 10",
        ),
        (
            "gates=[{figure: score, no_worse_than: baseline, anytime: true}]",
            "gates[0]: 'anytime' belongs to at_least and at_most; leave it out, or plan looks",
        ),
        (
            "gates=[{figure: score, no_worse_than: tiny}]",
            "gates[0].no_worse_than: 'tiny' is not one of baseline",
        ),
        (
            "gates=[{figure: score, at_least: 3, looks: 250}]",
            "gates[0]: 'looks' belongs to no_worse_than: baseline; leave it out",
        ),
        (
            "gates=[{figure: score, at_least: 5, at_most: 6}]",
            "gates[0]: needs exactly one of at_least, at_most and no_worse_than",
        ),
        (
            "gates=[{figure: auc, at_least: 0.5}]",
            "gates[0].figure: 'auc' is not one of score, points, pass_rate, win_rate, unscored",
        ),
        (
            "probes.0.pionts=[x]",
            "probes[0].pionts: unknown key; remove it, or use one of id, kind, question, turns, "
            "points",
        ),
        (
            "probes.0={id: a, kind: k, turns: [One], points: [p]}",
            "probes[0].turns: one turn is no dialogue; write question in its place",
        ),
        (
            "probes.0={id: a, kind: k, turns: [One, {user: And, assistant: Yes.}], points: [p]}",
            "probes[0].turns: the last turn has an answer, which is what models are asked for; "
            "leave it out, or add what the user says next",
        ),
        (
            "probes.0.turns=[One, Two]",
            "probes[0]: needs either question or turns (a dialogue); write one of them",
        ),
        (
            "probes.0={id: a, kind: k, turns: [{Capital: Rome}, b], points: [p]}",
            "probes[0].turns[0]: ': ' makes a mapping of it, text is wanted; put it in quotes",
        ),
        (
            "probes=[{id: a, kind: k, turns: [One, Two], points: [p]}, "
            "{id: b, kind: k, turns: [{user: One}, ' Two'], points: [q]}]",
            "probes[1].turns: asks what 'a' asks, and gets the same answers; leave one out, or put "
            "their points together",
        ),
        (
            "probes.0.points=[{Capital: Rome}]",
            "probes[0].points[0]: ': ' makes a mapping of it, text is wanted; put it in quotes",
        ),
        ("judge.rubric=''", "judge.rubric: is empty; write a text"),
        (
            "probes.0.points=[{point: It is one., wieght: 2}]",
            "probes[0].points[0].wieght: unknown key; did you mean 'weight'?",
        ),
        (
            "probes.0.points=[{weight: 2}]",
            "probes[0].points[0]: missing key 'point'; add it",
        ),
        (
            "probes.0.points=[{point: It is one., weight: 0}]",
            "probes[0].points[0].weight: is 0, and the point would count for nothing; leave the "
            "point out, or write another weight",
        ),
        (
            "probes.0.points=[{point: It is one., weight: 101}]",
            "probes[0].points[0].weight: input should be less than or equal to 100, not 101",
        ),
        (
            "probes.0.points=[{point: It is one., weight: two}]",
            "probes[0].points[0].weight: 'two' is not a number; write one such as 0.5",
        ),
        (
            "probes.0.points=[{point: It is one., weight: -2}]",
            "probes[0].points: all count against the answer, so that none could earn anything; "
            "write a point that a good answer covers",
        ),
        (
            "probes.0.points=[It is one., {point: It is one., weight: 2}]",
            "probes[0].points: duplicate point 'It is one.'; remove or rename one",
        ),
        (
            "probes.0.points=[{point: It is one., weight: 2}]",
            "probes[0].points[0].weight: weights count in verdicts on points alone; add "
            "judge.points, or leave the weight out",
        ),
        (
            "judge.per=answer",
            "judge: 'per' belongs to verdicts on points; add points, or remove it",
        ),
        (
            "judge.canary_share=0.3",
            "judge: 'canary_share' belongs to verdicts on points; add points, or remove it",
        ),
        (
            "judge={models: [tiny], points: judge/points.en.j2, passing: 8}",
            "judge: 'passing' belongs to scores from 1 to 10; add rubric, or remove it",
        ),
        (
            "judge={models: [tiny], points: judge/points.en.j2, per: probe}",
            "judge.per: 'probe' is not one of point, answer",
        ),
        (
            "judge={models: [tiny], points: judge/point.en.j2}",
            "judge.points: no template prompts/judge/point.en.j2; "
            "did you mean 'judge/points.en.j2'?",
        ),
        (
            "gates=[{figure: points, at_least: 0.5}]",
            "gates[0].figure: nothing decides on points one by one, so there is no such figure; "
            "add judge.points",
        ),
        (
            "gates=[{figure: points, at_least: 5}]",
            "gates[0]: at_least 5 is out of range: points goes from 0 to 1",
        ),
    ],
)
def test_mistakes_are_one_line(project, change, line):
    assert problem(project, change) == line


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("models", "judge: missing key 'models'; add it"),
        (
            "rubric",
            "judge: no rubric says how an answer is judged; add rubric (a score from 1 to 10) or "
            "points (a verdict on each point)",
        ),
    ],
)
def test_a_rubric_and_a_judge_are_needed(project, key, line):
    data = deepcopy(GOOD)
    del data["judge"][key]  # type: ignore[union-attr,arg-type,index]
    with pytest.raises(SpecError) as raised:
        load(project, text=yaml.safe_dump(data, sort_keys=False))
    assert str(raised.value).endswith(line)


def test_without_scores_there_is_none_to_gate_by(project):
    data = deepcopy(GOOD)
    data["judge"] = {"models": ["tiny"], "points": "judge/points.en.j2"}
    data["gates"] = [{"figure": "pass_rate", "at_least": 0.5}]
    with pytest.raises(SpecError) as raised:
        load(project, text=yaml.safe_dump(data, sort_keys=False))
    assert str(raised.value).endswith(
        "gates[0].figure: nothing is scored from 1 to 10, so there is no pass_rate; add "
        "judge.rubric"
    )


def test_points_are_texts_or_have_weights(project):
    data = deepcopy(GOOD)
    data["judge"] |= {"points": "judge/points.en.j2"}  # type: ignore[operator]
    data["probes"][0]["points"] = ["It is one.", {"point": "It lies.", "weight": -2}]  # type: ignore[index,call-overload]
    found = load(project, text=yaml.safe_dump(data, sort_keys=False))
    assert (found.judge.per, found.judge.canary_share) == ("point", 0.5)
    points = found.probes[0].points
    assert [(one.point, one.weight) for one in points] == [("It is one.", 1), ("It lies.", -2)]
    assert found.probes[0].wanted == ["It is one."]


def test_two_sets_ship():
    assert [path.stem for path in SHIPPED] == ["probes_ru", "probes_smoke"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_sets_ask_a_base_model_and_two_adapters_in_one_engine(path):
    judgeset, models = load_judgeset(path, root=ROOT)
    specs = [models[name] for name in judgeset.models]
    assert len(specs) == 3
    assert {spec.source for spec in specs} == {specs[0].source}
    assert models[judgeset.reference].adapter is None
    assert len({spec.adapter for spec in specs}) == 3
    assert judgeset.gates
    assert all(len(probe.points) >= 2 for probe in judgeset.probes)
    # Every adapter that is named has a recipe that trains it.
    for spec in specs:
        if spec.adapter is not None:
            recipe = spec.adapter.removeprefix("adapters/").removesuffix("-unsloth")
            assert (ROOT / f"recipes/{recipe}.yaml").is_file()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_part_of_a_probe_reaches_the_judge_as_it_is_written(path):
    judgeset, _ = load_judgeset(path, root=ROOT)
    rubrics = {
        key: load_rubric(template, root=ROOT, kind=RUBRIC_KEYS[key])
        for key, template in judgeset.judge.rubrics.items()
    }
    assert {"points", "pairwise"} <= rubrics.keys()
    for probe in judgeset.probes:
        one, other = fence(f"yes, {probe.id}"), fence("no")
        texts = [point.point for point in probe.points]
        parts = {"question": probe.question, "points": texts}
        asked = {
            "rubric": lambda rubric: absolute_messages(rubric, **parts, answer=one),  # noqa: B023
            "points": lambda rubric: point_messages(rubric, **parts, answer=one),  # noqa: B023
            "pairwise": lambda rubric: pairwise_messages(rubric, **parts, first=one, second=other),  # noqa: B023
        }
        for key, rubric in rubrics.items():
            user = asked[key](rubric)[-1]["content"]
            assert probe.question in user
            for number, point in enumerate(texts, 1):
                mark = f"{number}." if key == "points" else "-"
                assert f"{mark} {point}\n" in user


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_probe_has_all_canaries(path):
    judgeset, _ = load_judgeset(path, root=ROOT)
    for probe in judgeset.probes:
        others = [one.wanted for one in judgeset.probes if one.id != probe.id]
        found = canaries(probe.question, probe.wanted, others=others, lang=judgeset.lang,
                         other_answer="other", answer="own")  # fmt: skip
        assert {one.kind for one in found} == {"null", "constant", "off_topic", "shuffled"}


DOCS = (ROOT / "docs/judge.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0]


def shown(tmp_path, text: str) -> JudgeSet:
    """Load a set as `evalsets/probes_tiny.yaml`, beside the models and rubrics that ship."""
    shutil.copytree(ROOT / "prompts/judge", tmp_path / "prompts/judge")
    (tmp_path / "evalsets").mkdir()
    shutil.copy(ROOT / "evalsets/models.yaml", tmp_path / "evalsets/models.yaml")
    path = tmp_path / "evalsets/probes_tiny.yaml"
    path.write_text(text, encoding="utf-8")
    return load_judgeset(path, root=tmp_path)[0]


def test_the_example_of_the_documentation_loads(tmp_path):
    found = shown(tmp_path, EXAMPLE)
    assert found.models == ["smollm2-135m", "smollm2-135m-smoke"]
    assert found.answers.n == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[smollm2-135m, smollm2-135m-smoke]", "[smollm2-135m, smollm2-135m-smok]"),
        ("id: apples", "id: capital"),
        ("judge/absolute.en.j2", "judge/absolut.en.j2"),
        ("judge/absolute.en.j2", "judge/absolute.en.j2\n  canary_limit: 7"),
        ("at_least: 0.5", "at_least: 50"),
        ("  pairwise: judge/pairwise.en.j2\n", ""),
        ("answers: {n: 2,", "answers: {n: 2, temperature: 0,"),
        ("    points:\n      - The", "    pionts:\n      - The"),
        ("- The river is the Seine.", "- {point: The river is the Seine., weight: 0}"),
        ("- The river is the Seine.", "- {point: The river is the Seine., weight: 2}"),
        ("figure: win_rate", "figure: points"),
        ("  rubric: judge/absolute.en.j2\n", ""),
        (CAPITAL, f"{CAPITAL}\n    turns: [One, Two]"),
        (CAPITAL, "    turns: [One]"),
        (CAPITAL, "    turns: [One, {user: Two, assistant: Three}]"),
    ],
)
def test_the_documentation_shows_what_is_printed(tmp_path, old, new):
    assert old in EXAMPLE
    with pytest.raises(SpecError) as raised:
        shown(tmp_path, EXAMPLE.replace(old, new, 1))
    assert all(line in DOCS for line in str(raised.value).splitlines())


def russian() -> JudgeSet:
    return load_judgeset(ROOT / "evalsets/probes_ru.yaml", root=ROOT)[0]


def test_the_russian_probes_are_ten_of_ten_kinds():
    found = russian()
    assert found.lang == "ru"
    assert [probe.kind for probe in found.probes] == [
        "explanation", "plan", "arithmetic", "summary", "rewriting", "code", "trap", "letter",
        "constraints", "refusal",
    ]  # fmt: skip
    assert all(3 <= len(probe.points) <= 6 for probe in found.probes)
    gated = {gate.models for gate in found.gates}
    assert gated == {"saiga*"}


def test_the_figures_in_the_points_are_right():
    points = {probe.id: " ".join(probe.wanted) for probe in russian().probes}
    first, second = 12 * (8 - 1), 12 * 1.25 * 8
    third = 12 * 1.25 * 0.8 * 8
    made = first + second + third
    good = made - made / 20
    boxes, left = divmod(good, 12)
    shift = points["machine-shift"]
    for number in (first, second, third, made, made / 20, good, boxes, 12 * boxes, left):
        assert re.search(rf"\b{number:g}\b", shift)
    assert f"{8 * 16} часов" in points["ml-plan"]

    merged: list[tuple[int, int]] = []
    for start, end in sorted([(8, 10), (1, 3), (2, 6), (6, 7)]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    assert " и ".join(map(str, merged)) in points["merge-intervals"]


def test_the_text_to_be_summarised_has_what_its_points_ask_for():
    probe = next(probe for probe in russian().probes if probe.id == "night-buses")
    text = probe.question.split("\n\n")[1]
    assert 120 <= len(text.split()) <= 180
    for word in ("октября по март", "ста двадцати", "четырёхсот", "шестеро из десяти",
                 "пятнадцать процентов", "треть", "Северный район", "осенью"):  # fmt: skip
        assert word in text


def test_judges_of_shipped_sets_are_models_with_weights():
    for path in SHIPPED:
        judgeset, _ = load_judgeset(path, root=ROOT)
        models = load_models(path, root=ROOT)
        for judge in judgeset.judge.models:
            assert models[judge].adapter is None
            # The small ones of the smoke set are not judges in any case, and it says so.
            assert path.stem == "probes_smoke" or not models[judge].base
