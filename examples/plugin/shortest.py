"""A selector: the shortest texts of the pool, as many of each label as k allows."""

from harness import Draw, Sample


def shortest(draw: Draw) -> list[list[Sample]]:
    """Return one list of k shots for all samples; the harness puts them in the mode's order."""
    chosen: list[Sample] = []
    for rank in range(draw.k):
        label = draw.labels[rank % len(draw.labels)]
        left = [shot for shot in draw.pool if shot not in chosen]
        of_label = [shot for shot in left if shot.label == label]
        chosen.append(min(of_label or left, key=lambda shot: len(shot.text)))
    return [chosen]
