"""Modules of the standard library for what is written and read: streams, texts, formats of data, paths, scripts."""
