"""Dialogues -> tokens and labels, with templates that help and templates that do not."""

from __future__ import annotations

from pathlib import Path

import pytest
import trl
from transformers import AutoTokenizer

from harness.errors import PromptError, SpecError, TrainError
from harness.prompts.end_marks import end_mark
from harness.prompts.open_format import open_format
from harness.sources.assets import ModelAsset
from harness.spec.modelspec import ModelSpec
from harness.train.base import Base
from harness.train.rows import Dialogue
from harness.train.template import MASKED, drop_long, encode_dialogues, open_template, show

# Ends an answer otherwise inside a dialogue than at its end.
FICKLE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "{% if loop.index == 2 and not loop.last %} (earlier){% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
UNMARKED = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"


def dialogue(*texts, system=None):
    roles = ("user", "assistant")
    turns = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
    head = [{"role": "system", "content": system}] if system else []
    return Dialogue(1, (*head, *turns), {})


@pytest.fixture
def chat(tmp_path, tokenizers):
    """Open a chat format: `llama-3`, `own`, or the text of a template."""

    def chat(template, variables=None, **options):
        own = template if template not in {"llama-3", "own"} else None
        folder = tokenizers(
            tmp_path / f"t{len(list(tmp_path.iterdir()))}",
            **({"template": own} if own else {}),
            **options,
        )
        wanted = "own" if own else template
        spec = ModelSpec(source="file:x", chat_template=wanted, template=variables or {})
        return open_format("m", spec, folder, root=tmp_path)

    return chat


def trained_text(chat, example):
    """Return the runs of trained tokens as text, parted by `|`."""
    runs, before = [], MASKED
    for token, label in zip(example.ids, example.labels, strict=True):
        if label != MASKED:
            runs[-1:] = [[*runs[-1], token]] if before != MASKED else [*runs[-1:], [token]]
        before = label
    return "||".join(chat.tokenizer.decode(run) for run in runs)


@pytest.mark.parametrize("template", ["llama-3", "own"])
def test_answers_alone_are_trained_with_their_end_mark(chat, template):
    one = chat(template)
    mark = {"llama-3": "<|eot_id|>", "own": "<|im_end|>"}[template]
    examples = encode_dialogues(
        [
            dialogue("How?", "So."),
            dialogue("How?", "So.", "Why?", "Because.", system="Be brief."),
        ],
        one,
    )
    assert trained_text(one, examples[0]) == f"So.{mark}"
    assert trained_text(one, examples[1]) == f"So.{mark}||Because.{mark}"
    for example in examples:
        assert len(example.ids) == len(example.labels)
        assert example.labels[-1] != MASKED
        assert all(label in (MASKED, token)
                   for token, label in zip(example.ids, example.labels, strict=True))  # fmt: skip


@pytest.mark.parametrize("adds_bos", [True, False])
def test_the_prompt_is_the_one_of_generation(chat, adds_bos):
    one = chat("llama-3", adds_bos=adds_bos)
    (example,) = encode_dialogues([dialogue("How?", "So.")], one)
    (prompt,) = one.encode(one.texts([[{"role": "user", "content": "How?"}]]))
    assert example.ids[: len(prompt)] == prompt
    assert set(example.labels[: len(prompt)]) == {MASKED}
    assert list(example.ids).count(1) == adds_bos  # one BOS, or none


def test_a_tokenizer_that_joins_over_the_edge_is_cut_there(smollm2_like):
    """Line breaks before a word are split otherwise than at the end of a prompt."""
    tokenizer, one = smollm2_like
    (example,) = encode_dialogues([dialogue("How?", "So.")], one)
    (prompt,) = one.encode(one.texts([[{"role": "user", "content": "How?"}]]))
    (text,) = one.texts([list(dialogue("How?", "So.").messages)], closed=True)
    joined = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert joined[: len(prompt)] != prompt
    assert example.ids[: len(prompt)] == prompt
    assert tokenizer.decode(example.ids) == text


@pytest.fixture
def smollm2_like(tmp_path, tokenizers):
    """A tokenizer with a token for two line breaks, which GPT-2's pattern splits before a word."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=257, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train_from_iterator(["\n\n"] * 9, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="Ā")
    assert len(tokenizer("\n\n")["input_ids"]) == 1
    folder = tmp_path / "gpt2-like"
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text('{"max_position_embeddings": 512}')
    spec = ModelSpec(source="file:x", chat_template="llama-3")
    return tokenizer, open_format("m", spec, folder, root=tmp_path)


def test_a_template_that_changes_its_mind_is_refused(chat):
    one = chat(FICKLE)
    encode_dialogues([dialogue("a", "b")], one)
    with pytest.raises(TrainError, match=r"^row 1, turn 2: the .* writes it otherwise at the "
                                         r"end .* or filter with turns: \{at_most"):  # fmt: skip
        encode_dialogues([dialogue("a", "b", "c", "d")], one)


def chatml(before="", after="", prompt="", last=""):
    """Return a template that writes something around answers, prompts, or the last answer."""
    return (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
        "{% if m['role'] == 'assistant' %}"
        + (f"{{% if loop.last %}}{last}{{% endif %}}" if last else "")
        + f"{before}{{{{ m['content'] }}}}{after}"
        "{% else %}{{ m['content'] }}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n" + prompt + "{% endif %}"
    )


@pytest.mark.parametrize(
    ("template", "texts", "problem"),
    [
        (chatml(before="<a></a>"), ("x", "y"),
         r"writes '<a></a>' before the answer and not at the end of a prompt"),
        (chatml(last="<a></a>"), ("x", "y"),
         r"writes '<a></a>' before the answer and not at the end of a prompt"),
        # History without it: the second answer of two is where it is seen.
        (chatml(last="<a></a>"), ("x", "y", "z", "w"), "turn 2: .* writes it otherwise at the end"),
        (chatml(before=" "), ("x", "y"), "writes ' ' before the answer"),
        (chatml(before="<a>", prompt="<a>b"), ("x", "y"),
         r"ends a prompt with 'b' where the dialogue goes on with 'y<\|im_end\|>\\n'"),
        (chatml(prompt="<a>"), ("x", "y"),
         r"ends a prompt with '<a>' where the dialogue goes on with 'y<\|im_end\|>\\n'"),
        (chatml(before="<a></a>", prompt="<a>"), ("x", "y"), "writes '</a>' before the answer"),
        (chatml(last="{% if loop.index > 2 %}<a></a>{% endif %}"), ("x", "y", "z", "w"),
         "turn 4: .* writes '<a></a>' before the answer"),
        (chatml(after="{% if loop.index > 2 %} {% endif %}"), ("x", "y", "z", "w"),
         r"turn 4: .* writes ' <\|im_end\|>' after the answer, and generation stops at '<\|im_e"),
        (chatml().replace("m['content'] }}<", "m['content'] | upper }}<")
         .replace("{{ m['content'] }}{% else", "{{ m['content'] | upper }}{% else"), ("x", "y"),
         "changes or cuts assistant turn 1"),
    ],
)  # fmt: skip
def test_what_a_template_writes_around_an_answer_is_never_trained(chat, template, texts, problem):
    one = chat(template)
    with pytest.raises((TrainError, PromptError), match=problem) as caught:
        encode_dialogues([dialogue(*texts)], one)
    named = "row 1, turn " if caught.type is TrainError else "the chat template "
    assert str(caught.value).startswith(named)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answer", ["y", " y", "y ", "the answer, <a></a> included"])
def test_what_belongs_to_prompt_or_answer_is_as_it_is_in_generation(chat, answer):
    one = chat(chatml(before="<a></a>", prompt="<a></a>"))
    (example,) = encode_dialogues([dialogue("x", answer)], one)
    (prompt,) = one.encode(one.texts([[{"role": "user", "content": "x"}]]))
    assert one.tokenizer.decode(prompt).endswith("<a></a>")
    assert example.ids[: len(prompt)] == prompt
    assert trained_text(one, example) == f"{answer}<|im_end|>"


OFF = {"enable_thinking": False}
TRL = Path(trl.__file__).parent / "chat_templates"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("qwen3", r"writes '<think>\\n\\n</think>\\n\\n' before the answer"),
        ("qwen3_training", r"writes '<think>\\n\\n</think>\\n\\n' before the answer"),
        ("qwen3_6", r"writes '\\n</think>\\n\\n' before the answer"),
        ("deepseek_r1_distill", r"ends a prompt with '<think>\\n' where .* goes on with 'So\."),
        ("glm4moe", r"writes '\\n<think></think>\\n' before the answer"),
        ("gptoss", r"writes '<\|channel\|>final<\|message\|>' before the answer"),
        ("nemotron_3_nano", r"ends a prompt with '\\n' where .* with '</think>So\."),
    ],
)
def test_templates_of_reasoning_models_are_refused_by_name(chat, name, problem):
    one = chat((TRL / f"{name}.jinja").read_text(encoding="utf-8"))
    with pytest.raises(TrainError, match=problem) as caught:
        encode_dialogues([dialogue("How?", "So.")], one)
    told = "write base.template: {enable_thinking: false}, or take a template" in str(caught.value)
    assert told is (name not in {"deepseek_r1_distill", "gptoss"})


@pytest.mark.parametrize("name", ["qwen3", "qwen3_6", "nemotron_3_nano"])
def test_without_thoughts_they_are_trained_as_they_are_asked(chat, name):
    one = chat((TRL / f"{name}.jinja").read_text(encoding="utf-8"), variables=OFF)
    (example,) = encode_dialogues([dialogue("How?", "So.")], one)
    question = [[{"role": "user", "content": "How?"}]]
    for bound in (False, True):
        (prompt,) = one.encode(one.texts(question, bound=bound))
        assert "</think>" in one.tokenizer.decode(prompt)
        assert example.ids[: len(prompt)] == prompt
    assert trained_text(one, example) == "So.<|im_end|>"
    # A thought in the last turn alone, and none in those before it.
    if name != "nemotron_3_nano":
        with pytest.raises(TrainError, match=r"turns: \{at_most: 1\}"):
            encode_dialogues([dialogue("How?", "So.", "Why?", "Thus.")], one)


@pytest.mark.parametrize("name", ["qwen2_5", "qwen3_instruct_2507", "llama3", "phi3", "gemma3"])
def test_templates_without_such_a_rule_train_the_answer_alone(chat, name):
    one = chat((TRL / f"{name}.jinja").read_text(encoding="utf-8"))
    (example,) = encode_dialogues([dialogue("How?", "So.")], one)
    mark = end_mark(one.rendering)
    assert mark
    assert trained_text(one, example) == f"So.{mark}"


def test_long_examples_are_dropped_whole(chat):
    one = chat("own")
    examples = encode_dialogues([dialogue("a", "b"), dialogue("a", "b" * 50)], one)
    kept, long = drop_long(examples, len(examples[0].ids))
    assert (kept, long) == ([examples[0]], [examples[1]])


def test_showing_an_example(chat):
    one = chat("own")
    (example,) = encode_dialogues([dialogue("a", "b")], one)
    lines = show(example, one).splitlines()
    assert lines[0] == f"row 1: {len(example.ids)} tokens, 2 trained"
    assert len(lines) == 1 + len(example.ids)
    assert lines[1].split() == ["0", "3", "-", "'<|im_start|>'"]
    assert lines[-1].split()[1:] == ["4", "4", "'<|im_end|>'"]


@pytest.fixture
def opened(tmp_path, tokenizers, make_recipe):
    """Open the template of a recipe on a tokenizer."""

    def opened(wanted, variables=None, **options):
        recipe, file = make_recipe()
        folder = tokenizers(tmp_path / "base", **options)
        spec = recipe.base.model_copy(update={"chat_template": wanted, "template": variables or {}})
        base = Base("file:base", ModelAsset(folder, "r", "d", gguf=False),
                    AutoTokenizer.from_pretrained(folder))  # fmt: skip
        recipe = recipe.model_copy(update={"base": spec})
        return open_template(recipe, base, root=tmp_path, file=file)

    return opened


def test_opening_a_template_gives_its_stop(opened):
    assert opened("llama-3").stop == "<|eot_id|>"
    assert opened("own").stop is None


def test_a_tokenizer_without_a_template(opened):
    with pytest.raises(SpecError, match=r"r\.yaml:3: base\.chat_template: .* no chat template of"):
        opened("own", template=None)


def test_a_template_without_an_end_mark(opened):
    with pytest.raises(SpecError, match="own writes no mark after an answer"):
        opened("own", template=UNMARKED)


def test_a_special_mark_that_is_not_eos_is_one_to_stop_at(opened):
    chat = opened("own", template=UNMARKED.replace("\n", "</s>\n"))
    assert chat.stop_ids == (chat.tokenizer.convert_tokens_to_ids("</s>"),)


def test_the_day_of_a_recipe_is_that_of_its_template(opened):
    dated = "{{ strftime_now('%d %b %Y') }}" + UNMARKED.replace("\n", "</s>\n")
    (text,) = opened("own", template=dated).texts([[{"role": "user", "content": "x"}]])
    assert text.startswith("26 Jul 2024")
    assert (
        opened("own", template=dated, variables={"date": "2026-01-31"})
        .texts([[{"role": "user", "content": "x"}]])[0]
        .startswith("31 Jan 2026")
    )
    with pytest.raises(
        PromptError, match=r"r\.yaml: base: template\.tone: the chat template reads"
    ):
        opened("own", template=dated, variables={"tone": "dry"})
