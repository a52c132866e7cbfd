"""GGUF file -> Hugging Face folder: `python -m harness.sources.pypi.gguf_folder SRC.gguf OUT`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.errors import AssetError
from harness.sources.loaded import weights_problem
from harness.sources.pypi.gguf_check import check_tokenizer
from harness.sources.pypi.gguf_shape import check_shape
from harness.sources.pypi.gguf_tokenizer import build_tokenizer, read_vocabulary

# Raised with every change of what is written for a file: folders of older ones are built again.
CONVERTER = 4


def build_folder(gguf: Path, out: Path) -> None:
    """Write weights (bfloat16 safetensors), tokenizer and configs of a GGUF file to `out`.

    A child process does it, so that this one loads neither torch nor the weights. The folder is
    built beside `out` and renamed: it is there whole or not at all.

    Args:
        gguf: Of an architecture that transformers reads.
        out: A folder that does not exist or is empty.

    Raises:
        AssetError: If the file cannot be converted.
    """
    # The child finds this package from any working directory, installed or not.
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness.sources.pypi.gguf_folder", str(gguf), str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise AssetError(f"{gguf}: cannot be made into a model folder: {_reason(done)}")


def convert(gguf: Path, out: Path) -> None:
    """Do the work of `build_folder` in this process.

    Raises:
        AssetError: If its tokenizer is not read rightly.
        OSError: If a file cannot be read or written.
        ValueError: If transformers cannot read the GGUF file.
    """
    if not gguf.is_file():
        raise FileNotFoundError("there is no such file")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
        folder = Path(beside) / "model"
        _save(gguf, folder)
        folder.rename(out)


def _save(gguf: Path, folder: Path) -> None:
    # A file that is none is refused before seconds of imports.
    vocabulary = read_vocabulary(gguf)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if vocabulary.scored or vocabulary.by_bytes:
        tokenizer = build_tokenizer(vocabulary)
    else:
        tokenizer = AutoTokenizer.from_pretrained(
            gguf.parent, gguf_file=gguf.name, trust_remote_code=False
        )
    model, told = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        output_loading_info=True,
        trust_remote_code=False,
    )
    modules = {name for name, _ in model.named_modules()}
    if problem := weights_problem(told["missing_keys"], told["unexpected_keys"], modules):
        raise AssetError(problem)
    check_shape(model, gguf)
    # The tensors are plain by now, but the model still counts as quantized: saving it would be
    # refused, and its configuration would send the reader to the GGUF file.
    model.hf_quantizer = None
    del model.config.quantization_config
    # transformers 5.17 gives the tokenizer of a BPE file its BOS as EOS (integrations/ggml.py, in
    # GGUFLlamaConverter), so that a chat would end where a turn begins.
    for name in ("bos_token", "eos_token", "pad_token"):
        number = getattr(model.config, f"{name}_id")
        if number is not None:
            setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(number))
    # Its default would drop spaces before punctuation from what a model wrote.
    tokenizer.clean_up_tokenization_spaces = False
    # It notes whether this process may reach a hub. The digest of a folder must not depend on that.
    tokenizer.init_kwargs["local_files_only"] = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # As it is read from now on, which may be otherwise than it was written.
    check_tokenizer(AutoTokenizer.from_pretrained(folder, trust_remote_code=False), vocabulary)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return in one line why the child failed."""
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return f"the converter was killed by {name}; is there enough memory?"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the converter ended with exit code {done.returncode}"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m harness.sources.pypi.gguf_folder SRC.gguf OUT")
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]))
    except AssetError as error:
        sys.exit(str(error))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        sys.exit(" ".join(f"{type(error).__name__}: {error}".split()))
