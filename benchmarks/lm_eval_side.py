"""The other side of agreement.py: runs lm-evaluation-harness, in the environment that has it.

    PYTHON lm_eval_side.py JOB.json

The job names a model folder, a folder with one YAML task and a list of passes, each a batch size
and a number of samples. Each pass writes what it was given and what it answered.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Ids = tuple[int, ...]


def rows(
    samples: Sequence[Mapping[str, Any]], asked: Mapping[tuple[str, str], tuple[Ids, Ids]]
) -> list[dict[str, object]]:
    """Return id, token ids and log-likelihoods of each sample, choices in their order.

    Args:
        samples: As lm-evaluation-harness logs them.
        asked: Tokens of context and continuation, by the texts of both.
    """
    return [
        {
            "id": sample["doc"]["id"],
            "ids": [[*context, *rest] for context, rest in map(asked.__getitem__, _texts(sample))],
            "logprobs": [answer[0] for answer in sample["filtered_resps"]],
        }
        for sample in samples
    ]


def written(samples: Sequence[Mapping[str, Any]], chosen: str | None) -> list[dict[str, object]]:
    """Return id, prompt, answer, what a filter makes of it and its exact match, of each sample.

    Args:
        samples: As lm-evaluation-harness logs them, once for each filter.
        chosen: Name of the filter, None for the only one.
    """
    return [
        {
            "id": sample["doc"]["id"],
            "prompt": sample["arguments"][0][0],
            "answer": sample["resps"][0][0],
            "read": sample["filtered_resps"][0],
            "right": bool(sample["exact_match"]),
        }
        for sample in samples
        if chosen in (None, sample["filter"])
    ]


def _texts(sample: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(context, rest) for context, rest in sample["arguments"]]


def main() -> None:
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))

    class Watched(HFLM):  # type: ignore[misc]  # lm_eval is not installed here
        """HFLM that remembers the tokens it was asked about and the time they took."""

        def _loglikelihood_tokens(
            self, requests: list[Any], *args: object, **kwargs: object
        ) -> list[Any]:
            asked.update({pair: (tuple(ctx), tuple(rest)) for pair, ctx, rest in requests})
            began = time.perf_counter()
            answers: list[Any] = super()._loglikelihood_tokens(requests, *args, **kwargs)
            seconds.append(time.perf_counter() - began)
            return answers

    lm = Watched(pretrained=job["model"], device=job["device"], dtype=job["dtype"])
    manager = TaskManager(include_path=job["tasks"], include_defaults=False)
    done = []
    for batch_size, limit in job["passes"]:
        asked: dict[tuple[str, str], tuple[Ids, Ids]] = {}
        seconds: list[float] = []
        lm.batch_size_per_gpu = batch_size
        found = lm_eval.simple_evaluate(
            model=lm,
            tasks=[job["task"]],
            num_fewshot=job.get("num_fewshot", 0),
            limit=limit,
            bootstrap_iters=0,
            task_manager=manager,
        )
        samples = found["samples"][job["task"]]
        answers = written(samples, job.get("filter")) if job.get("written") else None
        done.append({"batch_size": batch_size, "seconds": sum(seconds),
                     "rows": rows(samples, asked) if answers is None else answers})  # fmt: skip
    packages = ("lm_eval", "transformers", "torch")
    answer = {"passes": done, "versions": {name: version(name) for name in packages}}
    Path(job["out"]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
