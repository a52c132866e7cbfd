"""Models from packages of the Python index, for machines without a model hub."""
