"""Judging answers by a model: what it is shown, what it says, and what its word is worth."""
