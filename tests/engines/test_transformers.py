"""The transformers engine against plain forward passes, one by one, of the same model."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace

import pytest

from harness.engines import transformers as module
from harness.engines.transformers import open_engine
from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling

torch = pytest.importorskip("torch")
WINDOW = 128


def config_of(folder, **changes):
    config = EngineConfig("transformers", str(folder), "float32", "cpu", WINDOW)
    return replace(config, **changes)


@pytest.fixture(scope="module")
def engine(tiny_llama):
    opened = open_engine(config_of(tiny_llama, options={"batch_tokens": 64, "pass_cost": 4}))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reference(tiny_llama):
    """The same model as transformers loads it by itself."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32).eval()


def ids(seed, length):
    drawn = random.Random(seed)
    return tuple(drawn.randrange(5, 200) for _ in range(length))


def families(count=30):
    """Prompts with a header shared by all, a block shared by a half, and lone ones."""
    header, blocks = ids(1, 20), (ids(2, 30), ids(3, 15))
    prompts = [(*header, *blocks[n % 2], *ids(100 + n, 1 + n % 9)) for n in range(count)]
    return [*prompts, prompts[0], header, ids(4, 25), ids(5, 1)]


def requests_of(prompts, **sampling):
    return [Request(f"r{n}", prompt, Sampling(**sampling)) for n, prompt in enumerate(prompts)]


def run(engine, requests):
    outputs = {output.key: output for output in engine.generate(requests)}
    assert len(outputs) == len(requests)
    return outputs


@torch.inference_mode()
def expected_logprobs(model, prompt, wanted):
    scores = model(torch.tensor([prompt])).logits[0, -1].float().log_softmax(dim=-1)
    return [scores[token].item() for token in wanted]


@torch.inference_mode()
def greedy(model, prompt, length):
    """Complete by whole forward passes, without any cache."""
    done = []
    while len(done) < length and (not done or done[-1] != model.config.eos_token_id):
        done.append(int(model(torch.tensor([[*prompt, *done]])).logits[0, -1].argmax()))
    return tuple(done)


@pytest.fixture
def passes(engine):
    """Shapes of the input of every forward pass."""
    shapes = []
    hook = engine._model.register_forward_pre_hook(
        lambda _, args, named: shapes.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    yield shapes
    hook.remove()


class TestScores:
    def test_equal_to_one_by_one(self, engine, reference):
        wanted = (7, 50, 120)
        requests = requests_of(families(), score_ids=wanted)
        outputs = run(engine, requests)
        for request in requests:
            output = outputs[request.key]
            want = expected_logprobs(reference, request.prompt_ids, wanted)
            assert output.logprobs == pytest.approx(want, abs=1e-4)
            assert output.token_ids == greedy(reference, request.prompt_ids, 1)

    def test_account_of_tokens_is_what_was_computed(self, engine, passes):
        prompts = families()
        outputs = run(engine, requests_of(prompts)).values()
        total = sum(output.prompt_tokens for output in outputs)
        computed = total - sum(output.cached_tokens for output in outputs)
        assert total == sum(map(len, prompts))
        assert computed < 0.4 * total
        padded = sum(rows * width for rows, width in passes)
        assert computed <= padded < computed + 4 * len(passes)
        assert all(0 <= o.cached_tokens < o.prompt_tokens for o in outputs)

    def test_one_token_costs_one_pass(self, engine, passes):
        run(engine, requests_of([ids(n, 8) for n in range(8)], score_ids=(7,)))
        assert passes == [(8, 8)]

    def test_batches_keep_to_the_budget(self, engine, passes):
        run(engine, requests_of([ids(n, 10 + n) for n in range(20)]))
        assert all(rows * width <= 64 or rows == 1 for rows, width in passes)
        assert len(passes) < 20

    def test_outputs_come_batch_by_batch(self, engine, passes):
        stream = engine.generate(requests_of([ids(n, 16) for n in range(8)]))
        next(stream)
        assert len(passes) == 1
        assert len(list(stream)) == 7
        assert len(passes) == 2

    def test_consumer_is_not_left_in_inference_mode(self, engine):
        for _ in engine.generate(requests_of([ids(1, 5), ids(2, 5)])):
            assert not torch.is_inference_mode_enabled()

    def test_an_abandoned_stream_leaves_the_engine_usable(self, engine):
        requests = requests_of(families())
        before = run(engine, requests)
        next(engine.generate(requests))
        after = run(engine, requests)
        assert {k: o.token_ids for k, o in after.items()} == {
            k: o.token_ids for k, o in before.items()
        }
        assert sum(o.cached_tokens for o in after.values()) == sum(
            o.cached_tokens for o in before.values()
        )


class TestCompletions:
    def test_greedy_equals_whole_passes(self, engine, reference):
        requests = requests_of(families(), max_tokens=7)
        outputs = run(engine, requests)
        for request in requests:
            assert outputs[request.key].token_ids == greedy(reference, request.prompt_ids, 7)

    def test_rows_of_different_length_and_limit_share_a_batch(self, engine, reference, passes):
        requests = [
            Request(f"r{n}", ids(n, 10), Sampling(max_tokens=2 + n, score_ids=(7,)))
            for n in range(6)
        ]
        outputs = run(engine, requests)
        assert passes[0] == (6, 10)
        assert [rows for rows, _ in passes] == sorted((r for r, _ in passes), reverse=True)
        for request in requests:
            limit = request.sampling.max_tokens
            assert outputs[request.key].token_ids == greedy(reference, request.prompt_ids, limit)
            want = expected_logprobs(reference, request.prompt_ids, (7,))
            assert outputs[request.key].logprobs == pytest.approx(want, abs=1e-4)

    def test_end_token_stops(self, engine, reference):
        end = reference.config.eos_token_id
        for seed in range(400):
            tokens = greedy(reference, ids(seed, 6), 12)
            if tokens[-1] == end and len(tokens) > 1:
                break
        else:
            pytest.fail("no prompt makes this model end by itself")
        output = run(engine, [Request("r", ids(seed, 6), Sampling(max_tokens=12))])["r"]
        assert (output.token_ids, output.finish_reason) == (tokens, "stop")
        assert "<|im_end|>" not in output.text

    def test_sampling_does_not_depend_on_the_batch(self, engine):
        requests = requests_of(families(), max_tokens=6, temperature=0.8, top_p=0.9, seed=5)
        together = run(engine, requests)
        for request in requests[::5]:
            alone = run(engine, [request])[request.key]
            assert alone.token_ids == together[request.key].token_ids

    def test_choice_that_differs_at_once_costs_one_pass(self, engine, passes):
        choices = (" positive", " negative")
        outputs = run(engine, requests_of([ids(n, 8) for n in range(6)], choices=choices))
        assert {o.text for o in outputs.values()} <= set(choices)
        assert len(passes) == 1

    def test_choice_is_the_likelier_path(self, engine, reference, passes):
        prompt = ids(3, 9)
        output = run(engine, requests_of([prompt], choices=("aab", "aac")))["r0"]
        first = list(output.token_ids[:2])
        b, c = (engine._tokenizer.encode(letter)[0] for letter in "bc")
        scores = expected_logprobs(reference, [*prompt, *first], (b, c))
        assert output.text == ("aab" if scores[0] > scores[1] else "aac")
        assert passes == [(1, 9), (1, 1), (1, 1)]

    def test_choice_beyond_the_window_is_an_error_of_its_own(self, engine):
        long = Request("long", ids(1, WINDOW - 3), Sampling(choices=("abcdef", "x")))
        outputs = run(engine, [long, *requests_of([ids(1, WINDOW - 3)])])
        assert f"window of {WINDOW}" in outputs["long"].failure.text
        assert outputs["r0"].error is None


class TestProblems:
    @pytest.mark.parametrize(
        ("request_", "error"),
        [
            (Request("x", (), Sampling()), "no tokens"),
            (Request("x", (5, 10**6), Sampling()), "token id 1000000 is not in the vocabulary"),
            (Request("x", (5,), Sampling(score_ids=(-1,))), "token id -1 is not in"),
            (Request("x", (5,) * WINDOW, Sampling()), f"window of {WINDOW}"),
        ],
    )
    def test_unfit_request_is_an_error_of_its_own(self, engine, request_, error):
        outputs = run(engine, [request_, *requests_of([ids(1, 4)])])
        assert error in outputs["x"].failure.text
        assert outputs["x"].finish_reason == "error"
        assert outputs["r0"].error is None

    def test_output_that_is_not_finite_is_an_error(self, tiny_llama):
        engine = open_engine(config_of(tiny_llama))
        with torch.no_grad():
            engine._model.model.norm.weight.fill_(float("nan"))
        output = run(engine, requests_of([ids(1, 4)]))["r0"]
        assert "not finite in float32; its weights may be damaged" in output.failure.text
        assert output.logprobs == ()

    def test_closed_engine(self, tiny_llama):
        engine = open_engine(config_of(tiny_llama))
        engine.close()
        engine.close()
        with pytest.raises(EngineError, match="closed"):
            list(engine.generate(requests_of([ids(1, 4)])))


class TestOpening:
    def test_a_configuration_that_asks_for_other_outputs(self, tiny_llama, tmp_path, reference):
        folder = shutil.copytree(tiny_llama, tmp_path / "model")
        told = json.loads((folder / "config.json").read_text())
        told |= {"return_dict": False, "output_hidden_states": True, "output_attentions": True}
        (folder / "config.json").write_text(json.dumps(told))
        opened = open_engine(config_of(folder))
        prompt = ids(1, 9)
        (output,) = opened.generate(requests_of([prompt], score_ids=(7, 8)))
        opened.close()
        assert output.logprobs == pytest.approx(expected_logprobs(reference, prompt, (7, 8)))

    def test_missing_model(self, tmp_path):
        with pytest.raises(EngineError, match="cannot be loaded") as caught:
            open_engine(config_of(tmp_path))
        assert "\n" not in str(caught.value)

    def test_wrong_option(self, tiny_llama):
        with pytest.raises(EngineError, match="'batch_token': unknown key; did you mean 'batch"):
            open_engine(config_of(tiny_llama, options={"batch_token": 5}))

    @pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
    def test_no_cuda(self, tiny_llama):
        with pytest.raises(EngineError, match="no CUDA device; use device 'cpu'"):
            open_engine(config_of(tiny_llama, device="cuda"))

    def test_threads(self, tiny_llama):
        before = torch.get_num_threads()
        try:
            open_engine(config_of(tiny_llama, options={"threads": 1})).close()
            assert torch.get_num_threads() == 1
        finally:
            torch.set_num_threads(before)

    def test_dtype(self, tiny_llama):
        engine = open_engine(config_of(tiny_llama, dtype="bfloat16"))
        assert engine._model.dtype is torch.bfloat16
        output = run(engine, requests_of([ids(1, 4)], score_ids=(7,)))["r0"]
        assert output.error is None

    def test_end_tokens_of_config_and_tokenizer(self, engine, reference):
        assert engine._eos_ids == {reference.config.eos_token_id}
        generation = reference.generation_config
        before, generation.eos_token_id = generation.eos_token_id, [9, 8]
        try:
            assert module._eos_ids(reference, engine._tokenizer) == {9, 8, before}
        finally:
            generation.eos_token_id = before


@pytest.mark.parametrize("window", [16, 200])
def test_sliding_window_model_equals_whole_passes(tiny_llama, tmp_path, window):
    """Beyond the window nothing is shared or padded; within it both are."""
    from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(1)
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=window,
        initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = MistralForCausalLM(config).to(torch.float32).eval()
    model.save_pretrained(tmp_path)
    engine = open_engine(config_of(tmp_path, options={"pass_cost": 4}))
    requests = requests_of(families(12), max_tokens=4, score_ids=(7,))
    outputs = run(engine, requests)
    for request in requests:
        output = outputs[request.key]
        assert output.token_ids == greedy(model, request.prompt_ids, 4)
        want = expected_logprobs(model, request.prompt_ids, (7,))
        assert output.logprobs == pytest.approx(want, abs=1e-4)
    assert any(output.cached_tokens for output in outputs.values()) is (window == 200)


@pytest.mark.slow
def test_smollm2_equals_one_by_one(smollm2):
    """Label scores of chats with a shared header, each against its own whole forward pass."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    model = AutoModelForCausalLM.from_pretrained(smollm2, dtype=torch.float32).eval()
    labels = tuple(tokenizer.encode(word)[0] for word in (" positive", " negative"))
    requests = []
    for number, words in enumerate(["dull", "a joy", "not bad at all", "two hours too long"] * 4):
        chat = [{"role": "user", "content": f"Is this positive or negative? {words} {number}"}]
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        prompt = tuple(tokenizer.encode(text + "The review is", add_special_tokens=False))
        requests.append(Request(f"r{number}", prompt, Sampling(score_ids=labels)))
    engine = open_engine(config_of(smollm2))
    outputs = run(engine, requests)
    engine.close()
    assert sum(output.cached_tokens for output in outputs.values()) > 0
    for request in requests:
        want = expected_logprobs(model, request.prompt_ids, labels)
        assert outputs[request.key].logprobs == pytest.approx(want, abs=1e-3)
