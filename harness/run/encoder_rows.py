"""Samples -> requests to an encoder: texts, or pairs of a text and a hypothesis about a label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import AssetError, SpecError
from harness.prompts.end_marks import control_tokens
from harness.prompts.label_words import LabelTree
from harness.prompts.pairs import EncodedText, encode_texts, tokens_taken
from harness.prompts.tokenizers import load_tokenizer
from harness.reasons import Reason
from harness.records import CellPrompt, Note, Request, Sample, Sampling
from harness.records.notes import Fact
from harness.run.cells import Cell
from harness.run.prepare import digest
from harness.run.prepared import Known, Prepared
from harness.run.shown_prompt import shown_ids
from harness.sources.assets import ModelAsset
from harness.sources.encoders import EncoderConfig, read_encoder, window_of
from harness.spec.encoderspec import BLANK, HYPOTHESIS
from harness.spec.load import entry_error
from harness.spec.modelspec import ModelSpec
from harness.suggest import did_you_mean
from harness.workers.store import content_key

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Classes that an error names.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an encoder is asked about each text.

    Attributes:
        hypotheses: What each text is paired with, in turn; None for the text alone.
        sampling: The scores that are wanted.
        tree: How they become log-probabilities of the labels.
        words: The class of each label, or the hypothesis about it.
    """

    hypotheses: tuple[str | None, ...]
    sampling: Sampling
    tree: LabelTree
    words: Mapping[str, str]


def prepare_encoder(
    cell: Cell, samples: Sequence[Sample], asset: ModelAsset, *, shared: str, root: Path
) -> tuple[Prepared, list[Note]]:
    """Return all samples of a cell as requests to its encoder, and what is to be said of them.

    That is how many were cut, and how many it cannot read in part.

    Args:
        cell: The cell.
        samples: Its samples, at least one.
        asset: The encoder's files; what stands in for them has as many classes as are needed.
        shared: Engine fingerprint, which enters the content keys.
        root: The project.

    Raises:
        SpecError: The labels are not classes of the model, or its entry does not fit it.
        AssetError: The model's files cannot be read.
    """
    config, place = _config(cell, asset), _Place(cell, root)
    asked = _zero_shot(cell, config, place) if cell.spec.encoder == "zero-shot" else (
        _own_classes(cell, config, place))  # fmt: skip
    tokenizer = _tokenizer(cell.spec, asset)
    limit = _limit(cell.spec, config, tokenizer, place)
    _check_room(tokenizer, asked, limit, place)
    marks = control_tokens(tokenizer, None)
    spelled = {i: found.group() for i, sample in enumerate(samples)
               if marks and (found := marks.search(sample.text))}  # fmt: skip
    texts = [sample.text for sample in samples]
    by_hypothesis = [encode_texts(tokenizer, texts, one, limit) for one in asked.hypotheses]
    cut = {i for rows in by_hypothesis for i, row in enumerate(rows) if row.cut} - spelled.keys()
    requests = [
        () if i in spelled else tuple(_request(rows[i], asked, shared) for rows in by_hypothesis)
        for i in range(len(samples))
    ]
    lengths = [len(row.ids) for rows in by_hypothesis for row in rows]
    prepared = Prepared(
        cell=cell,
        samples=tuple(samples),
        words=asked.words,
        tree=asked.tree,
        requests=tuple(requests),
        errors={i: Reason("special_token", {"token": token}) for i, token in spelled.items()},
        prompt_tokens=sum(lengths) / len(lengths),
        window=(limit or max(lengths)) + asked.sampling.max_tokens,
        wording=digest([cell.spec.encoder, list(asked.words.items())]),
        conversations=digest([[one, *texts] for one in asked.hypotheses]),
        known=Known("none", "", _shown(cell, samples, requests, tokenizer)),
    )
    unread = _unreadable(prepared, tokenizer)
    about: dict[str, Fact] = {"model": cell.model, "total": len(samples)}
    notes = [Note("cut", cell.path, {**about, "count": len(cut), "window": limit or 0})]
    notes += [Note("unreadable", cell.path, {**about, "count": unread})]
    return prepared, [note for note in notes if note.facts["count"]]


def _unreadable(prepared: Prepared, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many samples hold what the tokenizer does not know."""
    unknown = tokenizer.unk_token_id
    if not any(unknown in request.prompt_ids for row in prepared.requests for request in row):
        return 0
    texts = [sample.text for sample in prepared.samples]
    return sum(unknown in row.ids for row in encode_texts(tokenizer, texts, None, None))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the entry of a cell's model stands."""

    cell: Cell
    root: Path

    def error(self, problem: str, key: str) -> SpecError:
        """Return an error at a key of the entry."""
        where = ("models", self.cell.model, key)
        return entry_error(self.root / self.cell.path, problem, where, root=self.root)


def _config(cell: Cell, asset: ModelAsset) -> EncoderConfig:
    if not asset.stand_in:
        return read_encoder(asset.path, cell.spec.source or "")
    given = cell.spec.labels or {label: label for label in cell.evalset.labels}
    classes = [one for found in given.values()
               for one in ([found] if isinstance(found, str) else found)]  # fmt: skip
    return EncoderConfig(tuple(dict.fromkeys(classes)), entailment=0, reach=None)


def _zero_shot(cell: Cell, config: EncoderConfig, place: _Place) -> _Asked:
    """Return pairs of a text and a hypothesis about each label.

    As in the zero-shot pipeline of transformers with one label a text, the probabilities are the
    softmax over the labels of the logits of entailment. Each of these is of one pair, so that no
    label, nor the order of all, enters that of another.

    Source: Yin et al. (2019), arXiv 1909.00161.
    """
    if config.entailment is None:
        raise place.error(f"{cell.spec.source} has the classes {_listed(config.classes)}, and none "
                          "of entailment, by which zero-shot goes; name a model for NLI, or write "
                          "task: text-classification", "task")  # fmt: skip
    phrases = {label: str((cell.spec.labels or {}).get(label, label))
               for label in cell.evalset.labels}  # fmt: skip
    form = cell.spec.hypothesis or HYPOTHESIS
    told = {label: form.replace(BLANK, phrase) for label, phrase in phrases.items()}
    return _Asked(
        hypotheses=tuple(told.values()),
        sampling=Sampling(score_ids=(config.entailment,), logits=True),
        tree=LabelTree(
            questions=(((), (config.entailment,)),) * len(phrases),
            routes=tuple(((i, (0,)),) for i in range(len(phrases))),
            among=True,
        ),
        words=told,
    )


def _own_classes(cell: Cell, config: EncoderConfig, place: _Place) -> _Asked:
    routes: list[tuple[int, ...]] = []
    for label in cell.evalset.labels:
        given = (cell.spec.labels or {}).get(label, label)
        names = [given] if isinstance(given, str) else given
        found = [(name, _class_of(name, config.classes)) for name in names]
        if lost := next((name for name, number in found if number is None), None):
            raise place.error(_no_class(cell, lost, label, config), "labels")
        routes.append(tuple(sorted({number for _, number in found if number is not None})))
    taken = [number for route in routes for number in route]
    if twice := next((one for one in taken if taken.count(one) > 1), None):
        raise place.error(f"two labels are the class '{config.classes[twice]}' of "
                          f"{cell.spec.source}; each needs its own", "labels")  # fmt: skip
    every = tuple(range(len(config.classes)))
    return _Asked(
        hypotheses=(None,),
        sampling=Sampling(score_ids=every),
        tree=LabelTree(questions=(((), every),), routes=tuple(((0, one),) for one in routes)),
        words={label: " or ".join(config.classes[i] for i in route)
               for label, route in zip(cell.evalset.labels, routes, strict=True)},
    )  # fmt: skip


def _class_of(name: str, classes: Sequence[str]) -> int | None:
    """Return the number of the one class that has a name, case aside if need be, or None."""
    exact = [i for i, one in enumerate(classes) if one == name]
    near = exact or [i for i, one in enumerate(classes) if one.casefold() == name.casefold()]
    return near[0] if len(near) == 1 else None


def _no_class(cell: Cell, name: str, label: str, config: EncoderConfig) -> str:
    labels, classes = list(cell.evalset.labels), config.classes
    has = f"no class of {cell.spec.source}, which has {_listed(classes)}"
    if cell.spec.labels:
        fix = did_you_mean(name, classes) or "write one of these"
        return f"'{name}', which is given for '{label}', is {has}; {fix}"
    if config.entailment is not None:
        return f"label '{label}' is {has}; it is a model for NLI: write task: zero-shot"
    pairs = ", ".join(f"{one}: {classes[i % len(classes)]}" for i, one in enumerate(labels))
    return f"label '{label}' is {has}; say which is which, as in labels: {{{pairs}}}"


def _listed(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - _NAMED} more" if len(classes) > _NAMED else ""
    return ", ".join(classes[:_NAMED]) + more


def _tokenizer(spec: ModelSpec, asset: ModelAsset) -> PreTrainedTokenizerBase:
    try:
        return load_tokenizer(asset.path, code=spec.trust_remote_code)
    except (OSError, ValueError, ImportError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise AssetError(f"{spec.source}: its tokenizer cannot be loaded: {first}") from error


def _limit(
    spec: ModelSpec, config: EncoderConfig, tokenizer: PreTrainedTokenizerBase, place: _Place
) -> int | None:
    given = spec.max_model_len
    if given is not None and config.reach is not None and given > config.reach:
        raise place.error(f"{given} is more than the {config.reach} tokens that the positions of "
                          f"{spec.source} reach; lower it", "max_model_len")  # fmt: skip
    told = tokenizer.model_max_length
    return window_of(config, int(told) if told < math.inf else None, given)


def _check_room(
    tokenizer: PreTrainedTokenizerBase, asked: _Asked, limit: int | None, place: _Place
) -> None:
    """Check that the hypotheses leave room for a text."""
    for one in asked.hypotheses:
        taken = tokens_taken(tokenizer, one)
        if limit is not None and taken >= limit:
            key = "max_model_len" if one is None else "hypothesis"
            what = f"'{one}' takes" if one is not None else "its marks take"
            raise place.error(f"{what} {taken} tokens, and the model reads {limit}, so that none "
                              "are left for a text", key)  # fmt: skip


def _request(row: EncodedText, asked: _Asked, shared: str) -> Request:
    key = content_key(shared, row.ids, asked.sampling, None, segments=row.segments)
    return Request(key, row.ids, asked.sampling, segments=row.segments)


def _shown(
    cell: Cell,
    samples: Sequence[Sample],
    requests: Sequence[Sequence[Request]],
    tokenizer: PreTrainedTokenizerBase,
) -> CellPrompt | None:
    """Return what the encoder read of the first sample, with its first hypothesis."""
    for sample, own in zip(samples, requests, strict=True):
        if own:
            return shown_ids(tokenizer, own[0].prompt_ids, cell=cell, sample=sample)
    return None
