"""Which files are eval sets, and what the options accept."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.plugin.options import check_names, check_writable, is_evalset, named_files

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
    assert found.getoption("--eval-report-lang") == "en"
    assert found.getoption("--eval-report-texts") == "full"
    assert found.getoption("--eval-report-plots") == "svg"
    assert (found.getoption("--eval-start-timeout"), found.getoption("--eval-stall-timeout")) == (
        900,
        600,
    )


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
    with pytest.raises(pytest.UsageError, match=f"/file is no folder that .* by {option}"):
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
        result = pytester.runpytest_subprocess(*run, argument)
        assert result.ret == 2
        result.stdout.fnmatch_lines([
            f"*set.yaml: pytest's rootdir is {folder}, and no project; run pytest in "
            f"{folder.parent}, or put an empty pytest.ini there"
        ])  # fmt: skip
    (folder.parent / "pytest.ini").touch()
    result = pytester.runpytest_subprocess(*run, str(folder))
    result.stdout.fnmatch_lines(["*evalsets/set.yaml:1: missing key*"])
