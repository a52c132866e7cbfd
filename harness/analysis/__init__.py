"""What the results of a run support: tests, pooled effects, cautions, numbers behind plots."""
