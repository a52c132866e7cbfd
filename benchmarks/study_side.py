"""The sentiment study at the shape of its two models, from a cold machine to the report.

    python benchmarks/study_side.py make --tokenizer FOLDER --samples CSV --shots CSV --out DIR
    python benchmarks/study_side.py chat DIR
    python benchmarks/study_side.py study DIR --tree CHECKOUT --keep FILE
    python benchmarks/study_side.py flips FILE FILE

Two models with the shapes of Qwen2.5-3B and Llama-3.2-1B and random weights (the same each time),
zero-shot and five shots in three placements, 2,000 reviews each. `make` writes a project, `chat`
runs vLLM's defaults with LLM.chat, a process a model, and `study` the harness of a checkout through
pytest; both print seconds as JSON, a line a step. Options change
models, samples and, as those of pytest, anything else.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "q3b": {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 2048,
        "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
        "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 32768,
        "rope_theta": 1000000.0, "rms_norm_eps": 1e-6, "tie_word_embeddings": True,
        "hidden_act": "silu", "torch_dtype": "bfloat16",
    },
    "l1b": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
        "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256,
        "max_position_embeddings": 131072, "rope_theta": 500000.0, "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True, "hidden_act": "silu", "torch_dtype": "bfloat16",
    },
}  # fmt: skip
MODEL = """  {name}:
    source: file:models/{name}
    engine: vllm
    dtype: bfloat16
    max_model_len: 16384
    options: {{max_num_batched_tokens: 16384, enforce_eager: true, load_format: dummy}}
"""
SET = """data:
  source: file:samples.csv
  shots: file:shots.csv
  text: review
  label: sentiment
  samples: {{n: {n}, seed: 42}}
  leaks: drop
labels: {{positive: positive, negative: negative}}
models: [{models}]
prompts: [{prompts}]
modes: [{modes}]
scoring: logprobs
"""
MODES = "zeroshot, {mode: fewshot, k: 5, placement: [system, user, chat], seeds: [0]}"
PLACES = ("zeroshot", "system", "user", "chat")


def rows(path: Path) -> list[dict[str, str]]:
    opened = gzip.open(path, "rt", encoding="utf-8", newline="")
    with opened if path.suffix == ".gz" else path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, some: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["review", "sentiment"])
        writer.writeheader()
        writer.writerows(some)


def make(args: argparse.Namespace) -> None:
    out: Path = args.out
    shutil.rmtree(out, ignore_errors=True)
    names = args.models.split(",")
    for name in names:
        folder = out / "models" / name
        shutil.copytree(args.tokenizer, folder)
        own = json.loads((folder / "config.json").read_text())
        ids = {key: own[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
        (folder / "config.json").write_text(json.dumps(SHAPES[name] | ids))
    samples, shots = rows(args.samples), rows(args.shots)
    if args.copies > 1:
        # More samples than there are: the shots' rows too, and each text again with a mark.
        whole = [*samples, *shots[64:]]
        samples = [
            {**row, "review": f"[{copy}] {row['review']}"}
            for copy in range(args.copies)
            for row in whole
        ]
        shots = shots[:64]
    write(out / "samples.csv", samples)
    write(out / "shots.csv", shots)
    (out / "evalsets").mkdir(parents=True)
    shutil.copytree(Path(__file__).parents[1] / "prompts", out / "prompts")
    text = "models:\n" + "".join(MODEL.format(name=name) for name in names)
    (out / "evalsets/models.yaml").write_text(text)
    n = args.n or len(samples)
    text = SET.format(models=", ".join(names), n=n, prompts="sentiment/prefill.j2", modes=MODES)
    (out / "evalsets/study.yaml").write_text(text)
    (out / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    print(json.dumps({"made": str(out), "samples": len(samples), "shots": len(shots)}))


def study(args: argparse.Namespace) -> None:
    """Time a run of the harness, and say what its parts took."""
    root: Path = args.dir.resolve()
    tree = args.tree.resolve()
    paths = [str(tree), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if not args.stored:
        shutil.rmtree(root / ".harness", ignore_errors=True)
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "-q", "evalsets/study.yaml"]
    command += ["-k", args.k] if args.k else []
    command += args.further
    began = time.monotonic()
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode not in (0, 1):
        print(done.stdout[-4000:], done.stderr[-4000:])
    run = json.loads((root / "reports/latest/run.json").read_text())
    engines = [
        {key: one.get(key) for key in ("model", "start_s", "generate_s", "computed", "stored",
                                       "prompt_tokens", "cached_tokens", "replicas")}
        for one in run["info"]["engines"]
    ]  # fmt: skip
    if args.keep:
        shutil.copy(root / "reports/latest/results.jsonl", args.keep)
    print(json.dumps({"what": args.name, "wall_s": round(wall, 1), "rc": done.returncode,
                      "engines": engines}), flush=True)  # fmt: skip


def chat(args: argparse.Namespace) -> None:
    """Time vLLM's defaults with LLM.chat on the same conversations, a process a model."""
    began = time.monotonic()
    for name in args.models.split(","):
        command = [sys.executable, __file__, "chat-one", str(args.dir), "--models", name]
        subprocess.run(command, check=True)
    print(json.dumps({"what": "chat", "wall_s": round(time.monotonic() - began, 1)}), flush=True)


def chat_one(args: argparse.Namespace) -> None:
    began = time.monotonic()
    from vllm import LLM, SamplingParams

    model = args.dir / "models" / args.models
    llm = LLM(str(model), load_format="dummy", max_model_len=16384, disable_log_stats=True)
    start = time.monotonic() - began
    times = {}
    for place, conversations in talks(args.dir).items():
        began = time.monotonic()
        outputs = llm.chat(
            conversations,
            SamplingParams(temperature=0, max_tokens=1, logprobs=2),
            use_tqdm=False,
            add_generation_prompt=False,
            continue_final_message=True,
        )
        assert len(outputs) == len(conversations)
        times[place] = round(time.monotonic() - began, 2)
    print(json.dumps({"model": args.models, "start_s": round(start, 1), "cells": times,
                      "cells_s": round(sum(times.values()), 1)}), flush=True)  # fmt: skip


def talks(root: Path) -> dict[str, list[Any]]:
    """Return the conversations of each cell, as a script without a harness would write them."""
    samples, shots = rows(root / "samples.csv"), rows(root / "shots.csv")[:5]
    ask = "Is the sentiment of this movie review positive or negative? Answer with one word."
    text = "\n\n".join(f"Review: {s['review']}\nSentiment: {s['sentiment']}" for s in shots)
    pairs = [
        turn
        for shot in shots
        for turn in (
            {"role": "user", "content": f"Review: {shot['review']}"},
            {"role": "assistant", "content": f"Sentiment: {shot['sentiment']}"},
        )
    ]
    end = {"role": "assistant", "content": "Sentiment:"}
    found: dict[str, list[Any]] = {place: [] for place in PLACES}
    for row in samples:
        last = {"role": "user", "content": f"Review: {row['review']}"}
        system = {"role": "system", "content": ask}
        found["zeroshot"].append([system, last, end])
        found["system"].append([{**system, "content": f"{ask}\n\n{text}"}, last, end])
        found["user"].append([system, {**last, "content": f"{text}\n\n{last['content']}"}, end])
        found["chat"].append([system, *pairs, last, end])
    return found


def flips(args: argparse.Namespace) -> None:
    """Say in how many results two runs' labels differ."""
    found = [
        {(one["cell"], one["sample"]): one["answer"] for one in map(json.loads, path.open())}
        for path in args.results
    ]
    changed = sum(label != found[1].get(key) for key, label in found[0].items())
    print(json.dumps({"what": "flips", "n": len(found[0]), "changed": changed}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    one = steps.add_parser("make")
    one.add_argument("--tokenizer", type=Path, required=True)
    one.add_argument("--samples", type=Path, required=True)
    one.add_argument("--shots", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--models", default="q3b,l1b")
    one.add_argument("--n", type=int, default=2000, help="0 for all")
    one.add_argument("--copies", type=int, default=1)
    for name in ("chat", "chat-one"):
        one = steps.add_parser(name)
        one.add_argument("dir", type=Path)
        one.add_argument("--models", default="q3b,l1b")
    one = steps.add_parser("study")
    one.add_argument("dir", type=Path)
    one.add_argument("--tree", type=Path, required=True)
    one.add_argument("--name", default="study")
    one.add_argument("--stored", action="store_true", help="keep the store of the run before")
    one.add_argument("-k", default="")
    one.add_argument("--keep", type=Path)
    one = steps.add_parser("flips")
    one.add_argument("results", type=Path, nargs=2)
    args, further = parser.parse_known_args()
    args.further = further
    steps_of = {"make": make, "study": study, "chat": chat, "chat-one": chat_one, "flips": flips}
    steps_of[args.step](args)


if __name__ == "__main__":
    main()
