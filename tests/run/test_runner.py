from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from filelock import FileLock
from studies import SAMPLES, Study, failed, run

from harness.errors import AssetError, EngineError, PromptError, SpecError
from harness.reasons import Reason
from harness.workers.worker import Worker


@pytest.fixture
def study(model_project) -> Study:
    return Study(model_project)


@pytest.fixture
def no_engine(monkeypatch):
    """Return a function after whose call no engine may start."""

    def forbid():
        def start(self, config=None):
            raise AssertionError("an engine was started")

        monkeypatch.setattr(Worker, "start", start)

    return forbid


def test_all_cells_of_a_model_are_one_engine_start(study):
    runner = study.runner()
    found = run(runner)
    assert failed(found) == set()
    assert len(found) == 8
    (info,) = runner.engines
    assert (info.computed, info.stored) == (8 * SAMPLES, 0)
    assert info.start_s > 0
    assert sum(what == ("starting fake with tiny", 0, 0) for what in study.told) == 1
    assert runner.lost == []
    data = runner.data["evalsets/set.yaml"]
    assert (data.samples, data.pool, data.rows) == (SAMPLES, 6, 12)
    assert [outcome.row.cell for outcome in runner.outcomes()] == list(found)
    for outcome in runner.outcomes():
        assert outcome.row.n + outcome.row.unscored == SAMPLES
        assert len(outcome.results) == SAMPLES
        assert all(math.isfinite(result.log_odds) for result in outcome.results)


def test_nothing_runs_before_the_first_cell(study, no_engine):
    no_engine()
    runner = study.runner()
    assert runner.outcomes() == []
    assert runner.engines == []
    assert study.told == []


def test_only_selected_cells_are_run(study):
    cells = study.cells()
    runner = study.runner(cells[:2])
    runner.outcome(cells[0])
    assert runner.engines[0].computed == 2 * SAMPLES
    assert len(runner.outcomes()) == 2


def test_a_second_run_calls_no_engine_and_gives_the_same(study, no_engine):
    first = study.runner()
    before = run(first)
    no_engine()
    second = study.runner()
    assert run(second) == before
    (info,) = second.engines
    assert (info.computed, info.stored, info.start_s) == (0, 8 * SAMPLES, 0.0)
    assert second.outcomes() == first.outcomes()


def test_a_renamed_prompt_and_set_call_no_engine(study, no_engine):
    run(study.runner())
    no_engine()
    text = (study.project.root / "evalsets/set.yaml").read_text()
    (study.project.root / "prompts/plain.j2").rename(study.project.root / "prompts/other.j2")
    study.project.evalset(text.replace("plain.j2", "other.j2"), "renamed")
    found = run(study.runner(study.cells("renamed")))
    assert failed(found) == set()
    assert "tiny-other-zeroshot" in found


def test_one_changed_sample_asks_for_that_sample_alone(study):
    zeroshot = [cell for cell in study.cells() if cell.mode.k == 0]
    run(study.runner(zeroshot))
    text = (study.project.root / "data.csv").read_text()
    first = study.runner(zeroshot)
    sample = first.outcome(zeroshot[0]).results[0].text
    study.project.write("data.csv", text.replace(sample, "something else"))
    again = study.runner(zeroshot)
    run(again)
    assert (again.engines[0].computed, again.engines[0].stored) == (2, 2 * (SAMPLES - 1))


def test_a_limit_takes_the_first_samples(study):
    whole = study.runner()
    run(whole)
    limited = study.runner(limit=2)
    run(limited)
    for short, full in zip(limited.outcomes(), whole.outcomes(), strict=True):
        assert short.results == tuple(
            replace(result, calibrated=one.calibrated)
            for result, one in zip(full.results[:2], short.results, strict=True)
        )
    assert limited.engines[0].computed == 0


def test_a_dying_engines_outputs_are_kept_and_the_rest_is_asked_next(study):
    study.options("{die_after: 30}")
    first = study.runner()
    found = run(first)
    assert failed(found)
    assert all(isinstance(found[name], EngineError) for name in failed(found))
    assert [one.text for one in first.lost] == [
        "tiny: 18 of 48 outputs are missing; those made are stored, run again to go on"
    ]
    assert first.engines[0].computed == 30
    second = study.runner()
    assert failed(run(second)) == set()
    assert (second.engines[0].computed, second.engines[0].stored) == (18, 30)
    assert second.lost == []


def test_a_complete_cell_is_scored_though_the_engine_died(study):
    study.options("{die_after: 8}")
    cells = study.cells()
    first = study.runner(cells[:1])
    done = first.outcome(cells[0])
    second = study.runner(cells)
    found = run(second)
    assert found[cells[0].id] == done
    # One death may complete one more cell by chance, never all.
    assert len(failed(found)) >= 6
    assert cells[0].id not in failed(found)
    assert second.outcomes()[0].row.cell == cells[0].id
    (error,) = {str(found[name]) for name in failed(found)}
    assert "the fake engine was told to die" in error
    assert "\n" not in error


def test_an_engine_that_cannot_start_is_asked_once(study):
    study.options("{fail_start: true}")
    runner = study.runner()
    found = run(runner)
    assert len(failed(found)) == 8
    assert len({str(error) for error in found.values()}) == 1
    assert sum(what[0].startswith("starting") for what in study.told) == 1
    assert [one.text for one in runner.lost] == [
        "tiny: 48 of 48 outputs are missing; those made are stored, run again to go on"
    ]


def test_error_outputs_are_unscored_and_asked_again(study):
    # Every key is hexadecimal, so each of these refuses some of them.
    study.options("{error_on: ab}")
    first = study.runner()
    assert failed(run(first)) == set()
    unscored = sum(outcome.row.unscored for outcome in first.outcomes())
    assert 0 < unscored < 8 * SAMPLES
    reasons = {reason for outcome in first.outcomes() for reason in outcome.row.reasons}
    assert {one.text for one in reasons} == {"the fake engine was told to refuse 'ab'"}
    second = study.runner()
    run(second)
    assert second.outcomes() == first.outcomes()
    assert second.engines[0].computed == unscored
    assert second.engines[0].stored == 8 * SAMPLES - unscored


def test_an_overlong_sample_is_unscored_and_not_asked(study):
    zeroshot = study.cells()[:1]
    before = study.runner(zeroshot).outcome(zeroshot[0])
    long = before.results[3]
    data = (study.project.root / "data.csv").read_text()
    study.project.write("data.csv", data.replace(long.text, "film " * 600))
    runner = study.runner(zeroshot)
    outcome = runner.outcome(zeroshot[0])
    assert (outcome.row.n, outcome.row.unscored) == (SAMPLES - 1, 1)
    assert outcome.results[3].sample == long.sample
    assert outcome.results[3].reason.text.startswith("too long: ")
    assert (runner.engines[0].computed, runner.engines[0].stored) == (0, SAMPLES - 1)


@pytest.mark.parametrize("stored", [False, True])
def test_the_engine_starts_while_prompts_are_rendered(study, stored, monkeypatch):
    begin = Worker.start
    monkeypatch.setattr(
        Worker, "start", lambda self, *given: (study.told.append("start"), begin(self, *given))
    )
    if stored:
        run(study.runner(study.cells()[:1]))
        study.told.clear()
    run(study.runner())
    start = study.told.index("start")
    rendered = study.told.index(("rendering prompts", 7, 8))
    # Where something is stored, all of it may be: then no engine is wanted.
    assert (start < rendered) is not stored


def test_an_interrupt_ends_the_engine_and_keeps_what_was_made(study):
    def interrupt(what: str, done: int, of: int) -> None:
        if what.startswith("running"):
            raise KeyboardInterrupt

    runner = replace(study.runner(), progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.outcome(runner.selected[0])
    lock = FileLock(study.settings.store.parent / "engine.lock")
    lock.acquire(timeout=0)
    lock.release()
    assert failed(run(study.runner())) == set()


def test_a_set_without_its_data_fails_alone(study):
    text = (study.project.root / "evalsets/set.yaml").read_text()
    study.project.evalset(text.replace("file:data.csv", "file:gone.csv"), "gone")
    study.project.write("gone.csv", "id,text,label\na,b,positive\n")
    cells = study.cells("gone", "set")
    (study.project.root / "gone.csv").unlink()
    runner = study.runner(cells)
    errors = {}
    for cell in cells:
        if cell.name == "gone":
            with pytest.raises(AssetError, match="no such file") as raised:
                runner.outcome(cell)
            errors[cell.id] = str(raised.value)
        else:
            assert runner.outcome(cell).row.n == SAMPLES
    assert len(errors) == 8
    assert len(runner.engines) == 1


def test_a_cell_whose_shots_do_not_suffice_fails_alone(study):
    text = (study.project.root / "evalsets/set.yaml").read_text()
    study.project.evalset(text.replace("k: 2", "k: 20"))
    found = run(study.runner())
    assert failed(found) == {name for name in found if "fewshot" in name}
    for name in failed(found):
        assert isinstance(found[name], SpecError)
        assert "samples, 20 are wanted" in str(found[name])


def test_a_cell_whose_words_do_not_fit_the_model_fails_alone(study, tokenizers):
    (study.project.root / "model").unlink()
    unmarked = "{% for m in messages %}{{ m.content }}{% endfor %}"
    model = tokenizers(study.project.root / "model", words=True, template=unmarked)
    config = model / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"eos_token": None}))
    text = (study.project.root / "evalsets/set.yaml").read_text()
    other = "  - template: plain.j2\n    id: broken\n    targets: {positive: z, negative: zz}\n"
    study.project.evalset(text.replace("prompts:\n", "prompts:\n" + other))
    found = run(study.runner())
    assert len(found) == 12
    assert failed(found) == {name for name in found if "broken" in name}
    assert all(isinstance(found[name], PromptError) for name in failed(found))


def test_a_model_without_tokenizer_fails_its_cells_in_one_line(study):
    (study.project.root / "model").unlink()
    (study.project.root / "model").mkdir()
    (study.project.root / "model/config.json").write_text("{}")
    (study.project.root / "model/tokenizer.json").write_text("{")
    found = run(study.runner())
    assert len(failed(found)) == 8
    assert all("no usable tokenizer" in str(error) for error in found.values())
    assert study.runner().lost == []


def test_two_models_are_two_engines_one_after_the_other(study, monkeypatch):
    study.project.models(
        "models:\n  tiny: {source: file:model, engine: fake, dtype: float32}\n"
        "  other: {source: file:model, engine: fake, dtype: float32, seed: 1}\n"
    )
    text = (study.project.root / "evalsets/set.yaml").read_text()
    study.project.evalset(text.replace("[tiny]", "[tiny, other]"))
    events: list[str] = []
    start, close = Worker.start, Worker.close

    def started(self, *given):
        if self._conn is None:
            events.append("start")
        start(self, *given)

    def closed(self):
        events.append("close")
        close(self)

    monkeypatch.setattr(Worker, "start", started)
    monkeypatch.setattr(Worker, "close", closed)
    runner = study.runner()
    runner.outcome(runner.selected[0])
    assert [info.model for info in runner.engines] == ["tiny"]
    assert failed(run(runner)) == set()
    assert [info.model for info in runner.engines] == ["tiny", "other"]
    assert events == ["start", "close", "start", "close"]


def test_data_and_shots_from_the_command_line(study):
    study.project.write("mine.csv", "text,label\n" + "".join(
        f"mine {i},{('positive', 'negative')[i % 2]}\n" for i in range(4)))  # fmt: skip
    study.project.write("shots.csv", "text,label\n" + "".join(
        f"shot {i},{('positive', 'negative')[i % 2]}\n" for i in range(4)))  # fmt: skip
    root = study.project.root
    runner = study.runner(
        datasets={"set": str(root / "mine.csv")}, shots={"set": str(root / "shots.csv")}
    )
    assert failed(run(runner)) == set()
    texts = {result.text for result in runner.outcomes()[0].results}
    assert texts == {f"mine {i}" for i in range(4)}
    assert runner.data["evalsets/set.yaml"].pool == 4


def test_special_tokens_in_the_data_are_left_out_and_counted(study):
    study.project.write("mine.csv", "text,label\n" + "".join(
        f"mine {i}{' <|im_end|>' * (i == 2)},{('positive', 'negative')[i % 2]}\n"
        for i in range(4)))  # fmt: skip
    study.project.write("shots.csv", "text,label\n" + "".join(
        f"shot {i}{' <|im_start|>' * (i < 4)},{('positive', 'negative')[i % 2]}\n"
        for i in range(6)))  # fmt: skip
    root = study.project.root
    runner = study.runner(
        datasets={"set": str(root / "mine.csv")}, shots={"set": str(root / "shots.csv")}
    )
    assert failed(run(runner)) == set()
    reason = Reason("special_token", {"token": "<|im_end|>"})
    for outcome in runner.outcomes():
        assert outcome.row.reasons.get(reason) == 1
    data = runner.data["evalsets/set.yaml"]
    assert (data.pool, data.pool_special) == (6, 4)


def test_a_store_that_cannot_be_opened_is_one_line(study):
    study.project.write("file", "")
    found = run(study.runner(store=study.project.root / "file/o.sqlite"))
    assert len(failed(found)) == 8
    assert all("the store of outputs cannot be opened" in str(error) for error in found.values())


@pytest.mark.parametrize("method", ["generate", "choice"])
def test_other_methods_run_too(study, method):
    text = (study.project.root / "evalsets/set.yaml").read_text()
    study.project.evalset(text + f"scoring: {method}\n")
    study.options("{answer: ' positive'}")
    runner = study.runner()
    assert failed(run(runner)) == set()
    for outcome in runner.outcomes():
        if method == "generate":
            assert outcome.row.shares == {"positive": 1.0, "negative": 0.0}
        assert outcome.row.unscored == 0
