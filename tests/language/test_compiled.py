"""Compiled templates are kept beside the module, and made anew where the text changed."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment

from harness.language import compiled


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (tmp_path / "__pycache__").mkdir()
    return tmp_path / "words.py"


def said(module, text: str) -> str:
    cache = compiled.compiled_beside(module)
    environment = Environment(
        loader=DictLoader({"en.j2": text}), bytecode_cache=cache, autoescape=False
    )
    return environment.get_template("en.j2").render()


def test_it_is_compiled_once(module, monkeypatch):
    assert said(module, "one") == "one"
    monkeypatch.setattr(Environment, "compile", None)
    assert said(module, "one") == "one"


def test_another_text_is_compiled_anew(module):
    assert said(module, "one") == "one"
    assert said(module, "two") == "two"
    assert len(list((module.parent / "__pycache__").iterdir())) == 1


def test_nothing_is_kept_where_nothing_can_be_written(module, monkeypatch):
    def refused(*_args, **_kwargs):
        raise PermissionError

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refused)
    assert said(module, "one") == "one"
    assert not list((module.parent / "__pycache__").iterdir())


def test_nothing_is_kept_where_python_keeps_nothing(module, monkeypatch):
    assert compiled.compiled_beside(module.parent / "no" / "words.py") is None
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert compiled.compiled_beside(module) is None
