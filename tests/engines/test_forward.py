"""Forward passes over a lent prefix give what one whole forward pass gives."""

from __future__ import annotations

import ctypes
import sys

import pytest

from harness.engines import forward as module
from harness.engines.forward import (
    fold_attention,
    folded_sdpa,
    forward,
    keep_freed_memory,
    lend_prefix,
    new_cache,
    pad_rows,
    pick_logprobs,
    plain_window,
    widen_head,
)

torch = pytest.importorskip("torch")
PREFIX = [5, 9, 7, 3, 8, 6]
ROWS = [[11, 12, 13, 14], [21, 22], [31, 32, 33]]


@pytest.fixture
def model(tiny_llama):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_llama).eval()


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def whole(model, ids):
    return model(torch.tensor([ids])).logits[0, -1]


def padded(rows):
    return pad_rows(rows)[0]


def prefix_of(model):
    cache = new_cache(model)
    forward(model, torch.tensor([PREFIX]), last=torch.tensor([len(PREFIX) - 1]), cache=cache)
    return [(layer.keys, layer.values) for layer in cache.layers]


@pytest.mark.parametrize("folded", [False, True])
class TestForward:
    @pytest.fixture(autouse=True)
    def _attention(self, folded, model):
        if folded:
            fold_attention(model)
            assert model.config._attn_implementation == "harness_folded_sdpa"

    def test_padded_rows_without_a_prefix(self, model):
        last = torch.tensor([len(row) - 1 for row in ROWS])
        logits = forward(model, padded(ROWS), last=last, cache=None)
        assert logits.shape == (3, model.config.vocab_size)
        for row, got in zip(ROWS, logits, strict=True):
            torch.testing.assert_close(got, whole(model, row), atol=1e-4, rtol=0)

    @pytest.mark.parametrize("keep", [False, True])
    def test_padded_rows_on_a_prefix(self, model, keep):
        prefix = prefix_of(model)
        before = [keys.clone() for keys, _ in prefix]
        cache = lend_prefix(prefix, rows=3, keep=keep)
        last = torch.tensor([len(row) - 1 for row in ROWS])
        logits = forward(model, padded(ROWS), last=last, cache=cache)
        for row, got in zip(ROWS, logits, strict=True):
            torch.testing.assert_close(got, whole(model, PREFIX + row), atol=1e-4, rtol=0)
        assert all(torch.equal(a, b) for (a, _), b in zip(prefix, before, strict=True))
        assert cache.get_seq_length() == len(PREFIX) + 4 * keep

    def test_next_token_after_padded_rows(self, model):
        lengths = torch.tensor([len(row) for row in ROWS])
        cache = lend_prefix(prefix_of(model), rows=3, keep=True)
        forward(model, padded(ROWS), last=lengths - 1, cache=cache)
        seen = torch.arange(len(PREFIX) + 4)[None] < len(PREFIX) + lengths[:, None]
        logits = forward(
            model,
            torch.tensor([[15]] * 3),
            last=torch.zeros(3, dtype=torch.long),
            cache=cache,
            seen=torch.nn.functional.pad(seen, (0, 1), value=True),
            positions=seen.sum(dim=1, keepdim=True),
        )
        for row, got in zip(ROWS, logits, strict=True):
            torch.testing.assert_close(got, whole(model, [*PREFIX, *row, 15]), atol=1e-4, rtol=0)


def test_prefix_is_lent_without_a_copy(model):
    prefix = prefix_of(model)
    cache = lend_prefix(prefix, rows=50, keep=True)
    for (keys, values), layer in zip(prefix, cache.layers, strict=True):
        assert layer.keys.data_ptr() == keys.data_ptr()
        assert layer.values.data_ptr() == values.data_ptr()
        assert layer.keys.shape[0] == 50


def test_head_sees_one_position_per_row(model):
    seen = []
    hook = model.lm_head.register_forward_hook(lambda m, i, o: seen.append(tuple(o.shape)))
    forward(model, padded(ROWS), last=torch.tensor([3, 1, 2]), cache=None)
    hook.remove()
    assert seen == [(3, 1, model.config.vocab_size)]


@pytest.mark.parametrize("bias", [False, True])
def test_a_head_in_bfloat16_gives_float32_logits(model, bias, monkeypatch):
    monkeypatch.setattr(module, "_HEAD_ROWS", 100)  # the vocabulary in several parts
    model = model.to(torch.bfloat16)
    if bias:
        model.lm_head.bias = torch.nn.Parameter(torch.randn(model.config.vocab_size).bfloat16())
    ids, last = padded(ROWS), torch.tensor([3, 1, 2])
    rounded = forward(model, ids, last=last, cache=None)
    seen = []
    widen_head(model)
    # After the hook of the pass itself, which picks the positions.
    hook = model.lm_head.register_forward_hook(lambda _, states, out: seen.append(states[0]))
    found = forward(model, ids, last=last, cache=None)
    hook.remove()
    exact = seen[0][:, 0].double() @ model.lm_head.weight.double().t()
    exact = exact + model.lm_head.bias.double() if bias else exact
    torch.testing.assert_close(found.double(), exact, atol=1e-5, rtol=0)
    assert (found - rounded).abs().max() > 1e-3
    assert not torch.equal(found, found.bfloat16().float())


def test_a_head_in_float32_is_left_alone(model):
    widen_head(model)
    assert "forward" not in vars(model.lm_head)


def test_hook_is_gone_after_a_failure(model):
    with pytest.raises(IndexError):
        forward(model, torch.tensor([[10**6]]), last=torch.tensor([0]), cache=None)
    assert not model.lm_head._forward_pre_hooks


@pytest.mark.parametrize("shared_mask", [True, False])
@pytest.mark.parametrize("key_heads", [1, 2, 6])
def test_folded_attention_equals_sdpa(key_heads, shared_mask):
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    torch.manual_seed(0)
    query = torch.randn(4, 6, 5, 8)
    key, value = torch.randn(2, 4, key_heads, 9, 8)
    layer = torch.nn.Module()
    layer.num_key_value_groups = 6 // key_heads
    mask = torch.rand(1 if shared_mask else 4, 1, 5, 9) > 0.4
    mask[..., 0] = True
    mask = mask.expand(4, -1, -1, -1)
    expected, _ = sdpa_attention_forward(layer, query, key, value, mask, scaling=0.3)
    got, weights = folded_sdpa(layer, query, key, value, mask, scaling=0.3)
    torch.testing.assert_close(got, expected)
    assert weights is None


def test_a_mask_of_each_head_is_left_to_sdpa():
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    torch.manual_seed(0)
    query = torch.randn(4, 6, 5, 8)
    key, value = torch.randn(2, 4, 2, 9, 8)
    layer = torch.nn.Module()
    layer.num_key_value_groups = 3
    mask = torch.randn(4, 6, 5, 9)  # numbers, as Doge's own
    expected, _ = sdpa_attention_forward(layer, query, key, value, mask, scaling=0.3)
    got, _ = folded_sdpa(layer, query, key, value, mask, scaling=0.3)
    torch.testing.assert_close(got, expected)


def test_other_attention_is_left_alone(model):
    model.set_attn_implementation("eager")
    fold_attention(model)
    assert model.config._attn_implementation == "eager"


def test_rows_are_padded_on_the_right():
    ids, lengths = pad_rows([(5,), (6, 7, 8)])
    assert ids.tolist() == [[5, 0, 0], [6, 7, 8]]
    assert lengths.tolist() == [1, 3]


def test_logprobs_are_each_rows_own():
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    scores = pick_logprobs(logits, [(2, 0, 2), (1,)])
    norm = logits[0].exp().sum().log().item()
    assert scores[0] == pytest.approx([3 - norm, 1 - norm, 3 - norm], abs=1e-6)
    assert scores[1] == pytest.approx([-1.0986123], abs=1e-6)


def test_no_logprobs_wanted():
    assert pick_logprobs(torch.zeros(2, 3), [(), ()]) == [[], []]


class TestPlainWindow:
    def test_full_attention_has_no_bound(self, model):
        assert plain_window(model.config) is None

    def test_sliding_window_bounds(self):
        from transformers import MistralConfig

        assert plain_window(MistralConfig(num_hidden_layers=2, sliding_window=77)) == 77

    def test_smallest_of_mixed_layers_bounds(self):
        from transformers import Gemma3TextConfig

        config = Gemma3TextConfig(num_hidden_layers=12, sliding_window=33)
        assert set(config.layer_types) == {"sliding_attention", "full_attention"}
        assert plain_window(config) == 33

    def test_state_space_layers_share_nothing(self):
        from transformers import Lfm2Config

        config = Lfm2Config(num_hidden_layers=4, layer_types=["conv", "full_attention"] * 2)
        assert plain_window(config) == 0


class TestMemory:
    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc is on Linux")
    def test_settings_are_taken(self, monkeypatch):
        calls = []
        libc = ctypes.CDLL(None)

        class Spy:
            @staticmethod
            def mallopt(name, value):
                calls.append(libc.mallopt(name, value))

        monkeypatch.setattr(module.ctypes, "CDLL", lambda name: Spy)
        keep_freed_memory()
        assert calls == [1, 1]

    def test_another_c_library_is_fine(self, monkeypatch):
        class Other:
            pass

        monkeypatch.setattr(module.ctypes, "CDLL", lambda name: Other)
        keep_freed_memory()

    def test_another_system_is_fine(self, monkeypatch):
        monkeypatch.setattr(module.sys, "platform", "darwin")
        monkeypatch.setattr(module.ctypes, "CDLL", lambda name: 1 / 0)
        keep_freed_memory()
