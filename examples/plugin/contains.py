"""A scorer: the one label whose word the free answer contains, anywhere and in any case."""

import re

from harness import Score, Trial


class Contains:
    """Reads "I would say it is positive." as positive, and nothing where both words are there."""

    def score(self, trial: Trial) -> Score:
        """Return the verdict; an answer that was cut may have gone on to the other word."""
        output = trial.outputs[0]
        if output.finish_reason == "length":
            return trial.unscored("the answer was cut; raise scoring.max_tokens")
        found = [
            label
            for label, word in trial.words.items()
            if re.search(rf"\b{re.escape(word)}\b", output.text, re.IGNORECASE)
        ]
        if len(found) == 1:
            return trial.scored(found[0])
        return trial.unscored("several label words" if found else "no label word")
