"""Paper, colours and letters of all plots, those of reports and those of training."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# In points. Paper is white with dark ink, whatever the viewer's theme: no single ink on a
# transparent ground has a contrast of 4.5 on both white and GitHub's dark page.
TEXT = 8.0
SMALL = 7.0
PAPER = "#ffffff"
INK = "#1f2328"
FAINT = "#8c959f"
GRID = "#d8dee4"

# Okabe and Ito's colours, two of them darkened to stand out on white.
BLUE, ORANGE, GREEN, PURPLE, BLACK = "#0072b2", "#d55e00", "#007a5a", "#8a3a78", "#4d4d4d"
LIGHT_BLUE = "#7fb8d8"


@contextmanager
def drawing() -> Iterator[None]:
    """Draw and save under fixed settings, whatever the user's own are; they come back after."""
    from matplotlib import style

    settings = {
        "svg.hashsalt": "harness",
        "svg.fonttype": "path",
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "font.size": TEXT,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.titlesize": TEXT,
        "axes.linewidth": 0.8,
        "text.color": INK,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "legend.frameon": False,
        "legend.fontsize": TEXT,
        "lines.markersize": 4.5,
    }
    with style.context(["default", settings]), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the alt text has its letters.
        warnings.filterwarnings("ignore", message=r"(?s)Glyph .* missing from")
        yield
