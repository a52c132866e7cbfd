"""Whether the name in a response is that of another model."""

from __future__ import annotations

import pytest

from harness.engines.openai_names import other_model


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("m", "m"),
        ("m", ""),
        ("M-7B", "m-7b"),
        ("one/m", "m"),
        ("m", "one/m"),
        ("models/m-flash", "m-flash-002"),
        ("m", "/srv/models/m.gguf"),
        ("m", "C:\\models\\m.gguf"),
        ("m4o", "m4o-2024-08-06"),
        ("m4o-mini", "m4o-mini-20240718"),
        ("m4", "m4-0613"),
        ("m-sonnet", "m-sonnet@20240620"),
        ("m-grande-latest", "m-grande-2411"),
        ("m-latest", "m"),
        ("m", "m:latest"),
        ("m-2024-08-06", "m"),
        ("one/m:free", "one/m"),
        ("one/m:some-cloud", "one/m"),
        ("one/m:free", "one/m-2024-08-06"),
    ],
)
def test_the_same_model_under_another_form_of_its_name(asked, served):
    assert not other_model(asked, served)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("m4o", "m4o-mini"),
        ("m4o", "m4o-mini-2024-07-18"),
        ("m4o-mini", "m4o"),
        ("m4o-2024-05-13", "m4o-2024-08-06"),
        ("m-8b", "m-1b"),
        ("m:8b", "m:1b"),
        ("m", "m:1b"),
        ("m-v0.2", "m-v0.3"),
        ("m", "m-q4_k_m.gguf"),
        ("one/m", "one/n"),
        ("m", "default"),
    ],
)
def test_another_model(asked, served):
    assert other_model(asked, served)
