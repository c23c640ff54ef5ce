"""A session without a face: stepping, breakpoints, timelines, saved files."""
