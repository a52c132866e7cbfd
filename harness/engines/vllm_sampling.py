"""Samplings as vLLM takes them: log-probabilities apart from constraints, schemas as grammars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engines.vllm_schemas import spelled_grammar
from harness.records import Sampling

if TYPE_CHECKING:
    from vllm import SamplingParams

# The longest list of token ids that one request may score.
_MAX_SCORE_IDS = 128


def sampling_params(sampling: Sampling, *, spells: bool = True) -> list[SamplingParams]:
    """Return the parameters of the vLLM requests that make one of ours, the completion's last.

    Log-probabilities are wanted before constraints, but vLLM masks the logits of a constrained
    request before it reads them off; and it scores at most 128 ids at once. Then they come from
    requests of one token of their own, whose prompt the completion finds in the prefix cache.

    Args:
        sampling: What is wanted.
        spells: Whether xgrammar holds completions to their schemas, which reads bounds of strings
            in a grammar of its own alone.

    Raises:
        ValueError: A schema bounds strings in a form that has no such grammar.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    ids = list(dict.fromkeys(sampling.score_ids))
    chunks = [ids[i : i + _MAX_SCORE_IDS] for i in range(0, len(ids), _MAX_SCORE_IDS)]
    bound = bool(sampling.choices or sampling.schema)
    own = None if bound or not chunks else chunks.pop()
    final = RequestOutputKind.FINAL_ONLY
    probes = [
        SamplingParams(max_tokens=1, temperature=0.0, logprob_token_ids=chunk, output_kind=final)
        for chunk in chunks
    ]
    max_tokens, constraint = sampling.max_tokens, None
    if sampling.choices:
        # A choice is one token a byte at the most, and one to end it; the grammar stops it there.
        max_tokens = max(max_tokens, 1 + max(len(choice.encode()) for choice in sampling.choices))
        constraint = StructuredOutputsParams(choice=list(sampling.choices))
    if sampling.schema:
        grammar = spelled_grammar(sampling.schema) if spells else None
        constraint = StructuredOutputsParams(
            json=None if grammar else sampling.schema,
            grammar=grammar,
            choice=list(sampling.choices) or None,
        )
    main = SamplingParams(
        max_tokens=max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        stop=list(sampling.stop),
        stop_token_ids=list(sampling.stop_ids) or None,
        logprob_token_ids=own,
        # That of the token taken tells whether the model's output was finite.
        logprobs=None if own else 0,
        structured_outputs=constraint,
        output_kind=final,
    )
    return [*probes, main]
