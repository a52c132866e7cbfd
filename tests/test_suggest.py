from __future__ import annotations

import pytest

from harness.suggest import did_you_mean, nearest

KNOWN = ["placement", "selector", "order"]


@pytest.mark.parametrize(
    ("given", "likeness", "wanted"),
    [
        ("plcement", 0.6, "placement"),
        ("colour", 0.6, None),
        ("colour", 0, "selector"),
        ("plce", 0.9, None),
        ("", 0.6, None),
    ],
)
def test_the_nearest_name_is_found_where_one_is_like_enough(given, likeness, wanted):
    assert nearest(given, KNOWN, likeness=likeness) == wanted


def test_among_no_names_none_is_near():
    assert nearest("order", [], likeness=0) is None


def test_a_fix_is_the_near_name_or_what_else_to_do():
    assert did_you_mean("selectr", set(KNOWN), "remove it") == "did you mean 'selector'?"
    assert did_you_mean("colour", KNOWN, "remove it") == "remove it"
    assert did_you_mean("colour", KNOWN) == ""
