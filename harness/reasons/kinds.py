"""All kinds of reasons, by who finds them, with the facts of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    "pairs_without_verdict": "lost due most",
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
    "gold_accuracy": "set known pairs demand", "gold_orders": "set known pairs demand",
}  # fmt: skip
_OTHERS = {"other": "said*", "several": "cause"}

KINDS: Mapping[str, Facts] = {
    kind: _facts(told) for table in (_OTHERS, _GATES, _PASSPORTS) for kind, told in table.items()
}
"""By name; each has a phrase in every language's file, in this order."""
