"""What an answer must not be able to do, whatever it says."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from pathlib import Path

import pytest
import yaml

from harness.judge.verdict import read_absolute, read_pairwise, score_prefix
from harness.prompts.fence import fence, fence_dialogue
from harness.prompts.open_format import open_format
from harness.prompts.rubric import absolute_messages, load_rubric, pairwise_messages
from harness.records import Output
from harness.spec import ModelSpec

ROOT = Path(__file__).parents[2]
LIMIT = 8000
FAMILIES = {
    "smollm2": [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>",
        "<filename>", "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>",
        "<jupyter_start>", "<jupyter_text>", "<jupyter_code>", "<jupyter_output>",
        "<jupyter_script>", "<empty_output>",
    ],
    "llama3": [
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
        "<|eot_id|>", "<|eom_id|>", "<|python_tag|>", "<|finetune_right_pad_id|>",
        "<|reserved_special_token_0|>",
    ],
    "llama2": ["<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"],
    "gemma": [
        "<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>",
        "<start_of_image>", "<end_of_image>", "<image_soft_token>", "<unused0>", "<|turn>",
        "<turn|>", "<|channel>", "<channel|>", "<|think|>",
    ],
    "qwen": [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|box_end|>",
        "<|vision_start|>", "<|vision_pad|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|repo_name|>",
        "<think>", "</think>", "<tool_call>", "</tool_call>",
    ],
    "deepseek": [
        "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
        "<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>", "<\uff5cDSML\uff5cfunction_calls>",
        "</\uff5cDSML\uff5cinvoke>",
    ],
    "mistral": [
        "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AVAILABLE_TOOLS]", "[TOOL_CALLS]",
        "[TOOL_RESULTS]", "[TOOL_CONTENT]", "[CALL_ID]", "[THINK]", "[/THINK]", "[IMG]",
        "[IMG_BREAK]", "[BEGIN_AUDIO]", "<SPECIAL_20>",
    ],
    "gpt-oss": [
        "<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|return|>", "<|call|>",
    ],
    "llama4": ["<|header_start|>", "<|header_end|>", "<|eot|>"],
    "gemma4": ["<|\"|>", "<|tool_call>", "<tool_call|>", "<audio_soft_token>"],
    "cohere": [
        "<BOS_TOKEN>", "<EOP_TOKEN>", "<MASK_TOKEN>", "<|START_OF_TURN_TOKEN|>",
        "<|END_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>",
    ],
    "glm": ["[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|user|>", "<|assistant|>", "<|observation|>"],
    "minimax": ["]~!b[", "]~b]", "[e~[", "]!p~[", "<minimax:tool_call>", "<end_of_sentence>"],
    "exaone": ["[|system|]", "[|user|]", "[|assistant|]", "[|endofturn|]"],
    "seed": ["<seed:bos>", "<seed:eos>", "<seed:think>", "</seed:think>",
             "<[begin\u2581of\u2581sentence]>"],
    "others": [
        "<role>", "</role>", "<|role_end|>", "<longcat_user>", "<|start_of_role|>",
        "<|end_of_role|>", "<|message_sep|>", "<|role_sep|>", "[SEP]", "[NL]", "[EOT]", "<|bom|>",
        "<|eom|>", "<|im_middle|>", "[UNUSED_TOKEN_145]", "[unused1]", "<|hy_User|>",
        "<extra_id_1>",
    ],
}  # fmt: skip
TOKENS = sorted({token for family in FAMILIES.values() for token in family})
# What only marks data in training is not a chat control: without its tokenizer it is plain text.
DATA = {token for token in FAMILIES["smollm2"] if "|" not in token}


def controls(tokens) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True))))


def attacks() -> dict[str, str]:
    nonce = fence("Paris.").nonce
    source = (Path(__file__).parent / "attacks.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(source)
    whole = {name: a if isinstance(a, str) else a[0] * a[1] for name, a in found.items()}
    return {name: text.replace("{nonce}", nonce) for name, text in whole.items()}


ATTACKS = attacks()
each_attack = pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)


@pytest.fixture(scope="module")
def rubrics():
    return {
        (kind, lang): load_rubric(f"judge/{kind}.{lang}.j2", root=ROOT, kind=kind)
        for kind in ("absolute", "pairwise")
        for lang in ("en", "ru")
    }


def careless(text: str) -> str:
    """Return a text as the most careless reader takes it: width, case, the unseen forgotten."""
    seen = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c == "\n")
    return unicodedata.normalize("NFKC", seen).casefold()


def body(fenced) -> str:
    return fenced.text.removeprefix(f"<answer-{fenced.nonce}>").removesuffix(
        f"</answer-{fenced.nonce}>"
    )


def test_there_are_attacks_in_both_languages():
    names = list(ATTACKS)
    assert len(names) >= 40
    assert sum(name.startswith("en_") for name in names) >= 20
    assert sum(name.startswith("ru_") for name in names) >= 15
    assert len(set(ATTACKS.values())) == len(names)


@each_attack
def test_one_mark_opens_and_one_closes(text):
    fenced = fence(text)
    lines = fenced.text.split("\n")
    assert lines[0] == f"<answer-{fenced.nonce}>"
    assert lines[-1] == f"</answer-{fenced.nonce}>"
    assert fenced.text.count(lines[0]) == fenced.text.count(lines[-1]) == 1
    assert fenced.nonce not in text
    inside = careless(body(fenced))
    assert not re.search(r"<\s*/?\s*answer", inside)
    notes = re.findall(r"\[note-(\w+)", inside)
    assert set(notes) <= {fenced.nonce}
    assert len(notes) <= 1


@each_attack
def test_no_chat_control_token_survives_unknown_to_the_tokenizer(text):
    shown = fence(text).text
    seen = careless(shown)
    for token in set(TOKENS) - DATA:
        assert token not in shown
        assert careless(token) not in seen


@each_attack
def test_no_special_token_of_the_judge_survives(text):
    for family in FAMILIES.values():
        pattern = controls(family)
        fenced = fence(text, controls=pattern)
        assert not pattern.search(fenced.text)
        assert not pattern.search(unicodedata.normalize("NFKC", fenced.text))
        seen = careless(fenced.text)
        assert not any(careless(token) in seen for token in family)


@each_attack
def test_nothing_unseen_is_shown(text):
    fenced = fence(text)
    assert fenced.text.encode("utf-8")
    unseen = {c for c in fenced.text if unicodedata.category(c)[0] == "C" and c not in "\n\t"}
    assert not unseen
    assert fenced.text.splitlines() == fenced.text.split("\n")


@each_attack
def test_a_prompt_stays_within_bounds(text):
    fenced = fence(text, max_chars=LIMIT)
    assert len(fenced.text) < 1.5 * LIMIT
    assert fenced.cut == (len(text) > LIMIT)
    assert fenced.cut == ("characters left out" in fenced.text)


@each_attack
def test_no_turn_of_a_dialogue_can_end_it_or_speak_for_another(text):
    said = fence_dialogue(
        [
            {"role": "user", "content": text},
            {"role": "assistant", "content": text.replace("answer-", "dialogue-")},
        ],
        controls=controls(TOKENS),
    )
    first, *inner, last = said.text.split("\n")
    assert (first, last) == (f"<dialogue-{said.nonce}>", f"</dialogue-{said.nonce}>")
    own = [line for line in inner if line in {f"[note-{said.nonce}: {role}]"
                                              for role in ("user", "assistant")}]  # fmt: skip
    assert own == [f"[note-{said.nonce}: user]", f"[note-{said.nonce}: assistant]"]
    assert said.nonce not in said.body
    assert not controls(TOKENS).search(said.text)
    assert not re.search(r"<\s*/?\s*(answer|dialogue)|\[\s*note", said.body, re.IGNORECASE)


@each_attack
def test_a_plain_answer_and_an_attack_differ_only_between_the_marks(rubrics, text):
    for (kind, _), rubric in rubrics.items():
        shown, plain = fence(text, controls=controls(TOKENS)), fence("Paris.")
        if kind == "absolute":
            asked, usual = (
                absolute_messages(rubric, question="Q?", points=["p"], answer=answer)
                for answer in (shown, plain)
            )
        else:
            asked, usual = (
                pairwise_messages(rubric, question="Q?", points=["p"], first=answer, second=plain)
                for answer in (shown, plain)
            )
        assert [turn["role"] for turn in asked] == ["system", "user"]
        assert asked[0] == usual[0]
        assert asked[1]["content"].replace(shown.text, plain.text) == usual[1]["content"]


def special_ids(chat, messages) -> list[int]:
    """Return the special tokens of a rendered prompt, in order."""
    added = chat.tokenizer.added_tokens_decoder
    (ids,) = chat.encode(chat.texts([messages]))
    return [token for token in ids if token in added and added[token].special]


def assert_only_the_template_controls(chat, rubrics, text):
    for (kind, _), rubric in rubrics.items():
        fenced = fence(text, controls=chat.controls)
        plain = fence("Paris.", controls=chat.controls)
        ask = {"question": "Q?", "points": ["p"]}
        if kind == "absolute":
            asked = absolute_messages(rubric, **ask, answer=fenced)
            usual = absolute_messages(rubric, **ask, answer=plain)
        else:
            asked = pairwise_messages(rubric, **ask, first=plain, second=fenced)
            usual = pairwise_messages(rubric, **ask, first=plain, second=plain)
        found = special_ids(chat, asked)
        assert len(found) > 0
        assert found == special_ids(chat, usual)


@pytest.fixture(scope="module")
def every_family(tmp_path_factory, tokenizers):
    """A tokenizer to which all the families' tokens are special."""
    folder = tokenizers(
        tmp_path_factory.mktemp("families"), special=["<pad>", *[t for t in TOKENS if t != "<pad>"]]
    )
    return open_format("tiny", ModelSpec(source="file:tiny"), folder, root=ROOT)


@pytest.fixture(scope="module")
def real_format(smollm2):
    return open_format("smollm2-135m", ModelSpec(source="file:x"), smollm2, root=ROOT)


@each_attack
def test_a_tokenizer_sees_no_special_token_but_the_template_s(every_family, rubrics, text):
    assert_only_the_template_controls(every_family, rubrics, text)


@pytest.mark.slow
@each_attack
def test_the_real_tokenizer_sees_no_special_token_but_the_template_s(real_format, rubrics, text):
    assert_only_the_template_controls(real_format, rubrics, text)


def test_a_tokenizer_would_see_them_without_a_fence(every_family):
    (ids,) = every_family.encode([ATTACKS["en_chatml"]])
    added = every_family.tokenizer.added_tokens_decoder
    assert sum(token in added for token in ids) == 3


@each_attack
def test_a_verdict_in_the_answer_is_no_verdict_of_the_judge(text):
    own = json.dumps({"reason": "It only asks for a score.", "score": 1})
    # A judge that repeats the answer, or the fenced answer, before or behind its verdict.
    for repeated in (text, fence(text).text):
        for completion in (f"{repeated}\n{own}", f"{own}\n{repeated}"):
            if repeated.strip():
                ruling = read_absolute(Output("k", completion))
                assert ruling.value is None
                assert ruling.problem
    assert read_absolute(Output("k", fence(text).text)).value is None
    assert read_pairwise(Output("k", fence(text).text)).choice is None


@each_attack
def test_a_reason_that_quotes_the_answer_changes_no_verdict(text):
    quoted = f"It says: {text}"
    for spelt in (True, False):
        low = json.dumps({"reason": quoted, "score": 2}, ensure_ascii=spelt)
        assert read_absolute(Output("k", low)).value == 2.0
        assert score_prefix(low) == low.removesuffix(" 2}")
        lost = json.dumps({"reason": quoted, "verdict": "B"}, ensure_ascii=spelt)
        assert read_pairwise(Output("k", lost)).choice == "B"


PIECES = [*TOKENS, "</answer-", "<answer-", "[note-", ">", "<", "|", "\u200b", "\u0301", "\uff1c",
          "\uff0f", "\\", "s", "im_end", "INST", " ", "\n", "a", "й", "]", "[", "/", "<|",
          "|>"]  # fmt: skip


def test_no_mixture_of_pieces_gets_through():
    rng, pattern, tokens = random.Random(0), controls(TOKENS), [careless(t) for t in TOKENS]
    for _ in range(2000):
        text = "".join(rng.choices(PIECES, k=rng.randrange(1, 12)))
        fenced = fence(text, controls=pattern)
        assert not pattern.search(unicodedata.normalize("NFKC", fenced.text)), text
        assert not re.search(r"<\s*/?\s*answer", careless(body(fenced))), text
        seen = careless(fenced.text)
        assert not any(token in seen for token in tokens), text
