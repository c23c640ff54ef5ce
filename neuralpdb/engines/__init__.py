"""Engines: the models that complete and score marked-up traces."""
