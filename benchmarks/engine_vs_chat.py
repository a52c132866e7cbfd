"""The harness's path from samples to outputs beside raw `LLM.chat` on the same conversations.

    python benchmarks/engine_vs_chat.py --model FOLDER --samples CSV --shots CSV --out FILE.json

Each round starts one engine for each variant, one after the other, in turns of order: one is given
conversations through `LLM.chat`; the others are run by the harness (render, tokenize in a batch,
token ids to the worker), with vLLM's core in the worker's own process or in one more process.
All have the same options. Engine start is measured apart. With `--load-format dummy` the folder
needs no weights, only a config and a tokenizer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.prompts.open_format import open_format  # noqa: E402
from harness.prompts.templates import Prompt, load_prompt  # noqa: E402
from harness.records import EngineConfig, Sample  # noqa: E402
from harness.run.cells import Cell, modes  # noqa: E402
from harness.run.prepare import prepare  # noqa: E402
from harness.shots import Draw, select_shots  # noqa: E402
from harness.sources.data import load_data  # noqa: E402
from harness.spec.evalset import EvalSet  # noqa: E402
from harness.spec.modelspec import ModelSpec  # noqa: E402
from harness.workers.worker import Worker  # noqa: E402

Asked = tuple[Cell, Sequence[Sample], list[list[Sample]], Prompt]
Times = dict[str, dict[str, float]]


def study(args: argparse.Namespace) -> tuple[EvalSet, ModelSpec]:
    evalset = EvalSet.model_validate(
        {
            "data": {
                "source": f"file:{args.samples}",
                "shots": f"file:{args.shots}",
                "text": "review",
                "label": "sentiment",
                "samples": {"n": args.n},
            },
            "labels": {"positive": "positive", "negative": "negative"},
            "models": ["model"],
            "prompts": ["sentiment/prefill.j2"],
            "modes": ["zeroshot", {"mode": "fewshot", "k": 5, "placement": "chat"}],
        }
    )
    return evalset, ModelSpec.model_validate({"source": f"file:{args.model}"})


def conversations(args: argparse.Namespace) -> dict[str, Asked]:
    """Return cell, samples, shots and prompt of each mode."""
    evalset, spec = study(args)
    data = load_data("bench", evalset, base=ROOT)
    prompt_spec = evalset.prompts[0]
    prompt = load_prompt(prompt_spec.template, evalset.targets(prompt_spec), root=ROOT)
    out: dict[str, Asked] = {}
    for mode in modes(evalset):
        shots: list[list[Sample]] = []
        if mode.selector is not None:
            shots = select_shots(
                mode.selector,
                mode.order,
                Draw(data.pool, data.samples, list(evalset.labels), mode.k, 0),
            )
        cell = Cell("bench.yaml", "bench", evalset, "model", spec, prompt_spec, mode)
        out[mode.name] = (cell, data.samples, shots, prompt)
    return out


def config(args: argparse.Namespace, *, multiprocess: bool | None = None) -> EngineConfig:
    options = {"max_num_batched_tokens": 16384, "enforce_eager": True}
    if multiprocess is not None:
        options["multiprocess"] = multiprocess
    if args.load_format:
        options["load_format"] = args.load_format
    return EngineConfig(
        engine="vllm",
        model_path=str(args.model),
        dtype=args.dtype,
        device=args.device,
        max_model_len=args.max_model_len,
        options=options,
    )


def run_harness(args: argparse.Namespace, *, multiprocess: bool) -> Times:
    times = {}
    _, spec = study(args)
    with Worker(
        config(args, multiprocess=multiprocess), log=args.out.with_suffix(".log")
    ) as worker:
        worker.start()
        worker.wait_ready()
        chat = open_format("model", spec, args.model, root=ROOT)
        for name, (cell, samples, shots, prompt) in conversations(args).items():
            began = time.perf_counter()
            prepared = prepare(
                cell, samples, shots, prompt=prompt, chat=chat, shared="", adapter=None
            )
            ready = time.perf_counter()
            requests = [request for row in prepared.requests for request in row]
            outputs = list(worker.generate(requests))
            done = time.perf_counter()
            failed = [output.error for output in outputs if output.error]
            assert not failed, failed[0]
            times[name] = {
                "prepare_s": ready - began,
                "generate_s": done - ready,
                "total_s": done - began,
                "requests": len(outputs),
                "prompt_tokens": sum(output.prompt_tokens for output in outputs),
                "cached_tokens": sum(output.cached_tokens for output in outputs),
            }
        times["start"] = {"total_s": worker.start_s}
    return times


def run_chat(args: argparse.Namespace) -> Times:
    from vllm import LLM, SamplingParams

    began = time.perf_counter()
    engine = config(args)
    llm = LLM(
        engine.model_path,
        dtype=engine.dtype,
        max_model_len=engine.max_model_len,
        enable_prefix_caching=True,
        **engine.options,
    )
    times = {"start": {"total_s": time.perf_counter() - began}}
    for name, (cell, samples, shots, prompt) in conversations(args).items():
        began = time.perf_counter()
        messages = prompt.conversations(samples, shots, cell.mode.placement)
        outputs = llm.chat(
            messages,
            SamplingParams(temperature=0, max_tokens=1, logprobs=2),
            use_tqdm=False,
            add_generation_prompt=False,
            continue_final_message=True,
        )
        times[name] = {
            "total_s": time.perf_counter() - began,
            "requests": len(outputs),
            "prompt_tokens": sum(len(output.prompt_token_ids) for output in outputs),
            "cached_tokens": sum(output.num_cached_tokens or 0 for output in outputs),
        }
    return times


VARIANTS: dict[str, Callable[[argparse.Namespace], Times]] = {
    "chat": run_chat,
    "harness": partial(run_harness, multiprocess=False),
    "harness-own-core": partial(run_harness, multiprocess=True),
}


def options(doc: str | None, variants: Iterable[str]) -> argparse.ArgumentParser:
    """Return what a comparison of engines on these samples takes."""
    parser = argparse.ArgumentParser(description=doc)
    for name in ("model", "samples", "shots", "out"):
        parser.add_argument(f"--{name}", type=lambda path: Path(path).resolve(), required=True)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--max-model-len", type=int, default=16384)
    parser.add_argument("--load-format")
    parser.add_argument("--only", choices=list(variants), help="used by the script itself")
    return parser


def main() -> None:
    args = options(__doc__, VARIANTS).parse_args()
    if args.only:
        args.out.write_text(json.dumps(VARIANTS[args.only](args)))
        return
    rounds = []
    for number in range(args.rounds):
        names = list(VARIANTS)[:: -1 if number % 2 else 1]
        rounds.append({name: in_own_process(args, name) for name in names})
        for mode, chat in rounds[-1]["chat"].items():
            for name in names:
                seconds = rounds[-1][name][mode]["total_s"]
                print(f"round {number}, {mode}, {name}: {seconds:.2f} s, LLM.chat takes "
                      f"{chat['total_s'] / seconds:.2f} times that", flush=True)  # fmt: skip
        args.out.write_text(json.dumps(rounds, indent=1))


def in_own_process(args: argparse.Namespace, name: str) -> Times:
    """Run a variant in a process that ends, so that its memory is free for the next one."""
    part = args.out.with_suffix(f".{name}.json")
    own = [arg for arg in sys.argv[1:] if not arg.startswith("--only")]
    command = [sys.executable, sys.argv[0], *own, "--only", name, "--out", str(part)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    times: Times = json.loads(part.read_text())
    part.unlink()
    return times


if __name__ == "__main__":
    main()
