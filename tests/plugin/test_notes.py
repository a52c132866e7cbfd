"""What a user must know reaches terminal, report and `run.json`, whatever pytest captures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from lora_adapters import write_adapter
from typer.testing import CliRunner

from harness.cli import app

ROOT = Path(__file__).parents[2]
LONG = " ".join(f"word{n}" for n in range(90))


@pytest.fixture
def doubtful(evals):
    """A repeated sample, near copies in the pool, an adapter without a record; two sets."""
    rows = [{"text": f"{LONG} {n}", "label": "positive"} for n in range(2)]
    rows += [{"text": "something good", "label": "positive"}]
    rows += [{"text": "something else", "label": "negative"}] * 2
    shots = [{"text": f"{text} {label}", "label": label} for text in (f"{LONG} x", "y", "z")
             for label in ("positive", "negative")]  # fmt: skip
    write_adapter(evals.root / "adapters/one")
    template = "{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}"
    evals.write("adapters/one/chat_template.jinja", template)
    evals.models(m={}, tuned={"adapter": "adapters/one"})
    evals.set(data={"rows": rows, "shots": shots}, models=["m", "tuned"])
    evals.set("other", models=["tuned"])
    return evals


WORKERS = [pytest.param(options, marks=pytest.mark.slow)
           for options in (["-n2"], ["-n2", "-q", "--dist=load"])]  # fmt: skip


@pytest.mark.parametrize("options", [[], ["-q"], ["-qq"], *WORKERS])
def test_each_is_told_once(doubtful, options):
    if "-n2" in options:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
        result = doubtful.spawn(*options)
    else:
        result = doubtful.run(*options)
    assert result.ret == 0
    about = ("warning: evalsets/mini.yaml: ", "warning: tuned: ")
    said = [line for line in result.outlines if line.startswith(about)]
    assert len(said) == 3, said
    for start in (
        "warning: evalsets/mini.yaml: left out as repeats of another sample's text, which get the",
        "warning: evalsets/mini.yaml: shots that are near copies of a sample: 2 of 6: shots-1 = ",
        "warning: tuned: adapters/one has no training.json, so that neither its base",
    ):
        assert sum(line.startswith(start) for line in said) == 1, said
    assert {note.kind for note in doubtful.saved.info.notes} == {
        "repeated", "near_copies", "no_record"}  # fmt: skip
    part = doubtful.report.partition("## Notes")[2].partition("## ")[0]
    assert part.count("\n- ") == 3
    saved = json.loads((doubtful.latest / "run.json").read_text())["info"]["notes"]
    assert len(saved) == 3
    assert str(doubtful.root) not in json.dumps(saved)


def test_without_a_doubt_there_is_no_word(evals):
    result = evals.run()
    assert not [line for line in result.outlines if line.startswith("warning: evalsets/")]
    assert "## Notes" not in evals.report
    assert evals.saved.info.notes == ()


def test_models_and_judges_of_judge_sets(doubtful):
    """An adapter answers and judges: told once, and on the page of its passport."""
    shutil.copytree(ROOT / "prompts/judge", doubtful.root / "prompts/judge")
    for name in ("mini", "other"):
        (doubtful.root / f"evalsets/{name}.yaml").unlink()
    verdict = {"options": {"answer": '{"reason": "r", "verdict": "A"}'}, "max_model_len": 16384}
    doubtful.models(m=verdict, tuned={"adapter": "adapters/one", **verdict})
    judge = {"models": ["tuned"], "rubric": "judge/absolute.en.j2",
             "pairwise": "judge/pairwise.en.j2"}  # fmt: skip
    probe = {"id": "a", "kind": "fact", "question": "What?", "points": ["It is."]}
    judged = {"kind": "judge", "models": ["m", "tuned"], "probes": [probe],
              "answers": {"n": 1, "max_tokens": 8}, "judge": judge}  # fmt: skip
    doubtful.write("evalsets/probes.yaml", judged)
    result = doubtful.run("-q")
    told = "tuned: adapters/one has no training.json, so that neither its base"
    assert sum(line.startswith(f"warning: {told}") for line in result.outlines) == 1
    assert [note.about for note in doubtful.saved.info.notes] == ["tuned"]
    pair = {"id": "a", "instruction": "What?", "first": "x", "second": "y", "better": "first"}
    gold = doubtful.write("gold.jsonl", json.dumps(pair))
    done = CliRunner().invoke(app, ["judge", "passport", "tuned", "--gold", str(gold), "--root",
                                    str(doubtful.root)])  # fmt: skip
    assert done.stderr.count("has no training.json") == 1
    (page,) = (doubtful.root / "reports").glob("passport-tuned-*/report.md")
    assert "## Notes\n\n- `tuned`: `adapters/one` has no `training.json`" in page.read_text()


def test_samples_that_the_tokenizer_does_not_know_are_counted(evals, lettered):
    (evals.root / "model").unlink()
    lettered(evals.root / "model", without="Z")
    rows = [{"text": "Zzz.", "label": "positive"}, {"text": "Fine.", "label": "negative"}]
    evals.set(data={"rows": rows}, modes=["zeroshot"])
    evals.run()
    (note,) = [one for one in evals.saved.info.notes if one.kind == "unreadable"]
    assert note.facts == {"model": "m", "count": 1, "total": 2}
    assert "does not know characters of 1 of 2 samples" in evals.report
