"""Requirements on figures: planned, decided, compared with baselines."""
