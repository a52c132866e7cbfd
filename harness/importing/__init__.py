"""Tasks of other harnesses -> eval sets of this one, where their meaning can be kept."""
