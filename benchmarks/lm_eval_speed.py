"""The harness beside lm-evaluation-harness on vLLM: the same prompts, seconds from text to answers.

    python benchmarks/lm_eval_speed.py --model FOLDER --samples CSV --shots CSV --out FILE.json \
        [--load-format dummy]

Needs lm-eval 0.4.13 and vLLM in one environment. Each side has a process and an engine of its own
for each round, in turned order; starts are left out on both sides. lm-evaluation-harness is
given the prompts as the harness renders them, by a local task: once to write one token
(`generate_until`), once to score the two label words (`multiple_choice`).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import yaml
from engine_vs_chat import ROOT, Times, conversations, in_own_process, options, run_harness, study

from harness.prompts.open_format import open_format

KINDS = ("generate_until", "multiple_choice")


def write_tasks(args: argparse.Namespace, folder: Path) -> None:
    """Write a task of each kind for each mode, with the prompts as texts."""
    _, spec = study(args)
    chat = open_format("model", spec, args.model, root=ROOT)
    for mode, (cell, samples, shots, prompt) in conversations(args).items():
        texts = chat.texts(prompt.conversations(samples, shots, cell.mode.placement), bound=True)
        data = folder / f"{mode}.jsonl"
        with data.open("w", encoding="utf-8") as file:
            for sample, text in zip(samples, texts, strict=True):
                labels = list(cell.evalset.labels)
                row = {"prompt": text, "label": sample.label, "at": labels.index(sample.label)}
                file.write(json.dumps(row) + "\n")
        common: dict[str, Any] = {
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data)}},
            "test_split": "test",
            "doc_to_text": "prompt",
            "num_fewshot": 0,
            "target_delimiter": prompt.separator,
        }
        own: dict[str, dict[str, Any]] = {
            "generate_until": {
                "doc_to_target": "label",
                "generation_kwargs": {"until": ["\n\n\n"], "max_gen_toks": 1, "do_sample": False},
                "metric_list": [{"metric": "exact_match"}],
            },
            "multiple_choice": {
                "doc_to_target": "at",
                "doc_to_choice": list(cell.evalset.labels),
                "metric_list": [{"metric": "acc"}],
            },
        }
        for kind in KINDS:
            task = {"task": f"{mode}_{kind}", "output_type": kind} | common | own[kind]
            (folder / f"{mode}_{kind}.yaml").write_text(yaml.safe_dump(task, sort_keys=False))


def run_lm_eval(args: argparse.Namespace) -> Times:
    import lm_eval
    from lm_eval.models.vllm_causallms import VLLM
    from lm_eval.tasks import TaskManager

    folder = args.out.parent / "lm_eval_tasks"
    folder.mkdir(parents=True, exist_ok=True)
    write_tasks(args, folder)
    seconds: list[float] = []

    class Timed(VLLM):  # type: ignore[misc]  # lm_eval is not installed here
        """VLLM that remembers how long its requests took, tokenizing included."""

        def generate_until(self, *parts: object, **named: object) -> list[str]:
            began = time.perf_counter()
            answers: list[str] = super().generate_until(*parts, **named)
            seconds.append(time.perf_counter() - began)
            return answers

        def loglikelihood(self, *parts: object, **named: object) -> list[tuple[float, bool]]:
            began = time.perf_counter()
            answers: list[tuple[float, bool]] = super().loglikelihood(*parts, **named)
            seconds.append(time.perf_counter() - began)
            return answers

    extra = {"load_format": args.load_format} if args.load_format else {}
    lm = Timed(pretrained=str(args.model), dtype=args.dtype, max_model_len=args.max_model_len,
               batch_size="auto", device=args.device, **extra)  # fmt: skip
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    times: Times = {}
    for mode in conversations(args):
        for kind in args.kinds.split(","):
            whole = time.perf_counter()
            name = f"{mode}_{kind}"
            found = lm_eval.simple_evaluate(
                model=lm, tasks=[name], task_manager=manager, bootstrap_iters=0
            )
            times[name] = {
                "requests_s": seconds[-1],
                "total_s": time.perf_counter() - whole,
                "samples": len(found["samples"][name]),
            }
    return times


def main() -> None:
    parser = options(__doc__, ("harness", "lm-eval"))
    parser.add_argument("--kinds", default=",".join(KINDS))
    args = parser.parse_args()
    if args.only:
        ours = args.only == "harness"
        found = run_harness(args, multiprocess=False) if ours else run_lm_eval(args)
        args.out.write_text(json.dumps(found))
        return
    rounds = []
    for number in range(args.rounds):
        names = ["harness", "lm-eval"][:: -1 if number % 2 else 1]
        rounds.append({name: in_own_process(args, name) for name in names})
        for mode, ours in rounds[-1]["harness"].items():
            for kind in KINDS:
                theirs = rounds[-1]["lm-eval"].get(f"{mode}_{kind}")
                if theirs:
                    print(f"round {number}, {mode}: harness {ours['total_s']:.2f} s, lm-eval "
                          f"{kind} {theirs['requests_s']:.2f} s, "
                          f"{ours['total_s'] / theirs['requests_s']:.2f}", flush=True)  # fmt: skip
        args.out.write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
