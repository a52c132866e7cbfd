"""Which files are eval sets, and what the options accept."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from harness.plugin.evalsets import is_evalset
from harness.plugin.options import (
    Options,
    check_baseline_options,
    check_names,
    check_writable,
    named_files,
    options_of,
)

ROOT = Path("/home/evalsets/project")


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("evalsets/mini.yaml", True),
        ("evalsets/mini.yml", True),
        ("evalsets/gold/deep/mini.yaml", True),
        ("llm/evalsets/mini.yaml", True),
        ("evalsets/models.yaml", False),
        ("evalsets/mini.yaml.bak", False),
        ("evalsets/mini.json", False),
        ("mini.yaml", False),
        ("evalsets.yaml", False),
        ("my-evalsets/mini.yaml", False),
    ],
)
def test_eval_sets_are_yaml_in_their_folder(path, is_one):
    assert is_evalset(ROOT / path, ROOT) is is_one


def test_a_file_outside_of_the_root_is_judged_by_its_whole_path():
    assert is_evalset(Path("/srv/evalsets/mini.yaml"), ROOT)
    assert not is_evalset(Path("/srv/mini.yaml"), ROOT)


def config(pytester, *args: str) -> pytest.Config:
    pytester.makeconftest('pytest_plugins = ["harness.plugin"]')
    return pytester.parseconfig(*args)


def test_files_are_absolute_whatever_the_working_folder_becomes(pytester, monkeypatch):
    pytester.makefile(".csv", data="text,label")
    found = config(pytester, "--eval-dataset", "a=data.csv", "--eval-dataset", "b=./data.csv")
    monkeypatch.chdir("/")
    path = str(pytester.path / "data.csv")
    assert named_files(found, "--eval-dataset") == {"a": path, "b": path}
    assert named_files(found, "--eval-shots") == {}


def test_a_path_may_hold_an_equals_sign(pytester):
    pytester.makefile(".csv", **{"a=b": "text,label"})
    found = config(pytester, "--eval-shots", "set=a=b.csv")
    assert named_files(found, "--eval-shots") == {"set": str(pytester.path / "a=b.csv")}


def test_names_are_checked_against_the_sets_that_run(pytester):
    pytester.makefile(".csv", data="text,label")
    found = config(pytester, "--eval-shots", "a=data.csv")
    check_names(found, ["a", "b"])
    check_names(found, [])
    with pytest.raises(pytest.UsageError, match=r"--eval-shots a=.*there are b, c"):
        check_names(found, ["c", "b", "b"])


def test_defaults(pytester):
    found = config(pytester)
    values = {
        name: found.getoption(name)
        for name in ("--eval-limit", "--eval-store", "--eval-reports", "--eval-engine")
    }
    assert set(values.values()) == {None}
    root = pytester.path
    assert options_of(found) == Options(
        engine=None, dtype=None, store=root / ".harness/outputs.sqlite", reports=root / "reports",
        lang="en", texts="full", plots="svg", start_timeout_s=900, stall_timeout_s=600,
    )  # fmt: skip


INI = """\
[pytest]
eval_engine = vllm
eval_dtype = float16
eval_store = kept/out.sqlite
eval_reports = ../reports of all
eval_report_lang = ru
eval_report_texts = none
eval_report_plots = png
eval_start_timeout = 1800
eval_stall_timeout = 2.5
"""
TOML = re.sub(r"= ([a-z.].*)$", r'= "\1"', INI, flags=re.MULTILINE).replace(
    "[pytest]", "[tool.pytest.ini_options]"
)


FILES = {
    "pytest.ini": INI,
    "setup.cfg": INI.replace("[pytest]", "[tool:pytest]"),
    "pyproject.toml": TOML,
    "pytest.toml": TOML.replace("tool.pytest.ini_options", "pytest"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_configuration_file_says_what_the_command_line_does_not(pytester, monkeypatch, name):
    if name == "pytest.toml" and pytest.version_tuple < (9,):
        pytest.skip("pytest 8 reads no pytest.toml")
    (pytester.path / name).write_text(FILES[name])
    inner = pytester.mkdir("inner")
    monkeypatch.chdir(inner)
    found = config(pytester, "--rootdir", str(pytester.path), "-c", f"../{name}")
    root = pytester.path
    assert options_of(found) == Options(
        engine="vllm", dtype="float16", store=root / "kept/out.sqlite",
        reports=root / "../reports of all", lang="ru", texts="none", plots="png",
        start_timeout_s=1800, stall_timeout_s=2.5,
    )  # fmt: skip
    given = ["--eval-engine=fake", "--eval-dtype=float32", "--eval-store=x.db", "--eval-reports=r",
             "--eval-report-lang=en", "--eval-report-texts=full", "--eval-report-plots=svg",
             "--eval-start-timeout=1", "--eval-stall-timeout=2"]  # fmt: skip
    found = config(pytester, "--rootdir", str(pytester.path), "-c", f"../{name}", *given)
    assert options_of(found) == Options(
        engine="fake", dtype="float32", store=inner / "x.db", reports=inner / "r", lang="en",
        texts="full", plots="svg", start_timeout_s=1, stall_timeout_s=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("eval_engine = vlm", "eval_engine: 'vlm' is not one of transformers, vllm, fake"),
        ("eval_dtype = half", "eval_dtype: 'half' is not one of float32, bfloat16, float16"),
        ("eval_report_lang = de", "eval_report_lang: 'de' is not one of en, ru"),
        ("eval_report_texts = no", "eval_report_texts: 'no' is not one of full, none"),
        ("eval_report_plots = pdf", "eval_report_plots: 'pdf' is not one of svg, png, none"),
        ("eval_start_timeout = long", "eval_start_timeout: could not convert string to float*"),
        ("eval_start_timeout = 0", "eval_start_timeout: 0.0: give a number of seconds above 0"),
        ("eval_stall_timeout = nan", "eval_stall_timeout: nan: give a number of seconds above 0"),
    ],
)
def test_a_wrong_value_in_the_file_is_one_line(pytester, line, message):
    pytester.makeini(f"[pytest]\n{line}\n")
    result = pytester.runpytest_inprocess("-p", "harness.plugin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (shown,) = [one for one in result.errlines if one]
    assert fnmatch(shown, f"ERROR: *.ini: {message}")


def test_made_up_answers_of_the_file_are_no_baseline(pytester):
    pytester.makeini("[pytest]\neval_engine = fake\n")
    found = config(pytester, "--eval-write-baseline")
    with pytest.raises(pytest.UsageError, match="--eval-write-baseline with eval_engine = fake"):
        check_baseline_options(found)


def test_a_set_is_given_one_file(pytester):
    pytester.makefile(".csv", data="text,label")
    found = config(pytester, "--eval-shots", "a=data.csv", "--eval-shots", "a=data.csv")
    with pytest.raises(
        pytest.UsageError, match=r"--eval-shots a=\.\.\.: given twice; leave one out"
    ):
        check_names(found, ["a"])


@pytest.mark.parametrize(
    ("option", "path"), [("--eval-reports", "file"), ("--eval-store", "file/x.sqlite")]
)
def test_places_that_cannot_be_written_are_found_before_the_run(pytester, option, path):
    (pytester.path / "file").touch()
    check_writable(config(pytester, option, f"new/{path}"))
    with pytest.raises(pytest.UsageError, match=f"cannot write to .*/file; .* with {option}"):
        check_writable(config(pytester, option, path))


def test_a_folder_is_no_store(pytester):
    with pytest.raises(pytest.UsageError, match=r"--eval-store \. is a folder; give a file in it"):
        check_writable(config(pytester, "--eval-store", "."))


def test_a_folder_of_eval_sets_is_no_root(pytester, monkeypatch):
    """Without a configuration file, pytest takes the folder that its arguments share."""
    folder = pytester.mkdir("evalsets")
    (folder / "set.yaml").write_text("description: whatever\n")
    run = ("-p", "no:xdist", "-p", "harness.plugin", "-p", "no:cacheprovider")
    for start, argument in ((folder, "set.yaml"), (folder, "."), (Path("/"), str(folder))):
        monkeypatch.chdir(start)
        result = pytester.runpytest_inprocess(*run, argument)
        assert result.ret == 2
        result.stdout.fnmatch_lines([
            f"*set.yaml: pytest's rootdir is {folder}, and no project; run pytest in "
            f"{folder.parent}, or put an empty pytest.ini there"
        ])  # fmt: skip
    (folder.parent / "pytest.ini").touch()
    result = pytester.runpytest_inprocess(*run, str(folder))
    result.stdout.fnmatch_lines(["*evalsets/set.yaml:1: missing key*"])
