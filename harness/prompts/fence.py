"""An answer under judgement, or a dialogue before it -> text that a judge can only read.

It stands between two marks that bear a digest of itself. What would speak to
the judge's tokenizer in place of its reader, control tokens and forged marks, gets a backslash
behind its first character; what nobody can see is taken out and counted.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from harness.characters import is_unseen
from harness.errors import PromptError
from harness.records import Message
from harness.spec.judgeset import MAX_ANSWER_CHARS

_SALT = b"harness answer fence 1\n"
_PASSES = 4
# What emoji are made of; taken out as well, but no news.
_JOINERS = "\u200d\ufe0e\ufe0f"
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Characters that look like those of a mark, folded before marks are looked for.
_SIGNS = {
    "<": "\u2039\u27e8\u3008\u276c\u276e\u2770\u02c2\u1438\u29fc",
    ">": "\u203a\u27e9\u3009\u276d\u276f\u2771\u02c3\u1433\u29fd",
    "[": "\u27e6\u3010\u3014\u3016\u301a\u2772\u2045",
    "]": "\u27e7\u3011\u3015\u3017\u301b\u2773\u2046",
    "/": "\u2044\u2215\u29f8\u2571\u27cb",
    "|": "\u2223\u2758\u01c0\u00a6\u2502\u2503\u23d0\u4e28",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    "_": "\u2581\u02cd\u203f",
    "~": "\u223c\u02dc",
}
# Cyrillic, then Greek, Armenian and Latin letters.
_LETTERS = ("авгеіјкмнопрсѕтухһԁԛԝѡ" "αεικνορτυχωոսցօɑıɡɩᴀᴇɪɴᴏᴘʀꜱᴛᴡ",
            "abreijkmhonpcstyxhdqww" "aeikvoptuxwnugoaigiaeinoprstw")  # fmt: skip
_LOOKALIKES = str.maketrans(*_LETTERS) | {
    ord(sign): mark for mark, signs in _SIGNS.items() for sign in signs
}
_NAME = r"[\w./:+-]{1,80}"
# In the folded text, which is lower case. White space stands at one place of a pattern only beside
# another: two runs of it next to each other take time by the square of a long one.
_MARKS = re.compile(
    "|".join(
        (
            r"<\s*(?:/\s*)?(?:answer|dialogue)",  # our own fences
            r"\[\s*note\s*-",  # our own notes
            # ChatML, Llama 3 and 4, Qwen, DeepSeek, GPT-OSS, Cohere, GLM, Kimi, Granite, GigaChat
            rf"<\s*(?:/\s*)?\|\s*{_NAME}(?:\s{_NAME}){{0,4}}\s*\|(?:\s*>|{_NAME}>)",
            rf"<\|{_NAME}>|<{_NAME}\|>|<\|\"\|>",  # Gemma 4
            rf"\[\|{_NAME}\|\]",  # EXAONE
            r"<\[\w{1,80}\]>|</?(?:seed|minimax|longcat)[:_]\w{1,40}>",  # Seed, MiniMax, LongCat
            r"\]~!?[a-z][\[\]]|[\[\]]!?[a-z]~\[",  # MiniMax
            r"<<\s*(?:/\s*)?sys\s*>>",  # Llama 2
            # Llama 2, Mistral, BERT, GLM, YandexGPT, InternLM
            r"\[\s*(?:/\s*)?(?:inst|system_prompt|model_settings|available_tools|tool_calls"
            r"|tool_results|tool_content|call_id|think|img(?:_break|_end)?|begin_audio"
            r"|[gs]?mask|cls|sep|pad|unk|bos|eos|eot|nl|unused_?(?:token_)?\d{1,6})\s*\]",
            # SentencePiece, Gemma, Qwen, GLM, Cohere, Nemotron, Ling
            r"</?(?:s|bos|eos|pad|unk|mask|sep|cls|sop|eop|eot|eod|eo[ah]|im_start|im_end|role"
            r"|(?:start|end|begin|beginning)_of_\w{1,40}"
            r"|(?:bos|eos|pad|unk|cls|sep|mask|eop|eot)_token|(?:image|audio|video)_soft_token"
            r"|unused_?\d{1,6}|reserved_?\d{1,6}|special_?\d{1,6}|extra_id_\d{1,6}|0x[0-9a-f]{2}"
            r"|think|tool_call|tool_response)>",
        )
    )
)


@dataclass(frozen=True, slots=True)
class Fenced:
    """An answer, or a dialogue, as a judge is shown it.

    Attributes:
        text: From `<answer-NONCE>` to `</answer-NONCE>`, both included and on lines of their own.
            Of an answer a last line `[note-NONCE: ...]` says where it is empty, was cut or held
            invisible characters.
        nonce: 16 hex digits that stand nowhere in the answer.
        cut: Whether characters at its end were left out.
        hidden: Invisible characters that were taken out, those of emoji not counted.
        body: The answer's own text in it.
    """

    text: str
    nonce: str
    cut: bool
    hidden: int = 0
    body: str = ""


def fence(
    text: str, *, controls: re.Pattern[str] | None = None, max_chars: int = MAX_ANSWER_CHARS
) -> Fenced:
    """Return an answer between marks that it can neither forge nor guess.

    The nonce is the beginning of a SHA-256 over a fixed salt and the raw answer: no text can be
    made to hold its own, and the same answer always gives the same prompt.

    Args:
        text: The raw answer.
        controls: Finds the judge tokenizer's special tokens; finds none in what is returned.
        max_chars: Visible characters that are kept, at least 1.

    Raises:
        ValueError: If `max_chars` is less than 1.
        PromptError: If `controls` finds what cannot be spelt in another way, such as the fence.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars is {max_chars}; at least 1 character must be kept")
    visible, hidden = _visible(text)
    left_out = max(0, len(visible) - max_chars)
    body = neutralise(visible[:max_chars], controls=controls)
    nonce = _nonce(text, body)
    lines = _noted(body, nonce, "answer", visible, left_out, hidden)
    fenced = _between("answer", nonce, lines, controls)
    return Fenced(fenced, nonce, cut=left_out > 0, hidden=hidden, body=body)


def fence_dialogue(
    turns: Sequence[Message],
    *,
    controls: re.Pattern[str] | None = None,
    max_chars: int = MAX_ANSWER_CHARS,
) -> Fenced:
    """Return a dialogue between marks of its own, `<dialogue-NONCE>`, as `fence` does an answer.

    A line `[note-NONCE: user]` or `[note-NONCE: assistant]` stands before each turn, so that no
    turn can pretend to be another.

    Args:
        turns: What was said, in order.
        controls: As for `fence`.
        max_chars: Visible characters that are kept of each turn.

    Raises:
        PromptError: As `fence` does.
    """
    seen = [_visible(turn["content"]) for turn in turns]
    bodies = [neutralise(text[:max_chars], controls=controls) for text, _ in seen]
    raw = "\n".join(f"{turn['role']}\n{turn['content']}" for turn in turns)
    nonce, lines = _nonce(raw, "\n".join(bodies)), list[str]()
    for turn, (text, hidden), body in zip(turns, seen, bodies, strict=True):
        left_out = max(0, len(text) - max_chars)
        lines += [f"[note-{nonce}: {turn['role']}]",
                  *_noted(body, nonce, "turn", text, left_out, hidden)]  # fmt: skip
    fenced = _between("dialogue", nonce, lines, controls)
    hidden, cut = sum(count for _, count in seen), any(len(text) > max_chars for text, _ in seen)
    return Fenced(fenced, nonce, cut=cut, hidden=hidden, body="\n".join(bodies))


def _noted(body: str, nonce: str, what: str, visible: str, left_out: int, hidden: int) -> list[str]:
    """Return the lines of a text, and the note on what it lacks, if anything."""
    notes = [
        *([f"the {what} is empty"] if not visible.strip() else []),
        *([f"cut here, characters left out: {left_out}"] if left_out else []),
        *([f"invisible characters taken out: {hidden}"] if hidden else []),
    ]
    lines = [body] if visible.strip() else []
    return lines + ([f"[note-{nonce}: {'; '.join(notes)}]"] if notes else [])


def _between(mark: str, nonce: str, lines: Sequence[str], controls: re.Pattern[str] | None) -> str:
    fenced = "\n".join([f"<{mark}-{nonce}>", *lines, f"</{mark}-{nonce}>"])
    if controls is not None and controls.search(fenced):
        raise PromptError("a special token of the judge's tokenizer matches the fence around an "
                          "answer; use a different judge")  # fmt: skip
    return fenced


def neutralise(text: str, *, controls: re.Pattern[str] | None = None) -> str:
    r"""Return a text in which nothing is a control token or a mark of the fence.

    Each gets a backslash behind its first character (`<\|im_end|>`), also where it is one only to
    a reader who folds case, width (NFKC), accents, the unseen and look-alike letters.

    Raises:
        PromptError: If `controls` finds what cannot be spelt in another way.
    """
    for number in range(_PASSES):
        spans = sorted(set(_spans(text, controls)))
        if not spans:
            return text
        pieces, done = [], 0
        for start, end in spans:
            if start < done:
                continue
            # A token of one character, and one that the backslash does not break, by its codes.
            spelt = end - start == 1 or number >= _PASSES // 2
            end = end if spelt else start + 1
            match = text[start:end]
            pieces += [text[done:start], _codes(match) if spelt else match + "\\"]
            done = end
        text = "".join([*pieces, text[done:]])
    if any(True for _ in _spans(text, controls)):
        raise PromptError("a special token of the judge's tokenizer cannot be spelt in another "
                          "way; use a different judge")  # fmt: skip
    return text


def _spans(text: str, controls: re.Pattern[str] | None) -> Iterator[tuple[int, int]]:
    """Yield where marks and control tokens stand in a text, as [start, end)."""
    folded, places = _folded(text)
    for match in _MARKS.finditer(folded):
        yield places[match.start()], places[match.end() - 1] + 1
    if controls is not None:
        anycase = re.compile(controls.pattern, controls.flags | re.IGNORECASE)
        for match in anycase.finditer(text):
            if match.group():
                yield match.span()
        for match in anycase.finditer(folded):
            if match.group():
                yield places[match.start()], places[match.end() - 1] + 1


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """Return a text as a careless reader sees it, and where each of its characters comes from."""
    if text.isascii():
        return text.lower(), range(len(text))
    pieces = [_fold(char) for char in text]
    places = [i for i, piece in enumerate(pieces) for _ in piece]
    return "".join(pieces), places


@lru_cache(maxsize=1 << 14)
def _fold(char: str) -> str:
    # NFKD holds all that NFKC does, and takes accents apart, which are dropped.
    folded = unicodedata.normalize("NFKD", char).casefold().translate(_LOOKALIKES)
    return "".join(" " if one.isspace() and one != "\n" else one for one in folded
                   if unicodedata.category(one) not in ("Mn", "Me", "Cf"))  # fmt: skip


def _visible(text: str) -> tuple[str, int]:
    """Return a text without what nobody sees, and how many characters that were."""
    text = _LINE_ENDS.sub("\n", text)
    shown = "".join(map(_show, text))
    joiners = sum(text.count(char) for char in _JOINERS)
    return shown, len(text) - len(shown) - joiners


@lru_cache(maxsize=1 << 14)
def _show(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cs", "Co") or ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef":
        return "\ufffd"
    return "" if is_unseen(char) else char


def _codes(text: str) -> str:
    return "".join(f"[U+{ord(char):04X}]" for char in text)


def _nonce(raw: str, body: str) -> str:
    seen = body.casefold()
    for number in count():
        tail = f"\n{number}".encode() if number else b""
        digest = hashlib.sha256(_SALT + raw.encode("utf-8", "surrogatepass") + tail).hexdigest()
        if digest[:16] not in seen:
            return digest[:16]
    raise AssertionError("a text of finite length cannot hold every nonce")
