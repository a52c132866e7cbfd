"""The encoder engine on models of several kinds: its scores are those of the model alone."""

from __future__ import annotations

import json
import math

import pytest
from encoders import NLI, make_encoder

from harness.engines import open_engine
from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling

ROWS = [(0, *(5 + (7 * i + 3 * j) % 30 for j in range(n)), 2)
        for i, n in enumerate((2, 9, 4, 20, 20, 7, 1, 30))]  # fmt: skip
ALL = Sampling(score_ids=(0, 1, 2))


def config(folder, **changes):
    settings = {"dtype": "float32", "device": "cpu", "max_model_len": 64, "model_path": str(folder)}
    return EngineConfig(engine="encoder", **(settings | changes))


def answers(folder, rows, sampling=ALL, **changes):
    engine = open_engine(config(folder, **changes))
    requests = [Request(str(i), row, sampling) for i, row in enumerate(rows)]
    found = {output.key: output for output in engine.generate(requests)}
    engine.close()
    return [found[request.key] for request in requests]


# ConvBERT's convolutions read what is behind a text, and the second Qwen has no padding.
@pytest.mark.parametrize(
    ("kind", "changes"),
    [("bert", {}), ("roberta", {}), ("bart", {}), ("convbert", {}),
     ("qwen2", {"pad_token_id": None})],
)  # fmt: skip
def test_rows_of_any_lengths_are_answered_as_alone(kind, changes, tmp_path):
    import torch
    from transformers import AutoModelForSequenceClassification

    folder = make_encoder(tmp_path, kind, classes=NLI, **changes)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    raw = Sampling(score_ids=(2, 0, 1), logits=True)
    for row, scores, logits in zip(
        ROWS, answers(folder, ROWS), answers(folder, ROWS, raw), strict=True
    ):
        with torch.inference_mode():
            (wanted,) = model(torch.tensor([row])).logits
        assert logits.logprobs == pytest.approx(wanted[[2, 0, 1]].tolist(), abs=1e-4)
        alone = torch.log_softmax(wanted, dim=-1).tolist()
        assert scores.logprobs == pytest.approx(alone, abs=1e-4)
        assert sum(map(math.exp, scores.logprobs)) == pytest.approx(1)
        assert scores.token_ids == (int(wanted.argmax()),)


def test_convolutions_in_float32_are_not_rounded_on_a_gpu(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    answers(make_encoder(tmp_path, "convbert", classes=NLI), ROWS[:1])
    assert not torch.backends.cudnn.allow_tf32


def test_what_it_cannot_answer_is_an_error_of_its_own(tmp_path):
    folder = make_encoder(tmp_path, classes=NLI)
    engine = open_engine(config(folder))
    asked = {
        "writes no text": Request("a", (5, 6), Sampling(max_tokens=4)),
        "token id 999 is not in the vocabulary": Request("b", (5, 999), ALL),
        "not the number of one of the 3 classes": Request("c", (5, 6), Sampling(score_ids=(3,))),
        "marks 3 texts, and the model 2": Request("d", (5, 6), ALL, segments=(0, 2)),
    }
    found = {output.key: output for output in engine.generate([*asked.values()])}
    for problem, request in asked.items():
        assert problem in found[request.key].error
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        list(engine.generate([]))


def test_segments_tell_one_text_from_the_other(tmp_path):
    folder = make_encoder(tmp_path, classes=NLI)
    engine = open_engine(config(folder))
    pair = (0, 5, 6, 2, 7, 8, 2)
    told = Request("told", pair, ALL, segments=(0, 0, 0, 0, 1, 1, 1))
    found = {output.key: output.logprobs for output in engine.generate([
        told, Request("not", pair, ALL)])}  # fmt: skip
    assert found["told"] != pytest.approx(found["not"], abs=1e-3)


def change(folder, changed):
    """Write a model's tensors anew."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file(changed(load_file(path)), path, metadata={"format": "pt"})


def test_weights_as_older_versions_wrote_them_are_read(tmp_path):
    import torch

    folder = make_encoder(tmp_path, classes=NLI)
    before = answers(folder, ROWS)

    def older(tensors):
        names = {name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta") for name in tensors}  # fmt: skip
        places = {"bert.embeddings.position_ids": torch.arange(64)[None]}
        return {names[name]: one for name, one in tensors.items()} | places

    change(folder, older)
    assert [one.logprobs for one in answers(folder, ROWS)] == [one.logprobs for one in before]


@pytest.mark.parametrize(
    ("drop", "changes", "problem"),
    [
        ("classifier", {}, "its files lack 2 of its weights, which would be drawn at random, such "
                           "as classifier.bias; complete them, or name another model (a model that "
                           "was not trained to classify has no head for it)"),
        ("", {"max_model_len": 66}, "65 tokens are more than the 64 that the positions of this "
                                    "model reach; write max_model_len for it in models.yaml"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_used_is_refused(tmp_path, drop, changes, problem):
    folder = make_encoder(tmp_path, classes=NLI)
    if drop:
        change(folder, lambda tensors: {n: one for n, one in tensors.items() if drop not in n})
    with pytest.raises(EngineError) as caught:
        open_engine(config(folder, **changes))
    assert str(caught.value) == f"model '{folder}' cannot be used: {problem}"


def test_code_of_the_folder_is_not_run(tmp_path):
    ran = tmp_path / "ran"
    auto = {"AutoModelForSequenceClassification": "own.Own", "AutoConfig": "own.OwnConfig"}
    folder = make_encoder(tmp_path / "m", auto_map=auto, model_type="own")
    (folder / "own.py").write_text(f"open({json.dumps(str(ran))}, 'w')\n")
    with pytest.raises(EngineError, match="write trust_remote_code: true for the model"):
        open_engine(config(folder))
    assert not ran.exists()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"device": "tpu"}, "device 'tpu' is not one of cpu, cuda"),
     ({"options": {"bach_tokens": 9}}, "engine option 'bach_tokens': unknown key")],
)  # fmt: skip
def test_wrong_settings_are_named(tmp_path, changes, problem):
    with pytest.raises(EngineError, match=problem):
        open_engine(config(tmp_path, **changes))
