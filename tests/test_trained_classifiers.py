"""What the trained classifiers reach on the sets that ship with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.collect import load_cells
from harness.run.runner import Runner
from harness.run.settings import Settings

ROOT = Path(__file__).parents[1]
IMDB = ROOT.parent / "shared" / "data"
TRAIN, VALIDATION = IMDB / "imdb_train_8k.csv.gz", IMDB / "imdb_validation_2k.csv.gz"


def accuracy(name: str, model: str, tmp_path: Path, **sources: str) -> float:
    replaced = {option: {name: path} for option, path in sources.items()}
    path = ROOT / f"evalsets/{name}.yaml"
    found = load_cells(path, ROOT, replaced.get("dataset"), replaced.get("shots"))
    cells = [cell for cell in found if cell.model == model]
    settings = Settings(
        root=ROOT,
        store=tmp_path / "outputs.sqlite",
        logs=tmp_path / "logs",
        datasets=replaced.get("dataset", {}),
        shots=replaced.get("shots", {}),
    )
    row = Runner(settings, cells, lambda *what: None).outcome(cells[0]).row
    assert (row.unscored, row.prompt) == (0, "")
    return row.figures["accuracy"].value


@pytest.mark.slow
@pytest.mark.parametrize(("model", "least"), [("tfidf", 0.74), ("bilstm", 0.70)])
def test_snippets_of_the_package_index(tmp_path, model, least):
    assert accuracy("mini", model, tmp_path) >= least


@pytest.mark.slow
@pytest.mark.skipif(not TRAIN.exists(), reason="no local copy of 10,000 IMDB reviews")
@pytest.mark.parametrize(("model", "least"), [("tfidf", 0.88), ("bilstm", 0.82)])
def test_imdb(tmp_path, model, least):
    found = accuracy("imdb", model, tmp_path, shots=str(TRAIN), dataset=str(VALIDATION))
    assert found >= least
