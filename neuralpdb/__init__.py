"""neuralpdb: a debugger that predicts a Python program step by step instead of running it."""

__version__ = "0.1.0"
