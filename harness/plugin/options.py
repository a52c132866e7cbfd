"""The options of a run; cheap to import in any session."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import pytest

from harness.plugin.option_values import named_file, seconds, whole

_OF_DATA = ("--eval-dataset", "--eval-shots")
_NAMED = (*_OF_DATA, "--eval-answers")
_SECONDS = ("--eval-start-timeout", "--eval-stall-timeout")
_PLOTS: Mapping[str, Literal["svg", "png", "none"]] = MappingProxyType(
    {"svg": "svg", "png": "png", "none": "none"}
)
_ENGINES = ("transformers", "vllm", "fake")
_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "--eval-dtype": ("float32", "bfloat16", "float16"),
    "--eval-report-lang": ("en", "ru"),
    "--eval-report-texts": ("full", "none"),
    "--eval-report-plots": tuple(_PLOTS),
})  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What holds for a whole project: as the command line says, else the configuration file.

    Attributes:
        engine: For all models; None for what models.yaml says.
        dtype: Likewise.
        store: File of the outputs.
        reports: Folder of the reports.
        lang: Language of the report.
        texts: Whether what is written holds the samples' texts.
        plots: Format of the report's plots.
        start_timeout_s: Seconds that an engine may take to start.
        stall_timeout_s: Seconds of silence after which an engine counts as hung.
    """

    engine: str | None
    dtype: str | None
    store: Path
    reports: Path
    lang: Literal["en", "ru"]
    texts: Literal["full", "none"]
    plots: Literal["svg", "png", "none"]
    start_timeout_s: float
    stall_timeout_s: float


def add_options(parser: pytest.Parser) -> None:
    """Add the options of a run, and the keys of the configuration file."""
    group = parser.getgroup("harness", "evaluation of language models")

    def lasting(name: str, explained: str, metavar: str | None = None) -> None:
        key, choices = _key(name), _CHOICES.get(name)
        group.addoption(name, choices=choices, metavar=metavar,
                        type=seconds if name in _SECONDS else None,
                        help=f"{explained}; {key} in the configuration file")  # fmt: skip
        parser.addini(key, f"{explained}; {name} goes before", default=None,
                      type="float" if name in _SECONDS else "string")  # fmt: skip

    lasting("--eval-engine", "engine for all models, instead of what models.yaml says: "
            f"{', '.join(_ENGINES)}, or one that is registered", "NAME")  # fmt: skip
    lasting("--eval-dtype", "dtype for all models, instead of what models.yaml says")
    lasting("--eval-store", "store of outputs (.harness/outputs.sqlite)", "FILE")
    lasting("--eval-reports", "folder of the reports (reports)", "DIR")
    lasting("--eval-report-lang", "language of the report (en)")
    lasting("--eval-report-texts", "none leaves the samples' texts out of all that is written")
    lasting("--eval-report-plots", "format of the report's plots (svg), or none")
    lasting("--eval-start-timeout", "seconds an engine may take to start (900)", "S")
    lasting("--eval-stall-timeout", "seconds of silence before an engine counts as hung (600)", "S")
    group.addoption("--eval-dataset", action="append", default=[], type=named_file,
                    metavar="NAME=PATH",
                    help="read the samples of the eval set NAME from a file")  # fmt: skip
    group.addoption("--eval-shots", action="append", default=[], type=named_file,
                    metavar="NAME=PATH",
                    help="read the shot pool of the eval set NAME from a file")  # fmt: skip
    group.addoption("--eval-answers", action="append", default=[], type=named_file,
                    metavar="NAME=PATH",
                    help="score the answers of another program to the eval set NAME")  # fmt: skip
    group.addoption("--eval-limit", type=partial(whole, what="samples"), metavar="N",
                    help="run the first N samples of each set")  # fmt: skip
    group.addoption("--eval-write-baseline", action="store_true",
                    help="accept the results of this run: write them to baselines/")  # fmt: skip
    group.addoption("--eval-plan", action="store_true", help="plan the run, and run nothing")
    group.addoption("--eval-against", metavar="CELL",
                    help="compare the selected cells with the baseline of this cell")  # fmt: skip
    group.addoption("--eval-baseline-runs", type=partial(whole, what="runs"), metavar="N",
                    help="make the baselines of N runs (1); those after the first ask everything "
                    "anew")  # fmt: skip
    group.addoption("--eval-baseline-add", action="store_true",
                    help="add the runs to the baselines that are there")  # fmt: skip
    group.addoption("--eval-gpus", type=partial(whole, what="GPUs"), metavar="N",
                    help="use at most N GPUs at once (all of them)")  # fmt: skip
    group.addoption("--eval-strict", action="store_true",
                    help="fail for skips, undecided gates and untrusted judges")  # fmt: skip
    group.addoption("--eval-repeat-engine", action="store_true",
                    help="make every request twice and report how many labels flip")  # fmt: skip


def options_of(config: pytest.Config) -> Options:
    """Return what the command line says, or else the configuration file, or else the default.

    Raises:
        pytest.UsageError: A value of the configuration file is not one of its key.
    """
    return Options(
        engine=_engine(config),
        dtype=_word(config, "--eval-dtype"),
        store=_place(config, "--eval-store", ".harness/outputs.sqlite"),
        reports=_place(config, "--eval-reports", "reports"),
        lang="ru" if _word(config, "--eval-report-lang") == "ru" else "en",
        texts="none" if _word(config, "--eval-report-texts") == "none" else "full",
        plots=_PLOTS[_word(config, "--eval-report-plots") or "svg"],
        start_timeout_s=_duration(config, "--eval-start-timeout") or 900.0,
        stall_timeout_s=_duration(config, "--eval-stall-timeout") or 600.0,
    )


def check_baseline_options(config: pytest.Config) -> None:
    """Check that baselines are written from whole sets and real answers only.

    Raises:
        pytest.UsageError: `--eval-write-baseline` stands beside an option that makes them of less,
            or is missing.
    """
    _check_answers(config)
    if not config.getoption("--eval-write-baseline"):
        if config.getoption("--eval-baseline-runs") is not None:
            raise pytest.UsageError(
                "--eval-baseline-runs says of how many runs baselines are written; add "
                "--eval-write-baseline, or leave it out"
            )
        if config.getoption("--eval-baseline-add"):
            raise pytest.UsageError("--eval-baseline-add says how baselines are written; add "
                                    "--eval-write-baseline, or leave it out")  # fmt: skip
        return
    wrong = data_options(config)
    if options_of(config).engine == "fake":
        given = config.getoption("--eval-engine") is not None
        wrong.append("--eval-engine fake" if given else "eval_engine = fake")
    if wrong:
        raise pytest.UsageError(
            f"--eval-write-baseline with {' and '.join(wrong)} would make baselines of results "
            "that are not the set's own; leave one of them out"
        )


def _check_answers(config: pytest.Config) -> None:
    again = ("--eval-baseline-runs", "--eval-baseline-add", "--eval-repeat-engine")
    found = [option for option in again if config.getoption(option)]
    if config.getoption("--eval-answers") and found:
        raise pytest.UsageError(f"{found[0]} asks everything again, and --eval-answers are given "
                                "once; leave one of them out")  # fmt: skip


def named_files(config: pytest.Config, option: str) -> dict[str, str]:
    """Return the absolute paths that an option of the kind NAME=PATH gives, by name of the set."""
    return dict(entry.split("=", 1) for entry in config.getoption(option))


def data_options(config: pytest.Config) -> list[str]:
    """Return those of `--eval-dataset`, `--eval-shots` and `--eval-limit` that are given."""
    return [option for option in (*_OF_DATA, "--eval-limit") if config.getoption(option)]


def check_names(config: pytest.Config, names: Iterable[str]) -> None:
    """Check that the options name only eval sets that are run.

    Args:
        config: Of the session.
        names: The eval sets of the selected cells.

    Raises:
        pytest.UsageError: One is not among them.
    """
    known = sorted(set(names))
    for option in _NAMED:
        named = [entry.partition("=")[0] for entry in config.getoption(option)]
        for name in dict.fromkeys(named):
            if named.count(name) > 1:
                raise pytest.UsageError(f"{option} {name}=...: given twice; leave one out")
            if known and name not in known:
                raise pytest.UsageError(
                    f"{option} {name}=...: no selected eval set has this name; "
                    f"there are {', '.join(known)}"
                )


def check_writable(config: pytest.Config) -> None:
    """Check before anything is computed that the report's and the store's folders can be written.

    Raises:
        pytest.UsageError: One is a file, or may not be written.
    """
    given = options_of(config)
    if given.store.is_dir():
        named = _named(config, "--eval-store", given.store)
        raise pytest.UsageError(f"{named} is a folder; give a file in it")
    folders = {"--eval-store": given.store.parent, "--eval-reports": given.reports}
    for option, folder in folders.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise pytest.UsageError(f"cannot write to {there}; choose another folder with "
                                    f"{option} or {_key(option)}")  # fmt: skip


def _key(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _word(config: pytest.Config, option: str) -> str | None:
    """Return a value that is one of a few, or a path as it was given."""
    if (given := config.getoption(option)) is not None:
        return str(given)
    found = _from_file(config, option)
    if found in (None, ""):
        return None
    choices = _CHOICES.get(option, ())
    if not isinstance(found, str) or (choices and found not in choices):
        raise _wrong(config, option, f"{found!r} is not {_either(choices)}")
    return found


def _engine(config: pytest.Config) -> str | None:
    """Return the engine for all models, ours or one that a plugin or the root registers."""
    given = _word(config, "--eval-engine")
    if given is None or given in _ENGINES:
        return given
    from harness.plugin.registering import engine_names

    if given in (known := [*_ENGINES, *engine_names(config)]):
        return given
    problem = f"is not one of {', '.join(known)}"
    if config.getoption("--eval-engine") is None:
        raise _wrong(config, "--eval-engine", f"{given!r} {problem}")
    raise pytest.UsageError(f"--eval-engine {given}: {problem}")


def _either(choices: Sequence[str]) -> str:
    return f"one of {', '.join(choices)}" if choices else "a path"


def _duration(config: pytest.Config, option: str) -> float | None:
    given: float | None = config.getoption(option)
    if given is not None:
        return given
    found = _from_file(config, option)
    if found is None:
        return None
    try:
        return seconds(str(found))
    except argparse.ArgumentTypeError as error:
        raise _wrong(config, option, str(error)) from None


def _place(config: pytest.Config, option: str, default: str) -> Path:
    """Return a path: of the command line from the working folder, else from the file's folder."""
    here, file = config.invocation_params.dir, config.inipath
    if (given := config.getoption(option)) is not None:
        return here / Path(given).expanduser()
    if (found := _word(config, option)) is not None:
        return (file.parent if file is not None else here) / Path(found).expanduser()
    return config.rootpath / default


def _named(config: pytest.Config, option: str, path: Path) -> str:
    given: str | None = config.getoption(option)
    return f"{option} {given}" if given is not None else f"{_key(option)} = {path}"


def _from_file(config: pytest.Config, option: str) -> object:
    try:
        return config.getini(_key(option))
    except (TypeError, ValueError, pytest.UsageError) as error:  # the last since pytest 9.2
        raise _wrong(config, option, str(error)) from None


def _wrong(config: pytest.Config, option: str, problem: str) -> pytest.UsageError:
    file = config.inipath.name if config.inipath is not None else "-o"
    return pytest.UsageError(f"{file}: {_key(option)}: {problem}")
