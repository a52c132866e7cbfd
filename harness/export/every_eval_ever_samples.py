"""Samples as records of Every Eval Ever: a line for each, with its verdict on accuracy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from harness.export.every_eval_ever_results import result_id
from harness.jsontext import json_text
from harness.records import Json, Result


def sample_lines(
    samples: Sequence[Result], schema: str, evaluation: str, model: str, task: str, scoring: str
) -> Iterator[str]:
    """Yield a line for each sample of a cell.

    Where labels were scored by log-probabilities nothing was written: the output is the label.

    Args:
        samples: Those with a verdict: a record has no place for others.
        schema: Its version.
        evaluation: Id of the record that they belong to.
        model: As `OWNER/NAME`.
        task: Name of the cell.
        scoring: How the answer was read.
    """
    for one in samples:
        digest = hashlib.sha256((one.text + one.target).encode("utf-8", "replace")).hexdigest()
        answered = one.answer is not None
        read: list[Json] = [{
            "turn_idx": 0, "source": "output.raw", "extracted_value": one.answer,
            "extraction_method": scoring, "is_terminal": True,
        }]  # fmt: skip
        record: dict[str, Json] = {
            "schema_version": schema,
            "evaluation_id": evaluation,
            "model_id": model,
            "evaluation_name": task,
            "evaluation_result_id": result_id(task, "accuracy"),
            "sample_id": one.sample,
            "sample_hash": digest,
            "interaction_type": "single_turn",
            "input": {"raw": one.text, "reference": [one.target]},
            "output": {"raw": [one.completion or (one.answer or "")]},
            "answer_attribution": read if answered else [],
            "evaluation": {"score": float(bool(one.correct)), "is_correct": bool(one.correct)},
            "metadata": {"prompt_key": one.prompt_key},
        }
        if one.logprobs:
            record["input"] = {"raw": one.text, "reference": [one.target],
                               "choices": list(one.logprobs)}  # fmt: skip
            record["metadata"] = {"prompt_key": one.prompt_key,
                                  "logprobs": json_text(dict(one.logprobs))}  # fmt: skip
        yield json_text(record) + "\n"
