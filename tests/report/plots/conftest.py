"""Drawn cells, and runs of them."""

from drawn import cell, run_of, run_sized

__all__ = ["cell", "run_of", "run_sized"]
