"""Everything that reports and messages say, in one file a language."""

from harness.language.words import Lang, Words, words

__all__ = ["Lang", "Words", "words"]
