"""Models of many architectures: what the engine makes of them is what plain passes make.

Each is small and random, with weights so large that every token and position counts.
"""

from __future__ import annotations

import json
import random
import shutil

import pytest

from harness.engines.transformers import open_engine
from harness.engines.tryout import Able, try_out
from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling

torch = pytest.importorskip("torch")
VOCABULARY = 100
STEPS = 5
SCORED = (10, 20, 30)
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
BERT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 128}  # fmt: skip
MAMBA = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
# By model type: what it is made of, and what the engine may do with it.
KINDS = {
    "gpt2": (GPT, Able()),
    "bloom": ({"hidden_size": 32, "n_layer": 2, "n_head": 4}, Able()),
    "gpt_neo": (
        {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "window_size": 8,
         "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 128},
        None,
    ),
    "mpt": ({"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 128}, Able(padded=False)),
    "mamba": (MAMBA, Able(cached=False, shared=False, padded=False)),
    "mamba2": (
        {**MAMBA, "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 8},
        Able(cached=False, shared=False, padded=False),
    ),
    "rwkv": (
        {"hidden_size": 32, "num_hidden_layers": 2, "context_length": 128},
        Able(cached=False, shared=False, padded=False),
    ),
}  # fmt: skip


def make(folder, kind, **options):
    """Write a model with a tokenizer, and return it as transformers loads it by itself."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    # None of its tokens ends an answer that is as long as these.
    config = AutoConfig.for_model(
        kind, vocab_size=VOCABULARY, bos_token_id=2, eos_token_id=1, pad_token_id=3, **options
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(6)
    model.save_pretrained(folder)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w1").save_pretrained(folder)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def prompts():
    drawn = random.Random(0)
    shared = [drawn.randrange(4, VOCABULARY) for _ in range(40)]
    lengths = [3, 5, 5, 8, 11]
    tails = [[drawn.randrange(4, VOCABULARY) for _ in range(length)] for length in lengths]
    return [(*shared, *tail) for tail in tails] + [tuple(tail) for tail in tails]


def plainly(model, prompt):
    """Return log-probabilities and the answer, by a whole pass without a cache for each token."""
    ids, first = list(prompt), None
    with torch.inference_mode():
        for _ in range(STEPS):
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].float()
            first = logits.log_softmax(-1)[list(SCORED)].tolist() if first is None else first
            ids.append(int(logits.argmax()))
            if ids[-1] == 1:
                break
    return first, tuple(ids[len(prompt) :])


def opened(folder):
    options = {"batch_tokens": 256, "pass_cost": 8}
    return open_engine(EngineConfig("transformers", str(folder), "float32", "cpu", 120,
                                    options=options))  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_answers_are_those_of_plain_passes(tmp_path, kind):
    options, able = KINDS[kind]
    model = make(tmp_path, kind, **options)
    if able is not None:
        assert try_out(model, window=120) == able
    engine = opened(tmp_path)
    samplings = {"labels": Sampling(score_ids=SCORED), "answers": Sampling(max_tokens=STEPS)}
    for name, sampling in samplings.items():
        requests = [Request(f"{n}", prompt, sampling) for n, prompt in enumerate(prompts())]
        outputs = {output.key: output for output in engine.generate(requests)}
        for request in requests:
            logprobs, ids = plainly(model, request.prompt_ids)
            output = outputs[request.key]
            assert output.error is None
            if name == "labels":
                assert output.logprobs == pytest.approx(logprobs, abs=1e-4)
            else:
                assert output.token_ids == ids
    engine.close()


LLAMA = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 44,
    "short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 3.0, 4.0],
}  # fmt: skip
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}


def test_positions_that_depend_on_the_length_are_those_of_each_prompt_alone(tmp_path):
    # Prompts of 43 tokens and more share 40, those of 43 pass the turn while they are answered.
    model = make(tmp_path, "llama", **LLAMA, max_position_embeddings=512, rope_parameters=LONGROPE)
    engine = opened(tmp_path)
    for number, sampling in enumerate((Sampling(score_ids=SCORED), Sampling(max_tokens=STEPS))):
        requests = [Request(f"{n}", prompt, sampling) for n, prompt in enumerate(prompts())]
        outputs = {output.key: output for output in engine.generate(requests)}
        for request in requests:
            logprobs, ids = plainly(model, request.prompt_ids)
            found = outputs[request.key]
            if number:
                assert found.token_ids == ids
            else:
                assert found.logprobs == pytest.approx(logprobs, abs=1e-4)
    engine.close()


def test_positions_that_depend_on_other_prompts_are_refused(tmp_path):
    model = make(tmp_path, "llama", **LLAMA, max_position_embeddings=44, rope_parameters=DYNAMIC)
    engine = opened(tmp_path)
    requests = [Request(f"{n}", prompt, Sampling(score_ids=SCORED))
                for n, prompt in enumerate(prompts())]  # fmt: skip
    for output in engine.generate(requests):
        prompt = requests[int(output.key)].prompt_ids
        if len(prompt) > 44:
            assert output.error.text.startswith(f"prompt and answer have {len(prompt)} tokens, and "
                                           "beyond 44 the positions")  # fmt: skip
        else:
            assert output.logprobs == pytest.approx(plainly(model, prompt)[0], abs=1e-4)
    engine.close()


def test_a_window_that_no_position_reaches_is_refused(tmp_path):
    make(tmp_path, "gpt2", **{**GPT, "n_positions": 100})
    with pytest.raises(EngineError, match="max_model_len 120 is more than the 100 tokens that"):
        opened(tmp_path)


def test_rows_of_a_state_that_is_no_attention_end_one_after_another(tmp_path):
    model = make(
        tmp_path, "qwen3_next", **LLAMA, head_dim=8, max_position_embeddings=128,
        layer_types=["linear_attention", "full_attention"], linear_num_key_heads=2,
        linear_num_value_heads=4, linear_key_head_dim=8, linear_value_head_dim=8,
        num_experts=2, num_experts_per_tok=1, moe_intermediate_size=32,
        shared_expert_intermediate_size=32, decoder_sparse_step=4,
    )  # fmt: skip
    engine = opened(tmp_path)
    same = [prompts()[2], prompts()[1], prompts()[6], prompts()[7]]
    requests = [
        Request(f"{n}", prompt, Sampling(max_tokens=2 + n)) for n, prompt in enumerate(same)
    ]
    outputs = {output.key: output for output in engine.generate(requests)}
    for request in requests:
        wanted = plainly(model, request.prompt_ids)[1][: request.sampling.max_tokens]
        assert outputs[request.key].token_ids == wanted
    engine.close()


def test_a_cap_on_attention_is_kept(tmp_path):
    from transformers import AutoModelForCausalLM

    make(tmp_path, "gemma2", hidden_size=32, intermediate_size=64, num_hidden_layers=2,
         num_attention_heads=4, num_key_value_heads=2, head_dim=8, query_pre_attn_scalar=8,
         sliding_window=100, attn_logit_softcapping=1.0)  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(
        tmp_path, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    engine = opened(tmp_path)
    requests = [Request(f"{n}", prompt, Sampling(score_ids=SCORED))
                for n, prompt in enumerate(prompts())]  # fmt: skip
    outputs = {output.key: output for output in engine.generate(requests)}
    for request in requests:
        assert outputs[request.key].logprobs == pytest.approx(
            plainly(model, request.prompt_ids)[0], abs=1e-4
        )
    engine.close()


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlnet"])
def test_a_model_that_looks_ahead_is_refused(tmp_path, kind):
    options = {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64} if kind == "xlnet" else BERT
    make(tmp_path, kind, **options)
    with pytest.raises(EngineError, match="is no causal language model: a token changes the ans"):
        opened(tmp_path)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_rounding_is_no_other_answer(tiny_llama, dtype):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=getattr(torch, dtype)).eval()
    assert try_out(model, window=120) == Able()


@pytest.mark.parametrize("window", [1, 5, 6, 9, 24])
def test_a_small_window_is_kept_to(tiny_llama, window):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32).eval()
    lengths = []
    model.register_forward_pre_hook(
        lambda *call: lengths.append(call[2]["input_ids"].shape[1]), with_kwargs=True
    )
    assert try_out(model, window=window) == Able()
    assert max(lengths, default=0) <= window


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda w: w.pop("model.norm.weight"), "its files lack 1 of its weights, .* model.norm.w"),
        (
            lambda w: w.update({"model.layers.0.self_attn.o_proj.scale": torch.ones(1)}),
            "1 weights that config.json knows nothing of, such as model.layers.0.self_attn.o_proj",
        ),
    ],
)
def test_files_of_another_model_than_the_configuration(tiny_llama, tmp_path, change, line):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_llama, tmp_path / "m")
    weights = dict(load_file(folder / "model.safetensors"))
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EngineError, match=f"cannot be used: .*{line}"):
        opened(folder)


@pytest.mark.parametrize(
    ("file", "change", "line"),
    [
        ("generation_config.json", [], "has a value of another form .TypeError"),
        ("config.json", {"tie_word_embeddings": "false"}, "tie_word_embeddings.*expected bool"),
        ("config.json", {"rope_scaling": {"rope_type": "x"}}, "has a value of another form .KeyE"),
        ("config.json", {"intermediate_size": 8}, "of other shapes than config.json says"),
    ],
)
def test_values_of_another_form_are_one_line(tiny_llama, tmp_path, file, change, line):
    folder = shutil.copytree(tiny_llama, tmp_path / "m")
    path = folder / file
    if isinstance(change, dict):
        change = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps(change))
    with pytest.raises(EngineError, match=f"cannot be loaded: .*{line}") as told:
        opened(folder)
    assert "\n" not in str(told.value)


def test_an_end_that_is_a_text_is_passed_over(tiny_llama, tmp_path):
    folder = shutil.copytree(tiny_llama, tmp_path / "m")
    (folder / "generation_config.json").write_text('{"eos_token_id": "</s>"}')
    opened(folder).close()
