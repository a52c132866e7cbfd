from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pytest
from filelock import FileLock, Timeout
from lora_adapters import write_adapter

from harness import hardware
from harness.collect import load_cells
from harness.errors import AssetError, EngineError, StoreError
from harness.records import Request, Sampling
from harness.run.session import EngineSession
from harness.run.settings import Settings
from harness.spec import ModelSpec
from harness.workers.store import Store, content_key


@pytest.fixture
def settings(model_project):
    root = model_project.root
    return Settings(root=root, store=root / ".harness/outputs.sqlite", logs=root / "logs")


@pytest.fixture
def cells(model_project):
    return load_cells(model_project.root / "evalsets/set.yaml", model_project.root)


@pytest.fixture
def store(settings):
    opened = Store(settings.store)
    yield opened
    opened.close()


@pytest.fixture
def session(settings, cells):
    """Return a function that opens a session, closed at the end of the test."""
    opened: list[EngineSession] = []
    told: list[tuple[str, int, int]] = []

    def start(spec=None, **changes) -> EngineSession:
        own = [replace(cell, spec=cell.spec.model_copy(update=spec or {})) for cell in cells]
        one = EngineSession(
            replace(settings, **changes), own, lambda *what: told.append(what),
            tell=start.notes.append,
        )  # fmt: skip
        opened.append(one)
        return one

    start.told = told
    start.notes = []
    yield start
    for one in opened:
        one.close()


def requests(session: EngineSession, n: int) -> list[Request]:
    # From last to first, so that the order of prefixes is not the order given.
    rows = [(1, 2, n - i) for i in range(n)]
    sampling = Sampling(score_ids=(5, 6))
    return [
        Request(content_key(session.shared, row, sampling, None), row, sampling) for row in rows
    ]


def test_outputs_are_yielded_and_stored(session, store):
    one = session()
    asked = requests(one, 150)
    one.start(64)
    outputs = list(one.generate(asked, store))
    assert {output.key for output in outputs} == {request.key for request in asked}
    assert store.get([request.key for request in asked]) == {o.key: o for o in outputs}
    assert store.knows(one.shared)
    info = one.info(outputs, stored=3)
    assert (info.model, info.engine, info.dtype, info.device) == ("tiny", "fake", "float32", "cpu")
    assert (info.computed, info.stored, info.prompt_tokens) == (150, 3, 450)
    assert info.cached_tokens == 2 * 149
    assert info.completion_tokens == 150
    assert info.start_s > 0
    assert info.generate_s > 0
    assert info.digest == one.asset.digest
    assert info.source == "file:model"


def test_equal_prefixes_are_asked_together(session, store):
    one = session()
    one.start(64)
    outputs = list(one.generate(requests(one, 20), store))
    order = [request.key for request in sorted(requests(one, 20), key=lambda r: r.prompt_ids)]
    assert [output.key for output in outputs] == order


def test_progress_tells_what_is_done(session, store):
    one = session()
    one.start(64)
    list(one.generate(requests(one, 130), store))
    assert session.told == [
        ("fetching tiny", 0, 0),
        ("starting fake with tiny", 0, 0),
        ("running tiny", 0, 130),
        ("running tiny", 64, 130),
        ("running tiny", 128, 130),
    ]


def test_chunks_are_stored_as_they_come(session, store):
    one = session()
    one.start(64)
    stream = one.generate(requests(one, 150), store)
    first = [next(stream).key for _ in range(70)]
    assert len(store.get(first)) == 64
    stream.close()
    assert len(store.get(first)) == 70


@pytest.mark.parametrize("made", [1, 70])
def test_what_was_made_before_a_silence_is_stored_within_two_seconds(session, store, made):
    one = session({"options": {"hang_after": made}})
    one.start(64)
    asked = requests(one, made + 5)
    stream = one.generate(asked, store)
    done = [next(stream).key for _ in range(made)]
    time.sleep(2)
    assert set(store.get(done)) == set(done)
    stream.close()


def test_a_store_that_is_full_behind_the_last_output_is_told(session, store):
    one = session()
    one.start(64)
    store._db.execute("PRAGMA query_only = 1")
    stream = one.generate(requests(one, 5), store)
    next(stream)
    time.sleep(1.5)
    with pytest.raises(StoreError, match="cannot be written"):
        list(stream)


def test_what_was_made_before_a_death_is_stored(session, store):
    one = session({"options": {"die_after": 7}})
    one.start(64)
    made = []
    with pytest.raises(EngineError, match="the fake engine was told to die"):
        made.extend(one.generate(requests(one, 20), store))
    assert len(made) == 7
    assert store.get([output.key for output in made]) == {o.key: o for o in made}


def test_a_hang_ends_at_the_stall_timeout(session, store):
    one = session({"options": {"hang_after": 2}}, stall_timeout_s=1.0)
    one.start(64)
    with pytest.raises(EngineError, match="gave no output for 1 s, 3 of 5 outputs were lost"):
        list(one.generate(requests(one, 5), store))


def test_an_engine_that_does_not_start(session, store):
    one = session({"options": {"fail_start": True}})
    one.start(64)
    with pytest.raises(EngineError, match="could not start: the fake engine was told not to start"):
        list(one.generate(requests(one, 5), store))


def test_the_start_timeout(session, store):
    one = session({"options": {"start_s": 60}}, start_timeout_s=0.5)
    one.start(64)
    with pytest.raises(EngineError, match="did not start within"):
        list(one.generate(requests(one, 5), store))


def test_the_log_lies_in_the_logs_folder(session, store, settings):
    one = session({"options": {"die_after": 0}})
    one.start(64)
    with pytest.raises(EngineError):
        list(one.generate(requests(one, 5), store))
    assert "told to die" in (settings.logs / "tiny-fake.log").read_text()


def test_generate_before_start_is_a_defect(session, store):
    one = session()
    with pytest.raises(ValueError, match="start the engine first"):
        next(one.generate(requests(one, 1), store))


def test_one_engine_at_a_time(session, settings):
    one = session()
    settings.store.parent.mkdir(exist_ok=True)
    other = FileLock(settings.store.parent / "engine.lock")
    other.acquire(timeout=0)
    other.release()
    one.start(64)
    one.start(64)
    with pytest.raises(Timeout):
        FileLock(settings.store.parent / "engine.lock").acquire(timeout=0)
    one.close()
    one.close()
    other.acquire(timeout=5)
    other.release()


@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        ({"seed": 1}, {}),
        ({"options": {"answer": "x"}}, {}),
        ({"dtype": "bfloat16"}, {}),
        ({}, {"dtype": "bfloat16"}),
    ],
)
def test_what_makes_another_fingerprint(session, spec, changes):
    assert session().shared != session(spec, **changes).shared


@pytest.fixture
def weights(model_project, tokenizers):
    """Let the model's folder have a file of weights, which no test reads."""
    (model_project.root / "model").unlink()
    folder = tokenizers(model_project.root / "model")
    (folder / "model.safetensors").touch()


def test_another_engine_makes_another_fingerprint(session, weights):
    assert session(engine="transformers").shared != session().shared


@pytest.mark.parametrize("engine", ["transformers", "vllm", "fake"])
def test_an_engine_has_its_own_options_alone(session, weights, monkeypatch, engine):
    monkeypatch.setattr("harness.run.serving.engine_installed", lambda name: True)
    monkeypatch.setattr("harness.run.serving.engine_version", lambda name: f"{name} 1")
    options = {"vllm": {"max_num_seqs": 4}, "transformers": {"threads": 3}}
    one = session({"engine": "auto", "options": options}, engine=engine)
    assert one.engine == engine
    assert one.options == options.get(engine, {})
    other = {**options, "vllm": {"max_num_seqs": 5}}
    again = session({"engine": "auto", "options": other}, engine=engine)
    assert (again.shared == one.shared) == (engine != "vllm")


def test_options_of_the_named_engine_are_left_aside_on_another(session, weights):
    flat = {"engine": "vllm", "options": {"max_num_batched_tokens": 1}}
    assert session(flat, engine="transformers").options == {}
    assert session(flat, engine="fake").options == {}


def test_names_and_timeouts_make_no_other_fingerprint(session, settings):
    base = session().shared
    assert session(start_timeout_s=5.0, stall_timeout_s=5.0, limit=3).shared == base
    assert session({"max_model_len": 99, "base": True, "gpu": True}).shared == base


def test_other_weights_make_another_fingerprint(session, model_project, tokenizers):
    base = session().shared
    (model_project.root / "model").unlink()
    tokenizers(model_project.root / "model", window=99)
    assert session().shared != base


@pytest.mark.parametrize(
    ("device", "installed", "engine"),
    [("cuda", True, "vllm"), ("cuda", False, "transformers"), ("cpu", True, "transformers")],
)
def test_auto_is_vllm_only_on_cuda(session, monkeypatch, weights, device, installed, engine):
    monkeypatch.setattr(hardware, "device", lambda: device)
    monkeypatch.setattr("harness.run.serving.engine_uses", lambda name, device: installed)
    monkeypatch.setattr("harness.run.serving.engine_version", lambda name: f"{name} 1")
    one = session({"engine": "auto"})
    assert one.info([], 0).engine == engine


def test_all_models_of_a_group_are_named(settings, cells):
    other = [replace(cell, model="other") for cell in cells]
    told = []
    session = EngineSession(
        settings, [*cells, *other, *cells], lambda what, *_: told.append(what), tell=told.append
    )
    assert session.info([], 0).model == session.models == "tiny, other"
    assert told == ["fetching tiny, other"]


def test_an_engine_that_is_not_installed_is_one_line(session, monkeypatch):
    monkeypatch.setattr("harness.run.serving.engine_installed", lambda name: name != "vllm")
    with pytest.raises(EngineError) as raised:
        session(engine="vllm")
    assert str(raised.value) == (
        "tiny: engine vllm is not installed; install the extra that brings it (see README), or "
        "choose another (models.yaml, or --eval-engine)"
    )


def test_auto_dtype_is_what_the_machine_has(session, monkeypatch):
    monkeypatch.setattr(hardware, "best_dtype", lambda: "bfloat16")
    assert session({"dtype": "auto"}).info([], 0).dtype == "bfloat16"
    assert session({"dtype": "auto"}, dtype="float16").info([], 0).dtype == "float16"


@pytest.fixture
def adapter_cell(settings, cells):
    """Return a cell whose model has an adapter in `adapters/one`, and that folder."""
    folder = write_adapter(settings.root / "adapters/one")
    spec = cells[0].spec.model_copy(update={"adapter": "adapters/one"})
    return replace(cells[0], spec=spec), folder


def test_adapters_are_checked_when_they_are_asked_for(session, adapter_cell, store):
    cell, folder = adapter_cell
    one = session()
    one.check_adapter(cell)
    adapter = one.adapters["tiny"]
    assert (adapter.path, adapter.rank) == (str(folder), 8)
    assert one.adapter_chats == {"tiny": None}
    assert [note.kind for note in session.notes] == ["no_template"]
    assert one.shared == session().shared
    one.start(64)
    assert len(list(one.generate(requests(one, 3), store))) == 3


def test_a_missing_adapter_is_one_line(session, adapter_cell):
    cell, folder = adapter_cell
    (folder / "adapter_config.json").unlink()
    with pytest.raises(AssetError, match=r"no readable adapter_config\.json"):
        session().check_adapter(cell)


def test_a_cell_without_an_adapter_needs_no_check(session, cells):
    one = session()
    one.check_adapter(cells[0])
    assert one.adapters == {}


@pytest.mark.parametrize("engine", [None, "fake"])
def test_made_up_answers_are_never_an_endpoints(session, store, engine):
    remote = {"engine": "openai", "source": "openai:m", "options": {"base_url": "http://host/v1"}}
    one = session(remote, engine=engine)
    assert one.endpoint
    assert one.engine == (engine or "openai")
    other = session(remote, engine=None if engine else "fake")
    assert one.shared != other.shared
    if engine:
        request = Request("k", (), Sampling(max_tokens=3), messages=(("user", "What?"),))
        one.start(1 << 20)
        (output,) = one.generate([request], store)
        assert output.error is None
        assert len(output.token_ids) == 3


def test_a_model_that_is_not_here_is_stood_in_for_by_the_fake_alone(session, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    gone = {"source": "file:gone", "engine": "auto", "max_model_len": 64}
    with pytest.raises(AssetError, match="no such folder"):
        session(gone)
    one = session(gone, engine="fake")
    assert one.asset.stand_in
    assert [(note.kind, note.facts) for note in session.notes] == [
        ("stand_in", {"what": "file:gone"})
    ]
    # Its tokens are bytes, so the model's window is no measure of them.
    cell = Spoken("tiny", ModelSpec(**gone))
    spec, folder = one.spoken(cell, thinking=False)
    assert (spec.max_model_len, folder) == (None, one.asset.path)
    assert one.spoken(cell, thinking=True)[1] != one.asset.path
    here = session(engine="fake")
    for thinking in (False, True):
        spec, folder = here.spoken(cell, thinking=thinking)
        assert (spec.max_model_len, folder) == (64, here.asset.path)


@dataclass
class Spoken:
    model: str
    spec: ModelSpec


def test_an_adapter_that_is_not_here_is_stood_in_for_by_the_fake_alone(session, cells, settings):
    spec = cells[0].spec.model_copy(update={"adapter": "adapters/none"})
    cell = replace(cells[0], spec=spec)
    one = session()
    one.check_adapter(cell)
    one.check_adapter(cell)
    assert one.adapters["tiny"].path == str(settings.root / "adapters/none")
    other = replace(cell, model="b", spec=spec.model_copy(update={"adapter": "adapters/other"}))
    one.check_adapter(other)
    assert one.adapters["tiny"].digest != one.adapters["b"].digest
    assert [note.about for note in session.notes] == ["tiny", "b"]
