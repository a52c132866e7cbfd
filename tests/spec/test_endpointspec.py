from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.spec import load_evalset, load_models
from harness.spec.endpointspec import EndpointSpec

URL = "base_url: 'http://127.0.0.1:8000/v1'"


def load(project, entry: str):
    path = project.models(f"models:\n  judge: {entry}\n")
    return load_models(path, root=project.root)["judge"]


def test_the_source_makes_it_an_endpoint(project):
    spec = load(project, f"{{source: 'openai:org/Model-7B', options: {{{URL}}}}}")
    assert (spec.remote, spec.engine, spec.trained) == (True, "openai", False)
    again = load(project, f"{{source: 'openai:m', engine: openai, options: {{{URL}}}}}")
    assert again.remote
    assert not load(project, "{source: 'file:model'}").remote


def test_defaults():
    spec = EndpointSpec(base_url="http://127.0.0.1:8000/v1/")
    assert (spec.base_url, spec.url) == (["http://127.0.0.1:8000/v1"], spec.base_url[0])
    assert spec.api_key_env == "OPENAI_API_KEY"
    assert (spec.concurrency, spec.requests_per_minute, spec.deadline_s) == (8, None, 300.0)
    assert spec.cost(prompt_tokens=10, completion_tokens=10) is None


def test_address_and_name_identify_it():
    spec = EndpointSpec.model_validate({"base_url": "https://x/v1", "concurrency": 2})
    assert spec.identity("openai:m:free") == {
        "engine": "openai",
        "base_url": "https://x/v1",
        "model": "m:free",
    }


def test_several_addresses_are_one_model_by_the_first():
    one = EndpointSpec.model_validate({"base_url": "https://x/v1"})
    two = EndpointSpec.model_validate({"base_url": ["https://x/v1/", "https://y/v1"]})
    assert two.base_url == ["https://x/v1", "https://y/v1"]
    assert two.identity("openai:m") == one.identity("openai:m")


def test_cost_in_dollars():
    price = {"prompt": 0.15, "completion": 0.6}
    spec = EndpointSpec.model_validate({"base_url": "https://x/v1", "price": price})
    assert spec.cost(prompt_tokens=2_000_000, completion_tokens=500_000) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (f"{{source: 'openai:', options: {{{URL}}}}}",
         "models.judge: engine openai needs the model's name there; write source: openai:NAME"),
        (f"{{engine: openai, options: {{{URL}}}}}",
         "models.judge: engine openai needs the model's name there; write source: openai:NAME"),
        (f"{{source: 'file:x', engine: openai, options: {{{URL}}}}}",
         "models.judge: engine openai needs the model's name there; write source: openai:NAME"),
        (f"{{source: 'openai:m', engine: vllm, options: {{{URL}}}}}",
         "models.judge: a model at an endpoint has engine openai, not vllm; remove 'engine'"),
        (f"{{source: 'openai:m', dtype: float32, adapter: a, options: {{{URL}}}}}",
         "models.judge: a model at an endpoint takes no adapter, dtype; remove it"),
        ("{source: 'openai:m'}",
         "models.judge: a model at an endpoint needs an address; write options: {base_url: URL}"),
        ("{source: 'openai:m', options: {concurrency: 2}}",
         "models.judge.options: missing key 'base_url'; add it"),
        ("{source: 'openai:m', options: {base_url: 'localhost:8000'}}",
         "models.judge.options.base_url: 'localhost:8000' is not an address; begin it with http:// "
         "or https://"),
        ("{source: 'openai:m', options: {base_url: 'https://me:key@host/v1'}}",
         "models.judge.options.base_url: an address has no key in it; name its variable in "
         "'api_key_env'"),
        ("{source: 'openai:m', options: {base_url: 'ftp://me:key@host/v1'}}",
         "models.judge.options.base_url: an address has no key in it; name its variable in "
         "'api_key_env'"),
        ("{source: 'openai:m', options: {base_url: ['http://a/v1', 'me@b/v1']}}",
         "models.judge.options.base_url: an address has no key in it; name its variable in "
         "'api_key_env'"),
        ("{source: 'openai:m', options: {base_url: ['http://a/v1', 'http://a/v1/']}}",
         "models.judge.options.base_url: names one address twice; remove one"),
        ("{source: 'openai:m', options: {base_url: []}}",
         "models.judge.options.base_url: is empty; write an address, or several of servers of one "
         "model"),
        *((f"{{source: 'openai:m', options: {{{URL}, api_key_env: {key}}}}}",
           "models.judge.options.api_key_env: is not the name of an environment variable in "
           "capitals, such as OPENAI_API_KEY; put the key into one, and name that here")
          for key in ("sk-SECRET-0123", "hf_oneOfSmallLetters", "'A B'")),
        ("{source: 'https://me:key@host/v1?key=1'}",
         "models.judge.source: invalid source 'https://host/v1?…'; write "
         "hub:owner/name[@revision], file:PATH or pypi:package==version"),
        (f"{{source: 'openai:m', options: {{{URL}, api_key: sk-1}}}}",
         "models.judge.options.api_key: unknown key; did you mean 'api_key_env'?"),
        (f"{{source: 'openai:m', options: {{{URL}, concurrency: 0}}}}",
         "models.judge.options.concurrency: input should be greater than or equal to 1, not 0"),
        (f"{{source: 'openai:m', options: {{{URL}, deadline_s: 0}}}}",
         "models.judge.options.deadline_s: input should be greater than 0, not 0"),
        (f"{{source: 'openai:m', options: {{{URL}, price: {{prompt: 1}}}}}}",
         "models.judge.options.price: missing key 'completion'; add it"),
    ],
)  # fmt: skip
def test_mistakes_name_file_line_and_key(project, entry, line):
    with pytest.raises(SpecError) as raised:
        load(project, entry)
    assert str(raised.value) == f"evalsets/models.yaml:2: {line}"


def test_other_sources_are_none_of_these(project):
    with pytest.raises(SpecError, match="invalid source 'openia:m'"):
        load(project, "{source: 'openia:m'}")
    path = project.evalset("data: {source: 'openai:m'}\nmodels: [tiny]\n")
    with pytest.raises(SpecError, match="invalid source 'openai:m'"):
        load_evalset(path, root=project.root)


def test_a_set_with_labels_is_not_answered_by_an_endpoint(project):
    project.models(f"models:\n  tiny: {{source: 'openai:m', options: {{{URL}}}}}\n")
    path = project.root / "evalsets/set.yaml"
    with pytest.raises(SpecError) as raised:
        load_evalset(path, root=project.root)
    assert str(raised.value) == (
        "evalsets/set.yaml:7: models[0]: 'tiny' is asked at an endpoint, which answers no set "
        "with labels; it may answer or judge a judge set"
    )
