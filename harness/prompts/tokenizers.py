"""The tokenizer in a model's folder, as its files say it is.

Where `tokenizer_config.json` names a class of its own, transformers takes from `tokenizer.json` no
more than the vocabulary, and sets up the rest as that class does. Many models name a class that is
not theirs, such as Llama's over a tokenizer of bytes (DeepSeek's distills of Llama): their spaces
would be lost. https://github.com/huggingface/transformers/issues/45488
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from harness.errors import PromptError
from harness.jsontext import json_value
from harness.sources.cache import building, cache_folder

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

SPLIT_TEXTS = (
    "The quick brown fox jumps over 12 lazy dogs, 3.14159 times in 2026!",
    "  def f(x):\n\treturn {'a': x ** 2}  # why not?\n\n\n",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Große Straßen, cœur naïf, ¿señor?",
    "今天的天气很好。我们一起去公园散步吧。",
    "\u2014 \u201cquoted\u201d\u2026 A\u0301\u00a0B \U0001f600",
)
"""Merges, numbers, spaces, scripts and signs: texts that differ where two tokenizers do."""
_FILE, _SETTINGS = "tokenizer.json", "tokenizer_config.json"
_GGUF = "transformers.modeling_gguf_pytorch_utils"
# Classes that say no more than what tokenizer.json holds.
_GENERAL = ("PreTrainedTokenizerFast", "TokenizersBackend")


def load_tokenizer(folder: Path, *, code: bool = False) -> PreTrainedTokenizerBase:
    """Return the tokenizer in a folder, as `AutoTokenizer` does where that keeps to the files.

    It takes the general class where the folder names that one, and here so is it taken without
    the import of `AutoTokenizer`, which alone costs seconds of processor time.

    Args:
        folder: A model's.
        code: Whether Python files in it may be run.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file cannot be understood.
    """
    with _readable():
        found = _read(folder, code=code)[0]
        # Settings of another form are not looked at before a text is read.
        found("a")
    return found


def faithful_folder(folder: Path, *, code: bool = False) -> Path:
    """Return a folder from which `AutoTokenizer` reads what `load_tokenizer` does.

    That is the folder itself or, where its class strays from its file, one in the user's cache.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file cannot be understood.
    """
    with _readable():
        tokenizer, strays = _read(folder, code=code)
    if not strays:
        return folder
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*token*")) + sorted(folder.glob("chat_template*")):
        digest.update(path.name.encode() + path.read_bytes())
    target = cache_folder("tokenizers") / digest.hexdigest()[:16]
    with building(target) as out:
        if out is not None:
            tokenizer.save_pretrained(out)
    return target


@contextmanager
def tokenizing() -> Iterator[None]:
    """Make an error of this package of what a tokenizer raises at a text.

    It is a foreign file with patterns of its own. The library that matches them gives up after ten
    million tries at one place of a text, by a panic, which is no `Exception`.

    Raises:
        PromptError: The tokenizer gave up.
    """
    try:
        yield
    except (TypeError, ValueError):
        raise
    except BaseException as error:
        if not _of_the_library(error):
            raise
        raise PromptError(f"the tokenizer cannot read a text: {_said(error)}") from error


@contextmanager
def _readable() -> Iterator[None]:
    """Make a ValueError of whatever a file that makes no sense lets the libraries raise."""
    try:
        yield
    except (OSError, ValueError, ImportError, RecursionError):
        raise
    except BaseException as error:
        if isinstance(error, Exception) or _of_the_library(error):
            raise ValueError(_said(error)) from error
        raise


def _of_the_library(error: BaseException) -> bool:
    """Whether tokenizers raised it, which knows plain exceptions and panics."""
    return type(error) is Exception or type(error).__name__ == "PanicException"


def _said(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def file_tokenizer(folder: Path) -> Tokenizer:
    """Return what `tokenizer.json` in a folder says, texts neither cut nor filled up.

    Fast tokenizers keep in the file how long texts were when it was saved.
    """
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(folder / _FILE))
    found.no_truncation()
    found.no_padding()
    return found


def _general() -> type[PreTrainedTokenizerBase]:
    """Return the general class, without torch where nobody has imported it.

    Its module imports another one for GGUF files, and that one torch: more than a second of
    processor time and 180 MB for nothing, since no tokenizer here is read from such a file. So a
    stand-in takes that module's place for as long as the import takes.
    """
    spared = "torch" not in sys.modules and _GGUF not in sys.modules
    if spared:
        stand_in = ModuleType(_GGUF)
        stand_in.__dict__["load_gguf_checkpoint"] = _no_gguf
        sys.modules[_GGUF] = stand_in
    try:
        from transformers import PreTrainedTokenizerFast
    except ImportError:
        if not spared:
            raise
        # A version that wants more of that module.
        del sys.modules[_GGUF]
        spared = False
        from transformers import PreTrainedTokenizerFast
    finally:
        if spared:
            del sys.modules[_GGUF]
    found: type[PreTrainedTokenizerBase] = PreTrainedTokenizerFast
    return found


def _no_gguf(*_: object, **__: object) -> NoReturn:
    raise ValueError("a tokenizer is not read from a GGUF file; convert the model first")


def _read(folder: Path, *, code: bool) -> tuple[PreTrainedTokenizerBase, bool]:
    """Return the tokenizer in a folder, and whether its class strays from its file.

    It does not where the general class, which reads the whole file, splits texts otherwise, too:
    then a setting says so.
    """
    path = folder / _SETTINGS
    settings = json_value(path.read_text(encoding="utf-8")) if path.is_file() else {}
    named = settings.get("tokenizer_class") in _GENERAL and "auto_map" not in settings
    whole, general = (folder / _FILE).is_file(), _general().from_pretrained
    if named and whole:
        return general(folder), False
    from transformers import AutoTokenizer

    own: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, trust_remote_code=code)
    if not whole or not own.is_fast:
        return own, False
    rows = file_tokenizer(folder).encode_batch(list(SPLIT_TEXTS), add_special_tokens=False)
    wanted = [row.ids for row in rows]
    if _split(own) == wanted:
        return own, False
    other = general(folder)
    # What the named class reads of the settings, and the general one does not.
    if settings.get("add_bos_token") is True:
        other.add_bos_token = True
    return (other, True) if _split(other) == wanted else (own, False)


def _split(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    try:
        found: list[list[int]] = tokenizer(list(SPLIT_TEXTS), add_special_tokens=False)["input_ids"]
    # tokenizers raises nothing narrower, as of a class whose unknown token the file lacks.
    except Exception:
        return []
    return found
