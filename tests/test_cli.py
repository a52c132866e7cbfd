"""The command `harness`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from drawn import drawn_cell, make_run
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from harness.cli import app, schemas
from harness.records import Figure, Row, Run, RunInfo
from harness.report.runfiles import save_run
from harness.writing import write_whole

ROOT = Path(__file__).parents[1]
INFO = RunInfo(id="r", started="now", wall_s=1.0, command="pytest", machine={}, versions={})
ROW = Row(
    evalset="evalsets/set.yaml",
    cell="m-p-zeroshot",
    model="m",
    prompt="p",
    mode="zeroshot",
    k=0,
    placement=None,
    selector=None,
    seed=None,
    scoring="generate",
    n=10,
    unscored=0,
    reasons={},
    figures={"accuracy": Figure(0.5, 0.24, 0.76, 10)},
    shares={},
    targets={},
    prompt_tokens=1.0,
)


@pytest.fixture
def call():
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.mark.parametrize("words", [["schema"], ["export", "run"], ["report", "run"]])
def test_a_folder_that_cannot_be_made_is_one_line(call, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    save_run(tmp_path / "run", make_run(drawn_cell(n=6)), texts="full")
    result = call(*words, "--out", "file/x")
    assert result.exit_code == 2
    assert re.fullmatch(r"\[Errno \d+\] Not a directory: '\S*file/x\S*'\n", result.stderr)


def test_a_full_disk_names_the_file(tmp_path):
    def full():
        yield "a"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/a.txt'"):
        write_whole(tmp_path / "a.txt", full())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_cannot_be_written_is_one_line():
    command = [sys.executable, "-m", "harness", "comment", ROOT / "docs/examples/imdb-smollm2-h200"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "[Errno 28] No space left on device\n"


def heads(stdout: str) -> list[str]:
    """Return the lines that are of whole sets."""
    return [line for line in stdout.splitlines() if line.startswith("evalsets/")]


def test_validate_says_what_a_set_would_take_and_show(project, call):
    project.evalset((project.root / "evalsets/set.yaml").read_text() + """gates:
  - {cells: "*-zeroshot", figure: accuracy, at_least: 0.9}
""", "gated")  # fmt: skip
    result = call("validate", project.root / "evalsets/gated.yaml", "--root", project.root)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[1] == ("  tiny: 48 requests, tokens not known: file:model is not on this machine "
                        "yet")  # fmt: skip
    assert any(line.startswith("  few-shot against zero-shot, ") for line in lines)
    assert any("too few samples to pass: with 6 samples even accuracy 1 has an interval down to "
               "0.541" in line for line in lines)  # fmt: skip


def test_validate_checks_all_sets_of_a_project(project, call):
    result = call("validate", "--root", project.root)
    assert result.exit_code == 0
    assert heads(result.stdout) == ["evalsets/set.yaml: 8 cells, 6 samples"]


@pytest.mark.parametrize("given", ["evalsets/set.yaml", "evalsets"])
def test_validate_takes_files_and_folders(project, call, given):
    result = call("validate", project.root / given, "--root", project.root)
    assert heads(result.stdout) == ["evalsets/set.yaml: 8 cells, 6 samples"]


def test_validate_says_every_mistake_in_one_line(project, call):
    project.evalset("models: NO\n", "one")
    project.evalset("modelz: []\n", "two")
    result = call("validate", "--root", project.root)
    assert result.exit_code == 2
    assert heads(result.stdout) == ["evalsets/set.yaml: 8 cells, 6 samples"]
    first, *rest = result.stderr.splitlines()
    assert first.startswith("evalsets/one.yaml:1: models: ")
    assert rest
    assert all(line.startswith("evalsets/two.yaml:") for line in rest)


def test_validate_without_eval_sets(tmp_path, call):
    result = call("validate", "--root", tmp_path)
    assert result.exit_code == 2
    assert "no eval set" in result.stderr


def test_validate_a_file_that_is_not_there(project, call):
    result = call("validate", project.root / "evalsets/gone.yaml", "--root", project.root)
    assert result.exit_code == 2
    assert "evalsets/gone.yaml: no eval set" in result.stderr


def test_validate_a_set_outside_of_the_root(project, call, tmp_path):
    outside = tmp_path / "outside/set.yaml"
    outside.parent.mkdir()
    outside.write_text((project.root / "evalsets/set.yaml").read_text())
    result = call("validate", outside, "--root", project.root)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(("lang", "title"), [("en", "# Evaluation"), ("ru", "# Отчёт")])
def test_report_is_written_again_in_a_language(tmp_path, call, lang, title):
    save_run(tmp_path, Run(INFO))
    result = call("report", tmp_path, "--lang", lang)
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text().startswith(title)


def test_report_draws_its_plots_again_or_drops_them(tmp_path, call):
    save_run(tmp_path, Run(INFO, (replace(ROW, n=0),)))
    assert call("report", tmp_path, "--plots", "png").exit_code == 0
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["forest-set-1.png"]
    assert "](plots/forest-set-1.png)" in (tmp_path / "report.md").read_text()
    assert call("report", tmp_path, "--plots", "none").exit_code == 0
    assert not list((tmp_path / "plots").iterdir())
    assert "](plots/" not in (tmp_path / "report.md").read_text()


def test_report_is_written_beside_the_one_that_is_there(tmp_path, call):
    save_run(tmp_path, Run(INFO, (replace(ROW, n=0),)))
    assert call("report", tmp_path).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other = tmp_path / "other"
    result = call("report", tmp_path, "--lang", "ru", "--out", other)
    assert result.stdout.strip() == str(other / "report.md")
    assert (other / "report.md").read_text().startswith("# Отчёт")
    assert (other / "plots/forest-set-1.svg").is_file()
    assert (other / "findings.json").is_file()
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("command", ["report", "compare"])
def test_results_that_are_not_all_there_are_refused(tmp_path, call, command):
    example = ROOT / "docs/examples/imdb-smollm2-h200"
    folders = [str(example)] * (2 if command == "compare" else 1)
    result = call(command, *folders, *(["--out", str(tmp_path)] if command == "report" else []))
    assert result.exit_code == 2
    assert "results.jsonl: has " in result.stderr
    assert "of the 1997 lines of smollm2-135m-prefill-zeroshot that its figures" in result.stderr
    assert not list(tmp_path.iterdir())


def test_report_of_no_run(tmp_path, call):
    result = call("report", tmp_path / "none")
    assert result.exit_code == 2
    assert "give the folder of a finished run" in result.stderr


def test_report_of_a_file(tmp_path, call):
    (tmp_path / "file").write_text("")
    result = call("report", tmp_path / "file")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_schema_writes_what_is_committed(tmp_path, call):
    result = call("schema", "--out", tmp_path / "schema")
    assert result.exit_code == 0
    written = {path.name: path.read_text() for path in (tmp_path / "schema").iterdir()}
    committed = {path.name: path.read_text() for path in (ROOT / "docs/schema").iterdir()}
    assert written == committed, "run `harness schema`"
    assert set(written) == {
        "evalset.json", "judgeset.json", "models.json", "recipe.json", "findings.json",
        "compare.json",
    }  # fmt: skip


def test_schemas_refuse_unknown_keys():
    # Findings are written, not read by hand.
    for text in (text for name, text in schemas().items() if name not in ("findings", "compare")):
        assert json.loads(text)["additionalProperties"] is False


def test_editors_take_texts_where_files_have_them():
    found = {name: json.loads(text) for name, text in schemas().items()}
    probes = found["judgeset"]["$defs"]["ProbeSpec"]["properties"]
    places = (found["evalset"]["properties"]["prompts"], found["evalset"]["properties"]["modes"],
              probes["points"])  # fmt: skip
    for place in places:
        text, mapping = place["items"]["anyOf"]
        assert text["type"] == "string"
        assert "$ref" in mapping


def test_every_shipped_file_names_the_schema_that_it_fits():
    recipes = [path for folder in ("recipes", "benchmarks/recipes")
               for path in sorted((ROOT / folder).rglob("*.yaml"))]  # fmt: skip
    evalsets = sorted((ROOT / "evalsets").rglob("*.yaml"))
    assert recipes
    assert evalsets
    wanted = {name: json.loads(text) for name, text in schemas().items()}
    for path in [*recipes, *evalsets]:
        found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
        assert found, path
        kind = "models" if path.stem == "models" else "evalset"
        kind = "judgeset" if "\nkind: judge\n" in path.read_text() else kind
        kind = "recipe" if path in recipes else kind
        target = (path.parent / found[1]).resolve()
        assert target == ROOT / f"docs/schema/{kind}.json"
        Draft202012Validator(wanted[kind]).validate(yaml.safe_load(path.read_text()))


@pytest.fixture
def two_runs(tmp_path):
    """Folders of two runs of the same two cells, the second one better."""
    for name, skill in (("one", 1.5), ("two", 3.5)):
        save_run(tmp_path / name, make_run(drawn_cell(skill=skill),
                                           drawn_cell(prompt="terse", skill=skill)))  # fmt: skip
    return tmp_path / "one", tmp_path / "two"


def test_compare_of_two_runs(two_runs, call):
    found = call("compare", *two_runs)
    assert found.exit_code == 0, found.stderr
    assert "| `evalsets/mini.yaml::small-plain-zeroshot` | AUC " in found.stdout
    assert "| mean of 2 cells " in found.stdout
    assert "**better**" in found.stdout
    assert found.stderr == ""


def test_compare_in_russian(two_runs, call):
    found = call("compare", *two_runs, "--lang", "ru")
    assert found.exit_code == 0, found.stderr
    assert "против запуска A" in found.stdout
    assert call("compare", *two_runs, "--lang", "de").exit_code == 2


def test_compare_as_json(two_runs, call):
    found = call("compare", *two_runs, "--json", "--against", "small-plain-zeroshot")
    data = json.loads(found.stdout)
    assert data["schema"] == 1
    assert [one["first"] for one in data["pairs"]] == ["small-plain-zeroshot"] * 2
    assert [one["effect"]["sign"] for one in data["pairs"]] == [1, 1]
    schema = json.loads(schemas()["compare"])
    assert set(data) == set(schema["required"])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--match", "plain"], "--match plain: write OLD=NEW"),
        (["--match", "plain=terse", "--match", "plain=plain"],
         "--match plain=plain: a name is given twice; leave one out"),
        (["--match", "plane=terse"], "--match plane=terse: 'plane' is not a cell, model or prompt "
         "of run A; did you mean 'plain'?"),
        (["--match", "plain=terse", "--against", "x"], "--match with --against: the one names a "
         "cell of run A for each, the other one for all; leave one of them out"),
    ],
)  # fmt: skip
def test_compare_says_what_is_wrong_in_one_line(two_runs, call, options, line):
    found = call("compare", *two_runs, *options)
    assert (found.exit_code, found.stdout, found.stderr) == (2, "", line + "\n")


def test_compare_where_nothing_can_be_compared(two_runs, tmp_path, call):
    save_run(tmp_path / "few", make_run(drawn_cell(n=40)))
    found = call("compare", two_runs[0], tmp_path / "few")
    assert found.exit_code == 2
    assert "refused: `evalsets/mini.yaml::small-plain-zeroshot`: other samples: " in found.stdout
    found = call("compare", two_runs[0], tmp_path / "few", "--json")
    assert found.exit_code == 2
    assert found.stderr.startswith("evalsets/mini.yaml::small-plain-zeroshot: other samples: ")
    (refused,) = json.loads(found.stdout)["refused"]
    assert refused["reason"].startswith("other samples: A has ")
    assert refused["why"]["kind"] == "pair_samples"
    save_run(tmp_path / "other", make_run(drawn_cell(prompt="gone")))
    found = call("compare", two_runs[0], tmp_path / "other")
    assert found.exit_code == 2
    assert found.stderr.startswith("no cell of one run stands against one of the other; ")


def test_compare_with_a_folder_that_is_no_run(tmp_path, call):
    save_run(tmp_path / "one", Run(INFO))
    found = call("compare", tmp_path / "one", tmp_path / "gone")
    assert found.exit_code == 2
    assert found.stderr == (
        f"{tmp_path / 'gone/run.json'}: no such file; give the folder of a finished run\n"
    )


def test_diff_is_no_command(call):
    assert call("diff", "a", "b").exit_code == 2
    assert "diff" not in call("--help").stdout


def test_compare_loads_no_engine(two_runs):
    script = ("import sys\nfrom harness.cli import app\n"
              "try:\n    app(sys.argv[1:])\nexcept SystemExit as end:\n    assert end.code == 0\n"
              "print(sorted({'torch', 'transformers', 'vllm', 'peft', 'datasets', 'matplotlib'} & "
              "{one.partition('.')[0] for one in sys.modules}))\n")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script, "compare", *two_runs],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_package_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "harness", "validate", "evalsets/mini.yaml"],
                          cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    (head,) = heads(done.stdout)
    # How many are not known for sure before its reviews were fetched.
    assert re.fullmatch(r"evalsets/mini\.yaml: 10 cells, (at most )?300 samples", head)


@pytest.mark.parametrize("given", ["evalsets/models.yaml", "set.yaml", "prompts/plain.j2"])
def test_validate_a_file_that_pytest_would_not_collect(project, call, given):
    path = project.root / given
    path.parent.mkdir(exist_ok=True)
    path.touch()
    result = call("validate", path, "--root", project.root)
    assert result.exit_code == 2
    assert (
        f"{path}: is not an eval set; those are .yaml files in a folder 'evalsets'" in result.stderr
    )


@pytest.mark.parametrize("given", ["", "set.yaml"])
def test_validate_inside_the_folder_of_eval_sets(project, call, given):
    folder = project.root / "evalsets"
    result = call("validate", "--root", folder, *([folder / given] if given else []))
    assert result.exit_code == 2
    assert "is not a project, but a folder of eval sets; run in the folder above" in result.stderr
