"""Frames, verdicts and timelines as styled text."""
