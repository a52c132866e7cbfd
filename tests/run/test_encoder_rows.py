"""Samples of a set as an encoder reads them, value by value against transformers' own pipelines."""

from __future__ import annotations

import json
import math

import pytest
from encoders import NLI, SENTIMENT, make_encoder

from harness.engines import open_engine
from harness.errors import HarnessError
from harness.prompts.tokenizers import load_tokenizer
from harness.reasons import Reason
from harness.records import EngineConfig, Sample
from harness.run.cells import cells
from harness.run.encoder_rows import prepare_encoder
from harness.sources.assets import model_asset
from harness.spec.load import load_evalset

TEXTS = [
    "a fine film number 12",
    "dull!",
    "a great film, and a fine plot, it is an example of the first number 7, 8 and 9",
    "awful . bad bad bad film",
    "unknown words go here",
]
LABELS = ["positive", "negative", "good"]
# A set of five texts in several batches, with padding.
BATCHED = {"batch_tokens": 40}
# Of transformers' DeBERTa, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@pytest.fixture
def written(project):
    """A set with an encoder; returns how one is written and loaded."""

    def write(folder, names, **entry):
        spec = {"engine": "encoder", "source": f"file:{folder}", **entry}
        models = json.dumps({"m": spec})
        project.write("evalsets/models.yaml", f"models:\n  {models[1:-1]}\n")
        project.write("prompts/p.j2", "{% macro user(text, shots) %}{{ text }}{% endmacro %}")
        rows = [{"text": text, "label": names[i % len(names)]} for i, text in enumerate(TEXTS)]
        path = project.write("evalsets/set.yaml", json.dumps({
            "data": {"rows": rows}, "labels": names, "models": ["m"], "prompts": ["p.j2"],
            "modes": ["zeroshot"], "scoring": "generate"}))  # fmt: skip
        evalset, models = load_evalset(path, root=project.root)
        (cell,) = cells("evalsets/set.yaml", "set", evalset, models)
        return cell

    write.root = project.root
    return write


def prepared(written, folder, texts=TEXTS, set_labels=LABELS[:2], **entry):
    cell = written(folder, set_labels, **entry)
    samples = [Sample(f"s{i}", text, "positive") for i, text in enumerate(texts)]
    asset = model_asset(cell.spec, base=written.root)
    return prepare_encoder(cell, samples, asset, shared="x", root=written.root)


def outputs(found, folder, options=BATCHED):
    config = EngineConfig(
        engine="encoder",
        model_path=str(folder),
        dtype="float32",
        device="cpu",
        max_model_len=found.window,
        options=options,
    )
    engine = open_engine(config)
    asked = {request.key: request for row in found.requests for request in row}
    given = {output.key: output for output in engine.generate(list(asked.values()))}
    engine.close()
    return given


def probabilities(found, folder, options=BATCHED):
    """Return the probability of each label for each sample."""
    given = outputs(found, folder, options)
    return [
        dict(zip(found.words, map(math.exp, found.tree.logprobs(
            [given[request.key].logprobs for request in row])), strict=True))
        for row in found.requests
    ]  # fmt: skip


@pytest.fixture(scope="module", params=["bert", "roberta", "deberta-v2"])
def sentiment(request, tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module", params=["bert", "roberta", "deberta-v2", "bart"])
def nli(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"{request.param}-nli")
    return make_encoder(folder, request.param, classes=NLI, length=24)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return make_encoder(tmp_path_factory.mktemp("bert"))


def test_own_classes_are_those_of_the_pipeline(sentiment, written):
    from transformers import pipeline

    pipe = pipeline("text-classification", model=str(sentiment), device="cpu")
    theirs = [{one["label"].lower(): one["score"] for one in row} for row in pipe(
        TEXTS, top_k=None)]  # fmt: skip
    found, notes = prepared(written, sentiment)
    assert [(note.kind, note.facts["count"]) for note in notes] == [("unreadable", 1)]
    ours = probabilities(found, sentiment)
    assert len({round(row["positive"], 4) for row in ours}) == len(TEXTS)
    for own, other in zip(ours, theirs, strict=True):
        assert own == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("hypothesis", [None, "this review is {} ."])
def test_zero_shot_is_that_of_the_pipeline_texts_cut_alike(nli, written, hypothesis):
    from transformers import pipeline

    pipe = pipeline("zero-shot-classification", model=str(nli), device="cpu")
    form = {"hypothesis_template": hypothesis} if hypothesis else {}
    theirs = [pipe(text, LABELS, **form) for text in TEXTS]
    more = {"hypothesis": hypothesis} if hypothesis else {}
    found, (note, _) = prepared(written, nli, set_labels=LABELS, task="zero-shot", **more)
    assert (note.kind, note.about) == ("cut", "evalsets/set.yaml")
    assert dict(note.facts) == {"model": "m", "count": 1, "total": 5, "window": 24}
    for own, other in zip(probabilities(found, nli), theirs, strict=True):
        wanted = dict(zip(other["labels"], other["scores"], strict=True))
        assert own == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("kind", ["distilbert", "qwen2"])
def test_kinds_without_segments_or_that_look_back_alone(kind, written, tmp_path):
    from transformers import pipeline

    folder = make_encoder(tmp_path, kind)
    # AutoTokenizer takes Qwen's own class, whatever the file says.
    tokenizer = load_tokenizer(folder)
    pipe = pipeline("text-classification", model=str(folder), tokenizer=tokenizer, device="cpu")
    found, _ = prepared(written, folder)
    for own, other in zip(probabilities(found, folder), pipe(TEXTS, top_k=None), strict=True):
        assert own == pytest.approx({o["label"].lower(): o["score"] for o in other}, abs=1e-5)


def test_the_order_of_labels_changes_no_probability_and_no_request(nli, written):
    found, _ = prepared(written, nli, set_labels=LABELS, task="zero-shot")
    other, _ = prepared(written, nli, set_labels=[*LABELS[1:], LABELS[0]], task="zero-shot")
    first, second = probabilities(found, nli), probabilities(other, nli)
    assert list(first[0]) != list(second[0])
    assert first == second
    for row, turned in zip(found.requests, other.requests, strict=True):
        assert {request.key for request in row} == {request.key for request in turned}


def test_the_order_of_labels_is_nothing_to_own_classes(bert, written):
    found, _ = prepared(written, bert)
    other, _ = prepared(written, bert, set_labels=LABELS[1::-1])
    assert probabilities(found, bert) == probabilities(other, bert)
    assert found.requests == other.requests


def test_another_hypothesis_phrase_or_class_is_asked_anew_or_not(bert, written, tmp_path):
    def keys(folder, **entry):
        found, _ = prepared(written, folder, **entry)
        return {request.key for row in found.requests for request in row}, found.wording

    nli = make_encoder(tmp_path, classes=NLI)
    plain, wording = keys(nli, task="zero-shot")
    told, other = keys(nli, task="zero-shot", hypothesis="it is {}")
    assert (len(plain), len(told), plain & told) == (10, 10, set())
    assert wording != other
    phrased, _ = keys(nli, task="zero-shot", labels={"positive": "good", "negative": "negative"})
    assert len(phrased & plain) == 5
    turned = {"positive": "NEGATIVE", "negative": "POSITIVE"}
    assert keys(bert, labels=turned)[0] == keys(bert)[0]
    assert keys(bert, labels=turned)[1] != keys(bert)[1]


def test_classes_are_given_to_labels_several_to_one(written, tmp_path):
    stars = [f"{n} stars" for n in range(1, 6)]
    folder = make_encoder(tmp_path, classes=stars)
    given = {"positive": ["4 stars", "5 STARS"], "negative": "1 stars"}
    found, _ = prepared(written, folder, labels=given)
    rows = probabilities(found, folder)
    by_key = outputs(found, folder)
    for own, (request,) in zip(rows, found.requests, strict=True):
        row = [math.exp(one) for one in by_key[request.key].logprobs]
        assert own["positive"] == pytest.approx(row[3] + row[4])
        assert own["negative"] == pytest.approx(row[0])
    assert found.words == {"positive": "4 stars or 5 stars", "negative": "1 stars"}


def test_a_text_that_spells_a_mark_is_unscored(bert, written):
    found, _ = prepared(written, bert, texts=["fine", "a [SEP] film", "dull"])
    assert found.errors == {1: Reason("special_token", {"token": "[SEP]"})}
    assert [len(row) for row in found.requests] == [1, 0, 1]


def test_what_is_cut_is_read_up_to_a_given_length(bert, written):
    found, (note,) = prepared(written, bert, texts=TEXTS[:4], max_model_len=6)
    assert max(len(request.prompt_ids) for row in found.requests for request in row) == 6
    assert (note.facts["count"], note.facts["window"], found.window) == (3, 6, 7)
    assert prepared(written, bert, texts=TEXTS[:4])[1] == []


def test_the_first_pair_is_shown_as_it_is_read(written, tmp_path):
    folder = make_encoder(tmp_path, classes=NLI)
    found, _ = prepared(written, folder, task="zero-shot")
    shown = found.known.shown
    assert shown.sample == "s0"
    assert "".join(shown.pieces).split()[-6:] == "this example is positive . [SEP]".split()
    assert found.place == "none"


PLACE = "evalsets/models.yaml:2: models.m"


@pytest.mark.parametrize(
    ("classes", "entry", "changes", "problem"),
    [
        (["LABEL_0", "LABEL_1"], {}, {},
         PLACE + ".labels: label 'positive' is no class of file:{0}, which has LABEL_0, LABEL_1; "
         "say which is which, as in labels: {{positive: LABEL_0, negative: LABEL_1}}"),
        (SENTIMENT, {"labels": {"positive": "POSITVE", "negative": "NEGATIVE"}}, {},
         PLACE + ".labels: 'POSITVE', which is given for 'positive', is no class of file:{0}, "
         "which has NEGATIVE, POSITIVE; did you mean 'POSITIVE'?"),
        (NLI, {}, {},
         PLACE + ".labels: label 'positive' is no class of file:{0}, which has contradiction, "
         "neutral, entailment; it is a model for NLI: write task: zero-shot"),
        (SENTIMENT, {"task": "zero-shot"}, {},
         PLACE + ".task: file:{0} has the classes NEGATIVE, POSITIVE, and none of entailment, by "
         "which zero-shot goes; name a model for NLI, or write task: text-classification"),
        (NLI, {"task": "zero-shot", "hypothesis": "it is " * 30 + "{}"}, {},
         PLACE + ".hypothesis: '" + "it is " * 30 + "positive' takes 64 tokens, and the model "
         "reads 64, so that none are left "
         "for a text"),
        (SENTIMENT, {"max_model_len": 65}, {},
         PLACE + ".max_model_len: 65 is more than the 64 tokens that the positions of file:{0} "
         "reach; lower it"),
        (SENTIMENT, {}, {"problem_type": "multi_label_classification"},
         "file:{0}: config.json says problem_type 'multi_label_classification': its classes do not "
         "exclude each other, and labels of a set do; name another model"),
        (SENTIMENT, {}, {"id2label": {"0": "toxic"}, "label2id": {"toxic": 0}},
         "file:{0}: config.json has one class, 'toxic', so that the model gives a number and no "
         "choice; name another model"),
        (SENTIMENT, {}, {"label2id": {"POSITIVE": 0, "NEGATIVE": 1}},
         "file:{0}: class 0 is 'NEGATIVE' by id2label in config.json and 'POSITIVE' by label2id; "
         "correct the wrong one"),
        (SENTIMENT, {}, {"architectures": ["BertModel"]},
         "file:{0}: config.json says BertModel, and an encoder is a model "
         "*ForSequenceClassification; name one, or another engine"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_one_line(written, tmp_path, classes, entry, changes, problem):
    folder = make_encoder(tmp_path / "m", classes=classes, **changes)
    with pytest.raises(HarnessError) as caught:
        prepared(written, folder, **entry)
    assert str(caught.value) == problem.format(folder)


def test_names_by_label2id_alone_are_read(written, tmp_path):
    folder = make_encoder(tmp_path / "m", id2label={"0": "LABEL_0", "1": "LABEL_1"},
                          label2id={"negative": 0, "positive": 1})  # fmt: skip
    found, _ = prepared(written, folder)
    assert found.words == {"positive": "positive", "negative": "negative"}
