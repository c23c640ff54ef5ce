"""Figures: the numbers of a comparison."""
