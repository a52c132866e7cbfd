"""Float16 for labels, on a real tiny model: kept where it fits, given up where it does not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness import hardware
from harness.collect import load_cells
from harness.engines import not_finite
from harness.errors import EngineError, UnfitPrecision
from harness.records import Note, Output, Request, Sampling
from harness.run.precision import Precision, UnfitRecord, choose_precision
from harness.run.runner import Runner
from harness.run.session import EngineSession
from harness.run.settings import Settings
from harness.workers.store import content_key
from harness.workers.worker import Worker

torch = pytest.importorskip("torch", reason="the tiny model needs torch")
REFUSAL = (
    "engine 'vllm' could not start: Value error, The model type 'gemma3_text' does not support "
    "float16. Reason: Numerical instability. Please use bfloat16 or float32 instead."
)


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Make float16 the default for labels, and bfloat16 the other, as on a GPU."""
    monkeypatch.setattr(hardware, "label_dtype", lambda: "float16")
    monkeypatch.setattr(hardware, "best_dtype", lambda: "bfloat16")


def fits(folder, tokenizers, llamas):
    return llamas(tokenizers(folder, words=True), hidden=64, heads=2, key_heads=1, window=512)


def spoil(folder, factor):
    """Multiply a layer's projections so that their product, some factor squared, overflows."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    for name in ("gate_proj", "up_proj"):
        weights[f"model.layers.0.mlp.{name}.weight"] *= factor
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture
def study(project, tmp_path, tokenizers, llamas):
    """Return a function that makes a runner of the tiny project on real weights."""
    folder = fits(project.root / "model", tokenizers, llamas)
    project.models("models:\n  tiny:\n    source: file:model\n    engine: transformers\n")
    settings = Settings(project.root, project.root / ".harness/o.sqlite", project.root / "logs")

    def runner(*, factor=1.0, **changes):
        if factor != 1.0:
            spoil(folder, factor)
        cells = load_cells(project.root / "evalsets/set.yaml", project.root)
        return Runner(replace(settings, **changes), cells, lambda *what: None)

    return runner


def outcomes(runner):
    return [runner.outcome(cell) for cell in runner.selected]


def test_labels_of_a_model_that_fits_are_scored_in_float16(study):
    runner = study()
    assert all(one.row.n == 6 for one in outcomes(runner))
    assert [engine.dtype for engine in runner.engines] == ["float16"]
    assert runner.notes == []
    again = study()
    outcomes(again)
    assert (again.engines[0].dtype, again.engines[0].computed) == ("float16", 0)


@pytest.mark.alone
def test_a_model_that_overflows_runs_in_bfloat16_and_says_so(study):
    runner = study(factor=300.0)
    found = outcomes(runner)
    assert all((one.row.n, one.row.unscored) == (6, 0) for one in found)
    assert [engine.dtype for engine in runner.engines] == ["bfloat16"]
    assert all("bfloat16" in one.provenance.numbers for one in found)
    told = Note("float16_overflow", "tiny", {"engine": "transformers", "dtype": "bfloat16"})
    assert runner.notes == [told]

    given = study(dtype="bfloat16", store=runner.settings.store.with_name("other.sqlite"))
    for one, other in zip(found, outcomes(given), strict=True):
        assert [r.logprobs for r in one.results] == [r.logprobs for r in other.results]
    assert given.notes == []


@pytest.mark.alone
def test_what_overflowed_is_not_tried_again_and_told_again(study, monkeypatch):
    first = study(factor=300.0)
    outcomes(first)
    started = []
    start = EngineSession.start
    monkeypatch.setattr(
        EngineSession, "start", lambda self, window: (started.append(1), start(self, window))
    )
    again = study()
    outcomes(again)
    assert (started, again.engines[0].dtype, again.engines[0].computed) == ([], "bfloat16", 0)
    assert again.notes == first.notes


@pytest.mark.alone
def test_float16_by_name_costs_the_samples_and_names_the_fix(study):
    runner = study(factor=300.0, dtype="float16")
    found = outcomes(runner)
    assert all((one.row.n, one.row.unscored) == (0, 6) for one in found)
    assert {reason for one in found for reason in one.row.reasons} == {not_finite("float16")}
    assert {result.answer for one in found for result in one.results} == {None}
    assert "use dtype bfloat16 or float32" in not_finite("float16").text
    assert [engine.dtype for engine in runner.engines] == ["float16"]
    assert runner.notes == []


@pytest.mark.alone
def test_one_late_output_is_enough(study, monkeypatch):
    """An adapter may overflow, or one sample's text, where all before it was finite."""
    runner = study()
    session = EngineSession(
        runner.settings, runner.selected, runner.progress, tell=runner.notes.append, work="cells"
    )
    rows = [(5, 6, n) for n in range(7, 12)]
    asked = [Request(content_key(session.shared, r, Sampling(), None), r, Sampling()) for r in rows]

    def generate(self, requests):
        yield from (Output(request.key) for request in requests[:-1])
        yield Output(requests[-1].key, finish_reason="error", error=not_finite("float16"))

    monkeypatch.setattr("harness.workers.worker.Worker.generate", generate)
    try:
        session.start(64)
        with pytest.raises(UnfitPrecision, match="tiny: float16_overflow: set dtype: bfloat16"):
            list(session.generate(asked, None))
    finally:
        session.close()


@pytest.mark.alone
def test_an_engine_that_refuses_float16_is_started_in_bfloat16(study, monkeypatch):
    wait, tried = Worker.wait_ready, []

    def refuse(self):
        tried.append(self._config.dtype)
        if tried == ["float16"]:
            raise EngineError(REFUSAL)
        wait(self)

    monkeypatch.setattr(Worker, "wait_ready", refuse)
    runner = study()
    assert all(one.row.n == 6 for one in outcomes(runner))
    assert tried[0] == "float16"
    assert set(tried[1:]) == {"bfloat16"}
    assert [note.kind for note in runner.notes] == ["float16_refused"]


@pytest.mark.parametrize(
    ("problem", "refused"),
    [
        (REFUSAL, True),
        ("torch.float16 is not supported for quantization method fp8", True),
        ("RuntimeError: \"addmm\" not implemented for 'Half'", True),
        ("torch.bfloat16 is not supported for quantization method awq", False),
        ("CUDA out of memory while loading in torch.float16", False),
        ("LoRA rank 600 is not supported", False),
    ],
)
def test_other_failures_to_start_are_failures(problem, refused):
    assert Precision("float16", tried=True).refused(problem) is refused
    assert not Precision("float16").refused(problem)


def test_only_labels_by_default_on_an_engine_of_prompts(tmp_path, monkeypatch):
    record = UnfitRecord(tmp_path / "o.sqlite", "key")

    def chosen(wanted="auto", *, engine="vllm", labels=True):
        return choose_precision(wanted, engine=engine, labels=labels, record=record)

    assert chosen() == Precision("float16", tried=True)
    assert chosen(labels=False) == Precision("bfloat16")
    assert chosen("float32") == Precision("float32")
    assert chosen("float16") == Precision("float16")
    assert chosen(engine="fake") == Precision("bfloat16")
    monkeypatch.setattr(hardware, "label_dtype", lambda: "bfloat16")
    assert chosen() == Precision("bfloat16")
    monkeypatch.setattr(hardware, "label_dtype", lambda: "float16")
    record.add("float16_refused")
    assert chosen() == Precision("bfloat16", unfit="float16_refused")


def test_the_record_keeps_other_models_and_survives_damage(tmp_path):
    store = tmp_path / "below/o.sqlite"
    one, other = UnfitRecord(store, "one"), UnfitRecord(store, "other")
    assert one.read() is None
    one.add("float16_overflow")
    other.add("float16_refused")
    assert (one.read(), other.read()) == ("float16_overflow", "float16_refused")
    file = tmp_path / "below/float16.json"
    assert sorted(path.name for path in file.parent.iterdir()) == ["float16.json"]
    file.write_text(json.dumps({"one": "nonsense"}))
    assert one.read() is None
    file.write_text("{")
    assert one.read() is None
    one.add("float16_overflow")
    assert one.read() == "float16_overflow"
