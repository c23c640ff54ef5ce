"""Predicted beside actual: equality, verdicts, comparisons, figures, reports."""
