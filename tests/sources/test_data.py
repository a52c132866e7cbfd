from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.errors import AssetError, AssetUnreachable, LeakError, SpecError
from harness.records import Note
from harness.sources import data as module
from harness.sources.data import check_data, load_data
from harness.sources.rows import Table
from harness.sources.splits import split_rows
from harness.spec.base import HubName
from harness.spec.dataspec import SplitSpec
from harness.spec.evalset import EvalSet
from harness.spec.modespec import ModeSpec

SHARED = Path(__file__).parents[3] / "shared" / "data"


def evalset(*, labels=("positive", "negative"), **data) -> EvalSet:
    return EvalSet.model_validate({
        "data": data, "labels": labels if isinstance(labels, dict) else list(labels),
        "models": ["m"], "prompts": ["p.j2"], "modes": ["zeroshot"],
    })  # fmt: skip


def evalset_modes(mode: str) -> list[ModeSpec]:
    return [ModeSpec(mode=mode, k=[1])]


def write(path: Path, rows, header=("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def hundred(tmp_path):
    """100 rows: row n is `text n`, positive when n is divisible by 4."""
    return write(tmp_path / "rows.csv", [
        (f"text {n}", "positive" if n % 4 == 0 else "negative") for n in range(1, 101)
    ])  # fmt: skip


def numbers(samples):
    return [int(sample.id) for sample in samples]


def test_all_rows_in_order(hundred, tmp_path):
    loaded = load_data("set", evalset(source="file:rows.csv"), base=tmp_path)
    assert numbers(loaded.samples) == list(range(1, 101))
    assert loaded.samples[3].text == "text 4"
    assert loaded.samples[3].label == "positive"
    assert loaded.pool == ()
    info = loaded.info
    assert (info.evalset, info.source, info.rows, info.dropped) == ("set", "file:rows.csv", 100, 0)
    assert (info.samples, info.pool, info.pool_removed) == (100, 0, 0)
    assert len(info.revision) == 12


def test_split_is_the_one_of_datasets(hundred, tmp_path):
    import datasets

    spec = evalset(source="file:rows.csv", split={"test_size": 0.2, "seed": 42})
    loaded = load_data("set", spec, base=tmp_path)
    texts = datasets.Dataset.from_dict({"text": [f"text {n}" for n in range(1, 101)]})
    split = texts.train_test_split(test_size=0.2, seed=42)
    assert [sample.text for sample in loaded.samples] == split["test"]["text"][:]
    assert [sample.text for sample in loaded.pool] == split["train"]["text"][:]


def test_a_text_with_another_label_on_the_other_side_of_the_split_is_left_out(tmp_path):
    test, train = split_rows(20, SplitSpec())
    rows = [(f"text {n}", "positive") for n in range(20)]
    rows[train[0]] = (f"text {test[0]}", "negative")
    spec = evalset(source=f"file:{write(tmp_path / 'rows.csv', rows).name}", split={})
    loaded = load_data("set", spec, base=tmp_path)
    assert [sample.text for sample in loaded.samples] == [f"text {row}" for row in test[1:]]
    (note,) = loaded.notes
    assert (note.kind, note.facts["count"], note.facts["texts"]) == ("conflicting", 2, 1)


def test_rows_are_dropped_after_the_split(tmp_path):
    rows = [(f"text {n}", "neutral" if n % 3 == 0 else "positive" if n % 3 == 1 else "negative")
            for n in range(1, 101)]  # fmt: skip
    write(tmp_path / "rows.csv", rows)
    three = ["positive", "negative", "neutral"]
    full = load_data("set", evalset(source="file:rows.csv", split={}, labels=three), base=tmp_path)
    less = load_data("set", evalset(source="file:rows.csv", split={}, others="drop"), base=tmp_path)
    assert list(less.samples) == [s for s in full.samples if s.label != "neutral"]
    assert list(less.pool) == [s for s in full.pool if s.label != "neutral"]
    assert (less.info.rows, less.info.dropped) == (100, 33)


def test_split_that_leaves_nothing_is_one_line(tmp_path):
    write(tmp_path / "rows.csv", [("a", "positive")])
    with pytest.raises(SpecError, match=r"data\.split: 1 rows cannot be split with test_size 0\.2"):
        load_data("set", evalset(source="file:rows.csv", split={}), base=tmp_path)


def test_value_without_a_label_is_refused_with_its_place(tmp_path):
    write(tmp_path / "rows.csv", [("a", "positive"), ("b", "neutral")])
    with pytest.raises(SpecError, match=r"set: file:rows\.csv: row 2: no label has 'neutral' in "
                                        r"column 'label'; .*others: drop"):  # fmt: skip
        load_data("set", evalset(source="file:rows.csv"), base=tmp_path)


def test_empty_text_is_refused_unless_its_row_is_dropped(tmp_path):
    write(tmp_path / "rows.csv", [("a", "positive"), ("b", "negative"), (" ", "neutral")])
    spec = evalset(source="file:rows.csv", others="drop")
    assert len(load_data("set", spec, base=tmp_path).samples) == 2
    write(tmp_path / "rows.csv", [("a", "positive"), (" \t", "negative")])
    with pytest.raises(AssetError, match="row 2 has no text in column 'text'"):
        load_data("set", spec, base=tmp_path)


def test_ids_come_from_their_column(tmp_path):
    write(tmp_path / "rows.csv", [("k1", "a", "positive", "de"), ("k2", "b", "negative", "en")],
          header=("key", "text", "label", "lang"))  # fmt: skip
    first, second = load_data("s", evalset(source="file:rows.csv", id="key"), base=tmp_path).samples
    assert (first.id, second.id) == ("k1", "k2")


def test_repeated_id_is_an_error(tmp_path):
    rows = [("k", "a", "positive"), ("x", "c", "negative"), ("k", "b", "negative")]
    write(tmp_path / "rows.csv", rows, header=("key", "text", "label"))
    with pytest.raises(SpecError, match="rows 1 and 3 have one id 'k'; make ids unique"):
        load_data("set", evalset(source="file:rows.csv", id="key"), base=tmp_path)


def test_missing_column_and_file(hundred, tmp_path):
    with pytest.raises(AssetError, match="no column 'review'; it has text, label"):
        load_data("set", evalset(source="file:rows.csv", text="review"), base=tmp_path)
    with pytest.raises(AssetError, match="no column 'key'"):
        load_data("set", evalset(source="file:rows.csv", id="key"), base=tmp_path)
    with pytest.raises(AssetError, match=r"file:none\.csv: no such file"):
        load_data("set", evalset(source="file:none.csv"), base=tmp_path)


class TestDraw:
    def load(self, folder, limit=None, **draw):
        return load_data("set", evalset(source="file:rows.csv", samples=draw), base=folder,
                         limit=limit).samples  # fmt: skip

    def test_same_seed_same_samples_and_a_prefix(self, hundred, tmp_path):
        ten = numbers(self.load(tmp_path, n=10))
        assert len(set(ten)) == 10
        assert ten != sorted(ten)
        assert numbers(self.load(tmp_path, n=10)) == ten
        assert numbers(self.load(tmp_path, n=30))[:10] == ten
        assert numbers(self.load(tmp_path, n=10, seed=1)) != ten

    def test_balanced(self, hundred, tmp_path):
        samples = self.load(tmp_path, n=20, balanced=True)
        assert Counter(sample.label for sample in samples) == {"positive": 10, "negative": 10}
        assert numbers(self.load(tmp_path, n=50, balanced=True))[:20] == numbers(samples)
        drawn = numbers(sample for sample in samples if sample.label == "negative")
        assert drawn != sorted(drawn)

    def test_every_prefix_is_nearly_balanced(self, hundred, tmp_path):
        for limit in range(1, 21):
            samples = self.load(tmp_path, n=20, balanced=True, limit=limit)
            counts = Counter(sample.label for sample in samples)
            assert len(samples) == limit
            assert abs(counts["positive"] - counts["negative"]) <= 1

    def test_balanced_spreads_what_is_left_over(self, tmp_path):
        write(tmp_path / "rows.csv", [(f"t{n}", "abc"[n % 3]) for n in range(30)])
        spec = evalset(source="file:rows.csv", labels=["a", "b", "c"],
                       samples={"n": 11, "balanced": True})  # fmt: skip
        samples = load_data("set", spec, base=tmp_path).samples
        assert Counter(sample.label for sample in samples) == {"a": 4, "b": 4, "c": 3}

    def test_balanced_without_n_takes_as_many_as_it_can(self, hundred, tmp_path):
        counts = Counter(sample.label for sample in self.load(tmp_path, balanced=True))
        assert counts == {"positive": 25, "negative": 25}

    def test_the_whole_of_a_label_can_be_drawn(self, hundred, tmp_path):
        assert len(self.load(tmp_path, n=50, balanced=True)) == 50
        # 51 needs 26 of the first label, and there are 25.
        with pytest.raises(SpecError, match="51 samples wanted, but label 'positive' has only 25"):
            self.load(tmp_path, n=51, balanced=True)

    def test_a_scarce_last_label_does_not_need_the_rest(self, tmp_path):
        write(tmp_path / "rows.csv", [("a", "positive"), ("b", "positive"), ("c", "negative")])
        assert len(self.load(tmp_path, n=3, balanced=True)) == 3

    def test_too_few_rows(self, hundred, tmp_path):
        with pytest.raises(SpecError, match=r"set: 101 samples wanted, but there are only 100 to "
                                            r"draw from; lower data\.samples\.n"):  # fmt: skip
            self.load(tmp_path, n=101)

    def test_label_that_no_row_has(self, tmp_path):
        write(tmp_path / "rows.csv", [("a", "positive")])
        with pytest.raises(SpecError, match="label 'negative' has none to draw from"):
            self.load(tmp_path, balanced=True)

    def test_no_row_with_a_label(self, tmp_path):
        write(tmp_path / "rows.csv", [("a", "x")])
        spec = evalset(source="file:rows.csv", others="drop")
        said = (r"^s: file:rows\.csv: no row has one of the labels positive, negative: column "
                r"'label' holds '%s'%s; fix 'labels' or data\.label$")  # fmt: skip
        with pytest.raises(SpecError, match=said % ("x", "")):
            load_data("s", spec, base=tmp_path)
        write(tmp_path / "rows.csv", [("a", value) for value in ("u", "v", "u ", "w", "x", "y")])
        with pytest.raises(SpecError, match=said % ("u', 'v', 'w", " and 2 more")):
            load_data("s", spec, base=tmp_path)

    def test_no_row_with_a_label_is_left_by_the_split(self, tmp_path):
        _, train = split_rows(10, SplitSpec(test_size=0.1))
        rows = [(f"text {n}", "positive" if n == train[0] else "x") for n in range(10)]
        write(tmp_path / "rows.csv", rows)
        spec = evalset(source="file:rows.csv", others="drop", split={"test_size": 0.1})
        with pytest.raises(SpecError, match=r"no row has a label to draw from; fix 'labels' or "
                                            r"data\.split, or give more data"):  # fmt: skip
            load_data("s", spec, base=tmp_path)

    def test_limit_changes_neither_order_nor_pool(self, hundred, tmp_path):
        spec = evalset(source="file:rows.csv", split={}, samples={"n": 10})
        full = load_data("set", spec, base=tmp_path)
        few = load_data("set", spec, base=tmp_path, limit=3)
        assert few.samples == full.samples[:3]
        assert few.pool == full.pool
        assert few.info.samples == 3


class TestPool:
    ROWS = ({"text": "one two", "label": "positive"}, {"text": "three", "label": "negative"})
    SHOTS = ({"text": "ONE<br />two", "label": "positive"}, {"text": "else", "label": "negative"})

    def test_copies_of_samples_are_taken_out_where_the_set_says_so(self, tmp_path):
        spec = evalset(rows=list(self.ROWS), shots=list(self.SHOTS), leaks="drop")
        loaded = load_data("set", spec, base=tmp_path)
        assert [sample.text for sample in loaded.pool] == ["else"]
        assert (loaded.info.pool, loaded.info.pool_removed) == (1, 1)

    @pytest.mark.parametrize("leaks", [{}, {"leaks": "refuse"}])
    def test_a_pool_of_its_own_with_copies_is_refused(self, tmp_path, leaks):
        spec = evalset(rows=list(self.ROWS), shots=list(self.SHOTS), **leaks)
        for load in (load_data, check_data):
            with pytest.raises(LeakError) as raised:
                load("set", spec, base=tmp_path)
            assert str(raised.value) == (
                "set: data.shots: 1 of 2 shots repeat a sample: shot shots-1 = sample 1; write "
                "leaks: drop under 'data' to take them out, or give another pool"
            )

    def test_twenty_planted_leaks_are_all_refused(self, hundred, tmp_path):
        forms = ["{}", " {}\n", "{}<br>", "<BR/>{}", "{}\u00a0", "{}\u200b", "\ufeff{}", "{}&nbsp;"]
        planted = [f"TEXT  {n}" if n % 2 else f"Te\u00adxt {n}" for n in range(1, 21)]
        planted = [forms[n % len(forms)].format(text) for n, text in enumerate(planted)]
        clean = [(f"other {n}", "negative") for n in range(30)]
        for number, text in enumerate(planted):
            shots = write(tmp_path / "shots.csv", [*clean, (text, "positive")])
            with pytest.raises(LeakError, match=rf"1 of 31 shots .*= sample {number + 1};"):
                load_data("set", evalset(source="file:rows.csv"), base=tmp_path, shots=str(shots))
        shots = write(tmp_path / "shots.csv", [*clean, *((text, "positive") for text in planted)])
        with pytest.raises(
            LeakError, match=r"--eval-shots set=.*: 20 of 50 shots .* and 17 more; "
        ):
            load_data("set", evalset(source="file:rows.csv"), base=tmp_path, shots=str(shots))
        spec = evalset(source="file:rows.csv", leaks="drop")
        loaded = load_data("set", spec, base=tmp_path, shots=str(shots))
        assert (loaded.info.pool, loaded.info.pool_removed) == (30, 20)

    def test_a_split_drops_copies_unless_it_is_to_refuse_them(self, tmp_path):
        rows = [(f"text {n // 2}", "positive") for n in range(40)]
        write(tmp_path / "rows.csv", rows)
        loaded = load_data("set", evalset(source="file:rows.csv", split={}), base=tmp_path)
        assert loaded.info.pool_removed > 0
        assert not {s.text for s in loaded.samples} & {s.text for s in loaded.pool}
        with pytest.raises(LeakError, match=r"^set: data\.shots: "):
            load_data("set", evalset(source="file:rows.csv", split={}, leaks="refuse"),
                      base=tmp_path)  # fmt: skip

    def test_limit_does_not_let_copies_back(self, tmp_path):
        rows = [{"text": "one", "label": "positive"}, {"text": "two", "label": "negative"}]
        spec = evalset(rows=rows, shots=rows, leaks="drop")
        assert load_data("set", spec, base=tmp_path, limit=1).pool == ()
        with pytest.raises(LeakError):
            load_data("set", evalset(rows=rows, shots=rows), base=tmp_path, limit=1)

    def test_near_copies_stay(self, tmp_path):
        text = " ".join(f"word{n}" for n in range(90))
        rows = [{"id": f"r{n}", "text": f"{text} {n}", "label": "positive"} for n in range(5)]
        shots = [{"text": f"{text} x{n}", "label": "positive"} for n in range(4)]
        few = evalset(rows=rows, shots=shots).model_copy(update={"modes": evalset_modes("fewshot")})
        loaded = load_data("set", few, base=tmp_path)
        assert loaded.notes == ()
        assert loaded.info.pool == 4

    def test_samples_that_differ_in_form_alone_are_told_and_stay(self, tmp_path):
        rows = [{"text": text, "label": "positive"} for text in ("a", "A ", "b")]
        loaded = load_data("set", evalset(rows=rows), base=tmp_path)
        assert loaded.notes == (Note("alike", "set", {"count": 1, "pairs": ("2 = 1",)}),)
        assert len(loaded.samples) == 3

    def test_shots_from_a_file_of_their_own(self, hundred, tmp_path):
        write(tmp_path / "shots.csv", [("s", "positive"), ("text 5", "negative")])
        spec = evalset(source="file:rows.csv", shots="file:shots.csv", leaks="drop")
        loaded = load_data("set", spec, base=tmp_path)
        assert len(loaded.samples) == 100
        assert [(shot.id, shot.text) for shot in loaded.pool] == [("shots-1", "s")]
        assert loaded.info.source == "file:rows.csv, shots file:shots.csv"
        assert loaded.info.rows == 102


class TestInline:
    def test_rows(self, tmp_path):
        rows = [{"text": "a", "label": "positive"}, {"id": "x", "text": "b", "label": "0"}]
        spec = evalset(rows=rows, labels={"positive": 1, "negative": 0})
        loaded = load_data("set", spec, base=tmp_path)
        assert [(s.id, s.label) for s in loaded.samples] == [("1", "positive"), ("x", "negative")]
        assert (loaded.info.source, loaded.info.revision) == ("inline", "inline")

    def test_unknown_label(self, tmp_path):
        with pytest.raises(SpecError, match="inline row 1 has label 'good'; use one of positive"):
            load_data("s", evalset(rows=[{"text": "a", "label": "good"}]), base=tmp_path)

    def test_repeated_id(self, tmp_path):
        rows = [{"id": "2", "text": "a", "label": "positive"}, {"text": "b", "label": "positive"}]
        with pytest.raises(SpecError, match="s: inline row 2 has the id '2', as row 1 has; give"):
            load_data("s", evalset(rows=rows), base=tmp_path)


class TestClusters:
    def films(self, tmp_path, *films):
        rows = [(f"text {n}", "positive" if n % 2 else "negative", film)
                for n, film in enumerate(films, 1)]  # fmt: skip
        return write(tmp_path / "films.csv", rows, ("text", "label", "film"))

    def test_the_column_is_kept_as_the_cluster(self, tmp_path):
        self.films(tmp_path, "Heat", "Heat", "Alien", "Alien")
        spec = evalset(source="file:films.csv", cluster="film")
        loaded = load_data("set", spec, base=tmp_path)
        assert [s.cluster for s in loaded.samples] == ["Heat", "Heat", "Alien", "Alien"]
        bare = load_data("set", evalset(source="file:films.csv"), base=tmp_path)
        assert {s.cluster for s in bare.samples} == {""}

    def test_another_file_needs_it_too_but_shots_do_not(self, tmp_path):
        path = self.films(tmp_path, "Heat", "Alien")
        spec = evalset(source="hub:scikit-learn/imdb", cluster="film")
        shots = write(tmp_path / "shots.csv", [("s", "positive")])
        loaded = load_data("set", spec, base=tmp_path, dataset=str(path), shots=str(shots))
        assert [s.cluster for s in loaded.samples] == ["Heat", "Alien"]
        assert loaded.pool[0].cluster == ""
        with pytest.raises(AssetError, match="no column 'film'; it has text, label"):
            load_data("set", spec, base=tmp_path, dataset=str(shots))

    @pytest.mark.parametrize("column", ["cluster", "id", "meta", "split", "prediction"])
    def test_a_column_that_is_not_named_means_nothing(self, tmp_path, column):
        rows = [(f"text {n}", "positive" if n % 2 else "negative", "one") for n in range(6)]
        write(tmp_path / "rows.csv", rows, ("text", "label", column))
        other = write(tmp_path / "other.csv", rows, ("text", "label", "xyz"))
        spec = evalset(source="file:rows.csv")
        loaded = load_data("set", spec, base=tmp_path)
        assert loaded.samples == load_data("set", spec, base=tmp_path, dataset=str(other)).samples
        assert {(s.cluster, s.id) for s in loaded.samples} == {("", str(n)) for n in range(1, 7)}

    def test_one_cluster_is_one_whatever_its_form(self, tmp_path):
        self.films(tmp_path, "Am\u00e9lie", "Ame\u0301lie ", "Heat")
        loaded = load_data("set", evalset(source="file:films.csv", cluster="film"), base=tmp_path)
        assert [s.cluster for s in loaded.samples] == ["Am\u00e9lie", "Am\u00e9lie", "Heat"]

    def test_a_row_without_one_is_named(self, tmp_path):
        self.films(tmp_path, "Heat", " ")
        spec = evalset(source="file:films.csv", cluster="film")
        with pytest.raises(AssetError, match="row 2 has nothing in column 'film'"):
            load_data("set", spec, base=tmp_path)


class TestOverride:
    def spec(self, **more):
        return evalset(source="hub:scikit-learn/imdb", split={}, **more)

    def test_file_is_split_like_the_set(self, hundred, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        spec = evalset(source="file:rows.csv", split={})
        own = load_data("set", spec, base=tmp_path)
        given = load_data("set", self.spec(), base=Path("/none"), dataset="rows.csv")
        assert given.samples == own.samples
        assert given.pool == own.pool
        assert given.info.source == "rows.csv"

    def test_with_shots_all_rows_are_candidates(self, hundred, tmp_path):
        shots = write(tmp_path / "shots.csv", [("s", "positive")])
        given = load_data("set", self.spec(), base=tmp_path, dataset=str(hundred),
                          shots=str(shots))  # fmt: skip
        assert len(given.samples) == 100
        assert [sample.text for sample in given.pool] == ["s"]
        assert given.info.source == f"{hundred}, shots {shots}"

    def test_shots_alone_leave_the_samples_as_they_were(self, hundred, tmp_path):
        spec = evalset(source="file:rows.csv", split={})
        shots = write(tmp_path / "shots.csv", [("s", "positive")])
        given = load_data("set", spec, base=tmp_path, shots=str(shots))
        assert given.samples == load_data("set", spec, base=tmp_path).samples
        assert len(given.pool) == 1

    @pytest.mark.parametrize(("balanced", "taken"), [(False, 100), (True, 50)])
    def test_fewer_rows_than_wanted_are_all_taken(self, hundred, tmp_path, balanced, taken):
        shots = write(tmp_path / "shots.csv", [("s", "positive")])
        spec = self.spec(samples={"n": 2000, "balanced": balanced})
        given = load_data("set", spec, base=tmp_path, dataset=str(hundred), shots=str(shots))
        assert len(given.samples) == taken
        assert given.notes == (Note("fewer", "set", {"drawn": taken, "wanted": 2000}),)

    def test_headed_file_in_place_of_a_headless_one(self, hundred, tmp_path):
        spec = evalset(source="file:x.txt", format="tsv", columns=["id", "label", "text"], id="id")
        given = load_data("set", spec, base=tmp_path, dataset=str(hundred))
        assert numbers(given.samples) == list(range(1, 101))
        bare = tmp_path / "bare.txt"
        bare.write_text("k9\tpositive\tone\n")
        given = load_data("set", spec, base=tmp_path, dataset=str(bare))
        assert [(sample.id, sample.text) for sample in given.samples] == [("1", "one")]

    def test_missing_file_names_the_option(self, tmp_path):
        with pytest.raises(AssetError, match=r"--eval-dataset set=none\.csv: no such file"):
            load_data("set", self.spec(), base=tmp_path, dataset="none.csv")
        with pytest.raises(AssetError, match=r"--eval-shots set=none\.csv: no such file"):
            load_data("set", evalset(rows=[{"text": "a", "label": "positive"}]), base=tmp_path,
                      shots="none.csv")  # fmt: skip


class TestHub:
    def test_rows_of_the_hub(self, tmp_path, monkeypatch):
        asked = []

        def hub_table(hub, split, *, need, option):
            asked.append((hub, split, need, option))
            return Table([{"review": "a", "sentiment": "positive"}]), "c0ffee"

        monkeypatch.setattr(module, "hub_table", hub_table)
        spec = evalset(source="hub:owner/set/small@v1", hub_split="test", text="review",
                       label="sentiment")  # fmt: skip
        loaded = load_data("s", spec, base=tmp_path)
        hub = HubName("owner/set", "small", "v1")
        assert asked == [(hub, "test", ["review", "sentiment"], "--eval-dataset s=PATH")]
        assert (loaded.info.source, loaded.info.revision) == ("hub:owner/set/small@v1", "c0ffee")

    def test_out_of_reach(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
        with pytest.raises(AssetUnreachable, match="run with --eval-dataset imdb=PATH"):
            load_data("imdb", evalset(source="hub:scikit-learn/imdb"), base=tmp_path)


def test_import_is_light():
    code = ("import sys, harness.sources.data; "
            "print([m for m in ('torch', 'datasets', 'pandas', 'pyarrow', 'transformers', "
            "'unearth', 'huggingface_hub') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_film_review_snippets(tmp_path):
    spec = evalset(
        source="pypi:vaderSentiment==3.3.2", dist="sdist", format="tsv", others="drop", split={},
        sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
        member="additional_resources/hutto_ICWSM_2014.tar.gz!"
               "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
        columns=["id", "rating", "text"], id="id", label="rating",
        samples={"n": 300, "balanced": True},
        labels={"positive": {"at_least": 1.0}, "negative": {"at_most": -1.0}},
    )  # fmt: skip
    try:
        loaded = load_data("mini", spec, base=tmp_path)
    except AssetUnreachable as error:
        pytest.skip(str(error))
    info = loaded.info
    assert (info.rows, info.dropped) == (10605, 10605 - 4598 - 4575)
    assert Counter(s.label for s in loaded.samples) == {"positive": 150, "negative": 150}
    assert not {s.id for s in loaded.samples} & {s.id for s in loaded.pool}
    assert info.pool > 7000


@pytest.mark.slow
def test_film_reviews():
    validation, train = SHARED / "imdb_validation_2k.csv.gz", SHARED / "imdb_train_8k.csv.gz"
    if not (validation.exists() and train.exists()):
        pytest.skip(f"no film reviews in {SHARED}")
    spec = evalset(source="hub:scikit-learn/imdb", text="review", label="sentiment", split={},
                   samples={"n": 2000})  # fmt: skip
    loaded = load_data("imdb", spec, base=SHARED, dataset=str(validation), shots=str(train))
    # Three of the 2,000 reviews are there twice.
    assert (loaded.info.samples, loaded.info.rows) == (1997, 10000)
    assert [note.kind for note in loaded.notes] == ["fewer", "repeated"]
    assert loaded.info.pool + loaded.info.pool_removed == 8000
