"""What scorers, selectors and figures are given, and what they must offer; registered or ours."""

from harness.contracts.scoring import Asks, Scorer, Trial
from harness.contracts.selecting import Draw, ShotSelector
from harness.contracts.sheet import Sheet

__all__ = ["Asks", "Draw", "Scorer", "Sheet", "ShotSelector", "Trial"]
