"""All kinds of reasons, by who finds them, with the facts of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ON_PURPOSE = frozenset({"baseline_written", "made_up_answers"})
"""Why a gate is not meant to be judged: its baseline is written, or the answers are made up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a kind of reason tells.

    Attributes:
        names: Its facts.
        texts: Those of them that hold words of samples, models, judges, servers or extensions, and
            are masked in a report without texts.
        caused: Whether it hands other reasons on.
    """

    names: frozenset[str]
    texts: frozenset[str]
    caused: bool


def _facts(told: str) -> Facts:
    """Return facts as the table has them: names, `*` behind those of texts, `cause` for others."""
    names = told.split()
    own = frozenset(name.rstrip("*") for name in names) - {"cause"}
    texts = frozenset(name.rstrip("*") for name in names if name.endswith("*"))
    return Facts(own, texts, "cause" in names)


_GATES = {
    "no_samples": "", "none_scored": "total", "one_label": "label", "undefined": "figure",
    "no_figure": "scoring", "too_many_unscored": "share most", "other_cell": "cause",
    "no_pairs": "", "too_many_left_out": "share most", "no_sample_of_slice": "",
    "void": "cause", "no_answers": "", "no_answer_scored": "total", "no_verdicts": "",
    "few_probes": "answered expected", "answers_without_verdict": "lost due most",
    "pairs_without_verdict": "lost due most", "points_without_verdict": "lost due most",
    "no_probe_pairs": "", "probes_left_out": "share most", "baseline_unscored": "share most",
}  # fmt: skip
_PASSPORTS = {
    "untrusted": "cause", "of_judge": "judge cause", "not_covered": "",
    "passport": "path cause", "certify": "cause command", "passport_missing": "path",
    "passport_format": "path found present", "passport_damaged": "path detail",
    "other_judge": "then now", "other_weights": "then now",
    "other_engine": "then then_dtype now now_dtype", "other_rubric": "then now",
    "other_pairwise": "then now", "other_thinking": "then now", "thinking_was_left": "now",
    "thinking_is_left": "then", "other_template": "then now", "system_is_gone": "then",
    "system_is_new": "now", "other_options": "then now", "other_grammar": "",
    "other_served": "then now", "other_cut": "then now", "gold_too_small": "most needed",
    "gold_smoke": "set n", "gold_unscored": "set lost n lost_answers answers most",
    "gold_undecided": "set", "gold_worse": "set known pairs", "gold_chance": "set known pairs",
    "gold_scores": "set known pairs", "gold_no_scores": "set",
    "gold_length": "set known pairs",
    "gold_accuracy": "set known pairs demand", "gold_orders": "set known pairs demand",
    "points_unmeasured": "", "other_points": "then now", "other_per": "then now",
    "points_gold_small": "most needed", "points_gold_unscored": "set lost n most",
    "points_gold_one_sided": "set", "points_gold_found": "set known pairs demand",
    "points_gold_left_out": "set known pairs demand",
}  # fmt: skip
_SAMPLES = {
    "no_reason": "", "empty_answer": "", "ambiguous_answer": "", "more_than_label": "",
    "no_label": "", "answer_cut": "", "cut_behind_label": "word*", "not_a_label": "",
    "label_not_finite": "", "equal_labels": "", "scorer": "said*",
    "given_missing": "", "given_empty": "", "given_failed": "said*",
}  # fmt: skip
_REQUESTS = {
    "prompt_too_long": "tokens window", "no_room_to_think": "tokens window",
    "no_room_to_answer": "tokens wanted window", "request_too_long": "tokens completion window",
    "positions_vary": "tokens last", "no_known_word": "", "special_token": "token*",
    "special_token_in_thought": "token*", "special_token_in_turn": "token*",
    "system_left_out": "",
    "user_left_out": "turn", "assistant_left_out": "turn", "thought_ended_turn": "",
    "thought_not_closed": "room cause", "thought_without_window": "",
    "budget_without_answer": "room cause", "budget_spent_on_thought": "room cause",
    "raise_scoring_tokens": "", "raise_answer_tokens": "", "raise_thinking_limit": "limit",
    "give_judge_room": "",
}  # fmt: skip
_ENGINES = {
    "engine": "said*", "float16_not_finite": "", "bfloat16_not_finite": "", "not_finite": "dtype",
    "endpoint_refused": "status type said*", "endpoint_failed": "status type said*",
    "model_refused": "said*", "endpoint_ended": "said*", "endpoint_without_choice": "",
    "endpoint_without_text": "", "endpoint_not_openai": "place",
}  # fmt: skip
_JUDGES = {
    "score_not_whole": "", "score_out_of_range": "", "verdict_not_choice": "",
    "verdict_not_of_point": "", "quote_not_text": "", "verdict_cut": "",
    "judge_ended": "by", "verdict_lacks": "key", "verdict_of_more": "", "verdict_unfounded": "",
    "verdict_without_words": "", "judge_silent": "", "verdict_not_object": "",
    "verdict_not_json": "", "two_verdicts": "", "verdict_without_mark": "mark",
    "verdict_not_on_scale": "words", "verdict_with_text": "", "verdict_key_twice": "",
    "verdict_no_number": "name", "not_judged": "",
    "judge_moved": "judge moved n then twice", "canaries_broke":
    "judge broke n limit worst probe value", "canaries_covered":
    "judge broke n limit worst probe value", "canaries_mute": "judge lost n cause",
    "canary_kinds_mute": "judge lost n kinds cause", "canary_null": "", "canary_constant": "",
    "canary_off_topic": "", "canary_shuffled": "",
}  # fmt: skip
_SKIPS = {
    "cells_not_selected": "cells", "data_not_its_own": "options cause", "no_outcome": "cell cause",
    "baseline_written": "", "no_cuda": "model", "made_up_answers": "", "failed": "said",
    "answers_awaited": "command",
}  # fmt: skip
_BASELINES = {
    "baseline": "path cause", "baseline_count": "then now", "baseline_samples": "other total",
    "baseline_texts": "", "baseline_scoring": "then now", "baseline_format": "path found present",
    "baseline_damaged": "path detail", "baseline_uneven": "path", "baseline_missing": "path",
    "no_baseline": "path", "baseline_not_added": "path cause", "baseline_changed": "changed",
    "baseline_of_void": "path cause", "baseline_few_probes": "path answered expected",
    "judged_scale": "changed", "judged_probes": "other gone new", "judged_untold": "",
}  # fmt: skip
_PAIRS = {
    "pair_samples": "first second shared", "pair_targets": "other total",
    "pair_labels": "first second", "pair_texts": "other total", "pair_data": "",
    "pair_scoring": "first second",
}  # fmt: skip
_LOST = {
    "outputs_missing": "models missing wanted", "second_pass_missing": "model cause",
    "worker_died": "", "not_run": "", "cells_lost": "cells cause", "cells_lost_more":
    "cells more cause",
}  # fmt: skip
_OTHERS = {"other": "said*", "several": "cause", "or": ""}
_TABLES = (_OTHERS, _GATES, _PASSPORTS, _SAMPLES, _REQUESTS, _ENGINES, _JUDGES, _SKIPS,
           _BASELINES, _PAIRS, _LOST)  # fmt: skip

KINDS: Mapping[str, Facts] = {
    kind: _facts(told) for table in _TABLES for kind, told in table.items()
}
"""By name; each has a phrase in every language's file, in this order."""
