"""Rows -> dialogues."""

from __future__ import annotations

import json

import pytest

import harness.train.rows as rows_module
from harness.errors import AssetError, AssetUnreachable, SpecError
from harness.sources.rows import Table
from harness.sources.values import NoText
from harness.spec.base import HubName
from harness.train.rows import dialogues_digest, need_column, read_dialogues, read_messages


def one(role, content="text"):
    return {"role": role, "content": content}


@pytest.fixture
def read(project, make_recipe):
    def read(rows, more=""):
        recipe, file = make_recipe(more, rows)
        return read_dialogues(recipe.data, base=project.root, file=file)

    return read


def test_the_bot_becomes_the_assistant(read, single):
    found = read([single("Hi?", "Yes.", turns=1)])
    (dialogue,) = found.dialogues
    assert [m["role"] for m in dialogue.messages] == ["user", "assistant"]
    assert dialogue.replies == ["Yes."]
    assert (dialogue.turns, dialogue.text) == (1, "Hi?\nYes.")
    assert (dialogue.meta["is_bad_by_regex"], dialogue.meta["opus_score"]) == ("false", "8")
    assert len(found.revision) == 12


def test_a_system_message_and_more_turns_are_kept():
    raw = [one("system"), one("user"), one("bot"), one("user"), one("assistant", "end")]
    problem, messages = read_messages(json.dumps(raw))
    assert problem is None
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user", "assistant"]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "not a list of messages"),
        ('[{"role": "user", "content": "q", "content": "z"}]', "the key 'content' twice"),
        ("[]", "not a list of messages"),
        ("{}", "not a list of messages"),
        ("[1", "not a list of messages"),
        ('["a"]', "message 1 has role None"),
        (json.dumps([one("tool"), one("bot")]), "message 1 has role 'tool'; roles are system"),
        (json.dumps([one("user"), one("bot", " ")]), "message 2 (bot) has no text"),
        (json.dumps([one("user"), {"role": "bot", "content": None}]), "message 2 (bot) has no"),
        (json.dumps([one("bot"), one("user")]), "message 1 is the assistant's where the user's"),
        (json.dumps([one("user"), one("user"), one("bot")]), "message 2 is the user's where the"),
        (json.dumps([one("user"), one("bot"), one("system"), one("bot")]), "message 3 is the sys"),
        (json.dumps([one("system")]), "does not end with an answer"),
        (json.dumps([one("user"), one("bot"), one("user")]), "does not end with an answer"),
    ],
)
def test_malformed_messages(raw, problem):
    found, messages = read_messages(raw)
    assert problem in found
    assert messages == ()


def test_a_malformed_row_is_refused_with_its_number(read, single):
    rows = [single("a", "b"), {"messages": [one("bot")]}]
    with pytest.raises(SpecError, match=r"recipes/r\.yaml:4: data: .*row 2: message 1 .*"
                                        "malformed: drop"):  # fmt: skip
        read(rows)


def test_a_malformed_row_is_dropped_and_named_where_the_recipe_says_so(read, single):
    rows = [{"messages": [one("bot")]}, single("a", "b")]
    found = read(rows, "  malformed: drop\n")
    assert [dialogue.number for dialogue in found.dialogues] == [2]
    assert found.malformed[0].startswith("row 1: message 1")


def test_a_source_without_any_dialogue(read):
    with pytest.raises(SpecError, match="none of its 1 rows is a dialogue"):
        read([{"messages": [one("bot")]}], "  malformed: drop\n")


def test_a_file_without_messages(read):
    problem = (
        "^file:data.jsonl: no column 'messages'; it has text, label; rename the one that holds the "
        "dialogues to 'messages'$"
    )
    for malformed in ("refuse", "drop"):
        with pytest.raises(AssetError, match=problem):
            read([{"text": "a"}, {"label": "b"}], f"  malformed: {malformed}\n")


def test_a_row_without_messages_is_malformed(read, single):
    rows = [{"text": "a"}, single("q", "a")]
    found = read(rows, "  malformed: drop\n")
    assert [dialogue.number for dialogue in found.dialogues] == [2]
    assert found.malformed == ("row 1: it has no 'messages'",)
    with pytest.raises(SpecError, match=r"row 1: it has no 'messages'; fix it, or write malform"):
        read(rows)


def test_a_hub_out_of_reach_names_the_option_that_training_has(project, make_recipe, monkeypatch):
    recipe, file = make_recipe()
    data = recipe.data.model_copy(update={"source": "hub:owner/dialogues"})
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(AssetUnreachable, match="run with --data FILE to a local copy"):
        read_dialogues(data, base=project.root, file=file)


@pytest.mark.parametrize("name", ["own.txt", "own"])
def test_a_given_file_of_no_known_ending(project, make_recipe, single, write, tmp_path, name):
    recipe, file = make_recipe("  format: jsonl\n")
    path = write(tmp_path / name, [single("q", "a")])
    problem = (
        rf"^--data .*{name}: its name tells no format; give a file that ends in \.jsonl, \.json "
        r"or \.parquet$"
    )
    with pytest.raises(AssetError, match=problem):
        read_dialogues(recipe.data, base=project.root, file=file, given=str(path))


def test_a_given_file_stands_in(project, make_recipe, single, write, tmp_path):
    recipe, file = make_recipe()
    path = write(tmp_path / "own.jsonl", [single("q", "a")])
    found = read_dialogues(recipe.data, base=project.root, file=file, given=str(path))
    assert found.source == str(path)
    with pytest.raises(AssetError, match="no such file"):
        read_dialogues(recipe.data, base=project.root, file=file, given="gone.jsonl")


def test_the_digest_is_that_of_the_messages_in_order(read, single):
    first = read([single("q", "a"), single("r", "b")]).dialogues
    scored = read([single("q", "a", opus_score=1), single("r", "b")]).dialogues
    other = read([single("q", "a"), single("r", "c")]).dialogues
    assert dialogues_digest(first) == dialogues_digest(scored)
    assert len({dialogues_digest(x) for x in (first, other, first[::-1])}) == 3


def test_a_column_that_one_row_lacks(read, single, make_recipe):
    row = single("q", "a")
    del row["language"]
    _, file = make_recipe()
    dialogues = read([single("q", "a"), row]).dialogues
    with pytest.raises(
        SpecError, match=r"needs the column 'language', which row 2 lacks; add it to the row, or "
    ):
        need_column(dialogues, "language", file, ("data",))


def test_a_package_out_of_reach_names_the_option_of_train(project, make_recipe, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    monkeypatch.setenv("HARNESS_CACHE", str(project.root / "cache"))
    recipe, file = make_recipe("", [])
    data = recipe.data.model_copy(
        update={"source": "pypi:no-such-package==1", "member": "a/b.jsonl", "sha256": "0" * 64}
    )
    with pytest.raises(AssetError, match="or run with --data FILE"):
        read_dialogues(data, base=project.root, file=file)


@pytest.mark.parametrize(("content", "problem"), [
    ("\u200b \n", "row 2: message 2 (bot) has no text"),
    ("Bye \ud83d", r"row 2: message 2 (bot) holds \ud83d, half of a character; fix it, or write"),
    (["Bye"], "row 2: message 2 (bot) has a list of parts as content; write one text"),
    (4, "row 2: message 2 (bot) has no string as content; write one text"),
])  # fmt: skip
def test_an_answer_that_is_no_text(read, single, content, problem):
    rows = [single("a", "b"), {"messages": [one("user"), one("bot", content)]}]
    with pytest.raises(SpecError) as caught:
        read(rows)
    assert problem in str(caught.value)
    found = read(rows, "  malformed: drop\n")
    assert [dialogue.number for dialogue in found.dialogues] == [1]
    assert len(found.malformed) == 1


@pytest.mark.parametrize(("more", "told"), [
    ({"weight": 0}, "has 'weight': 0, and recipes train every answer alike; take the key out"),
    ({"weight": 0.5}, "has 'weight': 0.5, and recipes train every answer alike"),
    ({"train": False}, "has 'train': false, and recipes train every answer alike"),
    ({"tool_calls": [{"name": "f"}]}, "has 'tool_calls', which recipes do not train; take it out"),
    ({"reasoning_content": "Hm."}, "has 'reasoning_content', which recipes do not train"),
    ({"thinking": "Hm."}, "has 'thinking', which recipes do not train"),
    ({"tools": "[{}]"}, "has 'tools', which recipes do not train"),
    ({"loss": False}, "has 'loss': false, and recipes train every answer alike"),
])  # fmt: skip
def test_what_a_message_holds_beside_its_text(read, single, more, told):
    rows = [single("a", "b"), {"messages": [one("user"), {**one("bot"), **more}]}]
    with pytest.raises(SpecError, match=f"row 2: message 2 \\(bot\\) {told}"):
        read(rows)


@pytest.mark.parametrize(("more", "told"), [
    ({"tools": [{"name": "f"}]}, "it has 'tools', which recipes do not train; take it out"),
    ({"tools": '[{"name": "f"}]'}, "it has 'tools', which recipes do not train"),
    ({"chat_template_kwargs": {"enable_thinking": False}}, "it has 'chat_template_kwargs', which "
     "recipes do not read; write it as base.template"),
    ({"system": "Be brief."}, "it has 'system', which is not what its messages begin with; write "),
])  # fmt: skip
def test_what_a_row_holds_beside_its_messages(read, single, more, told):
    rows = [single("a", "b"), {"messages": [one("user"), one("bot")], **more}]
    with pytest.raises(SpecError, match=f"row 2: {told}"):
        read(rows)


@pytest.mark.parametrize("more", [
    {"tools": []}, {"tools": "[]"}, {"tools": None}, {"chat_template_kwargs": {"a": None}},
    {"system": ""}, {"system": "text"},
])  # fmt: skip
def test_nothing_beside_the_messages_of_a_row(read, more):
    rows = [{"messages": [one("system"), one("user"), one("bot")], **more}]
    assert read(rows).malformed == ()


@pytest.mark.parametrize("more", [
    {"weight": 1}, {"weight": 1.0}, {"weight": None}, {"train": True}, {"tool_calls": []},
    {"reasoning_content": None}, {"thinking": ""}, {"name": "Ann", "id": 7},
])  # fmt: skip
def test_what_changes_nothing_beside_a_text(more):
    problem, messages = read_messages(json.dumps([one("user"), {**one("bot"), **more}]))
    assert problem is None
    assert [sorted(message) for message in messages] == [["content", "role"]] * 2


def test_half_a_character_elsewhere_in_a_row_does_no_harm(read, single):
    (dialogue,) = read([single("a", "b", sonnet_topic="fil\ud83d")]).dialogues
    assert dialogue.meta["sonnet_topic"] == "fil\ufffd"


def test_messages_of_a_parquet_file(project, make_recipe):
    import pyarrow
    from pyarrow import parquet

    kind = pyarrow.list_(
        pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.binary())])
    )
    turns = [
        [("user", "gr\u00fc\u00df dich".encode()), ("bot", b"hi")],
        [("user", b"x"), ("bot", None)],
    ]
    table = pyarrow.table({"messages": pyarrow.array(
        [[{"role": r, "content": c} for r, c in row] for row in turns], kind)})  # fmt: skip
    parquet.write_table(table, project.root / "a.parquet")
    recipe, file = make_recipe("  malformed: drop\n", [])
    found = read_dialogues(recipe.data, base=project.root, file=file,
                           given=str(project.root / "a.parquet"))  # fmt: skip
    assert found.dialogues[0].text == "gr\u00fc\u00df dich\nhi"
    assert found.malformed == ("row 2: message 2 (bot) has no text",)


def test_a_configuration_of_a_data_set_of_the_hub(project, make_recipe, monkeypatch):
    asked = []
    recipe, file = make_recipe()
    data = recipe.data.model_copy(update={"source": "hub:owner/dialogues/small@v1"})
    row = {"messages": NoText("a list", json.dumps([one("user"), one("bot")])), "score": "1.0"}

    def hub_table(hub, split, *, option):
        asked.append((hub, split, option))
        return Table([row]), "c0ffee"

    monkeypatch.setattr(rows_module, "hub_table", hub_table)
    found = read_dialogues(data, base=project.root, file=file)
    assert asked == [(HubName("owner/dialogues", "small", "v1"), "train", "--data FILE")]
    assert (len(found.dialogues), found.revision) == (1, "c0ffee")
