"""Why something has no verdict, or a bad one: a kind with its facts, and its words in languages.

One place for all of them: `kinds` says what there is and which facts are texts, `reason` has the
record and its JSON, `words` and a YAML file for each language say it.
"""

from harness.reasons.reason import Counted, Fact, Reason, count, redact_counts, say, several

__all__ = ["Counted", "Fact", "Reason", "count", "redact_counts", "say", "several"]
