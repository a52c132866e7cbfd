"""Options by engine in models.yaml: what is taken, left aside and refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from harness.cli import schemas
from harness.engines import ENGINES
from harness.errors import SpecError
from harness.records import ENGINE_NAMES
from harness.spec import load_models
from harness.spec.enginespec import EngineOptions, FakeSpec, TransformersSpec

URL = "base_url: 'http://host/v1'"


def load(project, entry: str):
    path = project.models(f"models:\n  m:\n    {entry}\n")
    return load_models(path, root=project.root)["m"]


def test_every_engine_of_the_table_has_its_options():
    assert set(EngineOptions.model_fields) == set(ENGINES) == set(ENGINE_NAMES)


def test_no_option_is_called_as_an_engine_is():
    for kind in (TransformersSpec, FakeSpec):
        assert not set(kind.model_fields) & set(ENGINES)


@pytest.mark.parametrize("engine", ["auto", "vllm", "transformers", "fake"])
def test_options_stand_under_the_names_of_engines(project, engine):
    spec = load(project, f"{{source: 'file:m', engine: {engine}, options: "
                "{vllm: {max_num_seqs: 4}, transformers: {threads: 2}}}")  # fmt: skip
    assert spec.options_for("vllm") == {"max_num_seqs": 4}
    assert spec.options_for("transformers") == {"threads": 2}
    assert spec.options_for("fake") == {}


def test_flat_options_are_those_of_the_engine_that_is_named(project):
    spec = load(project, "{source: 'file:m', engine: vllm, options: {max_num_seqs: 4}}")
    assert spec.options_for("vllm") == {"max_num_seqs": 4}
    assert spec.options_for("transformers") == spec.options_for("fake") == {}


def test_an_endpoint_may_be_told_what_to_make_up(project):
    spec = load(project, f"{{source: 'openai:j', options: {{openai: {{{URL}}}, "
                "fake: {answer: x}}}")  # fmt: skip
    assert spec.options_for("openai") == {"base_url": "http://host/v1"}
    assert spec.weights == ("openai:j", None, "http://host/v1")
    assert spec.options_for("fake") == {"answer": "x"}


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("{source: 'file:m', options: {max_num_batched_tokens: 16384, enforce_eager: true}}",
         ".options: engine auto may be one of vllm, transformers, fake, whose options differ; write"
         " options: {vllm: {max_num_batched_tokens: 16384, enforce_eager: true}}"),
        ("{source: 'file:m', options: {threads: 2}}",
         ".options: engine auto may be one of vllm, transformers, fake, whose options differ; write"
         " options: {transformers: {threads: 2}}"),
        ("{source: 'file:m', options: {vlm: {max_num_seqs: 4}}}",
         ".options: 'vlm' is not one of vllm, transformers, fake; did you mean 'vllm'?"),
        ("{source: 'file:m', options: {vllm: {max_num_seqs: 4}, threads: 2}}",
         ".options: 'threads' stands beside the names of engines; put it under the one whose option"
         " it is"),
        ("{source: 'file:m', options: {vllm: {}, tfidf: {pairs: false}}}",
         ".options: a model of engine auto never runs on tfidf; remove 'tfidf'"),
        ("{engine: tfidf, options: {vllm: {}}}",
         ".options: a model of engine tfidf never runs on vllm; remove 'vllm'"),
        ("{source: 'file:m', options: {vllm: 16384}}",
         ".options.vllm: a mapping is wanted, such as {key: value}"),
        ("{source: 'file:m', options: {vllm: {dtype: float32}}}",
         ".options.vllm: 'dtype' is set by the harness; remove it"),
        ("{source: 'file:m', engine: vllm, options: {seed: 3}}",
         ".options: 'seed' is set by the harness; remove it"),
        ("{source: 'file:m', options: {transformers: {batch_token: 5}}}",
         ".options.transformers.batch_token: unknown key; did you mean 'batch_tokens'?"),
        ("{source: 'file:m', engine: transformers, options: {threads: 0}}",
         ".options.threads: input should be greater than or equal to 1, not 0"),
        ("{source: 'file:m', options: {fake: {delay: 1}}}",
         ".options.fake.delay: unknown key; did you mean 'delay_s'?"),
        ("{source: 'openai:j', options: {openai: {base_url: here}}}",
         ".options.openai.base_url: 'here' is not an address; begin it with http:// or https://"),
    ],
)  # fmt: skip
def test_mistakes_name_file_line_and_key(project, entry, line):
    with pytest.raises(SpecError) as raised:
        load(project, entry)
    assert str(raised.value) == f"evalsets/models.yaml:3: models.m{line}"


def test_an_endpoint_needs_its_own_options(project):
    with pytest.raises(SpecError) as raised:
        load(project, "{source: 'openai:j', options: {fake: {answer: x}}}")
    assert str(raised.value) == (
        "evalsets/models.yaml:2: models.m: a model at an endpoint needs an address; write options: "
        "{base_url: URL}"
    )


def test_the_schema_knows_both_forms():
    definitions = json.loads(schemas()["models"])["$defs"]
    named, flat = definitions["ModelSpec"]["properties"]["options"]["anyOf"]
    assert flat["type"] == "object"
    named = definitions[named["$ref"].rpartition("/")[2]]
    assert set(named["properties"]) == set(ENGINES)
    assert named["additionalProperties"] is False
    threads = definitions["TransformersSpec"]["properties"]["threads"]["anyOf"]
    assert {"minimum": 1, "type": "integer"} in threads


def test_specs_are_strict():
    with pytest.raises(ValidationError):
        TransformersSpec.model_validate({"threads": "2"})
    with pytest.raises(ValidationError):
        FakeSpec.model_validate({"delay_s": -1})
