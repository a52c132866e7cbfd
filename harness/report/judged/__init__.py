"""The judge's part of a report."""
