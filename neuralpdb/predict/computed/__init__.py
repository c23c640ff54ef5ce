"""Computed frames: what Python's own rules tell is taken as it is, the model is asked for the rest."""
