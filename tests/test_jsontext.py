"""JSON as files hold it."""

from __future__ import annotations

import json
import math
import sys

import pytest

from harness.jsontext import _HIDING, json_text, json_value

ODD = "a\x00\x1b[31m\x7f\x9b31m\u2028\u202eb\u200b\U000e0041 é \U0001f600"


def test_what_hides_is_spelled_and_reads_back():
    text = json_text({ODD: [ODD, 1.5, None]}, compact=True)
    assert json.loads(text) == {ODD: [ODD, 1.5, None]}
    assert text.isprintable()
    assert "é \U0001f600" in text


def test_indents_and_no_numbers():
    assert json_text([1], indent=1) == "[\n 1\n]"
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text(math.nan)


def test_what_shows_hides_nothing():
    """Text that Python calls printable is written without a search."""
    shows = [one for one in map(chr, range(sys.maxunicode + 1)) if one.isprintable()]
    assert json_text("".join(shows)) == json.dumps("".join(shows), ensure_ascii=False)
    assert not [one for one in shows if _HIDING.match(one)]


def test_what_is_nested_too_deep_is_no_json():
    assert json_value('{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match="is nested too deep"):
        json_value("[" * 100_000)
