"""Eight adapters on one base in one engine, beside the base asked eight times as much.

    python benchmarks/many_adapters.py --tokenizer FOLDER --samples CSV --shots CSV \
        --dir DIR --out FILE.json [--shape q3b]

Base and adapters have random weights (LoRA r=16 on seven projections; the same each time) at the
shape of a model of the sentiment study. Three eval sets, zero-shot, each a run of pytest with an
engine of its own: the base with one wording, the base with eight wordings of one length (eight
wordings share no cached prompt behind the system text, as eight adapters do not), and eight
adapters with one wording. Ratios are of seconds from the first request to the last output.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from study_side import MODEL, SET, SHAPES, make

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def adapter(base: Path, folder: Path, seed: int) -> None:
    """Write a LoRA adapter with random weights, both of its matrices away from zero."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(base)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    put = get_peft_model(model, LoraConfig(r=16, lora_alpha=16, target_modules=PROJECTIONS))
    put.to_empty(device="cpu")
    torch.manual_seed(seed)
    for name, weight in put.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.02)
    put.save_pretrained(folder, save_embedding_layers=False)


def project(args: argparse.Namespace) -> None:
    args.models, args.copies = args.shape, 1
    args.out_file, args.out = args.out, args.dir
    make(args)
    args.out = args.out_file
    base = args.dir / "models" / args.shape
    entry = MODEL.format(name=args.shape)
    text = "models:\n" + entry
    for number in range(args.adapters):
        adapter(base, args.dir / f"adapters/a{number}", number)
        head = f"  a{number}:\n    adapter: adapters/a{number}\n"
        text += entry.replace(f"  {args.shape}:\n", head)
    (args.dir / "evalsets/models.yaml").write_text(text)
    (args.dir / "evalsets/study.yaml").unlink()
    words = (args.dir / "prompts/sentiment/prefill.j2").read_text()
    wordings = []
    for number in range(args.adapters):
        wordings.append(f"sentiment/w{number}.j2")
        own = words.replace("Is this movie", f"Task {number}. Is this movie")
        (args.dir / "prompts" / wordings[-1]).write_text(own)
    sets = {
        "base_once": (args.shape, wordings[0]),
        "base_wordings": (args.shape, ", ".join(wordings)),
        "adapters": (", ".join(f"a{number}" for number in range(args.adapters)), wordings[0]),
    }
    for name, (models, prompts) in sets.items():
        text = SET.format(n=args.n, models=models, prompts=prompts, modes="zeroshot")
        (args.dir / f"evalsets/{name}.yaml").write_text(text)


def run(root: Path, name: str, further: list[str]) -> dict[str, Any]:
    tree = str(Path(__file__).resolve().parents[1])
    paths = os.pathsep.join(filter(None, [tree, os.environ.get("PYTHONPATH", "")]))
    env = os.environ | {"PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    shutil.rmtree(root / ".harness", ignore_errors=True)
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "-q", *further]
    command.append(f"evalsets/{name}.yaml")
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        print(done.stdout[-4000:], done.stderr[-4000:])
    (engine,) = json.loads((root / "reports/latest/run.json").read_text())["info"]["engines"]
    keys = ("start_s", "generate_s", "computed", "prompt_tokens", "cached_tokens")
    return {"what": name, "rc": done.returncode} | {key: engine.get(key) for key in keys}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("tokenizer", "samples", "shots", "dir", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--shape", choices=SHAPES, default="q3b")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=1)
    args, further = parser.parse_known_args()
    args.dir, args.out = args.dir.resolve(), args.out.resolve()
    project(args)
    found = []
    for number in range(args.rounds):
        names = ["base_once", "base_wordings", "adapters"][:: -1 if number % 2 else 1]
        runs = {name: run(args.dir, name, further) for name in names}
        seconds = {name: one["generate_s"] for name, one in runs.items()}
        ratios = {
            "to_eight_times_once": seconds["adapters"] / (args.adapters * seconds["base_once"]),
            "to_wordings": seconds["adapters"] / seconds["base_wordings"],
        }
        found.append({"runs": list(runs.values()), "ratios": ratios})
        print(json.dumps(found[-1]), flush=True)
        args.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
