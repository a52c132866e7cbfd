"""How long a LoRA step takes, side by side: TRL in micro-batches of 2, TRL and unsloth by `auto`.

The same random weights, rows, steps and seed for all; each variant in a process of its own. On a
GPU take the 3B shape, on a CPU the tiny one:

    python benchmarks/train_speed.py --shape 3b --steps 30
    python benchmarks/train_speed.py --shape tiny --steps 3 --variants trl-2x4 trl-auto

Prints one JSON object: of each variant the seconds of a step (median) and of all steps, tokens a
second, peak GiB, rows at once, first and final loss; then the ratios to the first variant.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.records import Note  # noqa: E402

VARIANTS = {
    "trl-2x4": ("trl", 2),
    "trl-8x1-padded": ("trl", 8),
    "trl-auto": ("trl", "auto"),
    "trl-auto-unrecorded": ("trl", "auto"),
    "unsloth-auto": ("unsloth", "auto"),
}
SHAPES = {
    # That of Qwen2.5-3B.
    "3b": {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 11008,
           "num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 2},
    "tiny": {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128,
             "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2},
}  # fmt: skip
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
RECIPE = """\
base: {{source: "file:model", chat_template: own, four_bit: false}}
data: {{source: "file:data.jsonl"}}
training:
  {{max_steps: {steps}, batch_size: 8, max_length: 2048, optimizer: adamw, save_steps: 9999}}
"""


def build_model(folder: Path, shape: str) -> None:
    """Write random weights of a shape, and a byte tokenizer that writes ChatML."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<pad>", "<|im_start|>", "<|im_end|>"]
    core.train_from_iterator([], trainers.BpeTrainer(
        vocab_size=259, special_tokens=special, initial_alphabet=alphabet))  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<pad>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    cuda = torch.cuda.is_available()
    torch.manual_seed(0)
    config = Qwen2Config(**SHAPES[shape], max_position_embeddings=4096, tie_word_embeddings=True,
                         eos_token_id=2, pad_token_id=0, bos_token_id=None)  # fmt: skip
    with torch.device("cuda" if cuda else "cpu"):
        model = Qwen2ForCausalLM(config)
    model.to(torch.bfloat16 if cuda else torch.float32).save_pretrained(folder)


def build_rows(path: Path, rows: int, seed: int = 0) -> None:
    """Write rows whose lengths in bytes, which are tokens, are spread as those of short dialogues.

    The mean is 383 tokens, that of 92,000 tokens in 240 rows.
    """
    draw = random.Random(seed)
    lines = []
    for _ in range(rows):
        total = min(1600, max(60, int(draw.lognormvariate(5.6, 0.65))))
        asked = max(20, int(total * draw.uniform(0.15, 0.4)))
        texts = ("".join(draw.choices("abcdefgh ijklmnop rstu", k=n)) or "a"
                 for n in (asked, total - asked))  # fmt: skip
        roles = zip(("user", "bot"), texts, strict=True)
        messages = [{"role": role, "content": f"x{text.strip()}x"} for role, text in roles]
        lines.append(json.dumps({"messages": messages}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def run_one(root: Path, variant: str) -> dict[str, object]:
    """Train one variant in this process, and return its figures."""
    from harness.spec.load import load_recipe
    from harness.train import trainer
    from harness.train.artifacts import final_loss
    from harness.train.job import Job, gather
    from harness.train.machine import choose_backend

    if variant.endswith("-unrecorded"):
        trainer._recording = lambda own, *_: own
    name, micro = VARIANTS[variant]
    backend = choose_backend(name)
    recipe, file = load_recipe(root / "recipes/speed.yaml", root=root)
    training = recipe.training.model_copy(update={"micro_batch": micro})
    recipe = recipe.model_copy(update={"training": training})
    job = Job(recipe=recipe, file=file, name="speed", root=root, backend=backend, out=root / "out")
    material = gather(job, _say)
    began = time.perf_counter()
    done = trainer.run_training(
        job, material, work=root / f"work-{variant}", checkpoint=None, step=0, say=_say
    )
    return {
        "step_s": done.step_s,
        "train_s": done.train_s,
        "wall_s": time.perf_counter() - began,
        "tokens_per_s": done.tokens_per_s,
        "peak_gib": done.peak_gib,
        "micro_batch": done.fit.micro_batch,
        "unpadded": done.flat,
        "recorded": done.recorded,
        "checkpointing": done.fit.checkpointing,
        "first_loss": done.losses[0],
        "final_loss": final_loss(done.losses),
        "losses": list(done.losses),
    }


def _say(what: str | Note) -> None:
    from harness.report.notes import plain_note

    line = what if isinstance(what, str) else plain_note(what)
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Build model and rows, run the variants one after the other, print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="tiny")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS,
                        default=["trl-2x4", "trl-auto", "unsloth-auto"])  # fmt: skip
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(run_one(given.root, given.one)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "recipes").mkdir()
        recipe = RECIPE.format(steps=given.steps)
        (root / "recipes/speed.yaml").write_text(recipe, encoding="utf-8")
        build_rows(root / "data.jsonl", 8 * given.steps)
        subprocess.run([sys.executable, "-c", "import sys; from pathlib import Path; "
                        f"sys.path.insert(0, {str(Path(__file__).parent)!r}); import train_speed; "
                        f"train_speed.build_model(Path({str(root / 'model')!r}), {given.shape!r})"],
                       check=True)  # fmt: skip
        found: dict[str, dict[str, float]] = {}
        for variant in given.variants:
            command = [sys.executable, __file__, "--one", variant, "--root", str(root)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            lines = done.stdout.strip().splitlines()
            found[variant] = json.loads(lines[-1]) if done.returncode == 0 else {"failed": 1.0}
    reference = found[given.variants[0]]
    for variant in given.variants[1:]:
        one = found[variant]
        if "failed" not in one and "failed" not in reference:
            one["times_faster"] = reference["step_s"] / one["step_s"]
            one["loss_ratio"] = one["final_loss"] / reference["final_loss"]
    print(json.dumps({"shape": given.shape, "steps": given.steps, "variants": found}, indent=1))


if __name__ == "__main__":
    main()
