"""Why something has no verdict, or a bad one: a kind with its facts, and its words in languages.

One place for all of them: `kinds` says what there is and which facts are texts, `reason` has the
record and its JSON, `words` and a YAML file for each language say it.
"""

from harness.reasons.counts import Counts, changed, count
from harness.reasons.reason import Fact, Reason, say, several

__all__ = ["Counts", "Fact", "Reason", "changed", "count", "say", "several"]
