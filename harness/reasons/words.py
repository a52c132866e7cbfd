"""The words of reasons: a phrase for each kind in each language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def phrases(lang: str) -> Mapping[str, str]:
    """Return the phrase of each kind of reason; in them, `str.format` fields of its facts."""
    import yaml

    text = (files("harness.reasons") / f"{lang}.yaml").read_text(encoding="utf-8")
    return {str(kind): str(phrase) for kind, phrase in yaml.safe_load(text).items()}
