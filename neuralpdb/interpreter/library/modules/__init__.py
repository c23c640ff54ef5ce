"""Modules of the standard library, a file for each concern; each registers itself when it is imported."""
