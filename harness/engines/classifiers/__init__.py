"""Small classifiers trained on a set's own shot pool."""
