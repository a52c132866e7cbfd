"""Completions from given logits: no model, a real tokenizer."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.engines.decoding import (
    build_choices,
    choice_ids,
    continuation_text,
    sample,
    start_completion,
)
from harness.engines.schemas import Schemas
from harness.records import EngineConfig, Request, Sampling

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_folder)


@pytest.fixture
def start(tokenizer):
    """Start a completion of a text."""

    def run(text="It is", *, seed=0, key="k", window=64, **sampling):
        ids = tuple(tokenizer.encode(text, add_special_tokens=False))
        config = EngineConfig("transformers", "none", "float32", "cpu", window, seed=seed)
        request = Request(key, ids, Sampling(**sampling))
        eos_ids = {tokenizer.eos_token_id}
        schemas = Schemas(tokenizer, vocab=len(tokenizer), eos_ids=eos_ids)
        return start_completion(request, tokenizer, eos_ids=eos_ids, schemas=schemas, config=config)

    return run


def peaked(tokenizer, *tokens, height=9.0):
    """Logits with peaks at tokens, the first the highest."""
    logits = torch.zeros(len(tokenizer))
    for rank, token in enumerate(tokens):
        logits[token] = height - rank
    return logits


def feed(completion, logits):
    completion.advance(logits, int(logits.argmax()))


class TestFree:
    def test_greedy_until_max_tokens(self, start, tokenizer):
        completion = start(max_tokens=3)
        for letter in "abc":
            assert completion.finish_reason is None
            feed(completion, peaked(tokenizer, tokenizer.encode(letter)[0]))
        output = completion.output(logprobs=[-1.0], cached_tokens=2)
        assert (output.text, output.finish_reason) == ("abc", "length")
        assert (output.logprobs, output.cached_tokens) == ((-1.0,), 2)
        assert output.prompt_tokens == len(completion.request.prompt_ids)

    def test_end_token_stops_and_is_no_text(self, start, tokenizer):
        completion = start(max_tokens=9)
        feed(completion, peaked(tokenizer, tokenizer.encode("a")[0]))
        feed(completion, peaked(tokenizer, tokenizer.eos_token_id))
        output = completion.output(logprobs=(), cached_tokens=0)
        assert (output.text, output.finish_reason) == ("a", "stop")
        assert output.token_ids[-1] == tokenizer.eos_token_id

    def test_end_token_as_last_allowed_token_is_a_stop(self, start, tokenizer):
        completion = start(max_tokens=1)
        feed(completion, peaked(tokenizer, tokenizer.eos_token_id))
        assert (completion.finish_reason, completion.text) == ("stop", "")

    def test_earliest_stop_string_cuts(self, start, tokenizer):
        completion = start(max_tokens=9, stop=("d", "bc"))
        for letter in "abc":
            feed(completion, peaked(tokenizer, tokenizer.encode(letter)[0]))
        assert (completion.finish_reason, completion.text) == ("stop", "a")

    def test_stop_string_not_met(self, start, tokenizer):
        completion = start(max_tokens=2, stop=("z",))
        for letter in "ab":
            feed(completion, peaked(tokenizer, tokenizer.encode(letter)[0]))
        assert (completion.finish_reason, completion.text) == ("length", "ab")

    def test_failure_says_nothing(self, start, tokenizer):
        completion = start(max_tokens=9)
        feed(completion, peaked(tokenizer, tokenizer.encode("a")[0]))
        completion.fail("broken")
        output = completion.output(logprobs=[float("nan")], cached_tokens=1)
        assert (output.error, output.finish_reason) == ("broken", "error")
        assert (output.text, output.token_ids, output.logprobs) == ("", (), ())


class TestSampling:
    def test_frequencies_follow_the_temperature(self):
        logits = torch.tensor([0.0, 1.0, 2.0])
        random = torch.Generator().manual_seed(0)
        sampling = Sampling(temperature=2.0)
        drawn = Counter(sample(logits, sampling, random) for _ in range(6000))
        expected = torch.softmax(logits / 2.0, dim=-1)
        for index, share in enumerate(expected.tolist()):
            # Three standard deviations of a share of 6000 draws are below 0.02.
            assert drawn[index] / 6000 == pytest.approx(share, abs=0.02)

    def test_nucleus_keeps_the_smallest_set_that_reaches_top_p(self):
        logits = torch.tensor([0.1, 0.4, 0.3, 0.2]).log()
        random = torch.Generator().manual_seed(0)
        drawn = {sample(logits, Sampling(temperature=1.0, top_p=0.6), random) for _ in range(500)}
        assert drawn == {1, 2}

    def test_tiny_top_p_is_greedy(self):
        random = torch.Generator().manual_seed(0)
        sampling = Sampling(temperature=1.0, top_p=1e-9)
        assert {sample(torch.tensor([0.0, 0.1, 0.0]), sampling, random) for _ in range(50)} == {1}

    def test_rounding_differences_do_not_change_a_draw(self):
        generator = torch.Generator().manual_seed(1)
        logits = torch.randn(5000, generator=generator)
        near = logits + 1e-6 * torch.randn(5000, generator=generator)
        sampling = Sampling(temperature=1.0, top_p=0.95)
        pairs = [
            [sample(x, sampling, torch.Generator().manual_seed(seed)) for x in (logits, near)]
            for seed in range(100)
        ]
        assert sum(left != right for left, right in pairs) <= 1

    def test_seed_of_the_request_fixes_the_stream(self, start, tokenizer):
        def text(**how):
            completion = start(max_tokens=12, temperature=1.0, **how)
            for _ in range(12):
                feed(completion, torch.zeros(len(tokenizer)))
            return completion.ids

        # `seed` of the helper is the engine's; both streams below come from key and engine seed.
        assert text(key="a", seed=1) == text(key="a", seed=1)
        assert text(key="a", seed=1) != text(key="b", seed=1)
        assert text(key="a", seed=1) != text(key="a", seed=2)


class TestChoices:
    def test_single_token_labels_need_one_step(self, start, tokenizer):
        completion = start(choices=(" positive", " negative"))
        first = tokenizer.encode(" negative")[0]
        feed(completion, peaked(tokenizer, tokenizer.encode("x")[0], first))
        assert (completion.text, completion.finish_reason) == (" negative", "stop")

    def test_rest_without_alternative_needs_no_step(self, start, tokenizer):
        completion = start(choices=("yes, of course", "no"))
        feed(completion, peaked(tokenizer, tokenizer.encode("y")[0]))
        assert (completion.text, completion.finish_reason) == ("yes, of course", "stop")
        assert completion.ids == tokenizer.encode("yes, of course")

    def test_common_start_is_walked_token_by_token(self, start, tokenizer):
        completion = start(choices=("aab", "aac"))
        feed(completion, peaked(tokenizer, tokenizer.encode("c")[0]))
        assert (completion.ids, completion.finish_reason) == (tokenizer.encode("a"), None)
        feed(completion, peaked(tokenizer, tokenizer.encode("b")[0]))
        feed(completion, peaked(tokenizer, tokenizer.encode("c")[0]))
        assert (completion.text, completion.finish_reason) == ("aac", "stop")

    @pytest.mark.parametrize(("ends", "text"), [(True, "go"), (False, "gone")])
    def test_choice_that_starts_another_ends_by_the_end_token(self, start, tokenizer, ends, text):
        completion = start(choices=("go", "gone"))
        feed(completion, peaked(tokenizer, tokenizer.encode("g")[0]))
        feed(completion, peaked(tokenizer, tokenizer.encode("o")[0]))
        then = tokenizer.eos_token_id if ends else tokenizer.encode("n")[0]
        feed(completion, peaked(tokenizer, then))
        assert (completion.text, completion.finish_reason) == (text, "stop")
        assert tokenizer.decode(completion.ids) == text

    def test_choices_are_sampled_by_their_probabilities(self, start, tokenizer):
        a, b = tokenizer.encode("a")[0], tokenizer.encode("b")[0]
        logits = peaked(tokenizer, a, b, height=1.0)
        drawn = Counter()
        for number in range(400):
            completion = start(choices=("a", "b"), temperature=1.0, key=str(number))
            feed(completion, logits)
            drawn[completion.text] += 1
        assert drawn["a"] / 400 == pytest.approx(2.718 / 3.718, abs=0.08)

    def test_longest_counts_tokens(self, tokenizer):
        assert build_choices(tokenizer, [3], ["ab", "abcd", "x"]).longest == 4

    def test_too_long_for_the_window(self, start):
        with pytest.raises(ValueError, match="more than the window of 8"):
            start("It is", choices=("abcdef",), window=8)

    def test_empty_choice_is_refused(self, start):
        with pytest.raises(ValueError, match="choice '' has no tokens"):
            start(choices=("", "a"))

    def test_tokens_continue_the_prompt(self, tokenizer):
        prompt = tokenizer.encode("<|im_start|>It is")
        assert choice_ids(tokenizer, prompt, " positive") == tokenizer.encode(" positive")

    def test_prompt_that_the_joined_text_would_merge_keeps_its_tokens(self, tokenizer):
        """` positiv` + `e` is one token in the joined text, but the prompt's tokens are given."""
        prompt = tokenizer.encode(" positiv")
        assert tokenizer.encode(" positive")[: len(prompt)] != prompt
        assert choice_ids(tokenizer, prompt, "e") == tokenizer.encode("e")


class TestText:
    def test_special_tokens_are_left_out(self, tokenizer):
        ids = tokenizer.encode("a<|im_end|>b")
        assert continuation_text(tokenizer, tokenizer.encode("x<|im_start|>"), ids) == "ab"

    def test_character_over_several_tokens(self, tokenizer):
        ids = tokenizer.encode("ж")
        assert len(ids) == 2
        assert continuation_text(tokenizer, tokenizer.encode("x"), ids) == "ж"

    def test_character_that_starts_in_the_prompt(self, tokenizer):
        first, second = tokenizer.encode("ж")
        after = [second, *tokenizer.encode("a")]
        assert continuation_text(tokenizer, [first], after).endswith("a")

    def test_spaces_before_punctuation_stay(self, tokenizer):
        ids = tokenizer.encode("a , b .")
        assert continuation_text(tokenizer, tokenizer.encode("x"), ids) == "a , b ."


class TestSchema:
    FLAG = (
        '{"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"], '
        '"additionalProperties": false}'
    )

    def run(self, completion, logits, steps=40):
        for _ in range(steps):
            if completion.finish_reason:
                break
            feed(completion, logits)
        return completion.output(logprobs=[], cached_tokens=0)

    def test_the_best_of_what_is_allowed_is_taken(self, start, tokenizer):
        completion = start(max_tokens=40, schema=self.FLAG)
        letters = [tokenizer.encode(letter)[0] for letter in "qy"]
        output = self.run(completion, peaked(tokenizer, *letters))
        assert output.text == '{"a":"y"}'
        assert output.finish_reason == "stop"
        assert tokenizer.eos_token_id not in output.token_ids

    def test_sampling_stays_within_the_schema(self, start, tokenizer):
        texts = Counter(
            self.run(
                start(max_tokens=40, schema=self.FLAG, temperature=1.0, seed=seed),
                peaked(tokenizer, tokenizer.encode("q")[0], height=30.0),
            ).text
            for seed in range(20)
        )
        assert set(texts) == {'{"a":"x"}', '{"a":"y"}'}

    def test_cut_for_its_length(self, start, tokenizer):
        output = self.run(start(max_tokens=3, schema=self.FLAG), peaked(tokenizer))
        assert (output.text, output.finish_reason) == ('{"a', "length")

    def test_a_schema_without_an_end_ends_by_the_end_token(self, start, tokenizer):
        digit = tokenizer.encode("7")[0]
        completion = start(max_tokens=9, schema='{"type": "integer"}')
        feed(completion, peaked(tokenizer, digit))
        assert completion.finish_reason is None
        feed(completion, peaked(tokenizer, tokenizer.eos_token_id))
        assert (completion.text, completion.finish_reason) == ("7", "stop")

    def test_not_beside_choices(self, start):
        with pytest.raises(ValueError, match="choices or a schema, not both"):
            start(schema=self.FLAG, choices=("a",))
