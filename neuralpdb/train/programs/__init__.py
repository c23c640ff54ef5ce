"""Programs to train on: generated, harvested from real code, mutated."""
