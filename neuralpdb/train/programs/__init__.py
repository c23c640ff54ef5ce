"""Programs: what the model is trained on, generated, harvested from real code, or mutated."""
