"""A figure: how much more often the first label is answered than it is right."""

import numpy as np
from numpy.typing import NDArray

from harness import Sheet


def label_bias(sheet: Sheet) -> NDArray[np.float64]:
    """Return for each sample 1, 0 or -1; their mean is 0 for a model that favours no label."""
    answered = (sheet.answers == 0).astype(float)
    return answered - (sheet.targets == 0)
