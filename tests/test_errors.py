"""What an error says on a terminal."""

from __future__ import annotations

import pickle

from harness.errors import EngineError, HarnessError, SpecError


def test_a_problem_is_one_line_that_no_terminal_obeys():
    assert str(HarnessError("a\nb\x1b[2J\u202ec\ud83d")) == r"a b\x1b[2J\u202ec\ud83d"
    assert str(EngineError("no\r\nGPU")) == "no GPU"


def test_several_problems_are_a_line_each():
    error = SpecError("one\ntwo", "three", path="a.yaml", line=3)
    assert str(error).split("\n") == ["a.yaml:3: one two", "a.yaml:3: three"]


def test_an_error_comes_through_a_pickle():
    assert str(pickle.loads(pickle.dumps(HarnessError("a\x1b")))) == r"a\x1b"
