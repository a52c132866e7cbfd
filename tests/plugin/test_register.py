"""Scorers, selectors, figures and engines that a project registers, through real sessions."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest

from harness.analysis.analyze import analyze
from harness.report.runfiles import load_run
from harness.report.write import write_report

PLUGINS = 'pytest_plugins = ["harness.plugin"]'
CONFTEST = """
import numpy as np
from harness.records import Figure

pytest_plugins = ["harness.plugin"]


class Contains:
    def score(self, trial):
        text = trial.outputs[0].text
        found = [label for label, word in trial.words.items() if word in text]
        return trial.scored(found[0]) if len(found) == 1 else trial.unscored("not one label")


def last(draw):
    return [list(draw.pool[-draw.k:])]


def errors(sheet):
    return (sheet.answers != sheet.targets).astype(float)


def pytest_harness_register(registry):
    registry.scorer("contains", Contains())
    registry.selector("last", last)
    registry.mean_figure("error_rate", errors, title="error rate", smaller=True)
"""
FEW = {"mode": "fewshot", "k": 2, "placement": ["chat"], "selector": ["last", "balanced"]}
ZERO = "m-prefill-zeroshot"
LAST = "m-prefill-fewshot2-chat-last-s0"


@pytest.fixture
def extended(evals):
    """A project that registers a scorer, a selector and a figure, and names them."""
    evals.write("conftest.py", CONFTEST)
    evals.models(m={"options": {"answer": "I say positive."}})
    evals.set(scoring="contains", modes=["zeroshot", FEW], figures=["error_rate"])
    return evals


def test_a_registered_scorer_selector_and_figure_take_part(extended):
    extended.run().assert_outcomes(passed=3)
    rows = {row.cell: row for row in extended.saved.rows}
    assert set(rows) == {ZERO, LAST, "m-prefill-fewshot2-chat-s0"}
    for row in rows.values():
        assert (row.scoring, row.n, row.unscored) == ("contains", 6, 0)
        figure = row.figures["error_rate"]
        assert (figure.value, figure.n) == (0.5, 6)
        assert figure.low < 0.5 < figure.high
    assert rows[LAST].selector == "last"
    assert "| error rate" in extended.report
    assert "| last " in extended.report


def test_what_was_registered_is_in_run_json_and_report(extended):
    extended.run()
    info = json.loads((extended.latest / "run.json").read_text())["info"]
    found = {(one["kind"], one["name"]): one for one in info["extensions"]}
    assert set(found) == {("scorer", "contains"), ("selector", "last"), ("figure", "error_rate")}
    assert {one["source"] for one in found.values()} == {"conftest.py"}
    assert all(len(one["digest"]) == 16 for one in found.values())
    assert "Answers are read by the scorer `contains` of `conftest.py " in extended.report
    extended.run("--eval-report-lang", "ru")
    assert "Ответы читает оценщик `contains` из `conftest.py " in extended.report


def test_a_registered_figure_is_gated_against_threshold_cell_and_baseline(extended):
    gates = [
        {"cells": ZERO, "figure": "error_rate", "at_most": 0.99},
        {"cells": LAST, "figure": "error_rate", "no_worse_than": ZERO, "by": 0.5},
        {"cells": ZERO, "figure": "error_rate", "no_worse_than": "baseline", "by": 0.5},
    ]
    extended.set(scoring="contains", modes=["zeroshot", FEW], gates=gates)
    extended.run("--eval-write-baseline")
    extended.run().assert_outcomes(passed=6)
    found = {gate.against: gate for gate in extended.saved.gates}
    assert {name: gate.verdict for name, gate in found.items()} == {
        "": "pass", ZERO: "pass", "baseline": "pass"}  # fmt: skip
    assert found["baseline"].contrast.value == 0


def test_a_changed_scorer_is_named_beside_the_baseline(extended):
    gate = {"cells": ZERO, "figure": "accuracy", "no_worse_than": "baseline"}
    extended.set(scoring="contains", modes=["zeroshot"], gates=[gate])
    extended.run("--eval-write-baseline")
    first = extended.saved.info.extensions
    kept = json.loads((extended.root / f"baselines/mini/{ZERO}.json").read_text())
    assert set(kept["provenance"]["extensions"]) == {"scorer contains"}
    extended.write("conftest.py", CONFTEST + "\n# changed\n")
    extended.run()
    (check,) = extended.saved.baselines
    (said,) = [one for one in check.changed if one.startswith("scorer contains")]
    assert said == (f"scorer contains {first[0].shown} → {extended.saved.info.extensions[0].shown}")


def test_baselines_without_extensions_stay_as_they_were(evals):
    evals.set(modes=["zeroshot"])
    evals.run("--eval-write-baseline")
    kept = json.loads((evals.root / f"baselines/mini/{ZERO}.json").read_text())
    assert "extensions" not in kept["provenance"]


WRONG = {
    "scorer": ({"scoring": "contain"}, "'contain' is not one of logprobs, generate, choice, "
               "contains; did you mean 'contains'?"),
    "figure": ({"figures": ["eror_rate"]},
               "'eror_rate' is not a figure; did you mean 'error_rate'?"),
    "argument": ({"figures": ["error_rate:0.1"]},
                 "error_rate takes nothing behind a colon; write error_rate"),
    "selector": ({"modes": [FEW | {"selector": "lasst"}]}, "'lasst' is not one of balanced, "
                 "random, first, nearest, diverse, last; did you mean 'last'?"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_name_is_one_line_with_all_names(extended, kind):
    keys, said = WRONG[kind]
    extended.set(**keys)
    (line,) = {one for one in extended.run().outlines if said in one}
    assert re.fullmatch(r"evalsets/mini\.yaml:\d+: [a-z0-9.\[\]]+: " + re.escape(said), line)


def test_a_nested_conftest_is_for_its_folder(evals):
    evals.write("evalsets/own/conftest.py", CONFTEST.replace(PLUGINS, ""))
    evals.models(m={"options": {"answer": "positive"}})
    evals.set("own/inner", scoring="contains", modes=["zeroshot"])
    evals.set("outer", scoring="contains", modes=["zeroshot"])
    (evals.root / "evalsets/mini.yaml").unlink()
    result = evals.run()
    result.assert_outcomes(errors=1)
    assert "outer.yaml" in result.stdout.str()
    assert "'contains' is not one of logprobs, generate, choice" in result.stdout.str()
    evals.run("evalsets/own").assert_outcomes(passed=1)
    assert evals.saved.info.extensions[0].source == "evalsets/own/conftest.py"


def test_a_root_conftest_and_a_nested_one_are_joined(extended):
    extended.write("evalsets/own/conftest.py", NESTED.format(name="inner"))
    extended.set("own/inner", scoring="contains", figures=["error_rate", "inner"])
    extended.run("evalsets/own").assert_outcomes(passed=2)
    assert {"error_rate", "inner"} <= extended.saved.rows[0].figures.keys()


NESTED = """
def pytest_harness_register(registry):
    registry.mean_figure("{name}", lambda sheet: sheet.answers == 0)
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("error_rate", "figure 'error_rate' is registered twice, in evalsets/conftest.py:3 and in "
         "conftest.py:26; rename one"),
        ("accuracy", "evalsets/conftest.py:3: figure 'accuracy' is built in; choose another name"),
        ("Rate!", "evalsets/conftest.py:3: figure 'Rate!': a name has lower-case letters, digits "
         "and underscores, as in my_name"),
    ],
)  # fmt: skip
def test_a_clash_of_names_is_one_line(extended, name, said):
    extended.write("evalsets/conftest.py", NESTED.format(name=name))
    result = extended.run()
    result.assert_outcomes(errors=1)
    assert result.outlines.count(said) == 1


def test_two_folders_that_register_one_name_are_a_clash(evals):
    for folder in ("a", "b"):
        evals.write(f"evalsets/{folder}/conftest.py", NESTED.format(name="rate"))
        evals.set(f"{folder}/set", figures=["rate"], modes=["zeroshot"])
    result = evals.run()
    result.assert_outcomes(errors=1)
    said = ("figure 'rate' is registered twice, in evalsets/a/conftest.py:3 and in "
            "evalsets/b/conftest.py:3; rename one")  # fmt: skip
    assert result.outlines.count(said) == 1


def test_a_hook_that_fails_is_one_line(extended):
    extended.write("evalsets/conftest.py", "def pytest_harness_register(registry):\n    1 / 0\n")
    result = extended.run()
    said = "evalsets/conftest.py:2: pytest_harness_register: ZeroDivisionError: division by zero"
    assert result.outlines.count(said) == 1


BROKEN_SCORES = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "none": ("None", "returned NoneType None, not a Score"),
    "nan": ("Score(float('nan'), 'positive')", "value nan is not "),
    "unknown": ("trial.scored('fine')", "answer 'fine' is not one of positive, negative"),
    "wrong": ("Score(0.5, 'positive')", "value 0.5 is not "),
    "silent": ("Score(None, None)", "gave no verdict and no reason; write trial.unscored(reason)"),
    "logprobs": ("trial.scored('positive', logprobs=(0.0,))", "logprobs (0.0,) are not 2 finite"),
}


@pytest.mark.parametrize("kind", BROKEN_SCORES)
def test_a_scorer_that_fails_is_one_line_and_no_figure(evals, kind):
    code, said = BROKEN_SCORES[kind]
    evals.write("conftest.py", f"""
from harness.records import Score
{PLUGINS}
class Broken:
    def score(self, trial):
        return {code}
def pytest_harness_register(registry):
    registry.scorer("broken", Broken())
""")  # fmt: skip
    evals.set(scoring="broken", modes=["zeroshot"])
    evals.set("other", modes=["zeroshot"])
    result = evals.run()
    result.assert_outcomes(passed=1, errors=1)
    lines = [one for one in result.outlines if "scorer 'broken': sample '" in one]
    assert said in lines[0]
    assert {row.evalset for row in evals.saved.rows} == {"evalsets/other.yaml"}


BROKEN_FIGURES = {
    "raises": ("figure", "1 / 0", "ZeroDivisionError: division by zero"),
    "nan": ("figure", "Figure(float('nan'), 0.0, 1.0, 6)", "its value is nan, not a finite number"),
    "type": ("figure", "0.5", "returned float 0.5, not a Figure or None"),
    "interval": ("figure", "Figure(0.5, 0.6, 0.7, 6)", "its value 0.5 is not within its interval"),
    "range": ("figure", "Figure(2.0, 1.0, 3.0, 6)", "[1, 3] leaves its range from 0 to 1"),
    "count": ("figure", "Figure(0.5, 0.1, 0.9, 7)", "n is int 7, of 6 samples"),
    "values": ("mean_figure", "sheet.targets[1:]", "returned 5 values for 6 samples; one each"),
    "infinite": ("mean_figure", "sheet.targets / 0.0 if 0 else [float('inf')] * 6",
                 "returned a value that is not finite"),
    "text": ("mean_figure", "['a'] * 6", "not 6 numbers"),
    "outside": ("mean_figure", "[2.0] * 6", "its values from 2 to 2 leave its range from 0 to 1"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN_FIGURES)
def test_a_figure_that_fails_is_one_line_and_no_figure(evals, kind):
    method, code, said = BROKEN_FIGURES[kind]
    evals.write("conftest.py", f"""
from harness.records import Figure
{PLUGINS}
def pytest_harness_register(registry):
    registry.{method}("broken", lambda sheet: {code})
""")  # fmt: skip
    evals.set(figures=["broken"], modes=["zeroshot"])
    result = evals.run()
    result.assert_outcomes(errors=1)
    assert any("figure 'broken': " in one and said in one for one in result.outlines)
    assert not evals.saved.rows


BROKEN_SELECTORS = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "flat": ("list(draw.pool[:draw.k])", "not a list of lists"),
    "few": ("[list(draw.pool[:1])]", "chose 1 shots, 1 of them different; 2 are wanted"),
    "twice": ("[[draw.pool[0]] * 2]", "chose 2 shots, 1 of them different; 2 are wanted"),
    "foreign": ("[list(draw.samples[:draw.k])]", "which is not in the pool"),
    "each": ("[list(draw.pool[:draw.k])] * 6", "returned 6 lists of shots, 1 are wanted"),
}


@pytest.mark.parametrize("kind", BROKEN_SELECTORS)
def test_a_selector_that_fails_is_one_line_and_no_figure(evals, kind):
    code, said = BROKEN_SELECTORS[kind]
    evals.write("conftest.py", f"""
{PLUGINS}
def pytest_harness_register(registry):
    registry.selector("broken", lambda draw: {code})
""")  # fmt: skip
    evals.set(modes=["zeroshot", FEW | {"selector": "broken"}])
    result = evals.run()
    result.assert_outcomes(passed=1, errors=1)
    assert any("selector 'broken': " in one and said in one for one in result.outlines)
    assert [row.cell for row in evals.saved.rows] == [ZERO]


ENGINE = """
from harness.records import Output


class Parrot:
    def __init__(self, config):
        self.word = config.options.get("word", "positive")

    def generate(self, requests):
        for request in requests:
            yield Output(request.key, self.word, (1,), prompt_tokens=len(request.prompt_ids))

    def close(self):
        pass


def open_engine(config):
    return Parrot(config)
"""


@pytest.fixture
def parrot(evals):
    """A project with an engine of its own, in a package that is on pytest's path alone."""
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(2)}, evals.root / "model/model.safetensors")
    evals.write("src/birds/__init__.py", "")
    evals.write("src/birds/parrot.py", ENGINE)
    evals.write("pytest.ini", "[pytest]\npythonpath = src\naddopts = --eval-report-plots none\n")
    evals.write("conftest.py", PLUGINS + """
def pytest_harness_register(registry):
    registry.engine("parrot", "birds.parrot")
""")  # fmt: skip
    evals.models(m={"engine": "parrot"})
    evals.set(scoring="generate", modes=["zeroshot"])
    return evals


def test_a_registered_engine_answers_in_its_own_process(parrot):
    parrot.run().assert_outcomes(passed=1)
    (info,) = parrot.saved.info.engines
    assert (info.engine, info.computed) == ("parrot", 6)
    assert info.version.startswith("birds.parrot ")
    assert parrot.saved.rows[0].figures["accuracy"].value == 0.5
    (extension,) = parrot.saved.info.extensions
    assert (extension.kind, extension.source) == ("engine", "birds.parrot")


def test_outputs_of_a_changed_engine_are_not_taken_from_the_store(parrot):
    parrot.run()
    parrot.run()
    assert [(one.computed, one.stored) for one in parrot.saved.info.engines] == [(0, 6)]
    parrot.write("src/birds/helper.py", "WORD = 'negative'\n")
    parrot.run()
    assert [(one.computed, one.stored) for one in parrot.saved.info.engines] == [(6, 0)]


def test_options_of_a_registered_engine_reach_it_and_key_its_outputs(parrot):
    parrot.run()
    parrot.models(m={"engine": "parrot", "options": {"word": "negative"}})
    parrot.run()
    assert parrot.saved.info.engines[0].computed == 6
    assert parrot.saved.results[0].completion == "negative"
    parrot.models(m={"engine": "auto", "options": {"parrot": {"word": "negative"}}})
    parrot.run("--eval-engine", "parrot").assert_outcomes(passed=1)
    assert parrot.saved.info.engines[0].stored == 6


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "engine 'parrot': module birds.parrot has no function open_engine(config)"),
        ("1 / 0", "engine 'parrot': module birds.parrot: ZeroDivisionError: division by zero"),
        ("def open_engine(config):\n    return 1\n",
         "engine 'parrot': module birds.parrot: open_engine returned int, which lacks generate"),
        ("def open_engine(config):\n    raise KeyError('x')\n", "could not start: KeyError: 'x'"),
    ],
    ids=["empty", "import", "type", "raises"],
)  # fmt: skip
def test_an_engine_that_does_not_open_is_one_line_and_exit_code_10(parrot, code, said):
    parrot.write("src/birds/parrot.py", code)
    result = parrot.run()
    assert result.ret == 10
    assert any(said in one for one in result.outlines)


def test_an_engine_without_a_module_is_one_line(parrot):
    parrot.write("conftest.py", PLUGINS + """
def pytest_harness_register(registry):
    registry.engine("parrot", "birds.ara")
""")  # fmt: skip
    result = parrot.run()
    said = ("conftest.py:3: engine 'parrot': no module birds.ara; install it, or add its folder to "
            "'pythonpath' in the configuration file of pytest")  # fmt: skip
    assert result.outlines.count(said) == 1


def test_an_unknown_engine_for_all_models_is_refused(parrot):
    result = parrot.spawn("--eval-engine", "parot")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "--eval-engine parot: is not one of transformers, vllm, fake, parrot"
    assert any(said in one for one in result.errlines)


PLACES = {"": "conftest.py", "sub": "evalsets/conftest.py", "deep": "evalsets/a/conftest.py"}


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_xdist_workers_and_controller_see_the_same(evals, workers):
    """Each conftest file registers names of its own, and one eval set needs those of all."""
    for word, place in PLACES.items():
        text = re.sub(r"\"(contains|last|error_rate)\", ", rf'"\1{word}", ', CONFTEST)
        evals.write(place, text if not word else text.replace(PLUGINS, ""))
    evals.models(m={"options": {"answer": "positive"}}, n={"options": {"answer": "negative"}})
    selectors = [f"last{word}" for word in PLACES]
    few = FEW | {"selector": [*selectors, "balanced"]}
    figures = [f"error_rate{word}" for word in PLACES]
    for word in PLACES:
        evals.set(f"a/set{word}", scoring=f"contains{word}", models=["m", "n"],
                  modes=["zeroshot", few] if word else ["zeroshot"], figures=figures,
                  gates=[{"figure": f"error_rate{word}", "at_most": 1.0}])  # fmt: skip
    (evals.root / "evalsets/mini.yaml").unlink()
    evals.spawn("-n", str(workers)).assert_outcomes(passed=44)
    run = evals.saved
    assert len(run.rows) == 22
    assert all(set(figures) <= set(row.figures) for row in run.rows)
    assert {(one.name, one.source) for one in run.info.extensions} == {
        (f"{name}{word}", place)
        for word, place in PLACES.items()
        for name in ("contains", "last", "error_rate")
    }
    # The cells of one engine stay together: each model's answers were made once.
    assert [info.model for info in run.info.engines] == ["m", "n"]
    assert "| error rate" in evals.report


def test_a_package_registers_by_its_entry_point(evals, tmp_path):
    site = tmp_path / "site"
    info = site / "evals_more-1.2.dist-info"
    info.mkdir(parents=True)
    (site / "evals_more.py").write_text(CONFTEST.replace(PLUGINS, ""))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evals-more\nVersion: 1.2\n")
    (info / "RECORD").write_text("evals_more.py,,\n")
    (info / "top_level.txt").write_text("evals_more\n")
    (info / "entry_points.txt").write_text("[pytest11]\nevals_more = evals_more\n")
    path = os.pathsep.join([os.environ["PYTHONPATH"], str(site)])
    evals.models(m={"options": {"answer": "positive"}})
    evals.set(scoring="contains", modes=["zeroshot"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        evals.spawn().assert_outcomes(passed=1)
    (extension,) = evals.saved.info.extensions
    assert (extension.source, extension.version) == ("evals_more", "evals-more 1.2")


def test_a_report_is_written_again_without_the_project(extended):
    gates = [{"cells": ZERO, "figure": "error_rate", "at_most": 0.99}]
    extended.set(scoring="contains", modes=["zeroshot", FEW], gates=gates)
    extended.run()
    first = extended.report
    run = load_run(extended.latest)
    write_report(extended.latest, run, analyze(run), plots="none")
    assert extended.report == first


def test_a_session_without_eval_sets_calls_no_hook(evals):
    evals.write("conftest.py", PLUGINS + "\ndef pytest_harness_register(registry):\n    1 / 0\n")
    evals.write("tests/test_x.py", "def test_x():\n    pass\n")
    evals.run("tests").assert_outcomes(passed=1)
