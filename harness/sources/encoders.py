"""What the files of an encoder say of its classes and of how much text it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import AssetError
from harness.records import Json
from harness.sources.model_files import read_config

_SINGLE = "single_label_classification"
# Classes that a configuration has where it names none.
_UNNAMED = {0: "LABEL_0", 1: "LABEL_1"}
_MOST_CLASSES = 1_000_000
# Kinds of models that count positions from the one behind the padding's, by `model_type`.
_PADDED_POSITIONS = frozenset(
    "roberta roberta-prelayernorm xlm-roberta xlm-roberta-xl camembert data2vec-text ibert "
    "longformer luke mpnet xmod esm".split()
)
# A length beyond this is how tokenizers say that they know of none.
_NO_LENGTH = 1 << 24


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """What `config.json` says.

    Attributes:
        classes: Name of each class, in the order of the logits.
        entailment: Which of them says that one text follows from the other, None for none.
        reach: Tokens that its positions reach, None where it has no such bound.
    """

    classes: tuple[str, ...]
    entailment: int | None
    reach: int | None


def read_encoder(folder: Path, where: str) -> EncoderConfig:
    """Return what an encoder's configuration says.

    Args:
        folder: Its own.
        where: What names the model in errors.

    Raises:
        AssetError: There is none, or its classes do not exclude each other.
    """
    config = read_config(folder, "config.json", "an encoder")
    kind = config.get("problem_type") or _SINGLE
    if kind != _SINGLE:
        raise AssetError(f"{where}: config.json says problem_type {kind!r}: its classes do not "
                         "exclude each other, and labels of a set do; name another model"
                         )  # fmt: skip
    classes = _classes(config, where)
    if len(classes) < 2:
        raise AssetError(f"{where}: config.json has one class, '{classes[0]}', so that the model "
                         "gives a number and no choice; name another model")  # fmt: skip
    entailing = (i for i, name in enumerate(classes) if name.casefold().startswith("entail"))
    return EncoderConfig(classes, next(entailing, None), _reach(config))


def window_of(config: EncoderConfig, told: int | None, given: int | None) -> int | None:
    """Return how many tokens of a text are read, None for all.

    Args:
        config: The encoder's.
        told: What its tokenizer says; a huge number for nothing.
        given: By models.yaml, which goes before the tokenizer.
    """
    if given is not None:
        return given
    known = [config.reach, told if told is not None and 0 < told < _NO_LENGTH else None]
    return min((one for one in known if one is not None), default=None)


def _classes(config: Mapping[str, Json], where: str) -> tuple[str, ...]:
    """Return the names of the classes, by number from 0 on."""
    named, back = _numbered(config.get("id2label")), _numbered(config.get("label2id"), back=True)
    usual = {number: f"LABEL_{number}" for number in named}
    if back and (not named or (named == usual and named.keys() == back.keys())):
        named = back
    elif back and named != back:
        number = min(n for n in named | back if named.get(n) != back.get(n))
        raise AssetError(f"{where}: class {number} is '{named.get(number)}' by id2label in "
                         f"config.json and '{back.get(number)}' by label2id; correct the wrong one"
                         )  # fmt: skip
    if not named:
        count = config.get("num_labels")
        if isinstance(count, int) and count > _MOST_CLASSES:
            raise AssetError(f"{where}: config.json says num_labels {count:.0e}, more classes than "
                             "a model has; correct it")  # fmt: skip
        named = ({n: f"LABEL_{n}" for n in range(count)} if isinstance(count, int) and count > 0
                 else _UNNAMED)  # fmt: skip
    if sorted(named) != list(range(len(named))):
        raise AssetError(f"{where}: the classes under id2label in config.json are not numbered "
                         "from 0 on; correct them")  # fmt: skip
    return tuple(named[number] for number in range(len(named)))


def _numbered(found: Json, *, back: bool = False) -> dict[int, str]:
    """Return names by number of a mapping in a configuration, empty where it is none."""
    pairs = found.items() if isinstance(found, dict) else ()
    turned = [(value, key) if back else (key, value) for key, value in pairs]
    try:
        return {int(str(number)): str(name) for number, name in turned}
    except ValueError:
        return {}


def _reach(config: Mapping[str, Json]) -> int | None:
    found = config.get("max_position_embeddings") or config.get("n_positions")
    if not isinstance(found, int):
        return None
    if str(config.get("model_type")) not in _PADDED_POSITIONS:
        return found
    padding = config.get("pad_token_id", 1)
    return found - 1 - (padding if isinstance(padding, int) else 1)
